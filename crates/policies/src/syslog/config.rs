//! The configuration of a `syslog` policy.

use model::Shape;
use serde::Deserialize;

/// The configuration of a `syslog` policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Where the log is.
    #[serde(default)]
    pub(super) to: Place,
    /// How a line looks.
    #[serde(default)]
    pub(super) format: Format,
    /// What the sender is called.
    pub(super) ident: String,
    /// What part of the system speaks, by its name in syslog.conf: `user`, `local0`, ….
    #[serde(default = "user")]
    pub(super) facility: String,
    /// Records of less weight are not told.
    #[serde(default)]
    pub(super) threshold: Severity,
    /// The severity of responses with a status below 400.
    #[serde(default)]
    pub(super) success: Severity,
    /// The severity of those with a status below 500.
    #[serde(default)]
    pub(super) client_error: Severity,
    /// The severity of the others.
    #[serde(default)]
    pub(super) server_error: Severity,
    /// What stands before the record in RFC 5424's format, brackets included; `-` if nothing does.
    #[serde(default = "nothing")]
    pub(super) structured_data: String,
    /// Milliseconds for looking a name up and sending.
    #[serde(default = "ten_seconds")]
    pub(super) timeout_ms: u64,
    /// What a record looks like.
    pub(super) record: Shape,
}

/// Where a log is.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Place {
    /// A socket of this machine.
    Unix { path: String },
    /// A server: a name, or an address without brackets.
    Udp { host: String, port: u16 },
}

impl Default for Place {
    fn default() -> Self {
        Self::Unix { path: "/dev/log".to_owned() }
    }
}

/// How a line looks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// As libraries write to a log of the same machine (RFC 3164 section 4.1, without a host).
    #[default]
    Local,
    /// RFC 5424.
    Rfc5424,
}

/// RFC 5424 section 6.2.1; the smaller the number the more it weighs.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    Emerg,
    Alert,
    Crit,
    Err,
    Warning,
    Notice,
    #[default]
    Info,
    Debug,
}

fn user() -> String {
    "user".to_owned()
}

fn nothing() -> String {
    "-".to_owned()
}

fn ten_seconds() -> u64 {
    10_000
}
