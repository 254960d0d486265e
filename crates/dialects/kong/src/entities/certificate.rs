//! Certificates, their server names, and authorities.

use serde::{Deserialize, Serialize};

use super::{Id, Origins, Reference};

/// A certificate with its key, or two of different key types.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Primary key.
    pub id: Id,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Seconds since the epoch.
    pub updated_at: Option<i64>,
    /// The chain, PEM, or a vault reference.
    pub cert: String,
    /// The private key, PEM, or a vault reference.
    pub key: String,
    /// A second chain, of another key type.
    pub cert_alt: Option<String>,
    /// The second chain's private key.
    pub key_alt: Option<String>,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

/// A server name for which a certificate is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sni {
    /// Primary key.
    pub id: Id,
    /// The name; may start or end with `*`; unique.
    pub name: String,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Seconds since the epoch.
    pub updated_at: Option<i64>,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// The certificate to show.
    pub certificate: Reference,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

/// A certificate authority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaCertificate {
    /// Primary key.
    pub id: Id,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Seconds since the epoch.
    pub updated_at: Option<i64>,
    /// The certificate, PEM.
    pub cert: String,
    /// SHA-256 of the certificate's DER form, lower-case hexadecimal.
    pub cert_digest: Option<String>,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

super::record::without_secrets!(Certificate { id, cert, cert_alt, tags });
