//! Heads of HTTP/1 messages: read, judged, made canonical.
//!
//! A head that two readers could understand differently is refused here and goes nowhere
//! (RFC 9112 section 11.2). What is sent on is written anew from the canonical head.

use std::mem::MaybeUninit;

use filter::{BodyLength, Headers, Method, Request, Response, Version};
use httparse::{Header, Status};
use model::{Limits, PathRules, reason};

/// Why a request is not served, as a reason of the engine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str);

/// What a request's head says beyond the canonical request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Framing {
    /// Bytes of the buffer that the head took.
    pub(crate) head: usize,
    /// Whether the client wants the connection kept.
    pub(crate) keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
    /// Whether the client asks to switch to WebSocket (RFC 6455 section 4.1).
    pub(crate) websocket: bool,
}

/// Reads a request's head from the start of a buffer; `None` if it is not complete yet.
pub(crate) fn read_request(
    buffer: &[u8],
    limits: &Limits,
    paths: PathRules,
    request: &mut Request,
) -> Result<Option<Framing>, Refused> {
    // A robust server ignores one empty line before a request (RFC 9112 section 2.2).
    let skipped = if buffer.starts_with(b"\r\n") { 2 } else { 0 };
    let buffer = &buffer[skipped..];

    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let fields = &mut fields[..limits.headers.min(MAX_FIELDS)];
    let mut parsed = httparse::Request::new(&mut []);
    let outcome = parsed.parse_with_uninit_headers(buffer, fields);
    let head = match outcome {
        Ok(Status::Complete(head)) => head,
        Ok(Status::Partial) => return partial(buffer, limits),
        Err(error) => return Err(refusal(error, buffer, limits)),
    };
    let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version)
    else {
        return Err(Refused(reason::BAD_REQUEST));
    };
    check_lines(&buffer[..head])?;
    check_sizes(&buffer[..head], method.len() + target.len() + 11, parsed.headers, limits)?;

    request.clear();
    request.version = if minor == 0 { Version::Http10 } else { Version::Http11 };
    request.method = read_method(method).ok_or(Refused(reason::BAD_REQUEST))?;
    if matches!(request.method, Method::Connect | Method::Trace) {
        return Err(Refused(reason::METHOD_NOT_ALLOWED));
    }
    let facts = read_fields(&buffer[..head], parsed.headers, &mut request.headers)?;
    // One caller or the other: readers would not agree on which.
    if facts.authorizations > 1 {
        return Err(Refused(reason::BAD_REQUEST));
    }
    request.body = request_body(&facts, request.version)?;
    read_target(target, &facts, paths, request)?;

    let keep_alive = match request.version {
        Version::Http10 => facts.keep_alive && !facts.close,
        _ => !facts.close,
    };
    let expects_continue = match facts.expect {
        None => false,
        // An HTTP/1.0 client's expectation is ignored (RFC 9110 section 10.1.1).
        Some(_) if request.version == Version::Http10 => false,
        Some(Expect::Continue) => request.body != BodyLength::None,
        Some(Expect::Other) => return Err(Refused(reason::EXPECTATION)),
    };
    let websocket = facts.upgrade && facts.websocket && request.version == Version::Http11;
    Ok(Some(Framing { head: skipped + head, keep_alive, expects_continue, websocket }))
}

/// What a response's head says beyond status and headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResponseFraming {
    /// Bytes of the buffer that the head took.
    pub(crate) head: usize,
    /// How the body ends.
    pub(crate) body: ResponseBody,
    /// Whether the connection may be used again afterwards.
    pub(crate) keep_alive: bool,
}

/// How a response's body ends (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseBody {
    /// There is none.
    None,
    /// After so many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    Close,
}

/// Why a response is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadResponse {
    #[error("the response's head is malformed")]
    Malformed,
    #[error("the response's head is larger than {MAX_RESPONSE_HEAD} bytes")]
    TooLarge,
    #[error("the response's length is ambiguous")]
    Ambiguous,
}

/// Reads a response's head from the start of a buffer; `None` if it is not complete yet.
/// `to_head` says whether the request's method was `HEAD`.
pub(crate) fn read_response(
    buffer: &[u8],
    to_head: bool,
    response: &mut Response,
) -> Result<Option<ResponseFraming>, BadResponse> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let head = match config.parse_response_with_uninit_headers(&mut parsed, buffer, &mut fields) {
        Ok(Status::Complete(head)) if head <= MAX_RESPONSE_HEAD => head,
        Ok(Status::Partial) if buffer.len() < MAX_RESPONSE_HEAD => return Ok(None),
        Ok(_) => return Err(BadResponse::TooLarge),
        Err(httparse::Error::TooManyHeaders) => return Err(BadResponse::TooLarge),
        Err(_) => return Err(BadResponse::Malformed),
    };
    let (Some(status), Some(minor)) = (parsed.code, parsed.version) else {
        return Err(BadResponse::Malformed);
    };
    if !(100..=999).contains(&status) {
        return Err(BadResponse::Malformed);
    }
    check_lines(&buffer[..head]).map_err(|_| BadResponse::Malformed)?;
    response.clear();
    response.status = status;
    let facts = read_fields(&buffer[..head], parsed.headers, &mut response.headers)
        .map_err(|_| BadResponse::Ambiguous)?;
    let body = response_body(&facts, status, to_head, minor)?;
    response.body = match body {
        ResponseBody::None => BodyLength::None,
        ResponseBody::Length(length) => BodyLength::Known(length),
        ResponseBody::Chunked | ResponseBody::Close => BodyLength::Unknown,
    };
    let persistent = if minor == 0 { facts.keep_alive && !facts.close } else { !facts.close };
    let keep_alive = persistent && body != ResponseBody::Close;
    Ok(Some(ResponseFraming { head, body, keep_alive }))
}

/// What the header fields say about the message and the connection.
#[derive(Default)]
struct Facts {
    hosts: usize,
    content_length: Option<u64>,
    transfer_encodings: usize,
    chunked: bool,
    /// Other codings come before a final `chunked`.
    coded: bool,
    keep_alive: bool,
    close: bool,
    upgrade: bool,
    websocket: bool,
    expect: Option<Expect>,
    authorizations: usize,
}

enum Expect {
    Continue,
    Other,
}

/// Loads the fields, and takes from them what concerns the message's framing.
fn read_fields(
    head: &[u8],
    fields: &[Header<'_>],
    headers: &mut Headers,
) -> Result<Facts, Refused> {
    headers.load(head);
    let start = head.as_ptr() as usize;
    let mut facts = Facts::default();
    for field in fields {
        let name = field.name.as_ptr() as usize - start;
        let value = field.value.as_ptr() as usize - start;
        headers.push_spans(name..name + field.name.len(), value..value + field.value.len());
        facts.take(field.name, field.value)?;
    }
    Ok(facts)
}

impl Facts {
    fn take(&mut self, name: &str, value: &[u8]) -> Result<(), Refused> {
        // Names are told apart by length first: most fields are none of these.
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => self.hosts += 1,
            6 if name.eq_ignore_ascii_case("expect") => {
                if self.expect.is_some() {
                    return Err(Refused(reason::BAD_REQUEST));
                }
                let known = value.eq_ignore_ascii_case(b"100-continue");
                self.expect = Some(if known { Expect::Continue } else { Expect::Other });
            }
            7 if name.eq_ignore_ascii_case("upgrade") => {
                self.websocket = value.eq_ignore_ascii_case(b"websocket");
            }
            10 if name.eq_ignore_ascii_case("connection") => {
                for option in list(value) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                    self.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
                }
            }
            13 if name.eq_ignore_ascii_case("authorization") => self.authorizations += 1,
            14 if name.eq_ignore_ascii_case("content-length") => {
                // RFC 9112 section 6.3: several values, even equal ones, may be refused; two
                // readers might not agree on which counts.
                if self.content_length.is_some() {
                    return Err(Refused(reason::BAD_REQUEST));
                }
                self.content_length = Some(length(value).ok_or(Refused(reason::BAD_REQUEST))?);
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                self.transfer_encodings += 1;
                self.chunked = value.eq_ignore_ascii_case(b"chunked");
                self.coded = list(value).all(filter::is_token)
                    && list(value).count() > 1
                    && list(value).last().is_some_and(|c| c.eq_ignore_ascii_case(b"chunked"));
            }
            _ => {}
        }
        Ok(())
    }
}

/// How a request's body ends (RFC 9112 section 6.3), for requests only readable in one way.
fn request_body(facts: &Facts, version: Version) -> Result<BodyLength, Refused> {
    if facts.transfer_encodings > 0 {
        let ambiguous = facts.transfer_encodings > 1
            || facts.content_length.is_some()
            || version == Version::Http10;
        if ambiguous {
            return Err(Refused(reason::BAD_REQUEST));
        }
        return match (facts.chunked, facts.coded) {
            (true, _) => Ok(BodyLength::Unknown),
            // RFC 9112 section 6.1: a coding that is not understood is answered 501, one that
            // leaves the end of the body open (chunked is not last) 400.
            (false, true) => Err(Refused(reason::NOT_IMPLEMENTED)),
            (false, false) => Err(Refused(reason::BAD_REQUEST)),
        };
    }
    Ok(match facts.content_length {
        None | Some(0) => BodyLength::None,
        Some(length) => BodyLength::Known(length),
    })
}

fn response_body(
    facts: &Facts,
    status: u16,
    to_head: bool,
    minor: u8,
) -> Result<ResponseBody, BadResponse> {
    if facts.transfer_encodings > 0 {
        let clear = facts.transfer_encodings == 1
            && facts.chunked
            && facts.content_length.is_none()
            && minor == 1;
        if !clear {
            return Err(BadResponse::Ambiguous);
        }
    }
    if to_head || status < 200 || status == 204 || status == 304 {
        return Ok(ResponseBody::None);
    }
    Ok(match (facts.chunked, facts.content_length) {
        (true, _) => ResponseBody::Chunked,
        (false, Some(length)) => ResponseBody::Length(length),
        (false, None) => ResponseBody::Close,
    })
}

/// Takes the target and the host: from an absolute target the authority counts, not `Host`
/// (RFC 9112 section 3.2.2).
fn read_target(
    target: &str,
    facts: &Facts,
    paths: PathRules,
    request: &mut Request,
) -> Result<(), Refused> {
    let bad = Refused(reason::BAD_REQUEST);
    // A fragment is the client's own (RFC 9112 section 3.2); one that is sent all the same ends
    // the target.
    let target = &target[..target.bytes().position(|byte| byte == b'#').unwrap_or(target.len())];
    if facts.hosts > 1 || (facts.hosts == 0 && request.version == Version::Http11) {
        return Err(bad);
    }
    // A `Host` is judged even where an absolute target overrules it.
    if !request.read_host(split_authority) {
        return Err(bad);
    }
    if target.starts_with('/') {
        return set_target(target, paths, request);
    }
    if target == "*" && request.method == Method::Options {
        request.set_target("*", "*");
        return Ok(());
    }
    let rest = strip_scheme(target).ok_or(bad)?;
    let path_at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path_at);
    let (name, port) = split_authority(authority.as_bytes()).ok_or(bad)?;
    if name.is_empty() {
        return Err(bad);
    }
    request.set_host(name, port);
    request.headers.set("Host", authority);
    match path.as_bytes().first() {
        Some(b'/') => set_target(path, paths, request),
        _ => set_target(&format!("/{path}"), paths, request),
    }
}

fn set_target(target: &str, paths: PathRules, request: &mut Request) -> Result<(), Refused> {
    request
        .set_target_with(target, |raw, out| crate::path::normalise(raw, paths, out))
        .map_err(|_| Refused(reason::BAD_REQUEST))
}

fn strip_scheme(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    known.then_some(rest)
}

/// Splits `host[:port]` (RFC 3986 section 3.2), for the hosts that HTTP allows: no user
/// information, a registered name of ordinary bytes, an IPv4 or a bracketed IPv6 address.
pub(crate) fn split_authority(authority: &[u8]) -> Option<(&str, Option<u16>)> {
    let text = std::str::from_utf8(authority).ok()?;
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        address.parse::<std::net::Ipv6Addr>().ok()?;
        let host = &text[..address.len() + 2];
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, port_number(port)?)),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    let (host, port) = match authority.iter().position(|byte| *byte == b':') {
        Some(at) => (&text[..at], port_number(&text[at + 1..])?),
        None => (text, None),
    };
    host.bytes().all(is_host_byte).then_some((host, port))
}

/// `Some(None)` for an empty port, which means the default (RFC 3986 section 3.2.3).
fn port_number(text: &str) -> Option<Option<u16>> {
    if text.is_empty() {
        return Some(None);
    }
    if text.len() > 5 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().map(Some)
}

/// Bytes of a registered name that no reader takes for something else.
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        )
}

/// Every line must end in CRLF: a bare LF is where readers disagree. (`httparse` has refused
/// bare CR, folded lines and blanks before the colon.)
fn check_lines(head: &[u8]) -> Result<(), Refused> {
    // No branch, so that many bytes are judged at a time. A head does not begin with an end.
    let pairs = head.iter().zip(head.iter().skip(1));
    let bare = pairs.fold(false, |bare, (a, b)| bare | ((*b == b'\n') & (*a != b'\r')));
    if !bare { Ok(()) } else { Err(Refused(reason::BAD_REQUEST)) }
}

fn check_sizes(
    head: &[u8],
    request_line: usize,
    fields: &[Header<'_>],
    limits: &Limits,
) -> Result<(), Refused> {
    if request_line > limits.request_line {
        return Err(Refused(reason::URI_TOO_LONG));
    }
    let long = fields.iter().any(|f| f.name.len() + f.value.len() + 4 > limits.header_line);
    if head.len() > limits.head || long {
        return Err(Refused(reason::HEAD_TOO_LARGE));
    }
    Ok(())
}

/// A head that is not complete is waited for as long as it can still be within the limits.
fn partial(buffer: &[u8], limits: &Limits) -> Result<Option<Framing>, Refused> {
    let line = memchr::memchr(b'\n', buffer);
    if line.is_none() && buffer.len() > limits.request_line {
        return Err(Refused(reason::URI_TOO_LONG));
    }
    if buffer.len() > limits.head {
        return Err(Refused(reason::HEAD_TOO_LARGE));
    }
    let last = memchr::memrchr(b'\n', buffer).map_or(0, |at| at + 1);
    if line.is_some() && buffer.len() - last > limits.header_line {
        return Err(Refused(reason::HEAD_TOO_LARGE));
    }
    Ok(None)
}

fn refusal(error: httparse::Error, buffer: &[u8], limits: &Limits) -> Refused {
    match error {
        httparse::Error::TooManyHeaders => Refused(reason::HEAD_TOO_LARGE),
        httparse::Error::Version if has_http_version(buffer) => Refused(reason::VERSION),
        _ if partial(buffer, limits).is_err() => {
            partial(buffer, limits).err().unwrap_or(Refused(reason::BAD_REQUEST))
        }
        _ => Refused(reason::BAD_REQUEST),
    }
}

/// Whether the request line ends in a version, `HTTP/` digit `.` digit (RFC 9112 section 2.3),
/// behind exactly a method and a target.
fn has_http_version(buffer: &[u8]) -> bool {
    let line = buffer.split(|byte| *byte == b'\r' || *byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let version = words.nth(2).unwrap_or_default();
    words.next().is_none()
        && version.len() == 8
        && version.starts_with(b"HTTP/")
        && version[5].is_ascii_digit()
        && version[6] == b'.'
        && version[7].is_ascii_digit()
}

/// A method without lower-case letters: methods are case-sensitive (RFC 9110 section 9.1), but
/// not every server knows, and to those `get` would be what a rule on `GET` had not seen.
pub(crate) fn read_method(method: &str) -> Option<Method> {
    let lower = method.bytes().any(|byte| byte.is_ascii_lowercase());
    Method::parse(method.as_bytes()).filter(|_| !lower)
}

/// Only digits (RFC 9110 section 8.6), and a number that any reader can hold.
fn length(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
    digits.then(|| value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// Elements of a comma-separated list, without blanks around them.
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

/// More fields than this are never read, whatever the limits say.
const MAX_FIELDS: usize = 256;

/// Bytes of a response's head.
pub(crate) const MAX_RESPONSE_HEAD: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use model::EncodedSlash;
    use proptest::prelude::*;

    use super::*;

    const PATHS: PathRules = PathRules { merge_slashes: true, encoded_slash: EncodedSlash::Keep };

    fn request(head: &str) -> Result<Option<(Framing, Request)>, Refused> {
        let mut request = Request::default();
        let framing = read_request(head.as_bytes(), &Limits::default(), PATHS, &mut request)?;
        Ok(framing.map(|framing| (framing, request)))
    }

    fn refused(head: &str) -> &'static str {
        match request(head) {
            Err(Refused(reason)) => reason,
            Ok(_) => panic!("{:?} was not refused", head.escape_debug().to_string()),
        }
    }

    fn response(head: &str, to_head: bool) -> Result<Option<ResponseFraming>, BadResponse> {
        read_response(head.as_bytes(), to_head, &mut Response::default())
    }

    #[test]
    fn a_plain_request_is_taken_apart() {
        let head = "GET /a//b?q=1 HTTP/1.1\r\nHost: A.test:8080\r\nX-Y: z\r\n\r\nrest";
        let (framing, request) = request(head).expect("sound").expect("complete");
        assert_eq!(framing.head, head.len() - 4);
        assert!(framing.keep_alive && !framing.expects_continue && !framing.websocket);
        assert_eq!((request.path(), request.query()), ("/a/b", Some("q=1")));
        assert_eq!((request.host(), request.port()), ("a.test", Some(8080)));
        assert_eq!(request.headers.get_str("x-y"), Some("z"));
        assert_eq!(request.body, BodyLength::None);
    }

    #[test]
    fn a_request_is_waited_for_until_its_head_is_whole() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for end in 0..head.len() {
            assert!(matches!(request(&head[..end]), Ok(None)), "{end}");
        }
        assert!(matches!(request(head), Ok(Some(_))));
    }

    #[test]
    fn the_ways_of_smuggling_a_request_are_refused() {
        let fields = [
            "Content-Length: 6\r\nTransfer-Encoding: chunked", // SEC-001
            "Transfer-Encoding: chunked\r\nContent-Length: 4", // SEC-002
            "Transfer-Encoding : chunked\r\nContent-Length: 4", // SEC-003
            "Transfer-Encoding:\x0bchunked\r\nContent-Length: 4", // SEC-004
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", // SEC-005
            "Transfer-Encoding: chunked, identity",            // SEC-006
            "Content-Length: +5",                              // SEC-008
            "Content-Length: 18446744073709551619",            // SEC-009
            "Content-Length: 3\r\nContent-Length: 0",          // SEC-010
            "Content-Length: 3\r\nContent-Length: 3",
            "Content-Length:",                  // SEC-011
            ": x\r\nContent-Length: 0",         // SEC-012
            "X: a\rTransfer-Encoding: chunked", // SEC-024
            "Transfer-Encoding:\r\n chunked",   // SEC-025
            "X: a\nY: b",
            "Authorization: Bearer a\r\nAuthorization: Bearer b",
            "Expect: y\r\nExpect: 100-continue",
        ];
        for field in fields {
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
            assert_eq!(refused(&head), reason::BAD_REQUEST, "{field:?}");
        }
        // SEC-007: an HTTP/1.0 message has no transfer coding (RFC 9112 section 6.1).
        let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(refused(old), reason::BAD_REQUEST);
        // SEC-023
        assert_eq!(refused("GET / HTTP/1.1\nHost: a\n\n"), reason::BAD_REQUEST);
        let coded = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n";
        assert_eq!(refused(coded), reason::NOT_IMPLEMENTED);
    }

    #[test]
    fn a_host_is_one_name_and_perhaps_a_port() {
        for host in [
            "good@evil",
            "good:80x",
            "good/evil",
            "good\\evil",
            "x.test:99999",
            "<script>",
            "a b",
            "[::1",
            "[x]",
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"); // SEC-091, 095, 096
            assert_eq!(refused(&head), reason::BAD_REQUEST, "{host}");
        }
        // SEC-090
        let two = "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n";
        assert_eq!(refused(two), reason::BAD_REQUEST);
        assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), reason::BAD_REQUEST);
        assert_eq!(split_authority(b"[::1]:8080"), Some(("[::1]", Some(8080))));
        assert_eq!(split_authority(b"a:"), Some(("a", None)));
    }

    #[test]
    fn a_fragment_ends_the_target() {
        for target in ["/a?q=1#f", "/a?q=1#f?g#h", "http://a/a?q=1#f"] {
            let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            let (_, request) = request(&head).expect("sound").expect("complete");
            assert_eq!((request.path(), request.query()), ("/a", Some("q=1")), "{target}");
        }
        assert_eq!(refused("GET #f HTTP/1.1\r\nHost: a\r\n\r\n"), reason::BAD_REQUEST);
    }

    #[test]
    fn an_absolute_target_overrules_the_host() {
        let head = "GET http://evil.test/x HTTP/1.1\r\nHost: good.test\r\n\r\n"; // SEC-092
        let (_, request) = request(head).expect("sound").expect("complete");
        assert_eq!((request.host(), request.path()), ("evil.test", "/x"));
        assert_eq!(request.headers.get_str("host"), Some("evil.test"));
        assert_eq!(refused("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), reason::BAD_REQUEST);
        assert_eq!(refused("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"), reason::BAD_REQUEST);
    }

    #[test]
    fn request_lines_are_judged() {
        assert_eq!(refused("G(T / HTTP/1.1\r\nHost: a\r\n\r\n"), reason::BAD_REQUEST);
        assert_eq!(refused("GET /a b c HTTP/1.1\r\nHost: a\r\n\r\n"), reason::BAD_REQUEST);
        assert_eq!(refused("GET / HTTP/9.9\r\nHost: a\r\n\r\n"), reason::VERSION);
        assert_eq!(refused("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), reason::METHOD_NOT_ALLOWED);
        assert_eq!(refused("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), reason::METHOD_NOT_ALLOWED);
        assert_eq!(refused("get / HTTP/1.1\r\nHost: a\r\n\r\n"), reason::BAD_REQUEST);
    }

    #[test]
    fn sizes_are_limited_before_and_after_a_head_is_whole() {
        let long = "x".repeat(9 << 10);
        assert_eq!(refused(&format!("GET /{long}")), reason::URI_TOO_LONG); // SEC-053
        assert_eq!(
            refused(&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n")),
            reason::URI_TOO_LONG
        );
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}");
        assert_eq!(refused(&head), reason::HEAD_TOO_LARGE);
        assert_eq!(refused(&format!("{head}\r\n\r\n")), reason::HEAD_TOO_LARGE);
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200));
        assert_eq!(refused(&many), reason::HEAD_TOO_LARGE); // SEC-052
    }

    #[test]
    fn connections_and_expectations_are_understood() {
        let framing = |fields: &str, version: &str| {
            let head = format!("POST / HTTP/{version}\r\nHost: a\r\n{fields}\r\n\r\n");
            request(&head).map(|found| found.expect("complete").0)
        };
        assert!(!framing("Connection: close", "1.1").expect("sound").keep_alive);
        assert!(!framing("X: y", "1.0").expect("sound").keep_alive);
        assert!(framing("Connection: Keep-Alive", "1.0").expect("sound").keep_alive);
        let upgrade = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket";
        assert!(framing(upgrade, "1.1").expect("sound").websocket);
        assert!(!framing("Upgrade: websocket", "1.1").expect("sound").websocket);
        let expect = "Expect: 100-continue\r\nContent-Length: 5";
        assert!(framing(expect, "1.1").expect("sound").expects_continue);
        assert!(!framing(expect, "1.0").expect("sound").expects_continue);
        // SEC-016
        let other = "Expect: y 100-continue\r\nContent-Length: 5";
        assert_eq!(framing(other, "1.1"), Err(Refused(reason::EXPECTATION)));
    }

    #[test]
    fn responses_end_in_one_way_only() {
        let body = |head: &str, to_head| {
            response(head, to_head).map(|found| found.expect("complete").body)
        };
        assert_eq!(
            body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", false),
            Ok(ResponseBody::Length(2))
        );
        assert_eq!(
            body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true),
            Ok(ResponseBody::None)
        );
        assert_eq!(body("HTTP/1.1 204 No\r\n\r\n", false), Ok(ResponseBody::None));
        assert_eq!(
            body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false),
            Ok(ResponseBody::Chunked)
        );
        assert_eq!(body("HTTP/1.0 200 OK\r\n\r\n", false), Ok(ResponseBody::Close));
        for fields in [
            "Content-Length: 2\r\nContent-Length: 3", // SEC-026
            "Content-Length: 2\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: gzip",
        ] {
            let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
            assert_eq!(body(&head, false), Err(BadResponse::Ambiguous), "{fields}");
        }
        assert_eq!(response("garbage\r\n\r\n", false), Err(BadResponse::Malformed));
        assert_eq!(response("HTTP/1.1 200 OK\r\nX: 1\r\n", false), Ok(None));
        let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MAX_RESPONSE_HEAD));
        assert_eq!(response(&long, false), Err(BadResponse::TooLarge));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut request = Request::default();
            let _ = read_request(&bytes, &Limits::default(), PATHS, &mut request);
            let _ = read_response(&bytes, false, &mut Response::default());
        }

        /// One changed byte never makes a head readable in two ways: what is accepted has one
        /// length, one host and no line end inside a field.
        #[test]
        fn a_changed_head_is_refused_or_still_clear(at in 0usize..70, byte in any::<u8>()) {
            let mut head = b"POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nX: y\r\n\r\n".to_vec();
            let at = at.min(head.len() - 1);
            head[at] = byte;
            let mut request = Request::default();
            if let Ok(Some(_)) = read_request(&head, &Limits::default(), PATHS, &mut request) {
                prop_assert!(request.headers.get_all("host").count() == 1);
                prop_assert!(request.headers.get_all("content-length").count() <= 1);
                for (_, value) in request.headers.iter() {
                    prop_assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
                }
            }
        }
    }
}
