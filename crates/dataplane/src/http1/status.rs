//! Status lines of responses (RFC 9112 section 4).

/// Writes the status line for a status code from 100 to 999.
pub(crate) fn write_line(status: u16, output: &mut Vec<u8>) {
    if status == 200 {
        output.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    output.extend_from_slice(b"HTTP/1.1 ");
    crate::number::write(status.into(), output);
    output.push(b' ');
    let known = http::StatusCode::from_u16(status).ok();
    let phrase = known.and_then(|status| status.canonical_reason()).unwrap_or_default();
    output.extend_from_slice(phrase.as_bytes());
    output.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(status: u16) -> String {
        let mut output = Vec::new();
        write_line(status, &mut output);
        String::from_utf8(output).expect("ASCII")
    }

    #[test]
    fn a_status_without_a_phrase_still_has_the_space_before_it() {
        assert_eq!(line(200), "HTTP/1.1 200 OK\r\n");
        assert_eq!(line(404), "HTTP/1.1 404 Not Found\r\n");
        assert_eq!(line(799), "HTTP/1.1 799 \r\n");
    }
}
