//! Request paths: made canonical once before routing, and put together for the upstream.
//!
//! A canonical path is ASCII, starts with `/`, has no `.` and `..` segments and one spelling for
//! every byte: unreserved characters stand for themselves, whatever may not stand in a path (RFC
//! 3986 section 3.3) is escaped, escapes are upper case. Routes, policies and upstreams see this
//! form and no other, so that no rule can be passed by in another spelling.

mod join;
mod normalise;

pub use join::join;
pub(crate) use normalise::canonical_literal;
pub use normalise::{Refused, normalise};

/// What a raw byte of a path means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Stands for itself, anywhere.
    Plain,
    /// Separates segments.
    Slash,
    /// `.` and `;`: may make a segment special if they stand at its start.
    Lead,
    /// `%`.
    Percent,
    /// Must be escaped (RFC 3986 section 2.1).
    Escaped,
    /// `?` and `#`, which end a path.
    Delimiter,
    /// `\`, which some servers take for a slash.
    Backslash,
    /// Space, controls and DEL.
    Control,
}

impl Class {
    const fn of(byte: u8) -> Self {
        match byte {
            b'/' => Self::Slash,
            b'.' | b';' => Self::Lead,
            b'%' => Self::Percent,
            b'?' | b'#' => Self::Delimiter,
            b'\\' => Self::Backslash,
            0..=b' ' | 0x7f => Self::Control,
            b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80.. => Self::Escaped,
            _ => Self::Plain,
        }
    }
}

const CLASS: [Class; 256] = {
    let mut table = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = Class::of(byte as u8);
        byte += 1;
    }
    table
};

/// Whether a byte is unreserved (RFC 3986 section 2.3): its escape means the byte itself.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn push_escaped(byte: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

/// The byte that an escape at the start of `text` stands for; `None` if there is no valid one.
pub(crate) fn escape_value(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// The first segment of `text` and what follows it, where an escaped `/` or `\` ends a segment
/// too: a server that decodes before it looks sees one there.
fn split_piece(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let ends = |at: &usize| {
        bytes[*at] == b'/'
            || bytes[*at] == b'%' && matches!(bytes.get(at + 1..at + 3), Some(b"2F" | b"5C"))
    };
    text.split_at((0..bytes.len()).find(ends).unwrap_or(bytes.len()))
}

/// A segment's name without its parameters (RFC 3986 section 3.3): some servers drop them before
/// they resolve `.` and `..`.
fn without_parameters(piece: &str) -> &str {
    piece.split_once(';').map_or(piece, |(name, _)| name)
}
