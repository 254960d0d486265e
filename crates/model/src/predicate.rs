//! When a route applies.

use serde::{Deserialize, Serialize};

/// A conjunction over the parts of a request: every non-empty list must have an element that
/// holds. An empty list does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Predicate {
    /// The request's host.
    pub hosts: Vec<HostMatch>,
    /// The request's normalised path.
    pub paths: Vec<PathMatch>,
    /// The method, compared byte by byte (RFC 9110 section 9.1: methods are case-sensitive).
    pub methods: Vec<String>,
    /// All of these must hold.
    pub headers: Vec<HeaderMatch>,
    /// All of these must hold.
    pub queries: Vec<QueryMatch>,
    /// The server name of the TLS handshake. Ignored on plain-text connections.
    pub snis: Vec<SniMatch>,
    /// The listener's scheme.
    pub schemes: Vec<Scheme>,
    /// The client's address, as networks.
    pub sources: Vec<ipnet::IpNet>,
}

/// A host pattern, with a port if the route names one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HostMatch {
    /// What the name must look like.
    pub pattern: HostPattern,
    /// The port of the `Host` header, or the listener's (as clients know it) if that names none.
    pub port: Option<u16>,
}

/// A pattern over a host name. Names are lower case here, and compared without case
/// (RFC 9110 section 4.2.3), without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HostPattern {
    /// The whole name.
    Exact(String),
    /// Ends with this, which starts with a dot: `*.example.com` is `.example.com`.
    /// Any number of labels may stand before it, but at least one byte.
    Suffix(String),
    /// Starts with this, which ends with a dot: `example.*` is `example.`.
    Prefix(String),
    /// Matches this regular expression (`regex` crate syntax), anchored at both ends.
    Regex(String),
}

/// A pattern over the normalised path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PathMatch {
    /// The whole path.
    Exact(String),
    /// The path starts with these bytes.
    Prefix(String),
    /// The path is this, or goes on with `/` after it (`/a` takes `/a` and `/a/b`, not `/ab`).
    Segments(String),
    /// Matches this regular expression (`regex` crate syntax), anchored at the start only unless
    /// the expression ends in `$`.
    Regex(String),
}

/// A condition on one header.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HeaderMatch {
    /// The header's name, lower case.
    pub name: String,
    /// One of the header's values must satisfy one of these.
    pub any_of: Vec<ValueMatch>,
}

/// A condition on one query argument.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QueryMatch {
    /// The argument's name, decoded.
    pub name: String,
    /// One of the argument's values must satisfy one of these.
    pub any_of: Vec<ValueMatch>,
}

/// A condition on a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ValueMatch {
    /// Equal.
    Exact(String),
    /// Equal without ASCII case.
    IgnoreCase(String),
    /// Matches this regular expression somewhere (anchor it to match the whole).
    Regex(String),
    /// Present, whatever the value.
    Present,
    /// Absent.
    Absent,
}

/// A pattern over the TLS server name, lower case, without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SniMatch {
    /// The whole name.
    Exact(String),
    /// Ends with this, which starts with a dot.
    Suffix(String),
    /// Starts with this, which ends with a dot.
    Prefix(String),
}

/// How the client reached the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}
