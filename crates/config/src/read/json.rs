//! JSON (RFC 8259), strictly, with places and without recursion.

use std::borrow::Cow;
use std::sync::Arc;

use super::build::{Builder, Stop};
use super::{keep_secrets, saturate};
use crate::{Budget, Document, Finding, Findings, Node, SourceId, Span, Value, codes, quote};

/// Reads the one value of a JSON text.
pub(super) fn read(
    source: SourceId,
    text: &str,
    budget: &Budget,
    findings: &mut Findings,
) -> Option<Document> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut reader = Reader {
        text,
        at: start,
        line: 1,
        line_start: start,
        continuations: 0,
        builder: Builder::new(source, budget, findings),
        open: Vec::new(),
        read_to: Span::start_of(source),
    };
    match reader.document() {
        Ok(()) => reader.builder.finish().map(|root| Document { source, index: 0, root }),
        Err(Stop) => None,
    }
}

struct Reader<'t, 'b> {
    text: &'t str,
    /// The next byte.
    at: usize,
    line: u32,
    line_start: usize,
    /// Bytes of the current line that do not begin a character.
    continuations: usize,
    builder: Builder<'b>,
    open: Vec<Bracket>,
    /// The point after what was read last.
    read_to: Span,
}

/// The beginning of a collection whose end has not come yet.
#[derive(Clone, Copy)]
struct Bracket {
    object: bool,
    span: Span,
}

/// What may come next.
#[derive(Clone, Copy)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
    EndOfText,
}

impl<'t> Reader<'t, '_> {
    fn document(&mut self) -> Result<(), Stop> {
        let mut expect = Expect::Value;
        loop {
            self.read_to = self.here();
            self.skip_whitespace();
            let Some(byte) = self.peek() else {
                return if matches!(expect, Expect::EndOfText) {
                    Ok(())
                } else {
                    Err(self.ended(expect))
                };
            };
            expect = match (expect, byte) {
                (Expect::ValueOrEnd | Expect::KeyOrEnd | Expect::CommaOrEnd, b']' | b'}') => {
                    self.close(byte)?
                }
                (Expect::Value | Expect::ValueOrEnd, _) => self.value(byte)?,
                (Expect::Key | Expect::KeyOrEnd, b'"') => self.key()?,
                (Expect::CommaOrEnd, b',') => {
                    self.at += 1;
                    if self.in_object() { Expect::Key } else { Expect::Value }
                }
                _ => return Err(self.unexpected(expect)),
            };
        }
    }

    fn value(&mut self, byte: u8) -> Result<Expect, Stop> {
        let start = self.here();
        let value = match byte {
            b'{' => {
                self.at += 1;
                self.open.push(Bracket { object: true, span: start });
                self.builder.open_map(start)?;
                return Ok(Expect::KeyOrEnd);
            }
            b'[' => {
                self.at += 1;
                self.open.push(Bracket { object: false, span: start });
                self.builder.open_seq(start)?;
                return Ok(Expect::ValueOrEnd);
            }
            b'"' => Value::String(Arc::from(&*self.string()?)),
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.word()?,
        };
        let span = self.span_from(start);
        self.builder.count(1, span)?;
        self.builder.add(Node { span, value, plain: false });
        Ok(self.after_value())
    }

    fn key(&mut self) -> Result<Expect, Stop> {
        let start = self.here();
        let key = self.string()?;
        let span = self.span_from(start);
        self.builder.key(&key, span);
        self.skip_whitespace();
        if self.peek() != Some(b':') {
            let help = "write `: ` and the value of the key";
            return Err(self.fail(format!("`:` is expected after the key {}", quote(&key)), help));
        }
        self.at += 1;
        Ok(Expect::Value)
    }

    fn close(&mut self, byte: u8) -> Result<Expect, Stop> {
        let closes_object = byte == b'}';
        match self.open.pop() {
            Some(bracket) if bracket.object == closes_object => {}
            other => return Err(self.wrong_bracket(other, byte)),
        }
        self.at += 1;
        let node = self.builder.close(Some(saturate(self.at)));
        self.builder.add(node);
        Ok(self.after_value())
    }

    fn in_object(&self) -> bool {
        self.open.last().is_some_and(|bracket| bracket.object)
    }

    fn after_value(&self) -> Expect {
        if self.open.is_empty() { Expect::EndOfText } else { Expect::CommaOrEnd }
    }

    /// A string without escapes is borrowed from the text.
    fn string(&mut self) -> Result<Cow<'t, str>, Stop> {
        let opening = self.here();
        self.at += 1;
        let mut decoded = String::new();
        let mut piece = self.at;
        loop {
            match self.peek() {
                None => return Err(self.never_closed(opening)),
                Some(b'"') => break,
                Some(b'\\') => {
                    decoded.push_str(&self.text[piece..self.at]);
                    decoded.push(self.escape()?);
                    piece = self.at;
                }
                Some(b'\n' | b'\r') => return Err(self.never_closed(opening)),
                Some(0..0x20) => return Err(self.raw_control()),
                Some(byte) => {
                    self.continuations += usize::from(is_continuation(byte));
                    self.at += 1;
                }
            }
        }
        let rest = &self.text[piece..self.at];
        self.at += 1;
        if decoded.is_empty() {
            return Ok(Cow::Borrowed(rest));
        }
        decoded.push_str(rest);
        Ok(Cow::Owned(decoded))
    }

    fn escape(&mut self) -> Result<char, Stop> {
        let simple = match self.text.as_bytes().get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => {
                let help = "write `\\\\` for a backslash; JSON knows \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX";
                return Err(self.fail("this escape is not known to JSON", help));
            }
        };
        self.at += 2;
        Ok(simple)
    }

    /// RFC 8259 section 7: characters beyond the basic plane are two escapes, a surrogate pair.
    fn unicode_escape(&mut self) -> Result<char, Stop> {
        let unit = self.hex_unit(self.at);
        let low = self.hex_unit(self.at + 6);
        let (code, length) = match (unit, low) {
            (Some(high @ 0xd800..0xdc00), Some(low @ 0xdc00..0xe000)) => {
                (0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12)
            }
            (Some(unit), _) => (unit, 6),
            (None, _) => {
                return Err(self.fail(
                    "`\\u` needs four hexadecimal digits",
                    "write them, such as `\\u00e9`, or the character itself",
                ));
            }
        };
        let Some(character) = char::from_u32(code) else {
            return Err(self.fail(
                "half of a surrogate pair stands alone",
                "write both halves, or the character itself",
            ));
        };
        self.at += length;
        Ok(character)
    }

    /// The four digits of `\uXXXX` at byte `at`.
    fn hex_unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| u32::from_str_radix(digits, 16).ok())
            .flatten()
    }

    fn number(&mut self) -> Result<Value, Stop> {
        let start = self.here();
        let length = number_length(&self.text.as_bytes()[self.at..]);
        let text = &self.text[self.at..self.at + length];
        let more = self.text.as_bytes().get(self.at + length).is_some_and(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'_')
        });
        if length == 0 || more {
            return Err(self.not_a_number());
        }
        self.at += length;
        let value = parse_number(text);
        if let Value::Float(value) = value
            && value.is_infinite()
        {
            let span = self.span_from(start);
            return Err(self.fail_at(
                span,
                "the number is too large",
                "numbers end at about 1.8e308",
            ));
        }
        Ok(value)
    }

    fn word(&mut self) -> Result<Value, Stop> {
        let rest = &self.text[self.at..];
        let length = rest
            .find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-'))
            .unwrap_or(rest.len());
        let value = match &rest[..length] {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err(self.unexpected(Expect::Value)),
        };
        self.at += length;
        Ok(value)
    }

    fn skip_whitespace(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.peek() {
            self.at += 1;
            if byte == b'\n' || (byte == b'\r' && self.peek() != Some(b'\n')) {
                self.line = self.line.saturating_add(1);
                self.line_start = self.at;
                self.continuations = 0;
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The point before the next byte.
    fn here(&self) -> Span {
        let at = saturate(self.at);
        let column = saturate(self.at - self.line_start - self.continuations + 1);
        Span { source: self.builder.source(), start: at, end: at, line: self.line, column }
    }

    fn span_from(&self, start: Span) -> Span {
        Span { end: saturate(self.at), ..start }
    }

    /// What stands at the next byte: a word, or a single character.
    fn token(&self) -> (Span, &'t str) {
        let rest = &self.text[self.at..];
        let word = rest
            .find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.'))
            .unwrap_or(rest.len());
        let length = match rest.chars().next() {
            Some(first) if word == 0 => first.len_utf8(),
            _ => word,
        };
        let start = self.here();
        (Span { end: start.start + saturate(length), ..start }, &rest[..length])
    }

    fn fail(&mut self, message: impl Into<String>, help: &str) -> Stop {
        let (span, _) = self.token();
        self.fail_at(span, message, help)
    }

    fn fail_at(&mut self, span: Span, message: impl Into<String>, help: &str) -> Stop {
        self.report(Finding::new(&codes::INVALID_JSON, message).at(span).help(help))
    }

    fn report(&mut self, finding: Finding) -> Stop {
        let near = self.here();
        self.builder.report(keep_secrets(finding, self.text, near));
        Stop
    }

    fn wrong_bracket(&mut self, opened: Option<Bracket>, byte: u8) -> Stop {
        let (span, token) = self.token();
        let wanted = if byte == b'}' { "]" } else { "}" };
        let message = format!("`{wanted}` is expected here, not {}", quote(token));
        let finding = Finding::new(&codes::INVALID_JSON, message)
            .at(span)
            .help("close brackets in the order in which they were opened");
        self.report(with_bracket(finding, opened))
    }

    fn ended(&mut self, expect: Expect) -> Stop {
        let at = self.read_to;
        if self.text[..at.start as usize].trim_start_matches('\u{feff}').is_empty() {
            return self.fail_at(at, "the document is empty", "write at least `{}`");
        }
        let message =
            format!("the document ends where {} is expected", expect.wanted(self.in_object()));
        let finding = Finding::new(&codes::INVALID_JSON, message)
            .at(at)
            .help("close all quotes, brackets and braces");
        let opened = self.open.last().copied();
        self.report(with_bracket(finding, opened))
    }

    fn unexpected(&mut self, expect: Expect) -> Stop {
        let (span, token) = self.token();
        let help = match (token, expect) {
            ("#" | "/", _) => "JSON has no comments; name the file `.yaml` if it is YAML",
            ("'", _) => "JSON has double quotes only",
            ("]" | "}", Expect::Value | Expect::Key) if !self.open.is_empty() => {
                "remove the comma before it; JSON has no trailing commas"
            }
            ("True" | "False" | "None" | "Null" | "TRUE" | "FALSE" | "NULL", _) => {
                "JSON writes `true`, `false` and `null` in lower case"
            }
            ("NaN" | "Infinity", _) => "JSON has finite numbers only",
            (_, Expect::Key | Expect::KeyOrEnd) => "put the key into double quotes",
            (_, Expect::Value | Expect::ValueOrEnd) => "put texts into double quotes",
            (_, Expect::CommaOrEnd) => "separate values with commas",
            (_, Expect::EndOfText) => "a JSON text holds one value; put several into a list",
        };
        let message =
            format!("{} is expected here, not {}", expect.wanted(self.in_object()), quote(token));
        self.fail_at(span, message, help)
    }

    fn never_closed(&mut self, opening: Span) -> Stop {
        let span = Span { end: opening.start + 1, ..opening };
        self.fail_at(
            span,
            "a quote is opened here and not closed on its line",
            "close it; a line break within a text is written `\\n`",
        )
    }

    fn raw_control(&mut self) -> Stop {
        let (span, token) = self.token();
        let message =
            format!("the control character {} must be escaped within a text", quote(token));
        self.fail_at(span, message, "write it as an escape, a tab as `\\t`")
    }

    fn not_a_number(&mut self) -> Stop {
        let (span, token) = self.token();
        let digits = token.trim_start_matches('-');
        let help = match digits.as_bytes() {
            [b'0', b'0'..=b'9', ..] => "remove the leading zeros",
            [b'0', b'x' | b'o' | b'b', ..] => "write it as a decimal number",
            _ => "write it like -12, 0.5 or 1e6, or put it into double quotes if it is a text",
        };
        self.fail_at(span, format!("{} is not a number", quote(token)), help)
    }
}

impl Expect {
    fn wanted(self, in_object: bool) -> &'static str {
        match self {
            Expect::Value => "a value",
            Expect::ValueOrEnd => "a value or `]`",
            Expect::Key => "a key in double quotes",
            Expect::KeyOrEnd => "a key in double quotes or `}`",
            Expect::CommaOrEnd if in_object => "`,` or `}`",
            Expect::CommaOrEnd => "`,` or `]`",
            Expect::EndOfText => "the end of the document",
        }
    }
}

fn with_bracket(finding: Finding, opened: Option<Bracket>) -> Finding {
    match opened {
        Some(Bracket { span, .. }) => {
            finding.also(Span { end: span.start + 1, ..span }, "opened here")
        }
        None => finding,
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// How many bytes at the beginning of `text` are a number (RFC 8259 section 6); 0 if it is none.
fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(text.first() == Some(&b'-'));
    let whole = if text.get(sign) == Some(&b'0') { 1 } else { digits(sign) };
    if whole == 0 {
        return 0;
    }
    let mut length = sign + whole;
    if text.get(length) == Some(&b'.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if matches!(text.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits(text.len().min(length + 1 + sign));
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

/// A negative zero is a float, the only number that has one.
fn parse_number(text: &str) -> Value {
    let whole = text != "-0" && !text.contains(['.', 'e', 'E']);
    if whole && let Ok(value) = text.parse() {
        return Value::Int(value);
    }
    if whole && let Ok(value) = text.parse() {
        return Value::UInt(value);
    }
    Value::Float(text.parse().unwrap_or(f64::INFINITY))
}
