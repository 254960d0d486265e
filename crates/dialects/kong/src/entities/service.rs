//! Services: what stands behind routes.

use serde::{Deserialize, Serialize};

use super::{Id, Origins, Protocol, Reference};

/// A service: an upstream API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Primary key.
    pub id: Id,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Seconds since the epoch.
    pub updated_at: Option<i64>,
    /// Unique name.
    pub name: Option<String>,
    /// Extra tries after a failed one, 0 to 32767.
    pub retries: Option<u32>,
    /// How to speak to it.
    pub protocol: Protocol,
    /// Name or address; the name of an upstream entity if there is one.
    pub host: String,
    /// Port, 0 to 65535.
    pub port: u16,
    /// Put before the request's path; starts with `/`.
    pub path: Option<String>,
    /// Milliseconds.
    pub connect_timeout: Option<u32>,
    /// Milliseconds between two writes.
    pub write_timeout: Option<u32>,
    /// Milliseconds between two reads.
    pub read_timeout: Option<u32>,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Certificate to show to the upstream.
    pub client_certificate: Option<Reference>,
    /// Whether to verify the upstream's certificate; `None`: as the gateway's settings say.
    pub tls_verify: Option<bool>,
    /// Longest chain of certificates accepted, 0 to 64.
    pub tls_verify_depth: Option<u8>,
    /// `ca_certificates` to verify with; ids, not checked to exist.
    pub ca_certificates: Option<Vec<Id>>,
    /// Whether its routes are in force.
    pub enabled: bool,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}
