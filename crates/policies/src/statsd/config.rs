//! The configuration of a `statsd` policy.

use model::Shape;
use serde::Deserialize;

use crate::queue;

/// The configuration of a `statsd` policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    #[serde(default)]
    pub(super) transport: Transport,
    /// Bytes of a datagram that holds several lines; each has its own if that is 0.
    #[serde(default)]
    pub(super) packet_size: usize,
    /// How tags are written; they are left out without one.
    pub(super) tag_style: Option<TagStyle>,
    /// Ranges of statuses, both ends included: of responses with others nothing is sent.
    pub(super) statuses: Option<Vec<(u16, u16)>>,
    pub(super) metrics: Vec<Metric>,
    /// What waits, and for how long.
    #[serde(default)]
    pub(super) queue: queue::Settings,
}

/// A line that is sent for each exchange in which its name and its value are present.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metric {
    pub(super) name: Shape,
    pub(super) value: Shape,
    /// What stands behind the value: `c`, `g`, `ms`, `h`, `m`, `s`, `d`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// What share of exchanges the number stands for, as the server is told.
    #[serde(default)]
    pub(super) rate: Option<f64>,
    /// Names and values; one whose value is absent is left out. A value without a name is written
    /// as it is.
    #[serde(default)]
    pub(super) tags: Vec<(String, Shape)>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Transport {
    #[default]
    Udp,
    Tcp,
}

/// Whose way of writing tags.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TagStyle {
    /// `name:1|c|#tag:value,tag:value`
    Dogstatsd,
    /// `name,tag=value,tag=value:1|c`
    Influxdb,
    /// `name#tag=value,tag=value:1|c`
    Librato,
    /// `name[tag=value,tag=value]:1|c`
    Signalfx,
}
