//! Plugins and Wasm filter chains.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Id, Origins, Protocol, Reference};

/// A plugin in force for everything that its scopes (`route`, `service`, `consumer`) name; for all
/// requests if it has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plugin {
    /// Primary key.
    pub id: Id,
    /// Which plugin.
    pub name: String,
    /// Unique name of this use of it.
    pub instance_name: Option<String>,
    /// Seconds since the epoch.
    pub created_at: Option<i64>,
    /// Seconds since the epoch.
    pub updated_at: Option<i64>,
    /// Only for requests of this route.
    pub route: Option<Reference>,
    /// Only for requests to this service.
    pub service: Option<Reference>,
    /// Only for requests of this consumer.
    pub consumer: Option<Reference>,
    /// Its configuration: an object with every field of the plugin's schema, shorthand expanded.
    /// Its places are [`Origins`] under `/config`.
    pub config: Value,
    /// Protocols of requests it works on.
    pub protocols: Vec<Protocol>,
    /// Whether it works at all.
    pub enabled: bool,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Where it was written.
    #[serde(skip)]
    pub origins: Origins,
}

/// Wasm filters in force for a route or a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FilterChain {
    /// Primary key.
    pub id: Id,
    /// Unique name.
    pub name: Option<String>,
    /// Whether it works at all.
    pub enabled: bool,
    /// The route, if it belongs to one.
    pub route: Option<Reference>,
    /// The service, if it belongs to one.
    pub service: Option<Reference>,
    /// The filters in the order they run.
    pub filters: Vec<Filter>,
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

/// One filter of a chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    /// Name of the module, without `.wasm`.
    pub name: String,
    /// Whether it works at all.
    pub enabled: bool,
    /// What it is told.
    pub config: Option<Value>,
}
