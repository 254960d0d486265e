//! The chunked transfer coding (RFC 9112 section 7.1), read strictly.

use filter::Headers;

/// Reads a chunked body from a buffer, piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    state: State,
    /// Bytes of chunk extensions and of trailers so far.
    overhead: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At a chunk's size.
    #[default]
    Size,
    /// Inside a chunk's data, so many bytes before its end.
    Data(u64),
    /// At the line end behind a chunk's data.
    DataEnd,
    /// Behind the last chunk.
    Trailers,
    /// Behind the body.
    Done,
}

/// What stands next in the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Nothing whole: more must be read.
    Partial,
    /// So many bytes of data, after so many bytes of coding that are skipped.
    Data { skip: usize, len: usize },
    /// The end, after so many bytes.
    End { skip: usize },
}

/// The coding is broken, or its overhead larger than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed chunked body")]
pub(crate) struct Malformed;

impl Decoder {
    /// Looks at the buffer behind what was consumed before. `trailers` takes the trailer fields.
    /// The caller consumes what the piece covers and says so with [`Decoder::consumed`].
    pub(crate) fn next(
        &mut self,
        buffer: &[u8],
        trailers: &mut Headers,
    ) -> Result<Piece, Malformed> {
        let mut at = 0;
        loop {
            let rest = &buffer[at..];
            match self.state {
                State::Size => {
                    let Some(line) = line(rest, MAX_SIZE_LINE)? else {
                        return Ok(self.partial(at));
                    };
                    let (size, extension) = chunk_size(line)?;
                    self.spend(extension)?;
                    at += line.len() + 2;
                    self.state = if size == 0 { State::Trailers } else { State::Data(size) };
                }
                State::Data(left) => {
                    let len = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    if len == 0 {
                        return Ok(self.partial(at));
                    }
                    return Ok(Piece::Data { skip: at, len });
                }
                State::DataEnd => match rest {
                    [b'\r', b'\n', ..] => {
                        at += 2;
                        self.state = State::Size;
                    }
                    [] | [b'\r'] => return Ok(self.partial(at)),
                    _ => return Err(Malformed),
                },
                State::Trailers => {
                    let Some(line) = line(rest, MAX_TRAILERS)? else {
                        return Ok(self.partial(at));
                    };
                    at += line.len() + 2;
                    if line.is_empty() {
                        self.state = State::Done;
                        return Ok(Piece::End { skip: at });
                    }
                    self.spend(line.len())?;
                    trailer(line, trailers)?;
                }
                State::Done => return Ok(Piece::End { skip: at }),
            }
        }
    }

    /// Takes note that so many bytes of data were consumed.
    pub(crate) fn consumed(&mut self, data: usize) {
        if let State::Data(left) = self.state {
            let left = left - data as u64;
            self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
        }
    }

    /// Bytes of data before the end of the chunk at hand.
    pub(crate) fn left(&self) -> u64 {
        match self.state {
            State::Data(left) => left,
            _ => 0,
        }
    }

    /// Whether the end has been read.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Coding before an incomplete piece is consumed even if no data follows yet.
    fn partial(&self, skip: usize) -> Piece {
        if skip == 0 { Piece::Partial } else { Piece::Data { skip, len: 0 } }
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Malformed> {
        self.overhead += bytes;
        if self.overhead > MAX_OVERHEAD { Err(Malformed) } else { Ok(()) }
    }
}

/// A line without its CRLF; `None` if it is not complete. A bare CR or LF breaks it.
fn line(buffer: &[u8], limit: usize) -> Result<Option<&[u8]>, Malformed> {
    let window = &buffer[..buffer.len().min(limit + 2)];
    let Some(end) = memchr::memchr2(b'\r', b'\n', window) else {
        return if window.len() > limit { Err(Malformed) } else { Ok(None) };
    };
    match &buffer[end..] {
        _ if end > limit => Err(Malformed),
        [b'\r', b'\n', ..] => Ok(Some(&buffer[..end])),
        [b'\r'] => Ok(None),
        _ => Err(Malformed),
    }
}

/// The size of a chunk, and how many bytes its extension takes. Extensions are read past, never
/// passed on (RFC 9112 section 7.1.1).
fn chunk_size(line: &[u8]) -> Result<(u64, usize), Malformed> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits == 0 || digits > 15 {
        return Err(Malformed);
    }
    let extension = &line[digits..];
    let mark = extension.iter().find(|byte| !is_blank(**byte));
    let marked = extension.is_empty() || mark == Some(&b';');
    if !marked || extension.iter().any(is_control) {
        return Err(Malformed);
    }
    let size = line[..digits].iter().fold(0, |size, digit| {
        size * 16 + u64::from((*digit as char).to_digit(16).expect("a hexadecimal digit"))
    });
    Ok((size, extension.len()))
}

/// Reads a trailer field. Fields that would change how the message is framed, routed or
/// authorised have no place there (RFC 9110 section 6.5.1) and are dropped.
fn trailer(line: &[u8], trailers: &mut Headers) -> Result<(), Malformed> {
    let colon = memchr::memchr(b':', line).ok_or(Malformed)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    // As in a head (RFC 9110 section 5.5).
    if !filter::is_token(name) || value.iter().any(is_control) {
        return Err(Malformed);
    }
    let value = trim(value);
    let name = std::str::from_utf8(name).map_err(|_| Malformed)?;
    if trailers.len() >= MAX_TRAILER_FIELDS {
        return Err(Malformed);
    }
    if is_allowed_in_trailers(name) {
        trailers.push(name, value);
    }
    Ok(())
}

/// A value without the blanks around it.
fn trim(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|byte| !is_blank(*byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_blank(*byte)).map_or(start, |at| at + 1);
    &value[start..end]
}

/// What may stand around a value and before an extension (RFC 9110 section 5.6.3), and nothing that
/// other readers would take for more: no form feed.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_control(byte: &u8) -> bool {
    byte.is_ascii_control() && *byte != b'\t'
}

/// Whether a field may stand behind the body.
pub(crate) fn is_allowed_in_trailers(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let forbidden = matches!(
        lower.as_str(),
        "age"
            | "authorization"
            | "cache-control"
            | "connection"
            | "content-encoding"
            | "content-length"
            | "content-range"
            | "content-type"
            | "cookie"
            | "date"
            | "expect"
            | "expires"
            | "forwarded"
            | "host"
            | "keep-alive"
            | "location"
            | "max-forwards"
            | "pragma"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "range"
            | "retry-after"
            | "set-cookie"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "vary"
            | "via"
            | "warning"
            | "www-authenticate"
    );
    !(forbidden || lower.starts_with("x-forwarded-") || lower.starts_with("if-"))
}

/// Bytes of the line with a chunk's size.
const MAX_SIZE_LINE: usize = 1 << 10;
/// Bytes of one trailer line.
const MAX_TRAILERS: usize = 8 << 10;
/// Number of trailer fields.
const MAX_TRAILER_FIELDS: usize = 64;
/// Bytes of extensions and trailers of one body.
const MAX_OVERHEAD: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::properties::decode;

    #[test]
    fn data_and_trailers_are_read_in_any_pieces() {
        let body =
            b"5\r\nhello\r\n6;x=\"y\"\r\n world\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\nGET";
        for step in 1..body.len() {
            let (data, used, trailers) = decode(body, step).expect("a sound body");
            assert_eq!(data, b"hello world");
            assert_eq!(used, body.len() - 3);
            let names: Vec<_> = trailers.iter().map(|(name, _)| name.to_owned()).collect();
            assert_eq!(names, ["X-Sum"]);
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for body in [
            &b"0x3\r\nabc\r\n0\r\n\r\n"[..],
            b"+3\r\nabc\r\n0\r\n\r\n",
            b"3_0\r\nabc\r\n0\r\n\r\n",
            b"3 \r\nabc\r\n0\r\n\r\n",
            b" 3\r\nabc\r\n0\r\n\r\n",
            b"\r\nabc\r\n0\r\n\r\n",
            b"3\nabc\r\n0\r\n\r\n",
            b"3;ext\nxx\r\nabc\r\n0\r\n\r\n",
            b"3\r\nabcXX0\r\n\r\n",
            b"3\r\nabc\n0\r\n\r\n",
            b"10000000000000003\r\nabc\r\n0\r\n\r\n",
            b"3\r\nabc\r\n0\r\nbad name: x\r\n\r\n",
            b"3\r\nabc\r\n0\r\n: x\r\n\r\n",
            b"3\r\nabc\r\n0\r\nx\r\n\r\n",
            b"3\r\nabc\r\n0\r\nx: \x01\r\n\r\n",
            b"3\x0c;x\r\nabc\r\n0\r\n\r\n",
        ] {
            assert_eq!(decode(body, 1).err(), Some(Malformed), "{:?}", body.escape_ascii());
            assert_eq!(decode(body, 100).err(), Some(Malformed), "{:?}", body.escape_ascii());
        }
    }

    #[test]
    fn what_is_left_of_a_chunk_is_known() {
        let (mut decoder, mut trailers) = (Decoder::default(), Headers::new());
        assert_eq!(decoder.left(), 0);
        let piece = decoder.next(b"5\r\nhel", &mut trailers);
        assert_eq!(piece, Ok(Piece::Data { skip: 3, len: 3 }));
        decoder.consumed(3);
        assert_eq!((decoder.left(), decoder.is_done()), (2, false));
    }

    #[test]
    fn extensions_are_limited_over_the_whole_body() {
        let mut body = Vec::new();
        for _ in 0..100 {
            body.extend_from_slice(b"1;");
            body.extend_from_slice(&[b'x'; 500]);
            body.extend_from_slice(b"\r\na\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        assert_eq!(decode(&body, 4096).err(), Some(Malformed));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(body in prop::collection::vec(any::<u8>(), 0..200), step in 1usize..50) {
            let _ = decode(&body, step);
        }

        #[test]
        fn what_was_encoded_is_decoded(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8), step in 1usize..50) {
            let mut body = Vec::new();
            for chunk in &chunks {
                body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                body.extend_from_slice(chunk);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\n\r\n");
            let (data, used, _) = decode(&body, step).expect("a sound body");
            prop_assert_eq!(data, chunks.concat());
            prop_assert_eq!(used, body.len());
        }
    }
}
