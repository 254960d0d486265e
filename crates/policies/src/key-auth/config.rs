//! The configuration of a `key-auth` policy.

use serde::Deserialize;

use crate::caller::IdentityHeader;

/// The configuration of a `key-auth` policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// Names under which a key may stand, tried in order; the first that holds one counts.
    /// Header names ignore case, query arguments do not.
    pub(super) names: Vec<String>,
    /// Look into headers.
    pub(super) in_header: bool,
    /// Look into query arguments, after the header by the same name.
    pub(super) in_query: bool,
    /// Look into the body. Bodies are not offered to policies: must be false.
    pub(super) in_body: bool,
    /// Remove keys from what the upstream is sent, wherever they stand.
    pub(super) hide: bool,
    /// The realm that `WWW-Authenticate` names.
    pub(super) realm: Option<String>,
    /// Whether `OPTIONS` requests need a key too.
    pub(super) run_on_preflight: bool,
    /// Public id or name of the principal for callers without a valid key. Without one they are
    /// refused.
    pub(super) anonymous: Option<String>,
    /// Headers by which the upstream is told who calls.
    pub(super) identity_headers: Vec<IdentityHeader>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            names: vec!["apikey".to_owned()],
            in_header: true,
            in_query: true,
            in_body: false,
            hide: false,
            realm: None,
            run_on_preflight: true,
            anonymous: None,
            identity_headers: Vec::new(),
        }
    }
}
