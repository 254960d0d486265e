//! Where requests go.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{AuthorityId, Origin, Resolution, ResolverId, Secret, UpstreamId};

/// A group of endpoints that can answer the same requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upstream {
    /// Names it.
    pub id: UpstreamId,
    /// The name that users know it by, for logs and metrics.
    pub name: String,
    /// Its endpoints. None is allowed: every request is then answered by the gateway.
    pub endpoints: Vec<Endpoint>,
    /// When their names become addresses.
    pub resolution: Resolution,
    /// How they do; `None`: as [`crate::Resolver::default`] has it.
    pub resolver: Option<ResolverId>,
    /// How one of them is chosen.
    pub balance: Balance,
    /// Another upstream with the same endpoints and health checks, with which it shares what is
    /// known of them: theirs is one health, and they are probed once.
    pub group: Option<UpstreamId>,
    /// How it is found out which endpoints are fit for use.
    pub health: Health,
    /// What is spoken to them.
    pub protocol: UpstreamProtocol,
    /// TLS towards them, if any.
    pub tls: Option<UpstreamTls>,
    /// Replaces the endpoint's name in the default `Host`, and in the TLS server name. The port
    /// follows it as it would the endpoint's name, unless it has one of its own.
    pub host_header: Option<String>,
    /// Idle connections.
    pub pool: Pool,
    /// Where it stands.
    pub origin: Origin,
}

impl Upstream {
    /// The port that `Host` leaves out.
    pub fn default_port(&self) -> u16 {
        if self.tls.is_some() { 443 } else { 80 }
    }

    /// The default `Host` of an endpoint: its name, with its port if that is not the default one.
    /// `name` is that of the endpoint, or that by which it was found.
    pub fn host_of(&self, name: &str, port: u16) -> String {
        host_of(self.host_header.as_deref(), self.default_port(), name, port)
    }
}

/// See [`Upstream::host_of`].
pub fn host_of(host_header: Option<&str>, default_port: u16, name: &str, port: u16) -> String {
    let bracketed = match name.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => name.to_owned(),
    };
    match host_header {
        Some(host) if has_port(host) => host.to_owned(),
        host => {
            let host = host.unwrap_or(&bracketed);
            match port == default_port {
                true => host.to_owned(),
                false => format!("{host}:{port}"),
            }
        }
    }
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
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

/// How an endpoint is chosen of those that are fit for use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Balance {
    /// In turn, by weight.
    #[default]
    RoundRobin,
    /// The one with the fewest requests under way, relative to its weight.
    LeastRequests,
    /// The one that is likely to answer first, relative to its weight: its latency, averaged with
    /// a memory that fades, times the requests under way.
    Latency,
    /// The same one for the same key, as long as it is fit for use.
    Hash(HashBalance),
}

/// How a key leads to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashBalance {
    /// How endpoints are laid out.
    pub ring: HashRing,
    /// What makes the key: the first that has a value. If none has, the key is empty.
    pub keys: Vec<HashKey>,
}

/// How endpoints are laid out for keys to find them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HashRing {
    /// A ring with so many slots. An endpoint takes about 160 slots, times its share of an even
    /// distribution; XXH32 says which. A key goes to the slot that XXH32 gives for it, or the
    /// nearest one below that is taken.
    Slots(u32),
}

/// Something of a request that decides which endpoint answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HashKey {
    /// Who calls: the public id of the principal, or else of the credential.
    Principal,
    /// The client's address.
    ClientAddress,
    /// A header field; several values are joined by `, `.
    Header(String),
    /// A cookie.
    Cookie(HashCookie),
    /// The canonical path.
    Path,
    /// An argument of the query; several values are sorted and joined by `,`.
    QueryArgument(String),
    /// A group of the regular expression that the route matched the path with, by name or number.
    PathCapture(String),
}

/// A cookie that decides which endpoint answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashCookie {
    /// Its name.
    pub name: String,
    /// If there is none, one with a random value is made, and the response sets it with these
    /// attributes, such as `Path=/; HttpOnly`. `None`: none is made.
    pub attributes: Option<String>,
}

/// How it is found out which endpoints are fit for use. By default all of them always are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// By probes.
    pub active: Option<ActiveCheck>,
    /// By what becomes of requests.
    pub passive: Option<HealthRules>,
    /// If less than this percentage of all weight is fit for use, nothing is; 0 to 100.
    pub threshold: f64,
}

/// Probes of an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveCheck {
    /// What is asked.
    pub probe: Probe,
    /// How long a probe may take.
    pub timeout: Duration,
    /// Endpoints probed at the same time, at least 1.
    pub concurrency: usize,
    /// Time from one round of probes of endpoints that are fit for use to the next; zero for no
    /// such probes.
    pub healthy_interval: Duration,
    /// The same for endpoints that are not.
    pub unhealthy_interval: Duration,
    /// What probes mean.
    pub rules: HealthRules,
}

/// What is asked of an endpoint to know how it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Probe {
    /// To take a connection.
    Connect,
    /// To answer a GET.
    Http {
        /// Path and query, beginning with `/`.
        path: String,
        /// Further header fields. A `Host` counts more than the endpoint's own.
        headers: Vec<(String, String)>,
        /// TLS, if any.
        tls: Option<ProbeTls>,
    },
    /// To answer `grpc.health.v1.Health/Check`.
    Grpc {
        /// Further header fields.
        headers: Vec<(String, String)>,
        /// TLS, if any.
        tls: Option<ProbeTls>,
    },
}

impl Probe {
    /// Its TLS, if any.
    pub fn tls(&self) -> Option<&ProbeTls> {
        match self {
            Self::Connect => None,
            Self::Http { tls, .. } | Self::Grpc { tls, .. } => tls.as_ref(),
        }
    }
}

/// TLS of a probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeTls {
    /// As towards endpoints.
    pub tls: UpstreamTls,
    /// The server name; `None` for the `Host` that the endpoint is sent.
    pub server_name: Option<String>,
}

/// When an endpoint counts as fit for use, and when not. Each count is in a row: a success sets
/// the failures back to none, and a failure the successes. A count of 0 never changes anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthRules {
    /// Statuses that are a success, in rising order.
    pub healthy_statuses: Vec<u16>,
    /// Statuses that are a failure, in rising order.
    pub unhealthy_statuses: Vec<u16>,
    /// Successes until an endpoint is fit for use.
    pub successes: u8,
    /// Answers with a status of the second list until it is not.
    pub http_failures: u8,
    /// Connections that fail or break, until it is not.
    pub tcp_failures: u8,
    /// Waits in vain, for a connection or an answer, until it is not.
    pub timeouts: u8,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn host_of(host_header: Option<&str>, tls: bool, name: &str, port: u16) -> String {
        let upstream = Upstream {
            id: "u".into(),
            name: "u".into(),
            endpoints: vec![],
            resolution: Resolution::default(),
            resolver: None,
            balance: Balance::default(),
            group: None,
            health: Health::default(),
            protocol: UpstreamProtocol::default(),
            tls: tls.then(UpstreamTls::default),
            host_header: host_header.map(Into::into),
            pool: Pool::default(),
            origin: Origin::default(),
        };
        upstream.host_of(name, port)
    }

    #[test]
    fn the_default_host_has_a_port_where_it_is_not_the_default_one() {
        assert_eq!(host_of(None, false, "a.test", 80), "a.test");
        assert_eq!(host_of(None, true, "a.test", 80), "a.test:80");
        assert_eq!(host_of(None, true, "::1", 443), "[::1]");
        assert_eq!(host_of(Some("b.test"), false, "a.test", 8080), "b.test:8080");
        assert_eq!(host_of(Some("b.test:1"), false, "a.test", 8080), "b.test:1");
        assert_eq!(host_of(Some("[::1]"), true, "a.test", 443), "[::1]");
    }
}
