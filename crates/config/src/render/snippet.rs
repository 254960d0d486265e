//! The lines of documents around places, short enough to be shown and without secrets.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::human::printable;
use crate::{Place, SourceId, Sources, Span};

/// Lines longer than this, in bytes, are not shown as a whole.
const LONG_LINE: usize = 400;
/// How much of a long line is shown before and after a place, in bytes.
const CONTEXT: usize = 60;
/// The longest mark within a long line, in bytes.
const LONGEST_MARK: usize = 100;
/// Places that are farther from each other than this many lines are shown separately.
const FAR_APART: u32 = 50;
/// What a secret looks like, whatever its length.
const BLOT: &str = "••••••";

/// A place to be marked.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) span: Span,
    pub(super) primary: bool,
    pub(super) label: Option<String>,
}

/// Some lines of one document with marks.
#[derive(Debug)]
pub(super) struct Excerpt {
    pub(super) label: String,
    /// The number of the first line, from 1.
    pub(super) line: u32,
    pub(super) text: String,
    /// The marks, in bytes of `text`.
    pub(super) marks: Vec<(Range<usize>, Mark)>,
    /// The column of the first mark in the document, if the beginning of its line is not shown.
    pub(super) cut: Option<u32>,
}

/// The documents, and what must not be shown of them.
pub(super) struct Texts<'a> {
    sources: &'a Sources,
    secrets: HashMap<SourceId, Vec<Range<usize>>>,
    lines: HashMap<SourceId, Vec<usize>>,
}

impl<'a> Texts<'a> {
    pub(super) fn new(sources: &'a Sources, secrets: &[Span]) -> Self {
        let mut by_source: HashMap<SourceId, Vec<Range<usize>>> = HashMap::new();
        for secret in secrets {
            by_source.entry(secret.source).or_default().push(secret.range());
        }
        by_source.values_mut().for_each(join_overlapping);
        Self { sources, secrets: by_source, lines: HashMap::new() }
    }

    /// The place in a text that is at hand.
    pub(super) fn resolve(&mut self, place: &Place) -> Option<Span> {
        match place {
            Place::Span(span) => Some(self.within_text(*span)),
            Place::Origin(origin) if origin.has_position() => {
                let source = self.sources.find(&origin.document)?;
                self.token_at(source, origin.line, origin.column)
            }
            Place::Origin(_) | Place::File(_) => None,
        }
    }

    /// A span that was put together by hand may lie anywhere.
    fn within_text(&self, span: Span) -> Span {
        let text = self.sources.text(span.source);
        let inside = |at: u32| saturate(floor_boundary(text, text.len().min(at as usize)));
        let start = inside(span.start);
        Span { start, end: inside(span.end).max(start), line: span.line.max(1), ..span }
    }

    /// Marks that stand near each other come into one excerpt; the one with the first mark comes first.
    pub(super) fn excerpts(&self, marks: Vec<Mark>) -> Vec<Excerpt> {
        let mut groups: Vec<Vec<Mark>> = Vec::new();
        for mark in marks {
            match groups
                .iter_mut()
                .find(|group| group.iter().any(|other| self.stand_together(other, &mark)))
            {
                Some(group) => group.push(mark),
                None => groups.push(vec![mark]),
            }
        }
        groups.into_iter().map(|group| self.excerpt(group)).collect()
    }

    fn stand_together(&self, one: &Mark, other: &Mark) -> bool {
        let (one, other) = (one.span, other.span);
        if one.source != other.source {
            return false;
        }
        let is_long = |span| self.line_of(span).len() > LONG_LINE;
        if is_long(one) || is_long(other) {
            return one.line == other.line && one.start.abs_diff(other.start) as usize <= CONTEXT;
        }
        one.line.abs_diff(other.line) <= FAR_APART
    }

    fn excerpt(&self, marks: Vec<Mark>) -> Excerpt {
        let first =
            marks.iter().map(|mark| mark.span).min().expect("a group holds at least one mark");
        let last =
            marks.iter().map(|mark| mark.span).max().expect("a group holds at least one mark");
        let text = self.sources.text(first.source);
        let whole = self.line_of(first);
        let shown = if whole.len() > LONG_LINE {
            window(text, &whole, first, last)
        } else {
            whole.start..self.line_of(last).end
        };
        let cut = (shown.start > whole.start).then(|| marks[0].span.column);
        let before = if cut.is_some() { "…" } else { "" };
        let after = if whole.len() > LONG_LINE && shown.end < whole.end { "…" } else { "" };

        let secrets = self.secrets_within(first.source, &shown);
        let position =
            |offset: usize| before.len() + show(text, shown.start..offset, secrets).len();
        let marks = marks
            .into_iter()
            .map(|mark| {
                let range = self.marked_range(mark.span);
                (position(range.start)..position(range.end), mark)
            })
            .collect();
        Excerpt {
            label: printable(self.sources.label(first.source)),
            line: first.line,
            text: format!("{before}{}{after}", show(text, shown.clone(), secrets)),
            marks,
            cut,
        }
    }

    fn secrets_within(&self, source: SourceId, range: &Range<usize>) -> &[Range<usize>] {
        let secrets = self.secrets.get(&source).map_or(&[][..], Vec::as_slice);
        let first = secrets.partition_point(|secret| secret.end <= range.start);
        let after = secrets.partition_point(|secret| secret.start < range.end);
        &secrets[first..after.max(first)]
    }

    /// What is underlined of a span: its first line at most.
    fn marked_range(&self, span: Span) -> Range<usize> {
        let line = self.line_of(span);
        let longest = if line.len() > LONG_LINE { LONGEST_MARK } else { LONG_LINE };
        let text = self.sources.text(span.source);
        let end = (span.end as usize).min(line.end).min(span.start as usize + longest);
        span.start as usize..floor_boundary(text, end).max(span.start as usize)
    }

    /// The line in which a span begins, without its line break.
    fn line_of(&self, span: Span) -> Range<usize> {
        let (text, at) = (self.sources.text(span.source), span.start as usize);
        let breaks = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let start = text.as_bytes()[..at].iter().rposition(breaks).map_or(0, |before| before + 1);
        let end =
            text.as_bytes()[at..].iter().position(breaks).map_or(text.len(), |after| at + after);
        start..end
    }

    /// What stands at a line and column: a word, or up to the closing quote.
    fn token_at(&mut self, source: SourceId, line: u32, column: u32) -> Option<Span> {
        let text: &Arc<str> = self.sources.text(source);
        let starts = self.lines.entry(source).or_insert_with(|| line_starts(text));
        let line_start = *starts.get(line as usize - 1)?;
        let rest = &text[line_start..];
        let rest = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
        let (offset, _) =
            rest.char_indices().chain([(rest.len(), ' ')]).nth(column.saturating_sub(1) as usize)?;
        let token = &rest[offset..];
        let length = match token.chars().next() {
            Some(quote @ ('"' | '\'')) => token[1..].find(quote).map_or(1, |closing| closing + 2),
            Some(first) => {
                let end = token.find(|c: char| {
                    c.is_whitespace() || matches!(c, ',' | ':' | '[' | ']' | '{' | '}')
                });
                end.unwrap_or(token.len()).max(first.len_utf8())
            }
            None => 0,
        };
        let start = u32::try_from(line_start + offset).ok()?;
        Some(Span { source, start, end: start + u32::try_from(length).ok()?, line, column })
    }
}

/// A part of a text as it is shown: secrets blotted out, long lines cut, every line break a line feed.
///
/// What is shown of the beginning of a range does not depend on its end.
fn show(text: &str, range: Range<usize>, mut secrets: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(range.len());
    let (mut length, mut blotted_to) = (0, range.start);
    let mut characters = text[range.clone()].char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let at = range.start + at;
        if character == '\n' || character == '\r' {
            // A `\r\n` is one break.
            if character == '\n' || !matches!(characters.peek(), Some((_, '\n'))) {
                shown.push('\n');
                length = 0;
            }
            continue;
        }
        while let Some(secret) = secrets.first().filter(|secret| secret.start <= at) {
            if at < secret.end && blotted_to <= at {
                shown.push_str(BLOT);
            }
            blotted_to = blotted_to.max(secret.end);
            secrets = &secrets[1..];
        }
        if at < blotted_to {
            continue;
        }
        let before = length;
        length += character.len_utf8();
        if length <= LONG_LINE {
            shown.push(character);
        } else if before <= LONG_LINE {
            shown.push('…');
        }
    }
    shown
}

/// The part of a long line that is shown for marks near each other.
fn window(text: &str, line: &Range<usize>, first: Span, last: Span) -> Range<usize> {
    let start = (first.start as usize).saturating_sub(CONTEXT).max(line.start);
    let end = (last.end as usize).min(last.start as usize + LONGEST_MARK) + CONTEXT;
    floor_boundary(text, start)..floor_boundary(text, end.min(line.end))
}

fn saturate(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let breaks = bytes.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    [0].into_iter().chain(breaks.map(|(at, _)| at + 1)).collect()
}

fn join_overlapping(ranges: &mut Vec<Range<usize>>) {
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, previous| {
        let joins = next.start <= previous.end;
        if joins {
            previous.end = previous.end.max(next.end);
        }
        joins
    });
}
