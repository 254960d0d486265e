//! The configuration of an `http-log` policy.

use std::collections::BTreeMap;

use model::Shape;
use serde::Deserialize;

use crate::queue;

/// The configuration of an `http-log` policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Where records go: `http` or `https`. User and password become Basic credentials.
    pub(super) url: String,
    /// `POST`, `PUT` or `PATCH`.
    #[serde(default = "post")]
    pub(super) method: String,
    /// The media type of what is sent.
    #[serde(default = "json")]
    pub(super) content_type: String,
    /// Milliseconds for a connection, and again for the response.
    #[serde(default = "ten_seconds")]
    pub(super) timeout_ms: u64,
    /// Milliseconds that a connection is kept for the next batch.
    #[serde(default = "a_minute")]
    pub(super) keepalive_ms: u64,
    /// Whether the endpoint's certificate must come from an authority that the system trusts.
    #[serde(default = "yes")]
    pub(super) verify: bool,
    /// Further headers.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// What waits, and for how long.
    #[serde(default)]
    pub(super) queue: queue::Settings,
    /// What a record looks like.
    pub(super) record: Shape,
}

fn post() -> String {
    "POST".to_owned()
}

fn json() -> String {
    "application/json".to_owned()
}

fn ten_seconds() -> u64 {
    10_000
}

fn a_minute() -> u64 {
    60_000
}

fn yes() -> bool {
    true
}
