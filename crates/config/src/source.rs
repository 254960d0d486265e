//! The texts that were read, and places in them.

use std::ops::Range;
use std::sync::Arc;

use crate::Origin;

/// The documents that were read: a label (mostly a path) and the text of each.
///
/// Spans and findings refer into this set, so it has to live as long as findings may be shown.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    entries: Vec<Source>,
}

/// One document of [`Sources`].
#[derive(Debug, Clone)]
struct Source {
    label: Arc<str>,
    text: Arc<str>,
}

/// Which document of a [`Sources`] is meant. An id is worth something only with the set that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

/// A place in the text of a source: `start..end` in bytes, and the line and column at which it starts.
///
/// Both ends lie on character boundaries of the text. An empty span marks a point, such as the place of a value that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The document.
    pub source: SourceId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
    /// The line of `start`, from 1. A line ends with `\n`, `\r\n` or `\r`.
    pub line: u32,
    /// The column of `start` in characters, from 1.
    pub column: u32,
}

impl Sources {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a document. The same label may be added more than once (a file that was read again).
    ///
    /// # Panics
    /// If there are more than `u32::MAX` documents.
    pub fn add(&mut self, label: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> SourceId {
        let id =
            u32::try_from(self.entries.len()).expect("fewer than 2^32 documents are open at once");
        self.entries.push(Source { label: label.into(), text: text.into() });
        SourceId(id)
    }

    /// The path or label of a document.
    pub fn label(&self, id: SourceId) -> &Arc<str> {
        &self.entry(id).label
    }

    /// The text of a document.
    pub fn text(&self, id: SourceId) -> &Arc<str> {
        &self.entry(id).text
    }

    /// The text at `span`; empty if the span is not of this set.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.source).get(span.range()).unwrap_or_default()
    }

    /// The place of `span` in a form that needs no text.
    pub fn origin(&self, span: Span) -> Origin {
        Origin {
            document: Arc::clone(self.label(span.source)),
            line: span.line,
            column: span.column,
        }
    }

    /// The line and column of the end of `span`, counted as in [`Span`].
    pub fn end_position(&self, span: Span) -> (u32, u32) {
        let mut position = (span.line, span.column);
        let mut characters = self.slice(span).chars().peekable();
        while let Some(character) = characters.next() {
            let breaks =
                character == '\n' || (character == '\r' && characters.peek() != Some(&'\n'));
            position = if breaks { (position.0 + 1, 1) } else { (position.0, position.1 + 1) };
        }
        position
    }

    /// The newest document with this label.
    pub fn find(&self, label: &str) -> Option<SourceId> {
        let index = self.entries.iter().rposition(|source| &*source.label == label)?;
        u32::try_from(index).ok().map(SourceId)
    }

    /// All documents, in the order in which they were added.
    pub fn ids(&self) -> impl Iterator<Item = SourceId> + use<> {
        (0..self.entries.len()).filter_map(|index| u32::try_from(index).ok().map(SourceId))
    }

    /// # Panics
    /// If `id` is of another set.
    fn entry(&self, id: SourceId) -> &Source {
        self.entries.get(id.0 as usize).expect("a source id is used with the set that gave it")
    }
}

impl Span {
    /// The bytes of the text.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The document as a whole, as a point at its very beginning.
    pub fn start_of(source: SourceId) -> Self {
        Self { source, start: 0, end: 0, line: 1, column: 1 }
    }

    /// Whether `other` lies within this span of the same document.
    pub fn contains(self, other: Span) -> bool {
        self.source == other.source && self.start <= other.start && other.end <= self.end
    }
}
