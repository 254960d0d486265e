//! Where header fields are written.

use filter::Field;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Takes the header fields of one message. Whoever gives them sees to it that no value has a byte
/// that may not stand in one (CR, LF, NUL; RFC 9110 section 5.5): [`Headers`](filter::Headers)
/// takes none in, and templates write none.
pub(crate) trait Sink {
    /// Writes a field of another message.
    fn field(&mut self, field: &Field<'_>);

    /// Writes a field of another message, with more behind its value.
    fn field_and(&mut self, field: &Field<'_>, more: &[u8]);

    /// Writes a field.
    fn header(&mut self, name: &FieldName, value: &[u8]) {
        self.header_with(name, |output| output.extend_from_slice(value));
    }

    /// Writes a field whose value `write` appends, and which is left out if that is empty.
    fn header_with(&mut self, name: &FieldName, write: impl FnOnce(&mut Vec<u8>));
}

/// The name of a field that the gateway writes.
pub(crate) struct FieldName {
    /// The name and what stands between it and the value in HTTP/1.1.
    line: Box<[u8]>,
    /// The name in HTTP/2 and HTTP/3, if it has a place there.
    lower: Option<HeaderName>,
    /// Whether no value comes twice, so that remembering one only drives out others that do.
    is_unique: bool,
}

impl FieldName {
    pub(crate) fn new(name: &str) -> Self {
        let lower = HeaderName::from_bytes(name.as_bytes()).ok().filter(has_a_place);
        Self { line: format!("{name}: ").into_bytes().into(), lower, is_unique: false }
    }

    /// The same for a field no value of which comes twice.
    pub(super) fn unique(self, is_unique: bool) -> Self {
        Self { is_unique, ..self }
    }
}

/// Writes field lines of HTTP/1.1 (RFC 9112 section 5).
pub(crate) struct Lines<'a>(pub(crate) &'a mut Vec<u8>);

impl Sink for Lines<'_> {
    #[inline]
    fn field(&mut self, field: &Field<'_>) {
        match field.line {
            Some(line) => self.0.extend_from_slice(line),
            None => self.field_and(field, b""),
        }
    }

    fn field_and(&mut self, field: &Field<'_>, more: &[u8]) {
        self.0.extend_from_slice(field.name);
        self.0.extend_from_slice(b": ");
        self.0.extend_from_slice(field.value);
        self.0.extend_from_slice(more);
        self.0.extend_from_slice(b"\r\n");
    }

    #[inline]
    fn header_with(&mut self, name: &FieldName, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.0.len();
        self.0.extend_from_slice(&name.line);
        let value = self.0.len();
        write(self.0);
        if self.0.len() == value {
            self.0.truncate(start);
            return;
        }
        debug_assert!(!self.0[value..].iter().any(|byte| ends_a_line(*byte)));
        self.0.extend_from_slice(b"\r\n");
    }
}

/// Adds fields to the map of an HTTP/2 or HTTP/3 message. Fields that concern a connection have no
/// place there (RFC 9113 section 8.2.2) and are left out.
pub(crate) struct Fields<'a> {
    map: &'a mut HeaderMap,
    value: Vec<u8>,
}

impl<'a> Fields<'a> {
    /// Adds fields to `map`.
    pub(crate) fn new(map: &'a mut HeaderMap) -> Self {
        Self { map, value: Vec::new() }
    }
}

impl Sink for Fields<'_> {
    fn field(&mut self, field: &Field<'_>) {
        let Ok(name) = HeaderName::from_bytes(field.name) else { return };
        if has_a_place(&name) {
            self.append(name, field.value, false);
        }
    }

    fn field_and(&mut self, field: &Field<'_>, more: &[u8]) {
        let value = [field.value, more].concat();
        self.field(&Field { value: &value, ..*field });
    }

    fn header_with(&mut self, name: &FieldName, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(lower) = &name.lower else { return };
        let mut value = std::mem::take(&mut self.value);
        value.clear();
        write(&mut value);
        if !value.is_empty() {
            self.append(lower.clone(), &value, name.is_unique);
        }
        self.value = value;
    }
}

impl Fields<'_> {
    /// A value that is unique is sent so that no compression remembers it (RFC 7541 section 6.2.3).
    fn append(&mut self, name: HeaderName, value: &[u8], is_unique: bool) {
        // Other control characters may stand in no value of HTTP/1 either, but some send them.
        let value = HeaderValue::from_bytes(value).or_else(|_| {
            let spaced: Vec<u8> =
                value.iter().map(|b| if is_control(*b) { b' ' } else { *b }).collect();
            HeaderValue::from_bytes(&spaced)
        });
        if let Ok(mut value) = value {
            value.set_sensitive(is_unique);
            self.map.append(name, value);
        }
    }
}

/// Makes a value of what could end its line.
pub(super) fn disarm(value: &mut [u8]) {
    for byte in value {
        *byte = if ends_a_line(*byte) { b' ' } else { *byte };
    }
}

/// No branch, so that many bytes are judged at a time.
#[inline]
fn ends_a_line(byte: u8) -> bool {
    (byte == b'\r') | (byte == b'\n') | (byte == 0)
}

fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

fn has_a_place(name: &HeaderName) -> bool {
    !CONNECTION_SPECIFIC.contains(&name.as_str())
}

const CONNECTION_SPECIFIC: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

#[cfg(test)]
mod tests {
    use filter::Headers;

    use super::*;

    #[test]
    fn lines_are_those_of_other_messages_or_made() {
        let mut headers = Headers::new();
        headers.load(b"A:  1 \r\nb: 2\r\n");
        headers.push_spans(0..1, 4..5);
        headers.push_spans(8..9, 11..12);
        headers.push("c", "3\r\nEvil: 4");
        let mut output = Vec::new();
        let mut lines = Lines(&mut output);
        headers.fields().for_each(|field| lines.field(&field));
        lines.header_with(&FieldName::new("D"), |out| out.extend_from_slice(b"5"));
        lines.header_with(&FieldName::new("e"), |_| {});
        headers.fields().take(1).for_each(|field| lines.field_and(&field, b"; more"));
        assert_eq!(output, b"A: 1\r\nb: 2\r\nc: 3  Evil: 4\r\nD: 5\r\nA: 1; more\r\n");
    }

    #[test]
    fn http2_has_no_fields_of_the_connection() {
        let mut headers = Headers::new();
        for (name, value) in
            [("Connection", "close"), ("Upgrade", "h2c"), ("X-A", "1\r\n\x012"), ("x-a", "3")]
        {
            headers.push(name, value);
        }
        let mut map = HeaderMap::new();
        let mut fields = Fields::new(&mut map);
        headers.fields().for_each(|field| fields.field(&field));
        fields.header_with(&FieldName::new("x-b"), |_| {});
        for name in ["X-C", "Keep-Alive", "bad name"] {
            fields.header(&FieldName::new(name), b"4");
        }
        let all: Vec<_> = map.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        assert_eq!(all, [("x-a", &b"1   2"[..]), ("x-a", b"3"), ("x-c", b"4")]);
        assert!(map.values().all(|value| !value.is_sensitive()));
        Fields::new(&mut map).header(&FieldName::new("x-id").unique(true), b"5");
        assert!(map["x-id"].is_sensitive());
    }
}
