//! Routes: which requests go where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Id, Origins, Protocol, Reference};

/// A route: the requests it takes, and the service they go to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Primary key.
    pub id: Id,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Seconds since the epoch.
    pub updated_at: Option<i64>,
    /// Unique name.
    pub name: Option<String>,
    /// Protocols accepted; never empty.
    pub protocols: Vec<Protocol>,
    /// How a request over plain HTTP is answered if only HTTPS is accepted: 426, 301, 302, 307 or 308.
    pub https_redirect_status_code: u16,
    /// Whether the matched part of the path is taken off.
    pub strip_path: bool,
    /// Whether the request's `Host` goes to the upstream.
    pub preserve_host: bool,
    /// Whether a request body is read whole before it is sent on.
    pub request_buffering: bool,
    /// Whether a response body is read ahead of the client.
    pub response_buffering: bool,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Where its requests go.
    pub service: Option<Reference>,
    /// Server names of TLS; may start or end with `*`.
    pub snis: Option<Vec<String>>,
    /// Client addresses (stream routes).
    pub sources: Option<Vec<Address>>,
    /// Addresses dialled (stream routes).
    pub destinations: Option<Vec<Address>>,
    /// Methods, upper case.
    pub methods: Option<Vec<String>>,
    /// Hosts, with an optional port; may start with `*.` or end with `.*`.
    pub hosts: Option<Vec<String>>,
    /// Path prefixes (`/…`) and regular expressions (`~/…`).
    pub paths: Option<Vec<String>>,
    /// Values accepted by header name.
    pub headers: Option<BTreeMap<String, Vec<String>>>,
    /// Rank among routes with regular expressions.
    pub regex_priority: Option<i64>,
    /// How service path and request path are joined.
    pub path_handling: Option<PathHandling>,
    /// An expression of Kong's router language (router flavor `expressions` only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// The expression's rank, 0 to 2^46-1 (router flavor `expressions` only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u64>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

/// An address that a stream route matches: at least one of both is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// An IP address or a range in CIDR notation.
    pub ip: Option<String>,
    /// A port.
    pub port: Option<u16>,
}

/// How service path and request path are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PathHandling {
    /// With exactly one slash at the joint.
    V0,
    /// As they are; only the router flavor `traditional` heeds it.
    V1,
}
