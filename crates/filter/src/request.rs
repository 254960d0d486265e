//! A request's head.

use std::fmt;

use crate::Headers;

/// The head of a request, canonical: judged, split and normalised once. Routes, policies and
/// upstreams all see these same bytes.
#[derive(Debug, Default)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The client's HTTP version.
    pub version: Version,
    /// The header fields, `Host` included.
    pub headers: Headers,
    /// How much body follows.
    pub body: BodyLength,
    target: String,
    query: Option<usize>,
    path: String,
    host: String,
    port: Option<u16>,
    body_limit: Option<BodyLimit>,
}

impl Request {
    /// The request target in origin form as received (RFC 9112 section 3.2.1): path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path as received.
    pub fn raw_path(&self) -> &str {
        &self.target[..self.query.map_or(self.target.len(), |at| at - 1)]
    }

    /// The query, without its `?`; `Some("")` for a bare `?`.
    pub fn query(&self) -> Option<&str> {
        self.query.map(|at| &self.target[at..])
    }

    /// The normalised path: what routes are matched against and what is sent on.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The host without its port, lower case, without a trailing dot. Empty if an HTTP/1.0
    /// client sent none.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that the client named beside the host.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Takes the target as received, and its normalised path.
    pub fn set_target(&mut self, target: &str, path: &str) {
        self.target.clear();
        self.target.push_str(target);
        self.query = target.find('?').map(|at| at + 1);
        self.path.clear();
        self.path.push_str(path);
    }

    /// Lets `normalise` write the normalised path of the raw one; the buffers are reused.
    pub fn set_target_with<E>(
        &mut self,
        target: &str,
        normalise: impl FnOnce(&str, &mut String) -> Result<(), E>,
    ) -> Result<(), E> {
        self.set_target(target, "");
        let raw = self.query.map_or(target.len(), |at| at - 1);
        normalise(&target[..raw], &mut self.path)
    }

    /// Replaces the query.
    pub fn set_query(&mut self, query: Option<&str>) {
        let raw = self.raw_path().len();
        self.target.truncate(raw);
        self.query = query.map(|query| {
            self.target.push('?');
            self.target.push_str(query);
            raw + 1
        });
    }

    /// Takes the host (stored lower case, without a trailing dot) and port.
    pub fn set_host(&mut self, host: &str, port: Option<u16>) {
        store_host(&mut self.host, host);
        self.port = port;
    }

    /// Takes host and port from the `Host` field (empty if there is none), which `split` takes
    /// apart. Says whether it could.
    pub fn read_host(
        &mut self,
        split: impl for<'a> FnOnce(&'a [u8]) -> Option<(&'a str, Option<u16>)>,
    ) -> bool {
        let field = self.headers.get("host").unwrap_or_default();
        let Some((host, port)) = split(field) else { return false };
        store_host(&mut self.host, host);
        self.port = port;
        true
    }

    /// Sees to it that no more of the body is read than this. The least of several limits counts.
    pub fn limit_body(&mut self, limit: BodyLimit) {
        if self.body_limit.is_none_or(|known| limit.bytes < known.bytes) {
            self.body_limit = Some(limit);
        }
    }

    /// How much of the body is read, if a policy limits it.
    pub fn body_limit(&self) -> Option<BodyLimit> {
        self.body_limit
    }

    /// Forgets the request and keeps the memory.
    pub fn clear(&mut self) {
        self.method = Method::Get;
        self.version = Version::Http11;
        self.headers.clear();
        self.body = BodyLength::None;
        self.target.clear();
        self.query = None;
        self.path.clear();
        self.host.clear();
        self.port = None;
        self.body_limit = None;
    }
}

fn store_host(stored: &mut String, host: &str) {
    stored.clear();
    stored.push_str(host.strip_suffix('.').unwrap_or(host));
    stored.make_ascii_lowercase();
}

/// A method (RFC 9110 section 9; `PATCH`: RFC 5789). Methods are case-sensitive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`
    #[default]
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `CONNECT`
    Connect,
    /// `OPTIONS`
    Options,
    /// `TRACE`
    Trace,
    /// `PATCH`
    Patch,
    /// Any other token.
    Other(Box<str>),
}

impl Method {
    /// Reads a method; `None` if it is no token.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Some(match bytes {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"CONNECT" => Self::Connect,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"PATCH" => Self::Patch,
            other if crate::is_token(other) => Self::Other(std::str::from_utf8(other).ok()?.into()),
            _ => return None,
        })
    }

    /// The method's text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
            Self::Other(text) => text,
        }
    }

    /// Whether repeating a request changes nothing (RFC 9110 section 9.2.2).
    pub fn is_idempotent(&self) -> bool {
        !matches!(self, Self::Post | Self::Patch | Self::Connect | Self::Other(_))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An HTTP version that a client spoke.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2
    Http2,
    /// HTTP/3
    Http3,
}

impl Version {
    /// As in a request line or an access log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
            Self::Http3 => "HTTP/3.0",
        }
    }
}

/// How much body a message has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BodyLength {
    /// None.
    #[default]
    None,
    /// So many bytes.
    Known(u64),
    /// It ends when it ends.
    Unknown,
}

/// How much of a request's body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit {
    /// Bytes, without what frames them.
    pub bytes: u64,
    /// The reason of the answer (413) to a request whose body is larger.
    pub reason: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_split_at_the_first_question_mark() {
        let mut request = Request::default();
        request.set_target("/a?b?c", "/a");
        assert_eq!((request.raw_path(), request.query()), ("/a", Some("b?c")));
        request.set_target("/a?", "/a");
        assert_eq!((request.raw_path(), request.query()), ("/a", Some("")));
        request.set_target("/a", "/a");
        assert_eq!((request.raw_path(), request.query()), ("/a", None));
        request.set_query(Some("x=1"));
        assert_eq!((request.target(), request.query()), ("/a?x=1", Some("x=1")));
        request.set_query(None);
        assert_eq!(request.target(), "/a");
    }

    #[test]
    fn hosts_are_lower_case_without_a_trailing_dot() {
        let mut request = Request::default();
        request.set_host("API.Test.", Some(80));
        assert_eq!((request.host(), request.port()), ("api.test", Some(80)));
    }

    #[test]
    fn the_least_limit_counts() {
        let mut request = Request::default();
        for bytes in [3, 2, 4] {
            request.limit_body(BodyLimit { bytes, reason: "a/b" });
        }
        assert_eq!(request.body_limit().map(|limit| limit.bytes), Some(2));
        request.clear();
        assert_eq!(request.body_limit(), None);
    }

    #[test]
    fn methods_are_case_sensitive_tokens() {
        assert_eq!(Method::parse(b"GET"), Some(Method::Get));
        assert_eq!(Method::parse(b"get"), Some(Method::Other("get".into())));
        assert_eq!(Method::parse(b"G T"), None);
        assert_eq!(Method::parse(b""), None);
    }
}
