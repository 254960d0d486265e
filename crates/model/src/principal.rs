//! Who calls, and how they prove it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{CredentialId, Origin, PrincipalId};

/// A caller that the gateway knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Names it in credentials and chains.
    pub id: PrincipalId,
    /// The id as upstreams are told it.
    pub public_id: String,
    /// A name, unique if given.
    pub name: Option<String>,
    /// The id of the caller in the operator's own system, unique if given.
    pub external_id: Option<String>,
    /// Groups that the caller belongs to.
    pub groups: Vec<String>,
    /// What log records show of the principal in the dialect's own words; a JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub described: Option<Arc<str>>,
    /// Where it stands.
    pub origin: Origin,
}

/// What a caller shows to prove who they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    /// Names it.
    pub id: CredentialId,
    /// The id as policies may report it.
    pub public_id: String,
    /// The kind of policy that it is for, for example `jwt` or `key-auth`. A policy sees only
    /// credentials of its own kind.
    pub kind: String,
    /// What it is looked up by, unique within the kind (a token's issuer, an API key, a user name).
    pub key: String,
    /// What upstreams are told the caller was known by; no secret.
    pub display: String,
    /// Whose it is.
    pub principal: PrincipalId,
    /// The rest, as the kind's documentation says. May hold secrets: never show it.
    pub data: CredentialData,
    /// Where it stands.
    pub origin: Origin,
}

/// A credential's own data; its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CredentialData(pub serde_json::Value);

impl std::fmt::Debug for CredentialData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialData(…)")
    }
}
