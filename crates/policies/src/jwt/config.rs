//! The configuration of a `jwt` policy and of its credentials.

use serde::Deserialize;

use super::claims::TimeClaim;
use super::key::Algorithm;
use crate::caller::IdentityHeader;

/// The configuration of a `jwt` policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// Query arguments that may hold a token.
    pub(super) query: Vec<String>,
    /// Cookies that may hold a token.
    pub(super) cookies: Vec<String>,
    /// Headers that may hold a token, as `Bearer` and the token.
    pub(super) headers: Vec<String>,
    /// The claim by which the credential is found; looked for in the payload, then in the header.
    pub(super) key_claim: String,
    /// Whether the secrets of HS256, HS384 and HS512 credentials are written in base64.
    pub(super) secret_base64: bool,
    /// Times that must be in the token and must hold.
    pub(super) verify: Vec<TimeClaim>,
    /// How many seconds from now `exp` may at most be; 0 for any. Needs `exp` in `verify`.
    pub(super) maximum_expiration: f64,
    /// The realm that `WWW-Authenticate` names.
    pub(super) realm: Option<String>,
    /// Whether `OPTIONS` requests need a token too.
    pub(super) run_on_preflight: bool,
    /// Public id or name of the principal for callers without a valid token. Without one they
    /// are refused.
    pub(super) anonymous: Option<String>,
    /// Headers by which the upstream is told who calls.
    pub(super) identity_headers: Vec<IdentityHeader>,
    /// Remove tokens from what the upstream is sent, wherever they stand.
    pub(super) hide_token: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            query: vec!["jwt".to_owned()],
            cookies: Vec::new(),
            headers: vec!["authorization".to_owned()],
            key_claim: "iss".to_owned(),
            secret_base64: false,
            verify: Vec::new(),
            maximum_expiration: 0.0,
            realm: None,
            run_on_preflight: true,
            anonymous: None,
            identity_headers: Vec::new(),
            hide_token: false,
        }
    }
}

/// The data of a credential of kind `jwt`. Its key is the value of the policy's `key_claim`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialData {
    /// How tokens are signed. A token that says otherwise is refused.
    #[serde(default)]
    pub(super) algorithm: Algorithm,
    /// The shared secret of HS256, HS384 and HS512.
    pub(super) secret: Option<String>,
    /// The public key of all others, as PEM: `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`.
    pub(super) public_key: Option<String>,
}
