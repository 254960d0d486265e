//! From Kong's entities and settings to the model.
//!
//! Every file here is about one thing that an entity or a setting becomes. Ids in the model begin
//! with `kong:`, since other dialects' values stand beside them.

mod balancing;
mod certificates;
mod chains;
pub(crate) mod codes;
mod consumers;
mod listeners;
mod logging;
mod numbers;
mod plugins;
mod predicate;
mod rank;
mod redis;
mod routes;
mod upstreams;
mod vaults;

use config::Findings;
use foldhash::HashMap;
use model::{Model, TableId, UpstreamId};

use crate::dialect::RedisDefault;
use crate::entities::{Entities, Id};
use crate::settings::Settings;
use crate::voice;
use chains::Chains;
pub(crate) use plugins::is_offered;
use vaults::Vaults;

/// What is translated.
pub(crate) struct Input<'i> {
    /// The entities.
    pub(crate) entities: &'i Entities,
    /// The settings.
    pub(crate) settings: &'i Settings,
    /// The Redis of plugins that ask for one and name none.
    pub(crate) redis: Option<RedisDefault>,
}

/// The model that means the same as the entities and settings.
pub(crate) fn translate(input: Input<'_>, findings: &mut Findings) -> Model {
    let Input { entities, settings, redis } = input;
    let vaults = Vaults::new(&settings.vault, &entities.vaults);
    let mut context =
        Context { entities, settings, redis, vaults, findings, writes_records: false };
    let pairs = certificates::Pairs::new(&mut context);
    let (policies, in_force) = plugins::policies(&mut context);
    context.writes_records = policies.iter().any(plugins::writes_records);
    let mut chains = Chains::new(&in_force);
    let upstreams = upstreams::upstreams(&mut context, &pairs);
    Model {
        listeners: listeners::listeners(settings),
        routes: routes::routes(&mut context, &mut chains, &upstreams),
        policies,
        upstreams: upstreams.into_model(),
        resolvers: vec![settings.resolver.clone()],
        principals: consumers::principals(&context),
        credentials: consumers::credentials(&mut context),
        certificates: certificates::certificates(&context, &pairs),
        authorities: certificates::authorities(&context),
        voices: vec![voice::voice(settings)],
        unrouted: chains.unrouted().into_iter().collect(),
    }
}

/// The upstream in the model that knows how an upstream entity's targets are.
pub(crate) fn balancer(upstream: &str) -> UpstreamId {
    format!("kong:upstream:{upstream}").into()
}

/// What every part of the translation looks at.
struct Context<'c> {
    entities: &'c Entities,
    settings: &'c Settings,
    redis: Option<RedisDefault>,
    vaults: Vaults<'c>,
    findings: &'c mut Findings,
    /// Whether log records are written, so that routes and consumers have to be described.
    writes_records: bool,
}

/// The table in which all routes stand.
fn table() -> TableId {
    "kong".into()
}

/// Entities by id.
fn by_id<'e, T>(entities: &'e [T], id: impl Fn(&'e T) -> &'e Id) -> HashMap<&'e Id, &'e T> {
    entities.iter().map(|entity| (id(entity), entity)).collect()
}

/// A name of an entity in the model.
fn named(kind: &str, id: &Id) -> String {
    format!("kong:{kind}:{id}")
}
