//! What may not stand in a log line as it is: with it, a client could write lines of its own.

/// Appends a value as nginx does by default: `"`, `\`, control characters and everything beyond
/// ASCII as `\xXX`.
pub(super) fn plain(value: &[u8], line: &mut Vec<u8>) {
    write(
        value,
        line,
        |byte| PLAIN[usize::from(byte)],
        |byte, line| {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            line.extend_from_slice(&[b'\\', b'x', digits[0], digits[1]]);
        },
    );
}

/// Appends text for the inside of a JSON string (RFC 8259 section 7). Bytes that are no UTF-8
/// become U+FFFD.
pub(super) fn json(value: &[u8], line: &mut Vec<u8>) {
    for chunk in value.utf8_chunks() {
        let valid = chunk.valid().as_bytes();
        write(valid, line, |byte| byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7F), escape_json);
        if !chunk.invalid().is_empty() {
            line.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }
}

fn escape_json(byte: u8, line: &mut Vec<u8>) {
    match byte {
        b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
        _ => {
            line.extend_from_slice(b"\\u00");
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            line.extend_from_slice(&digits);
        }
    }
}

/// Copies what needs no escape in one piece each.
fn write(
    value: &[u8],
    line: &mut Vec<u8>,
    escaped: impl Fn(u8) -> bool,
    escape: impl Fn(u8, &mut Vec<u8>),
) {
    let mut rest = value;
    while let Some(at) = rest.iter().position(|byte| escaped(*byte)) {
        line.extend_from_slice(&rest[..at]);
        escape(rest[at], line);
        rest = &rest[at + 1..];
    }
    line.extend_from_slice(rest);
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte < 0x20 || byte >= 0x7F || byte == 0x22 || byte == 0x5C;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nginx_escapes_these_and_no_others() {
        let mut line = Vec::new();
        plain(b"a\"b\\c\r\n\x00 ~\x7F\xC3\xA9'$", &mut line);
        assert_eq!(line, br#"a\x22b\x5Cc\x0D\x0A\x00 ~\x7F\xC3\xA9'$"#);
    }

    proptest! {
        #[test]
        fn no_value_ends_a_line_or_a_quotation(value: Vec<u8>) {
            let mut line = Vec::new();
            plain(&value, &mut line);
            prop_assert!(line.iter().all(|byte| (0x20..0x7F).contains(byte) && *byte != b'"'));
        }

        #[test]
        fn json_reads_back_what_was_written(value: Vec<u8>) {
            let mut line = vec![b'"'];
            json(&value, &mut line);
            line.push(b'"');
            prop_assert!(line.iter().all(|byte| *byte >= 0x20 && *byte != 0x7F));
            let read: String = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(read, String::from_utf8_lossy(&value));
        }
    }
}
