//! Header fields and arguments as JSON objects: what stands there more than once becomes a list.

use std::borrow::Cow;

use filter::{Field, Headers};
use model::Fact;

use super::{Member, Scope, close, text, write_members};

/// Appends the fields of a message as an object, and further members, which take the place of
/// fields by their names.
pub(super) fn write(fact: &Fact, also: &[Member], scope: Scope<'_>, output: &mut Vec<u8>) -> bool {
    let start = output.len();
    output.push(b'{');
    match fact {
        Fact::RequestHeaders => write_headers(&scope.x.request.headers, also, output),
        _ => {
            let mut sent = Headers::new();
            scope.x.view.response_fields(scope.x, &mut |name, value| {
                if let Ok(name) = std::str::from_utf8(name) {
                    sent.push(name, value);
                }
            });
            write_headers(&sent, also, output);
        }
    }
    write_members(also, scope, output);
    close(start, b'}', output)
}

/// Appends the fields, each name in lower case, with a comma behind it.
fn write_headers(headers: &Headers, without: &[Member], output: &mut Vec<u8>) {
    let replaced = |name: &[u8]| {
        without.iter().any(|member| member.name.as_bytes().eq_ignore_ascii_case(name))
    };
    let fields = || headers.fields().take(MOST);
    for (at, field) in fields().enumerate().filter(|(_, field)| !replaced(field.name)) {
        let same = |other: &Field<'_>| other.name.eq_ignore_ascii_case(field.name);
        if fields().take(at).any(|other| same(&other)) {
            continue;
        }
        text::write_lower(field.name, output);
        output.push(b':');
        write_values(field.value, fields().skip(at + 1).filter(same).map(|it| it.value), output);
    }
}

/// Appends a query's arguments as an object, `{}` without any.
pub(super) fn write_query(query: &str, output: &mut Vec<u8>) -> bool {
    let arguments: Vec<_> = query.split('&').filter_map(argument).take(MOST).collect();
    output.push(b'{');
    for (at, (name, value)) in arguments.iter().enumerate() {
        if arguments[..at].iter().any(|(other, _)| other == name) {
            continue;
        }
        text::write_text(name, output);
        output.push(b':');
        let more = arguments[at + 1..].iter().filter(|(other, _)| other == name);
        let more: Vec<_> = more.map(|(_, value)| value).collect();
        match more.is_empty() {
            true => write_argument(value.as_deref(), output),
            false => {
                output.push(b'[');
                for value in std::iter::once(value).chain(more) {
                    write_argument(value.as_deref(), output);
                    output.push(b',');
                }
                output.pop();
                output.push(b']');
            }
        }
        output.push(b',');
    }
    if output.last() == Some(&b',') {
        output.pop();
    }
    output.push(b'}');
    true
}

type Argument<'a> = (Cow<'a, [u8]>, Option<Cow<'a, [u8]>>);

/// Name and value of an argument, decoded; no value without `=`.
fn argument(argument: &str) -> Option<Argument<'_>> {
    let (name, value) = match argument.split_once('=') {
        Some((name, value)) => (name, Some(decode(value))),
        None => (argument, None),
    };
    (!name.is_empty()).then(|| (decode(name), value))
}

fn decode(text: &str) -> Cow<'_, [u8]> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                decoded.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    Cow::Owned(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    // A hexadecimal digit is less than 16.
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

fn write_argument(value: Option<&[u8]>, output: &mut Vec<u8>) {
    match value {
        Some(value) => text::write_text(value, output),
        None => output.extend_from_slice(b"true"),
    }
}

/// Appends one value, or a list of several, and a comma.
fn write_values<'a>(first: &'a [u8], more: impl Iterator<Item = &'a [u8]>, output: &mut Vec<u8>) {
    let start = output.len();
    text::write_text(first, output);
    let mut several = false;
    for value in more {
        if !std::mem::replace(&mut several, true) {
            output.insert(start, b'[');
        }
        output.push(b',');
        text::write_text(value, output);
    }
    if several {
        output.push(b']');
    }
    output.push(b',');
}

/// Fields or arguments that a record shows of one message.
const MOST: usize = 100;
