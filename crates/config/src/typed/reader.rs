//! One value, read as what it is to be.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::fmt;
use std::hash::Hash;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use super::Fields;
use super::field::Rejection;
use super::subject::Subject;
use crate::{Code, Finding, Findings, Node, Span, Value, codes, did_you_mean, quote};

/// Reads one value. Each method gives the value, or makes a finding and gives `None`.
///
/// `null` is a value of the wrong type here; see [`Fields`] for fields that may be missing.
#[derive(Debug)]
pub struct Reader<'n, 'f> {
    node: &'n Node,
    subject: Subject<'n>,
    secret: bool,
    findings: &'f mut Findings,
}

/// An integer type that [`Reader::integer`] can give.
pub trait Integer: Copy + PartialOrd + fmt::Display + TryFrom<i128> {
    /// The smallest value.
    const MIN: Self;
    /// The largest value.
    const MAX: Self;
}

macro_rules! integers {
    ($($type:ident),+) => {
        $(impl Integer for $type {
            const MIN: Self = $type::MIN;
            const MAX: Self = $type::MAX;
        })+
    };
}

integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

impl<'n, 'f> Reader<'n, 'f> {
    /// A reader of `node`, which messages call `the {what}`.
    pub fn new(node: &'n Node, what: &'n str, findings: &'f mut Findings) -> Self {
        Self::about(node, Subject::Named(what), findings)
    }

    pub(super) fn about(node: &'n Node, subject: Subject<'n>, findings: &'f mut Findings) -> Self {
        Self { node, subject, secret: false, findings }
    }

    /// Keeps the value out of messages, and has it blotted out where lines of the document are shown.
    pub fn keep_secret(&mut self) {
        self.secret = true;
        self.findings.redact(self.node.span);
    }

    /// The value itself.
    pub fn node(&self) -> &'n Node {
        self.node
    }

    /// Where the value stands.
    pub fn span(&self) -> Span {
        self.node.span
    }

    /// Where findings go.
    pub fn findings(&mut self) -> &mut Findings {
        self.findings
    }

    /// A text. Numbers and booleans are not taken for texts.
    pub fn string(&mut self) -> Option<Arc<str>> {
        match &self.node.value {
            Value::String(text) => Some(Arc::clone(text)),
            Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_) => {
                self.wrong_type("a text", Some("put it into quotes".to_owned()))
            }
            _ => self.wrong_type("a text", None),
        }
    }

    /// `true` or `false`. The words `yes`, `no`, `on`, `off` without quotes are taken with a warning, as YAML 1.1 has them.
    pub fn boolean(&mut self) -> Option<bool> {
        match &self.node.value {
            Value::Bool(value) => Some(*value),
            Value::String(text) => match boolean_word(text) {
                Some(value) if self.node.plain => {
                    self.warn_of_boolean_word(text, value);
                    Some(value)
                }
                Some(value) => {
                    self.wrong_type("a boolean", Some(format!("write `{value}` without quotes")))
                }
                None => self.wrong_type("a boolean", quoted_boolean(text)),
            },
            _ => self.wrong_type("a boolean", Some("write `true` or `false`".to_owned())),
        }
    }

    /// An integer within the bounds of its type. `1.0` is an integer too, `1.5` is none.
    pub fn integer<T: Integer>(&mut self) -> Option<T> {
        let Some(value) = self.node.as_integer() else {
            let help = self.number_help();
            return self.wrong_type("an integer", help);
        };
        let fits = T::try_from(value).ok();
        if fits.is_none() {
            self.out_of_range(&(T::MIN..=T::MAX));
        }
        fits
    }

    /// A finite number.
    pub fn number(&mut self) -> Option<f64> {
        match self.node.as_number() {
            Some(value) if value.is_finite() => Some(value),
            Some(_) => self.wrong_type("a finite number", None),
            None => {
                let help = self.number_help();
                self.wrong_type("a number", help)
            }
        }
    }

    /// One of a few words, each with what it stands for.
    pub fn one_of<T: Clone>(&mut self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.string()?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == &*text) {
            return Some(value.clone());
        }
        self.not_one_of(&text, choices.iter().map(|(word, _)| *word));
        None
    }

    /// A text that `parse` makes a value of, or gives a reason why not.
    pub fn parse<T, R: Into<Rejection>>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<T> {
        let text = self.string()?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(rejection) => {
                self.reject(rejection.into());
                None
            }
        }
    }

    /// A list. Items for which `item` gives `None` are left out; their findings have been made.
    pub fn list<T>(&mut self, mut item: impl FnMut(Reader<'n, '_>) -> Option<T>) -> Option<Vec<T>> {
        let Some(items) = self.node.items() else {
            let help = (!self.node.is_null() && self.node.entries().is_none())
                .then(|| "put it into a list: `[…]`".to_owned());
            return self.wrong_type("a list", help);
        };
        let subject = self.subject.item();
        Some(
            items
                .iter()
                .filter_map(|node| item(Reader::about(node, subject, self.findings)))
                .collect(),
        )
    }

    /// A list in which every item may stand once. An item that is there again is a finding and is left out.
    pub fn set<T: Eq + Hash>(
        &mut self,
        mut item: impl FnMut(Reader<'n, '_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let read = self.list(|reader| {
            let span = reader.span();
            item(reader).map(|value| (value, span))
        })?;
        let subject = self.subject;
        let mut places: HashMap<&T, Span> = HashMap::with_capacity(read.len());
        let mut unique = Vec::with_capacity(read.len());
        for (value, span) in &read {
            match places.entry(value) {
                Vacant(entry) => {
                    entry.insert(*span);
                    unique.push(true);
                }
                Occupied(entry) => {
                    self.findings.push(duplicate_item(subject, *span, *entry.get()));
                    unique.push(false);
                }
            }
        }
        Some(
            read.into_iter()
                .zip(unique)
                .filter(|(_, unique)| *unique)
                .map(|((value, _), _)| value)
                .collect(),
        )
    }

    /// An object with keys of the writer's choice. Entries for which `entry` gives `None` are left out.
    pub fn map<T>(
        &mut self,
        mut entry: impl FnMut(&Arc<str>, Span, Reader<'n, '_>) -> Option<T>,
    ) -> Option<Vec<(Arc<str>, T)>> {
        let Some(entries) = self.node.entries() else {
            return self.wrong_type("an object", None);
        };
        let mut read = Vec::with_capacity(entries.len());
        for each in entries {
            let reader = Reader::about(&each.value, Subject::Key(&each.key), self.findings);
            if let Some(value) = entry(&each.key, each.key_span, reader) {
                read.push((Arc::clone(&each.key), value));
            }
        }
        Some(read)
    }

    /// An object with known fields, which messages call `the {what}`.
    pub fn object(self, what: &'n str) -> Option<Fields<'n, 'f>> {
        Fields::new(self.node, what, self.findings)
    }

    /// Refuses the value although it has the right type.
    pub fn reject(&mut self, rejection: impl Into<Rejection>) {
        let rejection = rejection.into();
        let finding = self.finding(
            &codes::INVALID_VALUE,
            format!("{} is not valid: {}", self.subject, rejection.reason),
        );
        let finding = finding.label("this value");
        self.findings.push(match rejection.help {
            Some(help) => finding.help(help),
            None => finding,
        });
    }

    pub(super) fn out_of_range<T: fmt::Display>(&mut self, range: &impl RangeBounds<T>) {
        let found = if self.secret { String::new() } else { format!(", not {}", self.shown()) };
        let message = format!("{} must be {}{found}", self.subject, bounds(range));
        let finding = self.finding(&codes::OUT_OF_RANGE, message).label("out of range");
        self.findings.push(finding);
    }

    pub(super) fn wrong_length(&mut self, range: &impl RangeBounds<usize>) {
        let length = length_of(self.node);
        let unit = match &self.node.value {
            Value::Seq(_) => ("item", "items"),
            Value::Map(_) => ("entry", "entries"),
            _ => ("character", "characters"),
        };
        let message = match (length, range.start_bound()) {
            (0, Bound::Included(1)) => format!("{} must not be empty", self.subject),
            _ => {
                let unit = if ends_with_one(range) { unit.0 } else { unit.1 };
                format!("{} must have {} {unit}, and has {length}", self.subject, bounds(range))
            }
        };
        let label = if length == 0 { "nothing is here" } else { "wrong length" };
        let finding = self.finding(&codes::WRONG_LENGTH, message).label(label);
        self.findings.push(finding);
    }

    fn not_one_of<'w>(&mut self, text: &str, words: impl Iterator<Item = &'w str> + Clone) {
        let allowed = words.clone().map(quote).collect::<Vec<_>>().join(", ");
        let message = match self.secret {
            true => format!("{} must be one of {allowed}", self.subject),
            false => format!("{} must be one of {allowed}, not {}", self.subject, quote(text)),
        };
        let finding = self.finding(&codes::NOT_ONE_OF, message);
        self.findings.push(match did_you_mean(text, words) {
            Some(near) => {
                let label = format!("did you mean {}?", quote(near));
                finding.label(label).suggest(self.node.span, near)
            }
            None => finding.label("not one of them"),
        });
    }

    fn warn_of_boolean_word(&mut self, text: &str, value: bool) {
        let message =
            format!("{} is the word {}, which is read as `{value}`", self.subject, quote(text));
        let finding = self
            .finding(&codes::BOOLEAN_WORD, message)
            .label(format!("write `{value}`"))
            .help("YAML 1.2 takes this word for a text; only `true` and `false` are booleans everywhere")
            .suggest(self.node.span, value.to_string());
        self.findings.push(finding);
    }

    fn number_help(&self) -> Option<String> {
        let text = self.node.as_str()?;
        let number = text.trim();
        let plain_number = number.parse::<f64>().is_ok_and(f64::is_finite);
        (!self.secret && !self.node.plain && plain_number)
            .then(|| format!("write it without quotes: {number}"))
    }

    /// Reports that the value is not `wanted`; gives `None` for every type.
    fn wrong_type<T>(&mut self, wanted: &str, help: Option<String>) -> Option<T> {
        let ambiguous =
            !self.secret && self.node.plain && self.node.as_str().is_some_and(is_ambiguous_number);
        let finding = if ambiguous && matches!(wanted, "an integer" | "a number") {
            let message = format!(
                "{} is {}, which YAML 1.1 and YAML 1.2 read differently",
                self.subject,
                self.shown()
            );
            self.finding(&codes::AMBIGUOUS_NUMBER, message)
                .label("ambiguous")
                .help("write a plain decimal number, without leading zeros, `_` or `:`")
        } else {
            let message = format!("{} must be {wanted}, not {}", self.subject, self.described());
            let finding =
                self.finding(&codes::WRONG_TYPE, message).label(format!("expected {wanted}"));
            match help {
                Some(help) => finding.help(help),
                None => finding,
            }
        };
        self.findings.push(finding);
        None
    }

    fn finding(&self, code: Code, message: String) -> Finding {
        Finding::new(code, message).at(self.node.head())
    }

    /// The value with its kind: `` the text `80` ``.
    fn described(&self) -> String {
        match &self.node.value {
            _ if self.secret => self.node.kind_name().to_owned(),
            Value::String(text) if text.is_empty() => "an empty text".to_owned(),
            Value::String(_) => format!("the text {}", self.shown()),
            Value::Bool(_) | Value::Int(_) | Value::UInt(_) => self.shown(),
            Value::Float(_) => format!("the number {}", self.shown()),
            Value::Null | Value::Seq(_) | Value::Map(_) => self.node.kind_name().to_owned(),
        }
    }

    fn shown(&self) -> String {
        match &self.node.value {
            Value::String(text) => quote(text),
            Value::Bool(value) => format!("`{value}`"),
            Value::Int(value) => value.to_string(),
            Value::UInt(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Null | Value::Seq(_) | Value::Map(_) => self.node.kind_name().to_owned(),
        }
    }
}

fn duplicate_item(subject: Subject<'_>, again: Span, first: Span) -> Finding {
    Finding::new(&codes::DUPLICATE_ITEM, format!("{subject} has the same item twice"))
        .at(again)
        .label("again here")
        .also(first, "first here")
        .help("remove one of the two")
}

/// Characters of a text, items of a list, entries of an object.
pub(super) fn length_of(node: &Node) -> usize {
    match &node.value {
        Value::String(text) => text.chars().count(),
        Value::Seq(items) => items.len(),
        Value::Map(entries) => entries.len(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_) => 0,
    }
}

/// Whether [`bounds`] ends with the number one, so that a singular has to follow.
fn ends_with_one(range: &impl RangeBounds<usize>) -> bool {
    match (range.start_bound(), range.end_bound()) {
        (_, Bound::Included(end) | Bound::Excluded(end)) => *end == 1,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Unbounded) => *start == 1,
        (Bound::Unbounded, Bound::Unbounded) => false,
    }
}

/// The words of YAML 1.1 that YAML 1.2 takes for texts.
fn boolean_word(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn quoted_boolean(text: &str) -> Option<String> {
    match text {
        "true" | "false" => Some(format!("write `{text}` without quotes")),
        _ => Some("write `true` or `false`".to_owned()),
    }
}

/// Integers of YAML 1.1 (type repository, `int`) that YAML 1.2 reads otherwise.
fn is_ambiguous_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let numeric =
        digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b':' | b'.'));
    let binary = digits
        .strip_prefix("0b")
        .is_some_and(|digits| digits.bytes().all(|byte| matches!(byte, b'0' | b'1' | b'_')));
    digits.starts_with(|c: char| c.is_ascii_digit()) && (numeric || binary)
}

/// `between 0 and 65535`, `at least 1`.
fn bounds<T: fmt::Display>(range: &impl RangeBounds<T>) -> String {
    match (range.start_bound(), range.end_bound()) {
        (Bound::Unbounded, Bound::Unbounded) => "any number of".to_owned(),
        (Bound::Unbounded, Bound::Included(end)) => format!("at most {end}"),
        (Bound::Unbounded, Bound::Excluded(end)) => format!("less than {end}"),
        (Bound::Included(start), Bound::Unbounded) => format!("at least {start}"),
        (Bound::Excluded(start), Bound::Unbounded) => format!("more than {start}"),
        (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end)) => {
            format!("between {start} and {end}")
        }
        (Bound::Included(start) | Bound::Excluded(start), Bound::Excluded(end)) => {
            format!("at least {start} and less than {end}")
        }
    }
}
