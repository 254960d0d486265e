//! What holds of the readers for any bytes, as functions that panic where it does not: for property
//! tests, and for the fuzzer (`fuzz/`), which finds bytes that no test thought of.

use filter::{Headers, Request, Response};
use model::{EncodedSlash, Limits, PathJoin, PathRewrite, PathRules};

use crate::http1::chunked::{Decoder, Malformed, Piece};
use crate::http1::head::{Framing, Refused, read_request, read_response};
use crate::path::{join, normalise};
use crate::telemetry::LogFormat;

/// A request's head is read in one way: the same when it comes in pieces, whatever stands behind it,
/// with fields that no reader could split.
pub fn request_head(bytes: &[u8]) {
    let read = |bytes: &[u8]| {
        let mut request = Request::default();
        let framing = read_request(bytes, &Limits::default(), MERGE, &mut request)?;
        Ok::<Option<(Framing, Request)>, Refused>(framing.map(|framing| (framing, request)))
    };
    let Ok(Some((framing, request))) = read(bytes) else { return };
    let head = &bytes[..framing.head];
    assert!(head.ends_with(b"\r\n\r\n"));
    let alone = read(head).ok().flatten().expect("the head was read with bytes behind it");
    assert_eq!((alone.0, fields(&alone.1.headers)), (framing, fields(&request.headers)));
    for end in [head.len() / 3, head.len() / 2, head.len() - 1] {
        assert!(matches!(read(&head[..end]), Ok(None)), "the first {end} bytes are a head already");
    }
    check_fields(&request.headers);
    let count = |name: &str| request.headers.get_all(name).count();
    assert!(count("host") <= 1 && count("content-length") + count("transfer-encoding") <= 1);
    assert!(request.path() == "*" || request.path().starts_with('/'));
    assert!(request.path().is_ascii());
    assert!(!request.path().bytes().any(|byte| byte <= b' ' || byte == 0x7f));
    assert!(!request.query().unwrap_or_default().bytes().any(|byte| byte <= b' ' || byte == 0x7f));
}

/// The same of a response's head.
pub fn response_head(bytes: &[u8]) {
    for to_head in [false, true] {
        let mut response = Response::default();
        let Ok(Some(framing)) = read_response(bytes, to_head, &mut response) else { continue };
        let head = &bytes[..framing.head];
        let mut alone = Response::default();
        assert_eq!(read_response(head, to_head, &mut alone), Ok(Some(framing)));
        assert_eq!(fields(&alone.headers), fields(&response.headers));
        for end in [head.len() / 3, head.len() / 2, head.len() - 1] {
            let cut = read_response(&head[..end], to_head, &mut alone);
            assert_eq!(cut, Ok(None), "the first {end} bytes are a head already");
        }
        assert!((100..=999).contains(&response.status));
        check_fields(&response.headers);
    }
}

/// A chunked body is the same in any pieces; its data, and how many bytes it took.
pub fn chunked_body(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let whole = decode(bytes, bytes.len().max(1));
    for step in [1, 3, 17] {
        let pieces = decode(bytes, step);
        let of = |decoded: &Result<(Vec<u8>, usize, Headers), Malformed>| {
            decoded
                .as_ref()
                .ok()
                .map(|(data, used, trailers)| (data.clone(), *used, fields(trailers)))
        };
        assert_eq!(of(&pieces), of(&whole), "in pieces of {step} bytes");
    }
    let (data, used, trailers) = whole.ok()?;
    check_fields(&trailers);
    Some((data, used))
}

/// A canonical path is its own canonical form, and neither it nor what is made of it for an upstream
/// climbs.
pub fn path(raw: &str) {
    for rules in [MERGE, KEEP, REFUSE] {
        let (mut path, mut again) = (String::new(), String::new());
        if normalise(raw, rules, &mut path).is_err() {
            continue;
        }
        assert_eq!(normalise(&path, rules, &mut again), Ok(()));
        assert_eq!(path, again);
        check_path(&path);
        assert!(!rules.merge_slashes || !path.contains("//"));
        for at in (0..path.len()).step_by(path.len() / 8 + 1) {
            for how in [PathJoin::Segments, PathJoin::Text] {
                let rewrite = PathRewrite { base: "/base".into(), strip: true, join: how };
                join(&rewrite, &path, at, &mut again);
                assert!(again.starts_with("/base"), "{again}");
                // Text is joined to what stands there: `/base` and `.` are `/base.`.
                check_path(again.strip_prefix("/base").map_or("/", |rest| match rest {
                    rest if rest.starts_with('/') => rest,
                    _ => "/",
                }));
            }
        }
    }
}

/// A PROXY header is read to its end, whatever stands behind it, and no further.
pub fn proxy_header(bytes: &[u8]) {
    let read = |mut bytes: &[u8]| {
        let ends = pollster(crate::proxy_protocol::read(&mut bytes));
        ends.ok().map(|ends| (ends, bytes.len()))
    };
    let Some((ends, left)) = read(bytes) else { return };
    let used = bytes.len() - left;
    assert_eq!(read(&bytes[..used]), Some((ends, 0)));
    assert_eq!(read(&[&bytes[..used], b"GET / HTTP/1.1\r\n"].concat()), Some((ends, 16)));
    for end in [used / 2, used - 1] {
        assert_eq!(read(&bytes[..end]), None);
    }
}

/// A log format is compiled or refused.
pub fn log_format(text: &str) {
    if let Err(error) = text.parse::<LogFormat>() {
        assert!(!error.to_string().is_empty());
    }
}

/// Decodes a body that arrives in pieces of the given size.
pub(crate) fn decode(body: &[u8], step: usize) -> Result<(Vec<u8>, usize, Headers), Malformed> {
    let (mut decoder, mut trailers) = (Decoder::default(), Headers::new());
    let (mut data, mut start, mut end) = (Vec::new(), 0, 0);
    loop {
        match decoder.next(&body[start..end], &mut trailers)? {
            Piece::Data { skip, len } => {
                data.extend_from_slice(&body[start + skip..start + skip + len]);
                decoder.consumed(len);
                start += skip + len;
            }
            Piece::End { skip } => {
                assert!(decoder.is_done());
                return Ok((data, start + skip, trailers));
            }
            Piece::Partial if end == body.len() => return Err(Malformed),
            Piece::Partial => end = body.len().min(end + step),
        }
    }
}

fn fields(headers: &Headers) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}

/// RFC 9110 sections 5.1 and 5.5.
fn check_fields(headers: &Headers) {
    for (name, value) in headers.iter() {
        assert!(filter::is_token(name.as_bytes()), "{name:?}");
        assert!(!value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t'), "{value:?}");
    }
}

fn check_path(path: &str) {
    assert!(path.starts_with('/') && path.is_ascii(), "{path}");
    let decoded = decoded(path);
    for segment in decoded.split(|byte| matches!(byte, b'/' | b'\\')) {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        assert!(!matches!(name, b"." | b".."), "{path}");
    }
}

/// A path as a server sees it that decodes before it looks.
fn decoded(path: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), path.as_bytes());
    while let [byte, tail @ ..] = rest {
        rest = match crate::path::escape_value(rest) {
            Some(value) => {
                out.push(value);
                &rest[3..]
            }
            None => {
                assert_ne!(*byte, b'%', "{path}: no escape");
                out.push(*byte);
                tail
            }
        };
    }
    out
}

/// The outcome of a future that has nothing to wait for.
fn pollster<F: Future>(future: F) -> F::Output {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut cx) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("bytes at hand are not waited for"),
    }
}

const MERGE: PathRules = PathRules { merge_slashes: true, encoded_slash: EncodedSlash::Keep };
const KEEP: PathRules = PathRules { merge_slashes: false, encoded_slash: EncodedSlash::Keep };
const REFUSE: PathRules = PathRules { merge_slashes: true, encoded_slash: EncodedSlash::Refuse };

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of messages in any order, and any bytes between them.
    fn rubble(pieces: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            6 => prop::sample::select(pieces).prop_map(<[u8]>::to_vec),
            1 => prop::collection::vec(any::<u8>(), 0..3),
        ];
        prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
    }

    const LINES: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"POST /a/%2e%2E/b?c#d HTTP/1.1\r\n",
        b"OPTIONS * HTTP/1.0\r\n",
        b"GET http://h:1/x HTTP/1.1\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 304 \r\n",
        b"Host: a\r\n",
        b"host:a:80\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: x, chunked\r\n",
        b"Connection: close\r\n",
        b"Expect: 100-continue\r\n",
        b"Upgrade: websocket\r\n",
        b"X: y\r\n",
        b"\r\n",
        b" ",
        b"\t",
        b"\n",
    ];
    const CHUNKS: &[&[u8]] = &[
        b"0\r\n",
        b"3\r\nabc\r\n",
        b"a;x=\"y\"\r\n",
        b"0123456789\r\n",
        b"\r\n",
        b"X: y\r\n",
        b"1 ;\r\nz\r\n",
        b"Content-Length: 1\r\n",
        b"0\r\n\r\n",
        b"f",
        b"\r",
        b"\n",
        b";",
    ];
    const PATHS: &[&[u8]] = &[
        b"/",
        b"a",
        b".",
        b"..",
        b"%2e",
        b"%2F",
        b"%5c",
        b";x",
        b"%",
        b"%00",
        b"//",
        b"\xc3\xa4",
        b"b",
    ];
    const PROXY: &[&[u8]] = &[
        b"PROXY ",
        b"TCP4 ",
        b"TCP6 ",
        b"UNKNOWN",
        b"1.2.3.4 ",
        b"::1 ",
        b"80 ",
        b"443",
        b"\r\n",
        b"\r\n\r\n\0\r\nQUIT\n",
        b"\x21\x11\0\x0c",
        b"\x20\x00\0\0",
        b"\x01\x02\x03\x04",
    ];
    const LOG: &[&[u8]] =
        &[b"$", b"{", b"}", b"$status", b"${request_time}", b"$http_x", b"$arg_a", b"\"", b" "];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn heads(bytes in rubble(LINES)) {
            request_head(&bytes);
            response_head(&bytes);
            for start in [&b"POST /a HTTP/1.1\r\nHost: a\r\n"[..], b"HTTP/1.1 200 OK\r\n"] {
                let bytes = [start, &bytes, b"\r\n\r\n"].concat();
                request_head(&bytes);
                response_head(&bytes);
            }
        }

        #[test]
        fn chunked_bodies(bytes in rubble(CHUNKS)) {
            chunked_body(&bytes);
            chunked_body(&[&bytes, &b"0\r\n\r\n"[..]].concat());
        }

        #[test]
        fn paths(bytes in rubble(PATHS)) {
            path(&String::from_utf8_lossy(&bytes));
            path(&format!("/{}", String::from_utf8_lossy(&bytes)));
        }

        #[test]
        fn proxy_headers(bytes in rubble(PROXY)) {
            proxy_header(&bytes);
            proxy_header(&[b"PROXY TCP4 ", &bytes[..]].concat());
            proxy_header(&[&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &bytes].concat());
        }

        #[test]
        fn log_formats(bytes in rubble(LOG)) {
            log_format(&String::from_utf8_lossy(&bytes));
        }
    }
}
