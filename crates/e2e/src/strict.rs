//! A reader of HTTP/1.1 requests made from the grammar of RFC 9112 alone. It shares no code with the
//! gateway: where both read the same bytes, they must find the same requests.
//!
//! It works on bytes at hand, so that a connection can be read again whole, and a fuzzer can use it.

/// A request, as far as its framing goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub method: Vec<u8>,
    pub target: Vec<u8>,
    pub minor: u8,
    /// Names in lower case, values without blanks around them.
    pub fields: Fields,
    pub body: Vec<u8>,
    pub trailers: Fields,
}

/// What stands at the start of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A request, and how many bytes it takes.
    Whole(Message, usize),
    /// The start of one.
    Cut,
    /// No request, and why.
    Bad(&'static str),
}

type Parsed<T> = Result<T, Stop>;
type Fields = Vec<(String, Vec<u8>)>;

enum Stop {
    Cut,
    Bad(&'static str),
}

/// Reads the request at the start of `bytes`.
pub fn read(bytes: &[u8]) -> Outcome {
    let mut input = Input { bytes, at: 0 };
    match message(&mut input) {
        Ok(message) => Outcome::Whole(message, input.at),
        Err(Stop::Cut) => Outcome::Cut,
        Err(Stop::Bad(why)) => Outcome::Bad(why),
    }
}

/// All requests that `bytes` hold one after the other, up to the first that is cut or bad.
pub fn read_all(mut bytes: &[u8]) -> (Vec<Message>, Outcome) {
    let mut messages = Vec::new();
    loop {
        match read(bytes) {
            Outcome::Whole(message, used) => {
                messages.push(message);
                bytes = &bytes[used..];
            }
            end => return (messages, end),
        }
    }
}

/// Decodes the chunked body at the start of `bytes` (RFC 9112 section 7.1): its data, and how many
/// bytes it takes.
pub fn read_chunked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut input = Input { bytes, at: 0 };
    let (data, _) = chunked_body(&mut input).ok()?;
    Some((data, input.at))
}

impl Message {
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_slice())
    }

    /// What is between the first `?` of the target and its fragment.
    pub fn query(&self) -> Option<&[u8]> {
        let target = self.target.split(|byte| *byte == b'#').next().unwrap_or_default();
        let at = target.iter().position(|byte| *byte == b'?')?;
        Some(&target[at + 1..])
    }

    /// What a gateway must not send to a server, beyond what the grammar says: anything that another
    /// reader could take for another request.
    pub fn fault(&self) -> Option<&'static str> {
        let fault = |wrong: bool, why| wrong.then_some(why);
        let name = |wanted: &'static str| self.values(wanted).count();
        // RFC 9112 section 3.2.
        fault(self.minor != 1, "not HTTP/1.1")
            .or(fault(name("host") != 1, "not one Host"))
            .or(fault(!self.values("host").all(is_authority), "a Host that is no authority"))
            .or(fault(!self.has_origin_form(), "a target that is no path"))
            // RFC 9112 section 6.3.
            .or(fault(name("content-length") > 1, "two lengths"))
            .or(fault(name("transfer-encoding") > 1, "two codings"))
            // RFC 9110 sections 6.5.1 and 7.6.1.
            .or(fault(
                name("te") > 0 && !self.values("te").all(|v| v == b"trailers"),
                "a foreign TE",
            ))
            .or(fault(name("keep-alive") + name("proxy-connection") > 0, "a field of another hop"))
            .or(fault(
                self.trailers.iter().any(|(name, _)| is_framing(name)),
                "framing in trailers",
            ))
            .or(fault(self.method.iter().any(u8::is_ascii_lowercase), "a method in lower case"))
    }

    /// RFC 9112 section 3.2.1: an absolute path of `pchar` and slashes; or `*` of `OPTIONS`.
    fn has_origin_form(&self) -> bool {
        if self.target == b"*" {
            return self.method == b"OPTIONS";
        }
        let path = self.target.split(|byte| *byte == b'?').next().unwrap_or_default();
        path.first() == Some(&b'/') && is_path(path) && !has_dots(path)
    }
}

/// RFC 3986 section 3.3.
fn is_path(mut path: &[u8]) -> bool {
    loop {
        path = match path {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            [byte, rest @ ..]
                if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(byte) =>
            {
                rest
            }
            _ => return false,
        }
    }
}

/// Whether a server could climb: a segment `.` or `..`, also one that has parameters or is escaped.
fn has_dots(path: &[u8]) -> bool {
    let mut plain = Vec::new();
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        rest = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0) as u8;
                plain.push(digit(high) << 4 | digit(low));
                tail
            }
            _ => {
                plain.push(*byte);
                tail
            }
        };
    }
    plain.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        matches!(name, b"." | b"..")
    })
}

/// RFC 3986 section 3.2, without user information.
fn is_authority(value: &[u8]) -> bool {
    let (host, port) = match value.iter().rposition(|byte| *byte == b':') {
        Some(at) if !value[at..].contains(&b']') => (&value[..at], &value[at + 1..]),
        _ => (value, &b""[..]),
    };
    let is_name = |host: &[u8]| {
        host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(byte))
    };
    let is_literal = |host: &[u8]| {
        let inner = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
        let text = inner.and_then(|inner| std::str::from_utf8(inner).ok());
        text.is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
    };
    port.iter().all(u8::is_ascii_digit) && (is_name(host) || is_literal(host))
}

fn is_framing(name: &str) -> bool {
    matches!(
        name,
        "host" | "content-length" | "transfer-encoding" | "connection" | "te" | "trailer"
    )
}

/// RFC 9112 section 2.1, and the empty line before a request that section 2.2 has ignored.
fn message(input: &mut Input<'_>) -> Parsed<Message> {
    if input.rest().starts_with(b"\r\n") {
        input.at += 2;
    }
    let line = input.line()?;
    let (method, rest) = word(line, "the method")?;
    let (target, version) = word(rest, "the target")?;
    let minor = match version {
        b"HTTP/1.1" => 1,
        b"HTTP/1.0" => 0,
        _ => return Err(Stop::Bad("the version")),
    };
    // RFC 9110 section 5.6.2; RFC 9112 section 3.2: no whitespace, so nor any control byte.
    if !is_token(method) || !target.iter().all(|byte| *byte > b' ' && *byte != 0x7f) {
        return Err(Stop::Bad("the request line"));
    }
    let (method, target) = (method.to_vec(), target.to_vec());
    let fields = fields(input)?;
    let mut message = Message { method, target, minor, fields, body: vec![], trailers: vec![] };
    match framing(&message)? {
        Framing::None => {}
        Framing::Length(length) => message.body = input.take(length)?.to_vec(),
        Framing::Chunked => (message.body, message.trailers) = chunked_body(input)?,
    }
    Ok(message)
}

/// `word SP rest`.
fn word<'a>(line: &'a [u8], what: &'static str) -> Parsed<(&'a [u8], &'a [u8])> {
    let at = line.iter().position(|byte| *byte == b' ').ok_or(Stop::Bad(what))?;
    if at == 0 { Err(Stop::Bad(what)) } else { Ok((&line[..at], &line[at + 1..])) }
}

/// `*( field-line CRLF ) CRLF` (RFC 9112 section 5).
fn fields(input: &mut Input<'_>) -> Parsed<Fields> {
    let mut fields = Vec::new();
    loop {
        let line = input.line()?;
        if line.is_empty() {
            return Ok(fields);
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Stop::Bad("a field line"))?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if !is_token(name) {
            return Err(Stop::Bad("a field's name"));
        }
        // RFC 9110 section 5.5.
        if value.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f) {
            return Err(Stop::Bad("a field's value"));
        }
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
        let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |at| at + 1);
        let name = name.to_ascii_lowercase().into_iter().map(char::from).collect();
        fields.push((name, value[start..end].to_vec()));
    }
}

enum Framing {
    None,
    Length(usize),
    Chunked,
}

/// RFC 9112 section 6.3, for requests, with everything refused that it lets a server refuse.
fn framing(message: &Message) -> Parsed<Framing> {
    let codings: Vec<_> = message.values("transfer-encoding").collect();
    let lengths: Vec<_> = message.values("content-length").collect();
    match (codings.as_slice(), lengths.as_slice()) {
        ([], []) => Ok(Framing::None),
        ([coding], []) if coding.eq_ignore_ascii_case(b"chunked") && message.minor == 1 => {
            Ok(Framing::Chunked)
        }
        ([], [length]) if !length.is_empty() && length.iter().all(u8::is_ascii_digit) => {
            let text = std::str::from_utf8(length).expect("digits are UTF-8");
            text.parse().map(Framing::Length).map_err(|_| Stop::Bad("a length"))
        }
        _ => Err(Stop::Bad("the framing")),
    }
}

/// RFC 9112 section 7.1.
fn chunked_body(input: &mut Input<'_>) -> Parsed<(Vec<u8>, Fields)> {
    let mut data = Vec::new();
    loop {
        let line = input.line()?;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (size, extension) = line.split_at(digits);
        // `BWS ";"`, and then anything but control bytes: nobody reads what is there.
        let mark = extension.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
        let control =
            extension.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f);
        if digits == 0 || control || !(extension.is_empty() || mark == Some(&b';')) {
            return Err(Stop::Bad("a chunk's size"));
        }
        let text = std::str::from_utf8(size).expect("digits are UTF-8");
        let size = usize::from_str_radix(text, 16).map_err(|_| Stop::Bad("a chunk's size"))?;
        if size == 0 {
            return Ok((data, fields(input)?));
        }
        data.extend_from_slice(input.take(size)?);
        if input.take(2)? != b"\r\n" {
            return Err(Stop::Bad("a chunk's end"));
        }
    }
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn take(&mut self, count: usize) -> Parsed<&'a [u8]> {
        let taken = self.rest().get(..count).ok_or(Stop::Cut)?;
        self.at += count;
        Ok(taken)
    }

    /// A line up to its CR LF; neither stands alone in it (RFC 9112 section 2.2).
    fn line(&mut self) -> Parsed<&'a [u8]> {
        let rest = self.rest();
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        match end.map(|end| (end, &rest[end..])) {
            None | Some((_, b"\r")) => Err(Stop::Cut),
            Some((end, [b'\r', b'\n', ..])) => {
                self.at += end + 2;
                Ok(&rest[..end])
            }
            Some(_) => Err(Stop::Bad("a line's end")),
        }
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(bytes: &[u8]) -> bool {
    let ok = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> (Message, usize) {
        match read(text.as_bytes()) {
            Outcome::Whole(message, used) => (message, used),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_end_where_they_say() {
        let (message, used) =
            whole("POST /a?b#c HTTP/1.1\r\nHost: h:1\r\nContent-Length:\t2 \r\n\r\nhiGET");
        assert_eq!(
            (message.body.as_slice(), message.query(), message.fault()),
            (&b"hi"[..], Some(&b"b"[..]), None)
        );
        assert_eq!(used, 57);
        let chunked = "POST / HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: Chunked\r\n\r\n2 ;x\r\nhi\r\n0\r\nX: y\r\n\r\n";
        let (message, used) = whole(chunked);
        assert_eq!(
            (message.body.as_slice(), used, message.fault()),
            (&b"hi"[..], chunked.len(), None)
        );
        assert_eq!(message.trailers, [("x".to_owned(), b"y".to_vec())]);
        for end in 0..chunked.len() {
            assert_eq!(read(&chunked.as_bytes()[..end]), Outcome::Cut, "{end}");
        }
        let (messages, end) = read_all(b"GET / HTTP/1.1\r\n\r\n\r\nGET /b HTTP/1.0\r\n\r\nx");
        assert_eq!((messages.len(), end), (2, Outcome::Cut));
    }

    #[test]
    fn what_the_grammar_does_not_have_is_bad() {
        let start = "POST / HTTP/1.1\r\n";
        for text in [
            "GET  / HTTP/1.1\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\n\n".to_owned(),
            "GET / HTTP/1.2\r\n\r\n".to_owned(),
            format!("{start}A : b\r\n\r\n"),
            format!("{start}A: b\rc\r\n\r\n"),
            format!("{start} A: b\r\n\r\n"),
            format!("{start}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            format!("{start}Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
            format!("{start}Content-Length: +1\r\n\r\na"),
            format!("{start}Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"),
            format!("{start}Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n"),
            format!("{start}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"),
        ] {
            assert!(matches!(read(text.as_bytes()), Outcome::Bad(_)), "{text:?}");
        }
    }

    #[test]
    fn what_must_not_be_sent_on_is_named() {
        let fault = |line: &str, fields: &str| whole(&format!("{line}\r\n{fields}\r\n")).0.fault();
        assert_eq!(fault("GET / HTTP/1.1", "Host: h\r\nTE: trailers\r\n"), None);
        assert_eq!(fault("OPTIONS * HTTP/1.1", "Host: h\r\n"), None);
        assert_eq!(fault("GET / HTTP/1.0", "Host: h\r\n"), Some("not HTTP/1.1"));
        assert_eq!(fault("GET / HTTP/1.1", ""), Some("not one Host"));
        assert_eq!(fault("GET / HTTP/1.1", "Host: u@h\r\n"), Some("a Host that is no authority"));
        for target in
            ["*", "http://h/", "/a%2", "/a\\b", "/a/..", "/%2e%2E/", "/..;x/", "/a%2F..%5Cb"]
        {
            let found = fault(&format!("GET {target} HTTP/1.1"), "Host: h\r\n");
            assert_eq!(found, Some("a target that is no path"), "{target}");
        }
        assert_eq!(fault("GET / HTTP/1.1", "Host: h\r\nTE: gzip\r\n"), Some("a foreign TE"));
    }
}
