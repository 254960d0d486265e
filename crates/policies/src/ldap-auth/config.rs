//! The configuration of an `ldap-auth` policy.

use serde::Deserialize;

use crate::caller::IdentityHeader;

/// The configuration of an `ldap-auth` policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The directory.
    pub(super) server: ServerConfig,
    /// What stands behind a name, its attribute and an equals sign to make the name of an entry
    /// (RFC 4514): `ou=people,dc=example,dc=com`.
    pub(super) base: String,
    /// The attribute by which entries are named, such as `uid`.
    pub(super) attribute: String,
    /// Headers in which credentials may stand, tried in order; the first that the directory takes
    /// counts.
    #[serde(default = "authorization")]
    pub(super) headers: Vec<String>,
    /// The scheme that stands before name and password, which are written as in `Basic` (RFC 7617).
    #[serde(default = "ldap")]
    pub(super) scheme: String,
    /// For how many seconds the directory's word is remembered; 0 to ask it every time.
    #[serde(default = "a_minute")]
    pub(super) cache_seconds: f64,
    /// Remove credentials from what the upstream is sent.
    #[serde(default)]
    pub(super) hide: bool,
    /// The realm that `WWW-Authenticate` names.
    #[serde(default)]
    pub(super) realm: Option<String>,
    /// Whether `OPTIONS` requests need credentials too.
    #[serde(default = "yes")]
    pub(super) run_on_preflight: bool,
    /// Public id or name of the principal for callers without valid credentials. Without one they
    /// are refused.
    #[serde(default)]
    pub(super) anonymous: Option<String>,
    /// Headers by which the upstream is told who calls.
    #[serde(default)]
    pub(super) identity_headers: Vec<IdentityHeader>,
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerConfig {
    /// A name, or an address without brackets.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
    /// Whether it is spoken to over TLS.
    #[serde(default)]
    pub(super) tls: TlsConfig,
    /// Whether the directory's certificate must come from one of `authorities`, for the host.
    #[serde(default = "yes")]
    pub(super) verify: bool,
    /// The authorities to trust, in PEM; `system` stands for those that the system trusts.
    #[serde(default = "system")]
    pub(super) authorities: Vec<String>,
    /// Milliseconds for a connection, and again for each answer.
    #[serde(default = "ten_seconds")]
    pub(super) timeout_ms: u64,
    /// Milliseconds that a connection is kept for the next request.
    #[serde(default = "a_minute_in_ms")]
    pub(super) keepalive_ms: u64,
}

/// Whether a directory is spoken to over TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TlsConfig {
    /// It is not.
    #[default]
    None,
    /// It is, from the start (`ldaps`).
    Tls,
    /// It is, once both sides have agreed to (RFC 4511 section 4.14).
    StartTls,
}

fn authorization() -> Vec<String> {
    vec!["authorization".to_owned()]
}

fn system() -> Vec<String> {
    vec![crate::tls::SYSTEM.to_owned()]
}

fn ldap() -> String {
    "ldap".to_owned()
}

fn yes() -> bool {
    true
}

fn a_minute() -> f64 {
    60.0
}

fn a_minute_in_ms() -> u64 {
    60_000
}

fn ten_seconds() -> u64 {
    10_000
}
