//! Certificates that listeners show and that upstreams are judged by.

use serde::{Deserialize, Serialize};

use crate::{AuthorityId, CertificateId, Origin, Secret};

/// A certificate with its key, and the names for which TLS listeners show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Names it.
    pub id: CertificateId,
    /// Server names, lower case: exact (`a.test`), `*.a.test`, `a.*`, or `*` for any.
    /// The most specific name wins, in this order.
    pub snis: Vec<String>,
    /// PEM chain and PEM private key pairs: one per key type (RSA, ECDSA); the handshake takes
    /// what the client can use.
    pub pairs: Vec<(String, Secret)>,
    /// Shown when no name fits.
    pub default: bool,
    /// Where it stands.
    pub origin: Origin,
}

/// A certificate authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateAuthority {
    /// Names it.
    pub id: AuthorityId,
    /// One or more PEM certificates.
    pub pem: String,
    /// Where it stands.
    pub origin: Origin,
}
