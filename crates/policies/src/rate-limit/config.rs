//! The configuration of a `rate-limit` policy.

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

/// Where requests are counted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreConfig {
    #[serde(default)]
    pub(super) kind: StoreKind,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StoreKind {
    /// In the memory of the node; all its workers count together.
    #[default]
    Local,
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

fn yes() -> bool {
    true
}

fn too_many_requests() -> u16 {
    429
}

fn message() -> String {
    "rate limit exceeded".to_owned()
}
