//! Where header fields are written.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Takes the header fields of one message. No value can end its field: bytes that may not stand
/// in one (RFC 9110 section 5.5) become spaces, wherever they come from.
pub(crate) trait Sink {
    /// Writes a field.
    fn header(&mut self, name: &[u8], value: &[u8]);

    /// Writes a field whose value `write` appends, and which is left out if that is empty.
    fn header_with(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>));
}

/// Writes field lines of HTTP/1.1 (RFC 9112 section 5).
pub(crate) struct Lines<'a>(pub(crate) &'a mut Vec<u8>);

impl Sink for Lines<'_> {
    #[inline]
    fn header(&mut self, name: &[u8], value: &[u8]) {
        let start = self.0.len();
        self.0.reserve(name.len() + value.len() + 4);
        self.0.extend_from_slice(name);
        self.0.extend_from_slice(b": ");
        self.0.extend_from_slice(value);
        disarm(&mut self.0[start..]);
        self.0.extend_from_slice(b"\r\n");
    }

    #[inline]
    fn header_with(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.0.len();
        self.0.extend_from_slice(name);
        self.0.extend_from_slice(b": ");
        let value = self.0.len();
        write(self.0);
        if self.0.len() == value {
            self.0.truncate(start);
            return;
        }
        disarm(&mut self.0[start..]);
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
    fn header(&mut self, name: &[u8], value: &[u8]) {
        let Ok(name) = HeaderName::from_bytes(name) else { return };
        if CONNECTION_SPECIFIC.contains(&name.as_str()) {
            return;
        }
        let value = HeaderValue::from_bytes(value).or_else(|_| {
            let spaced: Vec<u8> =
                value.iter().map(|b| if is_control(*b) { b' ' } else { *b }).collect();
            HeaderValue::from_bytes(&spaced)
        });
        if let Ok(value) = value {
            self.map.append(name, value);
        }
    }

    fn header_with(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        let mut value = std::mem::take(&mut self.value);
        value.clear();
        write(&mut value);
        if !value.is_empty() {
            self.header(name, &value);
        }
        self.value = value;
    }
}

/// Replaces what could end a line. Written so that it is done many bytes at a time.
#[inline]
fn disarm(line: &mut [u8]) {
    for byte in line {
        let ends = (*byte == b'\r') | (*byte == b'\n') | (*byte == 0);
        *byte = if ends { b' ' } else { *byte };
    }
}

fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

const CONNECTION_SPECIFIC: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_its_line() {
        let mut output = Vec::new();
        let mut lines = Lines(&mut output);
        lines.header(b"a", b"1\r\nEvil: 2");
        lines.header_with(b"b", |out| out.extend_from_slice(b"x\0y\n"));
        lines.header_with(b"c", |_| {});
        lines.header(b"d", b"");
        assert_eq!(output, b"a: 1  Evil: 2\r\nb: x y \r\nd: \r\n");
    }

    #[test]
    fn http2_has_no_fields_of_the_connection() {
        let mut map = HeaderMap::new();
        let mut fields = Fields::new(&mut map);
        fields.header(b"Connection", b"close");
        fields.header(b"Upgrade", b"h2c");
        fields.header(b"X-A", b"1\r\n\x012");
        fields.header(b"x-a", b"3");
        fields.header_with(b"x-b", |_| {});
        fields.header(b"bad name", b"x");
        let all: Vec<_> = map.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        assert_eq!(all, [("x-a", &b"1   2"[..]), ("x-a", b"3")]);
    }
}
