//! Consumers and the credentials they show.

use serde::{Deserialize, Serialize};

use super::{Id, Origins, Reference};

/// A consumer: somebody who calls. At least one of `username` and `custom_id` is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Consumer {
    /// Primary key.
    pub id: Id,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Seconds since the epoch.
    pub updated_at: Option<i64>,
    /// Unique name.
    pub username: Option<String>,
    /// Unique id in a system of the user's.
    pub custom_id: Option<String>,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

/// A credential of the plugin `jwt`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct JwtSecret {
    /// Primary key.
    pub id: Id,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Whose it is.
    pub consumer: Reference,
    /// What a token's key claim says; unique.
    pub key: Option<String>,
    /// The secret of HMAC algorithms.
    pub secret: Option<String>,
    /// The public key of the other algorithms, PEM.
    pub rsa_public_key: Option<String>,
    /// `HS256`, `RS256`, ….
    pub algorithm: Option<String>,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

/// A credential of the plugin `key-auth`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyauthCredential {
    /// Primary key.
    pub id: Id,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Whose it is.
    pub consumer: Reference,
    /// The API key; unique.
    pub key: Option<String>,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Seconds after which it expires, counted from the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

super::record::without_secrets!(JwtSecret { id, consumer, algorithm });
super::record::without_secrets!(KeyauthCredential { id, consumer });
