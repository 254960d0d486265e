//! From a request to an answer: what the API knows, and which resource is asked.

use std::sync::Arc;

use control::Control;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::answer::Answer;
use super::failure::Failure;
use super::node::Node;
use super::origin::Origins;
use super::request::Request;
use super::resources::Resource;
use super::special::{self, Handler};
use super::{documents, entities};
use crate::entities::Entities;
use crate::schema::{Catalogue, Entity, Problems};
use crate::tables::Tables;
use crate::{Configuration, Kong, declarative};

/// The name under which the control side keeps what belongs to Kong.
pub(super) const DIALECT: &str = "kong";

/// Kong's Admin API of one process.
pub struct Admin {
    pub(super) control: Control,
    pub(super) kong: Kong,
    pub(super) node: Arc<dyn Node>,
    pub(super) node_id: String,
    pub(super) catalogue: &'static Catalogue,
    pub(super) origins: Origins,
    /// One document at a time is taken.
    pub(super) loading: Semaphore,
}

/// What runs at one moment, as one request sees it.
pub(super) struct Snapshot<'a> {
    pub(super) api: &'a Admin,
    pub(super) configuration: Arc<Configuration>,
}

impl Snapshot<'_> {
    /// All entities.
    pub(super) fn tables(&self) -> &Tables {
        &self.configuration.tables
    }
}

impl Admin {
    /// The API of a process whose configuration `control` changes. `kong` is the dialect with the
    /// settings of the process.
    pub fn new(control: Control, kong: Kong, node: Arc<dyn Node>) -> Self {
        let settings = kong.settings();
        let fixed = settings.node_id.clone();
        Self {
            node_id: fixed.unwrap_or_else(|| Uuid::new_v4().hyphenated().to_string()),
            origins: Origins::of(settings),
            catalogue: Catalogue::of(kong.declarative().flavor),
            control,
            kong,
            node,
            loading: Semaphore::new(1),
        }
    }

    /// Answers a request.
    pub(super) async fn answer(&self, request: &Request) -> Answer {
        self.respond(request).await.unwrap_or_else(Answer::from)
    }

    async fn respond(&self, request: &Request) -> Result<Answer, Failure> {
        if request.method == Method::TRACE || request.method == Method::CONNECT {
            return Ok(Answer::page(StatusCode::METHOD_NOT_ALLOWED));
        }
        self.origins.check(request)?;
        let Some(found) = special::find(&request.segments) else {
            let resource = Resource::find(self.catalogue, &request.segments);
            let resource = resource.ok_or(Failure::NotFound)?;
            return entities::answer(&self.snapshot(), request, &resource);
        };
        if request.method == Method::OPTIONS {
            return Ok(request.options(found.methods));
        }
        if !found.methods.contains(&request.method) {
            return Err(Failure::MethodNotAllowed);
        }
        match found.handler {
            Handler::Here(handler) => handler(&self.snapshot(), request, &found.captures),
            Handler::Documents => documents::answer(self, request).await,
        }
    }

    /// What runs now.
    pub(super) fn snapshot(&self) -> Snapshot<'_> {
        let view = self.control.state().views.get(DIALECT).cloned();
        let configuration = view
            .and_then(|view| view.downcast::<Configuration>().ok())
            .unwrap_or_else(|| Arc::new(nothing()));
        Snapshot { api: self, configuration }
    }

    /// Completes an entity and holds it against its schema.
    pub(super) fn judge(
        &self,
        entity: &'static Entity,
        fields: &mut Map<String, Value>,
    ) -> Problems {
        declarative::judge(entity, fields, &self.kong.declarative())
    }
}

/// Before anything was loaded.
fn nothing() -> Configuration {
    Configuration::new(Entities::default(), "0".repeat(32))
}
