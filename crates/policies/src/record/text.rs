//! JSON strings.

use std::io::Write as _;

/// Appends a JSON string (RFC 8259 section 7). Bytes that are no UTF-8 become U+FFFD.
pub(crate) fn write_text(text: &[u8], output: &mut Vec<u8>) {
    output.push(b'"');
    match std::str::from_utf8(text) {
        Ok(text) => escape(text, output),
        Err(_) => escape(&String::from_utf8_lossy(text), output),
    }
    output.push(b'"');
}

/// Appends the inside of a JSON string, names of header fields for one, in lower case.
pub(super) fn write_lower(text: &[u8], output: &mut Vec<u8>) {
    let start = output.len();
    write_text(text, output);
    output[start..].make_ascii_lowercase();
}

/// What stands between the quotes of a JSON string.
pub(super) fn unquoted(json: &[u8]) -> &[u8] {
    json.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(json)
}

/// Takes the quotes from a JSON string that begins at `start` and ends the output.
pub(super) fn strip_quotes(output: &mut Vec<u8>, start: usize) {
    if output.get(start) == Some(&b'"') {
        output.remove(start);
        output.pop();
    }
}

fn escape(text: &str, output: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let short: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..0x20 | 0x7f => b"",
            _ => continue,
        };
        output.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        match short {
            // Writing into a vector cannot fail.
            b"" => drop(write!(output, "\\u{byte:04x}")),
            short => output.extend_from_slice(short),
        }
    }
    output.extend_from_slice(&bytes[copied..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_stands_in_a_text_can_be_read_back(text in ".*") {
            let mut json = Vec::new();
            write_text(text.as_bytes(), &mut json);
            prop_assert!(!json.contains(&b'\n'));
            prop_assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
        }

        #[test]
        fn bytes_that_are_no_text_do_not_break_the_record(bytes: Vec<u8>) {
            let mut json = Vec::new();
            write_text(&bytes, &mut json);
            prop_assert!(serde_json::from_slice::<String>(&json).is_ok());
        }
    }
}
