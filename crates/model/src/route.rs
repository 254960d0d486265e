//! What to do with a request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Chain, Origin, Predicate, Rank, RouteId, TableId, Template, UpstreamId, VoiceId};

/// A rule: when it applies, how strongly, and what then happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Names it. A document's route that a dialect splits into several rules has several ids and
    /// one set of labels.
    pub id: RouteId,
    /// The table in which it stands.
    pub table: TableId,
    /// When it applies.
    pub when: Predicate,
    /// Which of several that apply wins.
    pub rank: Rank,
    /// What a request must also be once the route has won; checked in order.
    pub requirements: Vec<Requirement>,
    /// The policies that run.
    pub chain: Arc<Chain>,
    /// What happens after the request phase.
    pub action: Action,
    /// How the gateway speaks on this route.
    pub voice: VoiceId,
    /// What the route is called in metrics, logs and headers.
    pub labels: Arc<Labels>,
    /// Where it stands.
    pub origin: Origin,
}

/// Names for metrics, logs and templates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Labels {
    /// The route's name, or its id if it has none.
    pub route: Arc<str>,
    /// The route's id as users know it.
    pub route_id: Arc<str>,
    /// The service's name, or its id; empty without a service.
    pub service: Arc<str>,
    /// The service's id as users know it; empty without a service.
    pub service_id: Arc<str>,
    /// What log records show of the route in the dialect's own words, by the names that shapes
    /// use (see [`crate::Fact::Route`]); JSON texts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub described: BTreeMap<String, Arc<str>>,
}

/// A demand on requests that a route has won, and what happens if it is not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// What the request must be.
    pub kind: RequirementKind,
    /// What happens otherwise.
    pub unmet: Unmet,
}

/// What a request must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequirementKind {
    /// Sent over TLS, by the listener or by the word of a trusted peer.
    Tls,
    /// `Content-Type: application/grpc…`.
    GrpcContentType,
    /// Sent over HTTP/2 or later.
    Http2,
}

/// What happens to a request that does not meet a [`Requirement`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unmet {
    /// The gateway answers for this reason, in the words of its voice.
    Reply(String),
    /// The gateway answers for the reason [`crate::reason::TLS_REDIRECT`] with this status and
    /// `Location: https://` + host without port + target.
    RedirectToHttps(u16),
}

/// What happens to a request that passed the request phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// It is sent to an upstream.
    Forward(Forward),
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// The gateway answers for this reason, in the words of its voice.
    Reply(String),
}

/// How a request is sent on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forward {
    /// One of these by weight. Never empty.
    pub upstreams: Vec<Weighted<UpstreamId>>,
    /// The path that the upstream sees.
    pub path: PathRewrite,
    /// The `Host` that the upstream sees.
    pub host: HostRule,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// What to do when an endpoint fails.
    pub retry: Retry,
    /// How much is read before it is passed on.
    pub buffering: Buffering,
}

/// A value with a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weighted<T> {
    /// The value.
    pub value: T,
    /// Share relative to the sum of all weights.
    pub weight: u32,
}

/// How the upstream's path is made from the normalised path `R` and its unmatched rest `P`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathRewrite {
    /// The upstream's base path `B`, starting with `/`.
    pub base: String,
    /// Whether the matched part of the path is replaced by the base (`B` and `P` are joined), or
    /// the whole path is put behind the base (`B` and `R` are joined).
    pub strip: bool,
    /// How they are joined.
    pub join: PathJoin,
}

/// How a base path and the rest of a path are joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathJoin {
    /// With exactly one slash at the joint; a base that ends in a slash and a request that does
    /// not lose it, and the other way round:
    ///
    /// | `B` ends in `/` | strip | `P` | path |
    /// |---|---|---|---|
    /// | yes | yes | empty | `/` if `B` is `/`; `B` if `R` ends in `/`; else `B` without its last `/` |
    /// | yes | yes | `/x` | `B` without its last `/`, then `P` |
    /// | yes | yes | `x` | `B`, then `P` |
    /// | yes | no | | `B`, then `R` without its first `/` |
    /// | no | yes | empty | `B` and `/` if `R` is longer than 1 and ends in `/`; else `B` |
    /// | no | yes | `/x` | `B`, then `P` |
    /// | no | yes | `x` | `B`, `/`, then `P` |
    /// | no | no | | `B` if `R` is `/`; else `B`, then `R` |
    #[default]
    Segments,
    /// As text: `B` then `P`, one of two slashes at the joint dropped; without strip `B` then `R`
    /// without its first `/`.
    Text,
}

/// Which `Host` an upstream sees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostRule {
    /// The upstream's `host_header`, else the chosen endpoint's name, with the port unless it is
    /// the scheme's default.
    #[default]
    Endpoint,
    /// The client's, unchanged.
    Client,
    /// This.
    Fixed(String),
}

/// How long to wait. Zero means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// Between two writes of the request.
    pub send: Duration,
    /// Between two reads of the response, the first included.
    pub read: Duration,
}

/// What to do when an endpoint cannot be reached, or fails before a response has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Further tries after the first. A request with a non-idempotent method (RFC 9110 section
    /// 9.2.2), or whose body has begun to flow, is only tried again if nothing of it was sent.
    pub tries: u32,
}

/// How much of a message is read before it is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buffering {
    /// A request body of up to this many bytes is read whole before the upstream is bothered; a
    /// larger one streams from there on. 0 streams at once.
    pub request: usize,
}

/// An answer that sends the client elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// The `Location`.
    pub location: Template,
}
