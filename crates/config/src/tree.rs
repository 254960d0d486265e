//! A document as a tree in which every key and every value knows its place.

use std::sync::Arc;

use crate::{SourceId, Span};

/// One document of a text: a YAML stream may hold several, a JSON text holds exactly one.
#[derive(Debug, Clone)]
pub struct Document {
    /// The text that it stands in.
    pub source: SourceId,
    /// Its position in the stream, from 0.
    pub index: usize,
    /// Its value.
    pub root: Node,
}

/// A value and the place where it was written.
///
/// The place of a YAML alias is the alias itself; the places of what is inside of it are those of the anchored value.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where the value stands. A block mapping or sequence reaches from its first key or dash to the end of its last value.
    pub span: Span,
    /// The value.
    pub value: Value,
    /// Whether a string was written without quotes, as only YAML allows; `false` for everything else.
    pub plain: bool,
}

/// A value as YAML's core schema and JSON know it.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer that fits 64 bits with a sign.
    Int(i64),
    /// An integer from 2^63 to 2^64 - 1.
    UInt(u64),
    /// Any other number. A JSON number is always finite; YAML also knows `.inf` and `.nan`.
    Float(f64),
    /// A text.
    String(Arc<str>),
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping, in the order of the document and with YAML's merge keys (`<<`) resolved. Keys are unique.
    Map(Vec<Entry>),
}

/// A key of a mapping and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key, as written: `on`, `8080` and `true` are texts here.
    pub key: Arc<str>,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A step from a value to one within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the value of a key.
    Key(Arc<str>),
    /// To an item of a sequence, from 0.
    Index(usize),
}

impl Node {
    /// The value of `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| &*entry.key == key)
    }

    /// The value at a JSON Pointer (RFC 6901), such as `/services/0/name`; the empty pointer means this value.
    pub fn pointer(&self, pointer: &str) -> Option<&Node> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |node, token| match &node.value {
            Value::Map(_) => node.get(&token.replace("~1", "/").replace("~0", "~")),
            Value::Seq(items) => items.get(array_index(token)?),
            _ => None,
        })
    }

    /// The way from this value to the innermost value or key that holds `span`; empty if only this value does.
    ///
    /// A key belongs to the way of its value. Returns `None` if `span` lies outside.
    pub fn steps_to(&self, span: Span) -> Option<Vec<Step>> {
        if !self.span.contains(span) {
            return None;
        }
        let mut steps = Vec::new();
        let mut node = self;
        while let Some((step, child)) = node.child_at(span) {
            steps.push(step);
            node = child;
        }
        Some(steps)
    }

    /// Whether this is `null` or nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The integer, if this is one. A float with nothing after its point is an integer too, as in JSON.
    pub fn as_integer(&self) -> Option<i128> {
        match self.value {
            Value::Int(value) => Some(value.into()),
            Value::UInt(value) => Some(value.into()),
            // Up to 2^53 a float names exactly one integer; beyond, the digits of the document may be lost.
            Value::Float(value)
                if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 =>
            {
                Some(value as i128)
            }
            _ => None,
        }
    }

    /// The number, if this is one; an integer beyond 2^53 is rounded.
    pub fn as_number(&self) -> Option<f64> {
        match self.value {
            Value::Int(value) => Some(value as f64),
            Value::UInt(value) => Some(value as f64),
            Value::Float(value) => Some(value),
            _ => None,
        }
    }

    /// The items, if this is a sequence.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if this is a mapping.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// What kind of value this is, for a message: `a text`, `a list`.
    pub fn kind_name(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::UInt(_) => "an integer",
            Value::Float(_) => "a number",
            Value::String(_) => "a text",
            Value::Seq(_) => "a list",
            Value::Map(_) => "an object",
        }
    }

    /// The place to point at when the value as a whole is meant: the first key of a mapping, else the value.
    pub fn head(&self) -> Span {
        match &self.value {
            // Keys that a merge or an alias brought in stand elsewhere.
            Value::Map(entries) => entries
                .first()
                .map(|entry| entry.key_span)
                .filter(|key| self.span.contains(*key))
                .unwrap_or(self.span),
            _ => self.span,
        }
    }

    /// The value without places. What JSON has no number for (`.inf`, `.nan`) becomes `null`.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::UInt(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::String(text) => serde_json::Value::String(text.as_ref().to_owned()),
            Value::Seq(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.as_ref().to_owned(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    fn child_at(&self, span: Span) -> Option<(Step, &Node)> {
        match &self.value {
            Value::Seq(items) => items
                .iter()
                .enumerate()
                .find(|(_, item)| item.span.contains(span))
                .map(|(index, item)| (Step::Index(index), item)),
            Value::Map(entries) => entries
                .iter()
                .find(|entry| entry.key_span.contains(span) || entry.value.span.contains(span))
                .map(|entry| (Step::Key(Arc::clone(&entry.key)), &entry.value)),
            _ => None,
        }
    }
}

/// RFC 6901 section 4: digits without a leading zero.
fn array_index(token: &str) -> Option<usize> {
    let leading_zero = token.len() > 1 && token.starts_with('0');
    (!leading_zero && token.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| token.parse().ok())
        .flatten()
}
