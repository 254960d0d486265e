//! Reading messages from a connection, strictly (RFC 9112).

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::{Fields, Request, Response, values};

/// A connection: TCP, or TLS over it.
pub trait Stream: Read + Write + Send {
    fn tcp(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

/// Why no message came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The peer ended the connection, or reset it, before a message or in the middle of one.
    Closed,
    /// Nothing came in time.
    TimedOut,
    /// What came is no HTTP/1.1, and why.
    Malformed(String),
    /// The connection could not be made, or TLS failed.
    Failed(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => write!(f, "closed before the message was complete"),
            Self::TimedOut => write!(f, "nothing came in time"),
            Self::Malformed(why) => write!(f, "malformed: {why}"),
            Self::Failed(why) => write!(f, "{why}"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// How a body was delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
    /// By the end of the connection: responses only.
    Close,
}

/// A connection and what was read from it but not yet used.
pub struct Wire {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

const MAX_LINE: usize = 1 << 20;

impl Wire {
    pub fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), buffer: Vec::new() }
    }

    pub fn stream(&mut self) -> &mut dyn Stream {
        self.stream.as_mut()
    }

    /// What was read and belongs to no message yet.
    pub fn unread(&self) -> &[u8] {
        &self.buffer
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.stream.write_all(bytes)?;
        Ok(self.stream.flush()?)
    }

    /// The next request; `None` at the end of the connection.
    pub fn read_request(&mut self) -> Result<Option<Request>, Fault> {
        let Some((start, fields, head)) = self.read_head()? else { return Ok(None) };
        let [method, target, version] = split_start(&start, "request line")?;
        check_version(version)?;
        let framing = request_framing(&fields)?;
        let (method, target, version) = (method.into(), target.into(), version.into());
        let (body, trailers) = self.read_body(framing)?;
        Ok(Some(Request { method, target, version, fields, body, trailers, framing, head }))
    }

    /// A request's head alone, its body left unread; `None` at the end of the connection.
    pub fn read_request_head(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.read_head()?.map(|(_, _, head)| head))
    }

    /// The next response to a request with this method; interim ones are noted in it.
    pub fn read_response(&mut self, method: &str) -> Result<Response, Fault> {
        let mut interim = Vec::new();
        loop {
            let mut response = self.read_response_head(method)?;
            if (100..200).contains(&response.status) && response.status != 101 {
                interim.push(response.status);
                continue;
            }
            response.interim = interim;
            (response.body, response.trailers) = self.read_body(response.framing)?;
            return Ok(response);
        }
    }

    /// The next response's head, interim or not, its body left unread.
    pub fn read_response_head(&mut self, method: &str) -> Result<Response, Fault> {
        let (start, fields, _) = self.read_head()?.ok_or(Fault::Closed)?;
        let (version, rest) = start.split_once(' ').ok_or_else(|| bad("status line", &start))?;
        let (status, reason) = rest.split_once(' ').ok_or_else(|| bad("status line", &start))?;
        check_version(version)?;
        let digits = status.len() == 3 && status.bytes().all(|b| b.is_ascii_digit());
        let status = status.parse().ok().filter(|_| digits).ok_or_else(|| bad("status", status))?;
        let framing = response_framing(&fields, method, status)?;
        Ok(Response {
            version: version.to_owned(),
            status,
            reason: reason.to_owned(),
            fields,
            framing,
            body: Vec::new(),
            trailers: Vec::new(),
            interim: Vec::new(),
        })
    }

    /// Exactly so many bytes.
    pub fn read_exact(&mut self, count: usize) -> Result<Vec<u8>, Fault> {
        while self.buffer.len() < count {
            self.fill()?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// All bytes to the end of the connection.
    pub fn read_to_end(&mut self) -> Result<Vec<u8>, Fault> {
        loop {
            match self.fill() {
                Ok(()) => {}
                Err(Fault::Closed) => return Ok(std::mem::take(&mut self.buffer)),
                Err(fault) => return Err(fault),
            }
        }
    }

    fn read_head(&mut self) -> Result<Option<(String, Fields, Vec<u8>)>, Fault> {
        if self.buffer.is_empty() {
            match self.fill() {
                Err(Fault::Closed) => return Ok(None),
                other => other?,
            }
        }
        let mut head = Vec::new();
        let start = self.read_line(&mut head)?;
        let fields = self.read_fields(&mut head)?;
        Ok(Some((latin1(&start), fields, head)))
    }

    /// Field lines up to the empty line.
    fn read_fields(&mut self, head: &mut Vec<u8>) -> Result<Fields, Fault> {
        let mut fields = Vec::new();
        loop {
            let line = self.read_line(head)?;
            if line.is_empty() {
                return Ok(fields);
            }
            let text = latin1(&line);
            let (name, value) = text.split_once(':').ok_or_else(|| bad("field line", &text))?;
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(bad("field name", name));
            }
            if value.chars().any(|c| c.is_control() && c != '\t' && (c as u32) < 0x80) {
                return Err(bad("field value", value));
            }
            fields.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
        }
    }

    /// A line that ends in CR LF, without it; bare CR and bare LF are faults. `seen` gets its bytes.
    fn read_line(&mut self, seen: &mut Vec<u8>) -> Result<Vec<u8>, Fault> {
        let mut from = 0;
        loop {
            if let Some(at) = self.buffer[from..].iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=from + at).collect();
                seen.extend_from_slice(&line);
                let text =
                    line.strip_suffix(b"\r\n").ok_or_else(|| bad("line end", &latin1(&line)))?;
                if text.contains(&b'\r') {
                    return Err(bad("bare CR", &latin1(text)));
                }
                return Ok(text.to_vec());
            }
            from = self.buffer.len();
            if from > MAX_LINE {
                return Err(bad("line without end", &latin1(&self.buffer[..80])));
            }
            self.fill()?;
        }
    }

    fn read_body(&mut self, framing: Framing) -> Result<(Vec<u8>, Fields), Fault> {
        match framing {
            Framing::None => Ok(Default::default()),
            Framing::Length(length) => Ok((self.read_exact(length as usize)?, Vec::new())),
            Framing::Close => Ok((self.read_to_end()?, Vec::new())),
            Framing::Chunked => self.read_chunked(),
        }
    }

    fn read_chunked(&mut self) -> Result<(Vec<u8>, Fields), Fault> {
        let mut body = Vec::new();
        loop {
            let line = latin1(&self.read_line(&mut Vec::new())?);
            let size = line.split(';').next().unwrap_or_default();
            if size.is_empty() || !size.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(bad("chunk size", &line));
            }
            let size = usize::from_str_radix(size, 16).map_err(|_| bad("chunk size", &line))?;
            if size == 0 {
                return Ok((body, self.read_fields(&mut Vec::new())?));
            }
            body.extend(self.read_exact(size)?);
            if self.read_exact(2)? != b"\r\n" {
                return Err(bad("end of chunk", &line));
            }
        }
    }

    /// Reads more; the end of the connection is a fault here.
    fn fill(&mut self) -> Result<(), Fault> {
        let mut chunk = [0; 16 << 10];
        match self.stream.read(&mut chunk)? {
            0 => Err(Fault::Closed),
            n => {
                self.buffer.extend_from_slice(&chunk[..n]);
                Ok(())
            }
        }
    }
}

fn split_start<'a>(line: &'a str, what: &str) -> Result<[&'a str; 3], Fault> {
    let parts: Vec<&str> = line.split(' ').collect();
    <[&str; 3]>::try_from(parts)
        .ok()
        .filter(|parts| parts.iter().all(|p| !p.is_empty()))
        .ok_or_else(|| bad(what, line))
}

fn check_version(version: &str) -> Result<(), Fault> {
    match version {
        "HTTP/1.1" | "HTTP/1.0" => Ok(()),
        _ => Err(bad("version", version)),
    }
}

fn request_framing(fields: &Fields) -> Result<Framing, Fault> {
    match (values(fields, "transfer-encoding").as_slice(), length(fields)?) {
        ([], None) => Ok(Framing::None),
        ([], Some(length)) => Ok(Framing::Length(length)),
        ([coding], None) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        (codings, length) => Err(bad("framing", &format!("{codings:?} with length {length:?}"))),
    }
}

fn response_framing(fields: &Fields, method: &str, status: u16) -> Result<Framing, Fault> {
    let framing = request_framing(fields)?;
    let bodiless = method == "HEAD" || status < 200 || status == 204 || status == 304;
    Ok(match framing {
        _ if bodiless => Framing::None,
        Framing::None => Framing::Close,
        framing => framing,
    })
}

fn length(fields: &Fields) -> Result<Option<u64>, Fault> {
    match values(fields, "content-length").as_slice() {
        [] => Ok(None),
        [one] if !one.is_empty() && one.bytes().all(|b| b.is_ascii_digit()) => {
            one.parse().map(Some).map_err(|_| bad("Content-Length", one))
        }
        several => Err(bad("Content-Length", &several.join(" and "))),
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|b| *b as char).collect()
}

fn bad(what: &str, text: &str) -> Fault {
    let shown: String = text.escape_default().take(200).collect();
    Fault::Malformed(format!("{what}: {shown}"))
}
