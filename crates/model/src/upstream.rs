//! Where requests go.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{AuthorityId, Origin, Secret, UpstreamId};

/// A group of endpoints that can answer the same requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upstream {
    /// Names it.
    pub id: UpstreamId,
    /// The name that users know it by, for logs and metrics.
    pub name: String,
    /// Its endpoints. None is allowed: every request is then answered by the gateway.
    pub endpoints: Vec<Endpoint>,
    /// How one of them is chosen.
    pub balance: Balance,
    /// What is spoken to them.
    pub protocol: UpstreamProtocol,
    /// TLS towards them, if any.
    pub tls: Option<UpstreamTls>,
    /// Replaces the endpoint's name as the default `Host` and TLS server name.
    pub host_header: Option<String>,
    /// Idle connections.
    pub pool: Pool,
    /// Where it stands.
    pub origin: Origin,
}

/// An address to connect to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// An IP address (IPv6 without brackets) or a name to resolve.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Share of the requests, relative to the sum of all weights; 0 takes none.
    pub weight: u32,
    /// Where it stands.
    pub origin: Origin,
}

/// How an endpoint is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Balance {
    /// In turn, by weight.
    #[default]
    RoundRobin,
}

/// The protocol towards endpoints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpstreamProtocol {
    /// HTTP/1.1 (RFC 9112).
    #[default]
    Http1,
}

/// TLS towards endpoints. The server name is the `Host` that the endpoint is sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UpstreamTls {
    /// Whether the endpoint's certificate must be valid for the server name.
    pub verify: bool,
    /// How many intermediate certificates a chain may have; `None` for no limit of our own.
    pub verify_depth: Option<u8>,
    /// Whom to trust. If it is empty, the system's authorities.
    pub authorities: Vec<AuthorityId>,
    /// Whether the system's authorities are trusted beside these.
    pub system_authorities: bool,
    /// What to show when the endpoint asks for a client certificate.
    pub client_certificate: Option<ClientCertificate>,
}

/// A certificate that the gateway shows as a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// PEM chain, leaf first.
    pub chain: String,
    /// PEM private key.
    pub key: Secret,
}

/// Limits on idle connections to one endpoint, per worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// At most this many are kept; 0 keeps none.
    pub max_idle: usize,
    /// An idle connection is closed after this time.
    pub idle_timeout: Duration,
    /// A connection is closed after this many requests; 0 for no limit.
    pub max_requests: u64,
}

impl Default for Pool {
    fn default() -> Self {
        Self { max_idle: 512, idle_timeout: Duration::from_secs(60), max_requests: 10_000 }
    }
}
