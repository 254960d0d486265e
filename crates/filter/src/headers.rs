//! Header fields of one message, in one buffer.

use std::borrow::Cow;
use std::ops::Range;

use crate::{NameHash, is_same_name};

/// The header fields of a message in the order in which they stand, names in the case in which
/// they were written. Lookups ignore ASCII case (RFC 9110 section 5.1).
///
/// All text lives in one buffer that is reused from message to message, so that a message costs
/// no allocation. A removed field's bytes stay in the buffer until [`Headers::clear`].
#[derive(Debug, Clone, Default)]
pub struct Headers {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// A field of a message.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// The name in the case in which it was written: a token.
    pub name: &'a [u8],
    /// The hash of the name.
    pub name_hash: NameHash,
    /// The value, without blanks around it.
    pub value: &'a [u8],
    /// The field as a line of HTTP/1.1 with its end, `name: value` (RFC 9112 section 5), if it
    /// stands so in memory.
    pub line: Option<&'a [u8]>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: u32,
    name_len: u32,
    value: u32,
    value_len: u32,
    hash: NameHash,
}

impl Headers {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of field lines.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets all fields and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Gives memory back beyond what an ordinary message needs.
    pub fn shrink(&mut self, bytes: usize) {
        self.bytes.shrink_to(bytes);
        self.entries.shrink_to(32);
    }

    /// The first value by this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.entries.iter().find(|entry| self.is_named(entry, name)).map(|e| self.value(e))
    }

    /// The first value by this name, if it is text.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All values by this name, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.entries
            .iter()
            .filter(move |entry| self.is_named(entry, name))
            .map(|entry| self.value(entry))
    }

    /// All values by this name, joined by `, ` (RFC 9110 section 5.3).
    pub fn joined(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut values = self.entries.iter().filter(|entry| self.is_named(entry, name));
        let first = self.value(values.next()?);
        let Some(second) = values.next() else { return Some(Cow::Borrowed(first)) };
        let mut joined = first.to_vec();
        for entry in std::iter::once(second).chain(values) {
            joined.extend_from_slice(b", ");
            joined.extend_from_slice(self.value(entry));
        }
        Some(Cow::Owned(joined))
    }

    /// Whether a field by this name stands here.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.entries.iter().map(|entry| (self.name(entry), self.value(entry)))
    }

    /// All fields, in order. No value has a byte that may not stand in one (CR, LF, NUL), however
    /// it came here.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        self.entries.iter().map(|entry| self.field(entry))
    }

    /// Adds a field at the end. A byte that may not stand in a value (CR, LF, NUL) becomes a
    /// space (RFC 9110 section 5.5). Returns false, and adds nothing, if the name is no token.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) -> bool {
        if !is_token(name.as_bytes()) {
            return false;
        }
        let name = self.store(name.as_bytes());
        self.store(SEPARATOR);
        let value = self.store_value(value.as_ref());
        self.store(END);
        self.push_spans(name, value);
        true
    }

    /// Replaces all fields by this name by one, which takes the place of the first.
    /// As [`Headers::push`] for bytes that may not stand.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) -> bool {
        let Some(at) = self.entries.iter().position(|entry| self.is_named(entry, name)) else {
            return self.push(name, value);
        };
        let value = self.store_value(value.as_ref());
        let entry = &mut self.entries[at];
        entry.value = offset(value.start);
        entry.value_len = offset(value.len());
        self.remove_after(name, at + 1);
        true
    }

    /// Removes all fields by this name; says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.entries.len();
        self.remove_after(name, 0);
        self.entries.len() != before
    }

    /// Keeps only the fields for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &[u8]) -> bool) {
        let bytes = &self.bytes;
        self.entries.retain(|entry| {
            let name = std::str::from_utf8(&bytes[span(entry.name, entry.name_len)]).unwrap_or("");
            keep(name, &bytes[span(entry.value, entry.value_len)])
        });
    }

    /// Forgets everything and takes a copy of a received head, whose fields are then named with
    /// [`Headers::push_spans`].
    pub fn load(&mut self, head: &[u8]) {
        self.clear();
        self.bytes.extend_from_slice(head);
    }

    /// Adds a field whose name and value stand at these places of the loaded head. The caller has
    /// verified that the name is a token and the value holds no CR, LF or NUL.
    #[inline]
    pub fn push_spans(&mut self, name: Range<usize>, value: Range<usize>) {
        debug_assert!(is_token(&self.bytes[name.clone()]));
        self.entries.push(Entry {
            name: offset(name.start),
            name_len: offset(name.len()),
            value: offset(value.start),
            value_len: offset(value.len()),
            hash: NameHash::of(&self.bytes[name]),
        });
    }

    fn remove_after(&mut self, name: &str, from: usize) {
        let bytes = &self.bytes;
        let mut at = 0;
        self.entries.retain(|entry| {
            at += 1;
            at <= from
                || !bytes[span(entry.name, entry.name_len)].eq_ignore_ascii_case(name.as_bytes())
        });
    }

    fn store(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        start..self.bytes.len()
    }

    fn store_value(&mut self, value: &[u8]) -> Range<usize> {
        let span = self.store(value);
        for byte in &mut self.bytes[span.clone()] {
            if matches!(byte, b'\r' | b'\n' | 0) {
                *byte = b' ';
            }
        }
        span
    }

    fn is_named(&self, entry: &Entry, name: &str) -> bool {
        entry.name_len as usize == name.len()
            && is_same_name(&self.bytes[span(entry.name, entry.name_len)], name.as_bytes())
    }

    #[inline]
    fn field(&self, entry: &Entry) -> Field<'_> {
        let (name, value) = (span(entry.name, entry.name_len), span(entry.value, entry.value_len));
        // Where a value was replaced, or blanks stood around it, there is no such line.
        let is_line = self.bytes.get(name.end..value.start) == Some(SEPARATOR)
            && self.bytes.get(value.end..value.end + END.len()) == Some(END);
        Field {
            name_hash: entry.hash,
            line: is_line.then(|| &self.bytes[name.start..value.end + END.len()]),
            name: &self.bytes[name],
            value: &self.bytes[value],
        }
    }

    fn name(&self, entry: &Entry) -> &str {
        // Names are tokens, and tokens are ASCII.
        std::str::from_utf8(&self.bytes[span(entry.name, entry.name_len)]).unwrap_or("")
    }

    fn value(&self, entry: &Entry) -> &[u8] {
        &self.bytes[span(entry.value, entry.value_len)]
    }
}

/// Whether bytes are a token: a header's name or a method (RFC 9110 section 5.6.2).
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| TOKEN[usize::from(*byte)])
}

/// Between a field's name and its value.
const SEPARATOR: &[u8] = b": ";
/// Behind a field.
const END: &[u8] = b"\r\n";

fn span(start: u32, len: u32) -> Range<usize> {
    start as usize..(start + len) as usize
}

/// Heads are limited far below 4 GiB before they come here.
fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a head is smaller than 4 GiB")
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(headers: &Headers) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        headers.iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
    }

    #[test]
    fn set_takes_the_first_place_and_removes_the_rest() {
        let mut headers = Headers::new();
        headers.push("A", "1");
        headers.push("b", "2");
        headers.push("a", "3");
        headers.set("a", "4");
        assert_eq!(lines(&headers), [("A".into(), "4".into()), ("b".into(), "2".into())]);
    }

    #[test]
    fn values_cannot_split_a_head() {
        let mut headers = Headers::new();
        headers.push("a", "x\r\nEvil: 1\0");
        assert_eq!(headers.get("A"), Some(&b"x  Evil: 1 "[..]));
        assert!(!headers.push("bad name", "x"));
        assert!(!headers.push("", "x"));
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn repeated_names_join() {
        let mut headers = Headers::new();
        headers.push("x", "1");
        assert_eq!(headers.joined("X").as_deref(), Some(&b"1"[..]));
        headers.push("X", "2");
        assert_eq!(headers.joined("x").as_deref(), Some(&b"1, 2"[..]));
        assert_eq!(headers.joined("y"), None);
    }

    proptest! {
        /// Whatever is done to the fields, the store agrees with a plain list of pairs.
        #[test]
        fn agrees_with_a_list(ops in prop::collection::vec((0u8..3, 0u8..4, "[ -~]{0,8}"), 0..40)) {
            let mut headers = Headers::new();
            let mut list: Vec<(String, String)> = Vec::new();
            for (op, name, value) in ops {
                let name = ["a", "B", "c-d", "E"][usize::from(name)];
                match op {
                    0 => {
                        headers.push(name, &value);
                        list.push((name.into(), value));
                    }
                    1 => {
                        headers.set(name, &value);
                        match list.iter().position(|(n, _)| n == name) {
                            Some(at) => {
                                list[at].1 = value;
                                let mut ix = 0;
                                list.retain(|(n, _)| { ix += 1; ix <= at + 1 || n != name });
                            }
                            None => list.push((name.into(), value)),
                        }
                    }
                    _ => {
                        headers.remove(name);
                        list.retain(|(n, _)| n != name);
                    }
                }
                prop_assert_eq!(&lines(&headers), &list);
            }
        }
    }
}
