//! The parser's complaints in words for the writer of a document.

use std::borrow::Cow;

use serde_saphyr::granit_parser::ErrorKind;

use super::saturate;
use crate::{Finding, Span, codes, quote};

/// The finding for a complaint of the parser about `span`; `bracket` is where the innermost bracket was opened.
pub(super) fn finding(kind: &ErrorKind, text: &str, span: Span, bracket: Option<Span>) -> Finding {
    let (kind, span) = offender(kind, text, span);
    let (message, help) = explain(kind);
    let mut finding = Finding::new(&codes::INVALID_YAML, message).at(span);
    if let Some(bracket) = bracket {
        let bracket = Span { end: bracket.start + 1, ..bracket };
        finding = finding.also(bracket, "within this bracket");
    }
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// The parser notices a tab in the indentation only at the character after it, or takes it for a part of the text that
/// stands before it.
fn offender<'k>(kind: &'k ErrorKind, text: &str, span: Span) -> (&'k ErrorKind, Span) {
    let start = span.start as usize;
    match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation => {
            let before = text[..start].ends_with('\t') && !text[start..].starts_with('\t');
            let tab = Span {
                start: span.start.wrapping_sub(1),
                end: span.start,
                column: span.column.wrapping_sub(1),
                ..span
            };
            (kind, if before { tab } else { span })
        }
        ErrorKind::TabInPlainScalar => match indenting_tab(&text[start..]) {
            Some((lines, line_start, tab)) => {
                let at = span.start + saturate(tab);
                let column = saturate(tab - line_start + 1);
                (
                    &ErrorKind::TabInIndentation,
                    Span { start: at, end: at + 1, line: span.line + lines, column, ..span },
                )
            }
            None => (kind, span),
        },
        _ => (kind, span),
    }
}

/// The first tab that only spaces precede on its line: how many lines on, and where line and tab begin.
fn indenting_tab(text: &str) -> Option<(u32, usize, usize)> {
    let mut line_start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let blanks = line.bytes().take_while(|byte| *byte == b' ').count();
        if number > 0 && line[blanks..].starts_with('\t') {
            return Some((saturate(number), line_start, line_start + blanks));
        }
        line_start += line.len();
    }
    None
}

type Words = (Cow<'static, str>, Option<&'static str>);

const INDENT: &str = "compare the indentation of this line with the lines above it";
const TABS: &str = "indent with spaces";
const QUOTES: &str =
    "put the text into quotes if it contains `: `, ` #`, or begins with one of @ ` & * ! | > % [ {";

fn explain(kind: &ErrorKind) -> Words {
    structure(kind)
        .or_else(|| collection(kind))
        .or_else(|| text(kind))
        .unwrap_or_else(|| (kind.to_string().into(), None))
}

/// Lines, indentation, keys and values.
fn structure(kind: &ErrorKind) -> Option<Words> {
    let words = match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => ("a tab stands where YAML indents", TABS),
        ErrorKind::TabInPlainScalar => ("a tab stands where it cannot be part of the text", QUOTES),
        ErrorKind::InvalidIndentation | ErrorKind::InvalidBlockScalarIndent => {
            ("the indentation of this line fits no line above it", INDENT)
        }
        ErrorKind::ExpectedBlockMappingKey => {
            ("a key of the object above is expected here", INDENT)
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            ("an item of the list above, beginning with `- `, is expected here", INDENT)
        }
        ErrorKind::BlockSequenceEntryNotAllowed => ("a list item cannot begin here", INDENT),
        ErrorKind::InvalidBlockEntryWhitespace => {
            ("`-` needs a space after it", "write `- ` before the item")
        }
        ErrorKind::BlockEntryInFlowCollection => {
            ("a list item with `-` cannot stand within brackets", "separate the items with commas")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("a `:` is expected after this key", "a key stands on one line and is followed by `: `")
        }
        ErrorKind::MappingKeyNotAllowed => ("a key cannot stand here", INDENT),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            "a value with `: ` cannot stand here",
            "put the text into quotes if the colon is part of it, or begin a new line",
        ),
        ErrorKind::InvalidMappingValueWhitespace => {
            ("`:` needs a space after it", "write `: ` before the value")
        }
        ErrorKind::ExpectedNodeContent => ("a value is expected here", QUOTES),
        ErrorKind::InvalidDocumentEnd => {
            ("only a comment may follow the end mark `...`", "begin a new line with `---`")
        }
        ErrorKind::ExpectedDocumentStart => ("a new document begins here without `---`", INDENT),
        ErrorKind::BomInsideDocument => {
            ("a byte order mark stands within the document", "remove this invisible character")
        }
        ErrorKind::UnsupportedYamlMajorVersion => {
            ("this version of YAML is not known", "remove the `%YAML` line")
        }
        ErrorKind::UndeclaredTagHandle => ("the handle of this tag was never declared", QUOTES),
        _ => return None,
    };
    Some((words.0.into(), Some(words.1)))
}

/// Brackets and braces.
fn collection(kind: &ErrorKind) -> Option<Words> {
    let words: (Cow<'static, str>, &str) = match kind {
        ErrorKind::UnclosedFlowCollection { open } => (
            format!("the bracket {} is never closed", quote(&open.to_string())).into(),
            "close it where the list or object ends",
        ),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            let (open, close) = (quote(&open.to_string()), quote(&close.to_string()));
            (
                format!("the bracket {open} is closed by {close}").into(),
                "close brackets in the order in which they were opened",
            )
        }
        ErrorKind::MisplacedFlowCollectionEnd => {
            ("this bracket closes nothing".into(), "remove it, or put the text into quotes")
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::UnexpectedEofFlowMapping => (
            "`,` or `}` is expected here".into(),
            "separate entries with commas and close the brace",
        ),
        ErrorKind::ExpectedFlowSequenceSeparator | ErrorKind::UnexpectedEofFlowSequence => (
            "`,` or `]` is expected here".into(),
            "separate items with commas and close the bracket",
        ),
        ErrorKind::FlowMappingValueAdjacentCollection => {
            ("`:` needs a space after it".into(), "write `: ` before the value")
        }
        ErrorKind::InvalidFlowScalarIndent => {
            ("a text within brackets must be indented".into(), INDENT)
        }
        _ => return None,
    };
    Some((words.0, Some(words.1)))
}

/// Quotes, escapes and characters.
fn text(kind: &ErrorKind) -> Option<Words> {
    let words: (Cow<'static, str>, &str) = match kind {
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => (
            "a quote is opened here and never closed".into(),
            "close it, or double it (`''`) if it is part of the text",
        ),
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            "text follows the closing quote".into(),
            "take the whole text into the quotes; within '…' write a quote as ''",
        ),
        ErrorKind::InvalidQuotedScalarIndent => {
            ("a text in quotes goes on without indentation".into(), INDENT)
        }
        ErrorKind::UnknownQuotedScalarEscape => (
            "this escape is not known".into(),
            "write `\\\\` for a backslash, or use single quotes, which know no escapes",
        ),
        ErrorKind::UnexpectedCharacter { character } => (
            format!("the character {} cannot stand here", quote(&character.to_string())).into(),
            QUOTES,
        ),
        ErrorKind::CommentNotSeparated => ("a comment needs a space before its `#`".into(), QUOTES),
        ErrorKind::CommentInterceptedScalar => {
            ("a comment interrupts a text of several lines".into(), QUOTES)
        }
        ErrorKind::MissingAnchorOrAliasName => (
            "an anchor (`&`) or alias (`*`) without a name".into(),
            "put the text into quotes if no anchor is meant",
        ),
        ErrorKind::PlainScalarStartsWithDashFlowIndicator => {
            ("a text cannot begin like this".into(), QUOTES)
        }
        ErrorKind::InvalidBlockScalarHeader | ErrorKind::ZeroBlockScalarIndent => (
            "nothing but a comment may follow `|` or `>`".into(),
            "begin the text on the next line, indented",
        ),
        _ => return None,
    };
    Some((words.0, Some(words.1)))
}
