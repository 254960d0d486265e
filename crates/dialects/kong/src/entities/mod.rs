//! The entities of a Kong configuration, validated, complete and typed.
//!
//! [`crate::declarative::load`] makes these out of documents: every default is filled in, every
//! shorthand expanded, every foreign key resolved to an id. Field names, types and nulls are
//! exactly those of Kong's Admin API, so that an entity serialises to what a read of it answers;
//! what the schema does not require is an `Option`, even where it has a default, because Kong lets
//! a user write `null` there.
//!
//! Each entity knows where it and each of its fields was written ([`Origins`]).

mod certificate;
mod consumer;
mod id;
mod key;
mod origins;
mod plugin;
mod protocol;
mod record;
mod route;
mod service;
mod upstream;

pub use certificate::{CaCertificate, Certificate, Sni};
pub use consumer::{Consumer, JwtSecret, KeyauthCredential};
pub use id::{Id, Reference};
pub use key::{Key, KeyPair, KeySet, Parameter, Vault, Workspace};
pub use origins::Origins;
pub use plugin::{Filter, FilterChain, Plugin};
pub use protocol::Protocol;
pub use record::Record;
pub use route::{Address, PathHandling, Route};
pub use service::Service;
pub use upstream::{
    ActiveHealthcheck, ActiveHealthy, ActiveUnhealthy, Algorithm, HashOn, Healthchecks,
    PassiveHealthcheck, PassiveHealthy, PassiveUnhealthy, ProbeType, Target, Upstream,
};

use std::collections::BTreeMap;

/// All entities of a configuration, each list in the order in which its entities were read.
///
/// `tags` and `clustering_data_planes`, the two remaining core entities of Kong, cannot be
/// configured: the former is a view of every entity's `tags`, the latter a control plane's record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entities {
    /// Workspaces; Kong without Enterprise features has none but the implied `default`.
    pub workspaces: Vec<Workspace>,
    /// Services.
    pub services: Vec<Service>,
    /// Routes.
    pub routes: Vec<Route>,
    /// Consumers.
    pub consumers: Vec<Consumer>,
    /// Credentials of the plugin `jwt`.
    pub jwt_secrets: Vec<JwtSecret>,
    /// Credentials of the plugin `key-auth`.
    pub keyauth_credentials: Vec<KeyauthCredential>,
    /// Plugins, of every scope.
    pub plugins: Vec<Plugin>,
    /// Certificates with their keys.
    pub certificates: Vec<Certificate>,
    /// Server names of certificates.
    pub snis: Vec<Sni>,
    /// Certificate authorities to trust.
    pub ca_certificates: Vec<CaCertificate>,
    /// Upstreams.
    pub upstreams: Vec<Upstream>,
    /// Targets of upstreams.
    pub targets: Vec<Target>,
    /// Vaults.
    pub vaults: Vec<Vault>,
    /// Sets of keys.
    pub key_sets: Vec<KeySet>,
    /// Keys.
    pub keys: Vec<Key>,
    /// Chains of Wasm filters.
    pub filter_chains: Vec<FilterChain>,
    /// Internal parameters.
    pub parameters: Vec<Parameter>,
    /// Entities of plugins that have no type of their own here, by entity name
    /// (`basicauth_credentials`, `acls`, …).
    pub others: BTreeMap<&'static str, Vec<Record>>,
}
