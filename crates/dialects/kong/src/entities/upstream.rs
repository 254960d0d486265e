//! Upstreams: targets, how they are balanced, how their health is found out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Id, Origins, Reference};

/// An upstream: a virtual host name that stands for targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upstream {
    /// Primary key.
    pub id: Id,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Seconds since the epoch.
    pub updated_at: Option<i64>,
    /// The name that a service's `host` uses; unique.
    pub name: String,
    /// How a target is picked.
    pub algorithm: Option<Algorithm>,
    /// What is hashed.
    pub hash_on: Option<HashOn>,
    /// What is hashed if the former is missing.
    pub hash_fallback: Option<HashOn>,
    /// The header of `hash_on: header`.
    pub hash_on_header: Option<String>,
    /// The header of `hash_fallback: header`.
    pub hash_fallback_header: Option<String>,
    /// The cookie of `cookie`.
    pub hash_on_cookie: Option<String>,
    /// The path of that cookie.
    pub hash_on_cookie_path: Option<String>,
    /// The argument of `hash_on: query_arg`.
    pub hash_on_query_arg: Option<String>,
    /// The argument of `hash_fallback: query_arg`.
    pub hash_fallback_query_arg: Option<String>,
    /// The capture of `hash_on: uri_capture`.
    pub hash_on_uri_capture: Option<String>,
    /// The capture of `hash_fallback: uri_capture`.
    pub hash_fallback_uri_capture: Option<String>,
    /// Slots of the hash ring, 10 to 65536.
    pub slots: Option<u32>,
    /// How health is found out.
    pub healthchecks: Healthchecks,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// `Host` to send instead of a target's.
    pub host_header: Option<String>,
    /// Certificate to show to targets.
    pub client_certificate: Option<Reference>,
    /// Whether the name of an SRV record's target is used as `Host`.
    pub use_srv_name: Option<bool>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

/// How a target is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// By a hash of something in the request.
    ConsistentHashing,
    /// The one with the fewest connections.
    LeastConnections,
    /// In turn, by weight.
    RoundRobin,
    /// The one that answers fastest.
    Latency,
}

/// What is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HashOn {
    /// Nothing.
    None,
    /// The consumer, or else the credential.
    Consumer,
    /// The client's address.
    Ip,
    /// A header.
    Header,
    /// A cookie, which is set if missing.
    Cookie,
    /// The path.
    Path,
    /// A query argument.
    QueryArg,
    /// A capture of the route's regular expression.
    UriCapture,
}

/// How health is found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Healthchecks {
    /// By probes.
    pub active: ActiveHealthcheck,
    /// By the fate of requests.
    pub passive: PassiveHealthcheck,
    /// Percentage of weight below which the upstream as a whole is unhealthy, 0 to 100.
    pub threshold: Option<f64>,
}

/// Probes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveHealthcheck {
    /// How to probe.
    pub r#type: Option<ProbeType>,
    /// Seconds.
    pub timeout: Option<f64>,
    /// Probes at a time.
    pub concurrency: Option<i64>,
    /// Path of the probe.
    pub http_path: Option<String>,
    /// Headers of the probe.
    pub headers: Option<BTreeMap<String, Vec<String>>>,
    /// Server name of the probe.
    pub https_sni: Option<String>,
    /// Whether the probe verifies the target's certificate.
    pub https_verify_certificate: bool,
    /// When a target is found healthy.
    pub healthy: ActiveHealthy,
    /// When a target is found unhealthy.
    pub unhealthy: ActiveUnhealthy,
}

/// How to probe, or what kind of fate is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeType {
    /// Connect.
    Tcp,
    /// An HTTP request.
    Http,
    /// An HTTP request over TLS.
    Https,
    /// A gRPC health request.
    Grpc,
    /// A gRPC health request over TLS.
    Grpcs,
}

/// When probes find a target healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveHealthy {
    /// Statuses that count as a success.
    pub http_statuses: Option<Vec<u16>>,
    /// Successes needed; 0: never.
    pub successes: Option<u8>,
    /// Seconds between probes of a healthy target; 0: none.
    pub interval: Option<f64>,
}

/// When probes find a target unhealthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveUnhealthy {
    /// Statuses that count as a failure.
    pub http_statuses: Option<Vec<u16>>,
    /// TCP failures needed; 0: never.
    pub tcp_failures: Option<u8>,
    /// Timeouts needed; 0: never.
    pub timeouts: Option<u8>,
    /// HTTP failures needed; 0: never.
    pub http_failures: Option<u8>,
    /// Seconds between probes of an unhealthy target; 0: none.
    pub interval: Option<f64>,
}

/// Health by the fate of requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PassiveHealthcheck {
    /// What kind of fate is watched.
    pub r#type: Option<ProbeType>,
    /// When a target is found healthy.
    pub healthy: PassiveHealthy,
    /// When a target is found unhealthy.
    pub unhealthy: PassiveUnhealthy,
}

/// When requests find a target healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PassiveHealthy {
    /// Statuses that count as a success.
    pub http_statuses: Option<Vec<u16>>,
    /// Successes needed; 0: never.
    pub successes: Option<u8>,
}

/// When requests find a target unhealthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PassiveUnhealthy {
    /// Statuses that count as a failure.
    pub http_statuses: Option<Vec<u16>>,
    /// TCP failures needed; 0: never.
    pub tcp_failures: Option<u8>,
    /// Timeouts needed; 0: never.
    pub timeouts: Option<u8>,
    /// HTTP failures needed; 0: never.
    pub http_failures: Option<u8>,
}

/// A target of an upstream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Primary key.
    pub id: Id,
    /// Seconds since the epoch, to the millisecond.
    pub created_at: Option<f64>,
    /// Seconds since the epoch, to the millisecond.
    pub updated_at: Option<f64>,
    /// Whose it is.
    pub upstream: Reference,
    /// `host:port`; an IPv6 address stands in brackets.
    pub target: String,
    /// Share of the load, 0 to 65535; 0: none.
    pub weight: Option<u16>,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}
