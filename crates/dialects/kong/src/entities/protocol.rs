//! The protocols that services, routes and plugins speak.

use serde::{Deserialize, Serialize};

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// gRPC over HTTP/2 in clear text.
    Grpc,
    /// gRPC over TLS.
    Grpcs,
    /// HTTP in clear text.
    Http,
    /// HTTP over TLS.
    Https,
    /// TCP.
    Tcp,
    /// TLS, terminated here.
    Tls,
    /// TLS, passed on unopened.
    TlsPassthrough,
    /// UDP.
    Udp,
}
