//! Keys, vaults, and the small entities that only Kong itself uses.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Id, Origins, Reference};

/// A named set of keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeySet {
    /// Primary key.
    pub id: Id,
    /// Unique name.
    pub name: Option<String>,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Seconds since the epoch.
    pub updated_at: Option<i64>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

/// A key: exactly one of `jwk` and `pem` is set.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// Primary key.
    pub id: Id,
    /// The set it belongs to.
    pub set: Option<Reference>,
    /// Unique name.
    pub name: Option<String>,
    /// Key id; unique within the set.
    pub kid: String,
    /// A JSON Web Key, as JSON text.
    pub jwk: Option<String>,
    /// A key pair.
    pub pem: Option<KeyPair>,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Seconds since the epoch.
    pub updated_at: Option<i64>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

/// A key pair, PEM; at least one half is set.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyPair {
    /// The private half.
    pub private_key: Option<String>,
    /// The public half.
    pub public_key: Option<String>,
}

/// Where secrets come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vault {
    /// Primary key.
    pub id: Id,
    /// Unique prefix by which references name it.
    pub prefix: String,
    /// Its strategy, such as `env`.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The strategy's configuration: an object.
    pub config: Option<Value>,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Seconds since the epoch.
    pub updated_at: Option<i64>,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

/// A workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workspace {
    /// Primary key.
    pub id: Id,
    /// Unique name.
    pub name: String,
    /// What it is for.
    pub comment: Option<String>,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Seconds since the epoch.
    pub updated_at: Option<i64>,
    /// Reserved: an empty object.
    pub meta: Option<Value>,
    /// Reserved: an empty object.
    pub config: Option<Value>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

/// An internal parameter, such as `cluster_id`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Primary key.
    pub key: Id,
    /// Its value.
    pub value: String,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

super::record::without_secrets!(Key { id, set, name, kid });
super::record::without_secrets!(KeyPair { public_key });
