//! One field of an object, after it was read.

use std::fmt;
use std::ops::RangeBounds;

use super::Fields;
use super::reader::{Reader, length_of};
use super::subject::Subject;
use crate::{Finding, Node, Span, codes, quote};

/// A field that was read and still has to be [`required`](Self::required), [`optional`](Self::optional) or given a
/// [`default`](Self::default).
#[must_use = "say whether the field is required"]
#[derive(Debug)]
pub struct Field<'a, 'n, 'f, T> {
    pub(super) fields: &'a mut Fields<'n, 'f>,
    pub(super) name: &'n str,
    pub(super) state: State<'n, T>,
    pub(super) secret: bool,
}

#[derive(Debug)]
pub(super) enum State<'n, T> {
    Missing,
    Null,
    /// A finding has been made.
    Refused,
    Read(T, &'n Node),
}

/// Why a value is refused, and what to write instead.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// The reason, to be read after `… is not valid: `.
    pub reason: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl<'a, 'n, 'f, T> Field<'a, 'n, 'f, T> {
    /// The value. A missing field is a finding.
    pub fn required(self) -> Option<T> {
        let null = match self.state {
            State::Read(value, _) => return Some(value),
            State::Refused => return None,
            State::Missing => false,
            State::Null => true,
        };
        let what = self.fields.what();
        let finding =
            Finding::new(&codes::MISSING_FIELD, format!("the {what} needs {}", quote(self.name)));
        let finding = match self.fields.key_span_of(self.name) {
            Some(key) if null => finding.at(key).label("has no value").help("give it a value"),
            _ => finding
                .at(self.fields.span())
                .label(format!("this {what} lacks {}", quote(self.name))),
        };
        self.fields.findings().push(finding);
        None
    }

    /// The value, if the field is there.
    pub fn optional(self) -> Option<T> {
        self.with_span().map(|(value, _)| value)
    }

    /// The value, or `default` if the field is missing or was refused.
    pub fn default(self, default: T) -> T {
        self.optional().unwrap_or(default)
    }

    /// The value and its place, if the field is there.
    pub fn with_span(self) -> Option<(T, Span)> {
        match self.state {
            State::Read(value, node) => Some((value, node.span)),
            State::Missing | State::Null | State::Refused => None,
        }
    }

    /// Refuses a text, list or object whose length, in characters, items or entries, is not within `range`.
    ///
    /// The length is that of the document: an item that was refused counts.
    pub fn length(self, range: impl RangeBounds<usize>) -> Self {
        self.refuse_if(
            |_, node| !range.contains(&length_of(node)),
            |reader| reader.wrong_length(&range),
        )
    }

    /// Refuses an empty text, list or object.
    pub fn not_empty(self) -> Self {
        self.length(1..)
    }

    /// Makes another value of it, or refuses it for a reason.
    pub fn convert<U, R: Into<Rejection>>(
        self,
        convert: impl FnOnce(T) -> Result<U, R>,
    ) -> Field<'a, 'n, 'f, U> {
        let Field { fields, name, state, secret } = self;
        let state = match state {
            State::Missing => State::Missing,
            State::Null => State::Null,
            State::Refused => State::Refused,
            State::Read(value, node) => match convert(value) {
                Ok(converted) => State::Read(converted, node),
                Err(rejection) => {
                    reader(fields, name, node, secret).reject(rejection);
                    State::Refused
                }
            },
        };
        Field { fields, name, state, secret }
    }

    /// Refuses the value if `check` gives a reason.
    pub fn check<R: Into<Rejection>>(self, check: impl FnOnce(&T) -> Result<(), R>) -> Self {
        self.convert(|value| check(&value).map(|()| value))
    }

    fn refuse_if(
        mut self,
        wrong: impl FnOnce(&T, &Node) -> bool,
        report: impl FnOnce(&mut Reader<'n, '_>),
    ) -> Self {
        if let State::Read(value, node) = &self.state
            && wrong(value, node)
        {
            report(&mut reader(self.fields, self.name, node, self.secret));
            self.state = State::Refused;
        }
        self
    }
}

impl<T: PartialOrd + fmt::Display> Field<'_, '_, '_, T> {
    /// Refuses a number out of `range`.
    pub fn range(self, range: impl RangeBounds<T>) -> Self {
        self.refuse_if(|value, _| !range.contains(value), |reader| reader.out_of_range(&range))
    }
}

impl Rejection {
    /// A reason and what to do about it.
    pub fn new(reason: impl Into<String>, help: impl Into<String>) -> Self {
        Self { reason: reason.into(), help: Some(help.into()) }
    }
}

impl<R: Into<String>> From<R> for Rejection {
    fn from(reason: R) -> Self {
        Self { reason: reason.into(), help: None }
    }
}

fn reader<'n, 'r>(
    fields: &'r mut Fields<'n, '_>,
    name: &'n str,
    node: &'n Node,
    secret: bool,
) -> Reader<'n, 'r> {
    let subject = Subject::Field { name, owner: fields.what() };
    let mut reader = Reader::about(node, subject, fields.findings());
    if secret {
        reader.keep_secret();
    }
    reader
}
