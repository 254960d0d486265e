//! The fields of an object.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use super::field::{Field, Rejection, State};
use super::reader::{Integer, Reader};
use super::subject::Subject;
use crate::{Entry, Finding, Findings, Node, Span, Value, codes, did_you_mean, quote};

/// Reads the fields of an object, and at the end reports those that nobody asked for.
///
/// Every field is asked for by its name, as what it is to be, and is then [`required`](Field::required),
/// [`optional`](Field::optional) or given a [`default`](Field::default). Nothing stops at a finding, so put the object
/// together only after all fields have been read and [`finish`](Self::finish) was called:
///
/// ```
/// # use config::{Fields, Findings, Node};
/// struct Service { name: std::sync::Arc<str>, port: u16 }
///
/// fn service(node: &Node, findings: &mut Findings) -> Option<Service> {
///     let mut f = Fields::new(node, "service", findings)?;
///     let name = f.string("name").required();
///     let port = f.integer("port").range(1..).default(80);
///     f.finish();
///     Some(Service { name: name?, port })
/// }
/// ```
///
/// A field with the value `null` counts as missing.
#[must_use = "call `finish`, or unknown fields go unnoticed"]
#[derive(Debug)]
pub struct Fields<'n, 'f> {
    node: &'n Node,
    what: &'n str,
    entries: &'n [Entry],
    known: Vec<&'n str>,
    hints: &'n [(&'n str, &'n str)],
    findings: &'f mut Findings,
}

impl<'n, 'f> Fields<'n, 'f> {
    /// The fields of `node`, which messages call `the {what}`. If it is not an object, that is a finding.
    pub fn new(node: &'n Node, what: &'n str, findings: &'f mut Findings) -> Option<Self> {
        if let Value::Map(entries) = &node.value {
            return Some(Self { node, what, entries, known: Vec::new(), hints: &[], findings });
        }
        let message = format!("the {what} must be an object, not {}", node.kind_name());
        findings.push(
            Finding::new(&codes::WRONG_TYPE, message).at(node.head()).label("expected an object"),
        );
        None
    }

    /// Names that writers confuse with fields of this object, each with a remark such as ``it belongs to the service``.
    pub fn hints(mut self, hints: &'n [(&'n str, &'n str)]) -> Self {
        self.hints = hints;
        self
    }

    /// Where the object stands: its first key.
    pub fn span(&self) -> Span {
        self.node.head()
    }

    /// Where findings go.
    pub fn findings(&mut self) -> &mut Findings {
        self.findings
    }

    /// Whether a field is there and is not `null`.
    pub fn has(&self, name: &str) -> bool {
        self.entry(name).is_some_and(|entry| !entry.value.is_null())
    }

    /// Where the value of a field stands, if it is there.
    pub fn span_of(&self, name: &str) -> Option<Span> {
        self.entry(name).map(|entry| entry.value.span)
    }

    /// Where the key of a field stands, if it is there.
    pub fn key_span_of(&self, name: &str) -> Option<Span> {
        self.entry(name).map(|entry| entry.key_span)
    }

    /// A value of any type.
    pub fn node(&mut self, name: &'n str) -> Field<'_, 'n, 'f, &'n Node> {
        self.read(name, |reader| Some(reader.node()))
    }

    /// A text, see [`Reader::string`].
    pub fn string(&mut self, name: &'n str) -> Field<'_, 'n, 'f, Arc<str>> {
        self.read(name, |mut reader| reader.string())
    }

    /// A text that is kept out of messages, and blotted out where lines of the document are shown.
    pub fn secret(&mut self, name: &'n str) -> Field<'_, 'n, 'f, Arc<str>> {
        let mut field = self.read(name, |mut reader| {
            reader.keep_secret();
            reader.string()
        });
        field.secret = true;
        field
    }

    /// A boolean, see [`Reader::boolean`].
    pub fn boolean(&mut self, name: &'n str) -> Field<'_, 'n, 'f, bool> {
        self.read(name, |mut reader| reader.boolean())
    }

    /// An integer, see [`Reader::integer`].
    pub fn integer<T: Integer>(&mut self, name: &'n str) -> Field<'_, 'n, 'f, T> {
        self.read(name, |mut reader| reader.integer())
    }

    /// A finite number.
    pub fn number(&mut self, name: &'n str) -> Field<'_, 'n, 'f, f64> {
        self.read(name, |mut reader| reader.number())
    }

    /// One of a few words, each with what it stands for.
    pub fn one_of<T: Clone>(
        &mut self,
        name: &'n str,
        choices: &[(&str, T)],
    ) -> Field<'_, 'n, 'f, T> {
        self.read(name, |mut reader| reader.one_of(choices))
    }

    /// A text that `parse` makes a value of, or gives a reason why not.
    pub fn parse<T, R: Into<Rejection>>(
        &mut self,
        name: &'n str,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Field<'_, 'n, 'f, T> {
        self.read(name, |mut reader| reader.parse(parse))
    }

    /// A list, see [`Reader::list`].
    pub fn list<T>(
        &mut self,
        name: &'n str,
        item: impl FnMut(Reader<'n, '_>) -> Option<T>,
    ) -> Field<'_, 'n, 'f, Vec<T>> {
        self.read(name, |mut reader| reader.list(item))
    }

    /// A list in which every item may stand once, see [`Reader::set`].
    pub fn set<T: Eq + Hash>(
        &mut self,
        name: &'n str,
        item: impl FnMut(Reader<'n, '_>) -> Option<T>,
    ) -> Field<'_, 'n, 'f, Vec<T>> {
        self.read(name, |mut reader| reader.set(item))
    }

    /// An object with keys of the writer's choice, see [`Reader::map`].
    pub fn map<T>(
        &mut self,
        name: &'n str,
        entry: impl FnMut(&Arc<str>, Span, Reader<'n, '_>) -> Option<T>,
    ) -> Field<'_, 'n, 'f, Vec<(Arc<str>, T)>> {
        self.read(name, |mut reader| reader.map(entry))
    }

    /// An object with known fields, which messages call `the {what}`; `object` has to [`finish`](Self::finish) it.
    pub fn object<T>(
        &mut self,
        name: &'n str,
        what: &'n str,
        object: impl FnOnce(Fields<'n, '_>) -> Option<T>,
    ) -> Field<'_, 'n, 'f, T> {
        self.read(name, |reader| reader.object(what).and_then(object))
    }

    /// Any value, read by `read`, which gives `None` after it made a finding.
    pub fn read<T>(
        &mut self,
        name: &'n str,
        read: impl FnOnce(Reader<'n, '_>) -> Option<T>,
    ) -> Field<'_, 'n, 'f, T> {
        self.know(name);
        let state = match self.entry(name) {
            None => State::Missing,
            Some(entry) if entry.value.is_null() => State::Null,
            Some(entry) => {
                let subject = Subject::Field { name, owner: self.what };
                match read(Reader::about(&entry.value, subject, self.findings)) {
                    Some(value) => State::Read(value, &entry.value),
                    None => State::Refused,
                }
            }
        };
        Field { fields: self, name, state, secret: false }
    }

    /// Makes a warning of the field if it is there: `instead` says what to use, such as ``use `limits` ``.
    ///
    /// This does not read the field; a field that is only deprecated still has to be asked for.
    pub fn deprecated(&mut self, name: &'n str, instead: &str) {
        self.know(name);
        if let Some(entry) = self.entry(name) {
            let message = format!("{} of the {} is deprecated", quote(name), self.what);
            let finding = Finding::new(&codes::DEPRECATED_FIELD, message)
                .at(entry.key_span)
                .label("deprecated")
                .help(instead);
            self.findings.push(finding);
        }
    }

    /// Two fields of which only one may be there.
    pub fn exclusive(&mut self, first: &'n str, second: &'n str) {
        if !(self.has(first) && self.has(second)) {
            return;
        }
        let (Some(first_span), Some(second_span)) =
            (self.key_span_of(first), self.key_span_of(second))
        else {
            return;
        };
        let message = format!("the {} has both {} and {}", self.what, quote(first), quote(second));
        self.findings.push(
            Finding::new(&codes::EXCLUSIVE_FIELDS, message)
                .at(second_span)
                .label("only one of them may be here")
                .also(first_span, "the other one")
                .help("remove one of the two"),
        );
    }

    /// Fields of which at least one must be there.
    pub fn at_least_one_of(&mut self, names: &[&str]) {
        if names.iter().any(|name| self.has(name)) {
            return;
        }
        let listed = names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
        let message = format!("the {} needs at least one of {listed}", self.what);
        let finding = Finding::new(&codes::NONE_OF_FIELDS, message).at(self.span());
        self.findings.push(finding.label(format!("this {} has none of them", self.what)));
    }

    /// A field that means nothing without another one.
    pub fn needs(&mut self, name: &'n str, other: &'n str) {
        if !self.has(name) || self.has(other) {
            return;
        }
        let Some(span) = self.key_span_of(name) else {
            return;
        };
        let message = format!("{} of the {} needs {}", quote(name), self.what, quote(other));
        let finding = Finding::new(&codes::FIELD_NEEDS_FIELD, message).at(span);
        let label = format!("means nothing without {}", quote(other));
        self.findings.push(finding.label(label).help(format!(
            "add {}, or remove {}",
            quote(other),
            quote(name)
        )));
    }

    /// Reports all fields that were not asked for.
    pub fn finish(self) {
        let unknown = self.entries.iter().filter(|entry| !self.known.contains(&&*entry.key));
        for entry in unknown {
            let finding = unknown_field(entry, self.what, &self.known, self.hints);
            self.findings.push(finding);
        }
    }

    /// What the object is called in messages.
    pub(super) fn what(&self) -> &'n str {
        self.what
    }

    fn know(&mut self, name: &'n str) {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
    }

    fn entry(&self, name: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| &*entry.key == name)
    }
}

fn unknown_field(entry: &Entry, what: &str, known: &[&str], hints: &[(&str, &str)]) -> Finding {
    let message = format!("unknown field {} in the {what}", quote(&entry.key));
    let finding = Finding::new(&codes::UNKNOWN_FIELD, message).at(entry.key_span);
    if let Some((_, remark)) = hints.iter().find(|(name, _)| *name == &*entry.key) {
        return finding.label(*remark);
    }
    if let Some(near) = did_you_mean(&entry.key, known.iter().copied()) {
        return finding
            .label(format!("did you mean {}?", quote(near)))
            .suggest(entry.key_span, near);
    }
    if let Some(near) = did_you_mean(&entry.key, hints.iter().map(|(name, _)| *name)) {
        let remark = hints.iter().find(|(name, _)| *name == near).map_or("", |(_, remark)| remark);
        return finding.label(format!("did you mean {}? {remark}", quote(near)));
    }
    finding.label("no such field").help(FieldList(known).to_string())
}

/// `it has …`, as long as that can be read at a glance.
struct FieldList<'a>(&'a [&'a str]);

impl fmt::Display for FieldList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        let mut names = self.0.to_vec();
        names.sort_unstable();
        let listed =
            names.iter().take(SHOWN).map(|name| quote(name)).collect::<Vec<_>>().join(", ");
        write!(f, "the fields are {listed}")?;
        if names.len() > SHOWN {
            write!(f, " and {} more", names.len() - SHOWN)?;
        }
        Ok(())
    }
}
