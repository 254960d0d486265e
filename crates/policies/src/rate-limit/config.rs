//! The configuration of a `rate-limit` policy.

use std::fmt;

use serde::Deserialize;

use super::period::Period;

/// The configuration of a `rate-limit` policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// How many requests are let through, by period: one limit a period at most, one at least.
    pub(super) limits: Vec<LimitConfig>,
    /// Whose requests are counted together.
    #[serde(default)]
    pub(super) by: ByConfig,
    /// Names the counters: policies with the same scope and store share them.
    #[serde(default)]
    pub(super) scope: String,
    /// Where requests are counted.
    #[serde(default)]
    pub(super) store: StoreConfig,
    /// Let requests through while the store cannot be asked.
    #[serde(default = "yes")]
    pub(super) fault_tolerant: bool,
    /// Tell clients nothing about limits.
    #[serde(default)]
    pub(super) hide_headers: bool,
    /// The status of the answer to a request too many.
    #[serde(default = "too_many_requests")]
    pub(super) status: u16,
    /// The message of that answer.
    #[serde(default = "message")]
    pub(super) message: String,
    /// The names of the headers.
    #[serde(default)]
    pub(super) headers: HeaderNames,
    /// How time is cut.
    #[serde(default)]
    pub(super) window: WindowConfig,
}

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitConfig {
    /// What it counts in.
    pub(super) period: Period,
    /// How many requests are let through in each; at least 1.
    pub(super) limit: u64,
}

/// Whose requests are counted together.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ByConfig {
    #[serde(default)]
    pub(super) kind: ByKind,
    /// The header's name (`header`), or the group's (`group`; any of the caller's if left out).
    pub(super) name: Option<String>,
    /// The path (`path`).
    pub(super) path: Option<String>,
}

/// What tells callers apart. Where a request has no such thing, the client's address does.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ByKind {
    #[default]
    Principal,
    Credential,
    Address,
    Service,
    Header,
    Path,
    Group,
}

/// Where requests are counted. All but `kind` is about Redis.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StoreConfig {
    pub(super) kind: StoreKind,
    /// The servers' addresses. Of `single`, the first that answers is used; of `cluster`, the
    /// first that answers tells the others; of `sentinel`, they are the sentinels.
    pub(super) nodes: Vec<Address>,
    pub(super) mode: StoreMode,
    pub(super) sentinel: Option<SentinelConfig>,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    /// The number of the database; 0 in a cluster.
    pub(super) database: u32,
    pub(super) tls: bool,
    /// Whether certificates must come from one of `authorities`, for the name.
    pub(super) tls_verify: bool,
    /// The authorities to trust, in PEM; `system` stands for those that the system trusts.
    pub(super) authorities: Vec<String>,
    /// The name that certificates must be issued for, if it is not the host's.
    pub(super) server_name: Option<String>,
    /// How long making a connection may take; no request waits for it longer than for the rest.
    pub(super) connect_timeout_ms: u64,
    /// How long a request may wait; above 50 ms it means 50 ms.
    pub(super) timeout_ms: u64,
    /// -1 to ask for each request; otherwise requests are counted in the node's memory, and
    /// counts are exchanged every so many seconds (at least 0.02).
    pub(super) sync_rate: f64,
    /// The first word of keys.
    pub(super) prefix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StoreKind {
    /// In the memory of the node; all its workers count together.
    Local,
    /// In Redis or what speaks like it; all nodes count together.
    Redis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StoreMode {
    Single,
    Cluster,
    Sentinel,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Address {
    /// A name or an IP address.
    pub(super) host: String,
    #[serde(default = "redis_port")]
    pub(super) port: u16,
}

/// How sentinels find the server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SentinelConfig {
    /// The name by which the sentinels know it.
    pub(super) master: String,
    #[serde(default)]
    pub(super) role: SentinelRole,
    /// What the sentinels themselves ask for.
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
}

/// Which of the servers is used. Counting writes, so in the end it is the master.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SentinelRole {
    #[default]
    Master,
    Any,
    Slave,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            kind: StoreKind::Local,
            nodes: Vec::new(),
            mode: StoreMode::Single,
            sentinel: None,
            username: None,
            password: None,
            database: 0,
            tls: false,
            tls_verify: true,
            authorities: vec![crate::tls::SYSTEM.to_owned()],
            server_name: None,
            connect_timeout_ms: 2_000,
            timeout_ms: 50,
            sync_rate: -1.0,
            prefix: "ratelimit".to_owned(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// How time is cut.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WindowConfig {
    #[default]
    Fixed,
    Sliding,
}

/// The names of the headers that tell clients about limits; one that is `null` is not sent.
/// `{Period}` stands for the limit's period.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HeaderNames {
    /// Each limit.
    pub(super) limit: Option<String>,
    /// How many requests each limit still lets through.
    pub(super) remaining: Option<String>,
    /// The limit that is closest to being reached.
    pub(super) window_limit: Option<String>,
    /// How many requests that limit still lets through.
    pub(super) window_remaining: Option<String>,
    /// Seconds until that limit's next window.
    pub(super) window_reset: Option<String>,
    /// The same, when a request was too many (RFC 9110 section 10.2.3).
    pub(super) retry_after: Option<String>,
}

impl Default for HeaderNames {
    fn default() -> Self {
        let name = |name: &str| Some(name.to_owned());
        Self {
            limit: name("X-RateLimit-Limit-{Period}"),
            remaining: name("X-RateLimit-Remaining-{Period}"),
            window_limit: name("RateLimit-Limit"),
            window_remaining: name("RateLimit-Remaining"),
            window_reset: name("RateLimit-Reset"),
            retry_after: name("Retry-After"),
        }
    }
}

fn redis_port() -> u16 {
    6379
}

fn yes() -> bool {
    true
}

fn too_many_requests() -> u16 {
    429
}

fn message() -> String {
    "rate limit exceeded".to_owned()
}
