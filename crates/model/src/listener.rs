//! Where the gateway listens.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ListenerId, Origin, TableId, VoiceId};

/// A socket to listen on, and what is spoken there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Names it.
    pub id: ListenerId,
    /// The address.
    pub bind: SocketAddr,
    /// The port that clients know it by, if a port mapping lies between; else that of `bind`.
    pub public_port: Option<u16>,
    /// Length of the kernel's queue of connections not yet accepted.
    pub backlog: u32,
    /// Whether clients speak TLS.
    pub tls: bool,
    /// What a TLS handshake may agree on. Means nothing without `tls`.
    pub tls_settings: TlsSettings,
    /// Whether every connection starts with a PROXY protocol header, and who is believed.
    pub proxy_protocol: ProxyProtocol,
    /// What is spoken.
    pub protocol: Protocol,
    /// The route tables that it serves; the greatest rank over all of them wins.
    pub tables: Vec<TableId>,
    /// How the gateway speaks where no route has been found.
    pub voice: VoiceId,
    /// Whose word on the client's address is taken.
    pub client_address: ClientAddress,
    /// Where it stands.
    pub origin: Origin,
}

/// Whether connections start with a PROXY protocol header (versions 1 and 2), and whose word on the
/// client's address is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxyProtocol {
    /// They do not.
    #[default]
    Off,
    /// They do; nobody's word is taken.
    Ignored,
    /// They do; the word of [`ClientAddress::trusted`] peers is taken.
    FromTrusted,
    /// They do; everybody's word is taken: only who is trusted can reach the listener.
    FromAnyone,
}

/// What a TLS handshake may agree on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSettings {
    /// Versions that are spoken; empty means all that the gateway knows.
    pub versions: Vec<TlsVersion>,
    /// Cipher suites of TLS 1.2 that are offered, by their IANA names, for example
    /// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`; empty means all that the gateway knows. Those of
    /// TLS 1.3 are always offered.
    pub cipher_suites: Vec<String>,
    /// Whether sessions can be resumed by tickets (RFC 5077, RFC 8446 section 2.2).
    pub session_tickets: bool,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self { versions: Vec::new(), cipher_suites: Vec::new(), session_tickets: true }
    }
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// What is spoken on a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// HTTP/1.1, and HTTP/2 if allowed.
    Http(HttpSettings),
}

/// HTTP on a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpSettings {
    /// Whether HTTP/2 is offered: by ALPN over TLS, with prior knowledge in plain text.
    pub http2: bool,
    /// What is refused.
    pub limits: Limits,
    /// How paths are normalised before anything looks at them.
    pub paths: PathRules,
    /// An idle connection is closed after this time.
    pub keepalive: Duration,
    /// A connection is closed after this many requests; 0 for no limit.
    pub keepalive_requests: u64,
}

/// Limits on what clients send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of the request line.
    pub request_line: usize,
    /// Bytes of one header line.
    pub header_line: usize,
    /// Bytes of the whole head.
    pub head: usize,
    /// Number of header lines.
    pub headers: usize,
    /// Bytes of the body; 0 for no limit.
    pub body: u64,
    /// Time for a whole head, and for a TLS handshake.
    pub head_timeout: Duration,
    /// Time between two reads of a body.
    pub body_timeout: Duration,
    /// Time between two writes of a response.
    pub send_timeout: Duration,
}

impl Limits {
    /// The most bytes that a body may have: all there can be if there is no limit.
    pub fn max_body(&self) -> u64 {
        if self.body == 0 { u64::MAX } else { self.body }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line: 8 << 10,
            header_line: 8 << 10,
            head: 32 << 10,
            headers: 128,
            body: 0,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(60),
            send_timeout: Duration::from_secs(60),
        }
    }
}

/// How a path is made canonical (RFC 3986 section 6.2.2), once, before routing; routes, policies
/// and upstreams then see the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathRules {
    /// Whether `//` becomes `/`.
    pub merge_slashes: bool,
    /// What becomes of `%2F`.
    pub encoded_slash: EncodedSlash,
}

/// What becomes of an encoded slash in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncodedSlash {
    /// It stays encoded and is no separator.
    Keep,
    /// The request is refused.
    Refuse,
}

/// Whose word on the client's address is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAddress {
    /// Peers whose forwarding headers are believed.
    pub trusted: Vec<ipnet::IpNet>,
    /// Where a trusted peer says it.
    pub header: Option<TrustedHeader>,
}

/// A header in which trusted peers pass the client's address on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedHeader {
    /// Its name, lower case.
    pub name: String,
    /// Whether trusted addresses in the header are skipped from the right until one is not
    /// trusted; otherwise the last address counts.
    pub recursive: bool,
}
