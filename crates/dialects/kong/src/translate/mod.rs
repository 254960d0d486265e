//! From Kong's entities and settings to the model.
//!
//! Every file here is about one thing that an entity or a setting becomes. Ids in the model begin
//! with `kong:`, since other dialects' values stand beside them.

mod certificates;
mod chains;
pub(crate) mod codes;
mod listeners;
mod predicate;
mod rank;
mod routes;
mod upstreams;
mod vaults;

use std::collections::HashMap;

use config::Findings;
use model::{Model, TableId};

use crate::entities::{Entities, Id};
use crate::settings::Settings;
use crate::voice;
use vaults::Vaults;

/// What is translated.
pub(crate) struct Input<'i> {
    /// The entities.
    pub(crate) entities: &'i Entities,
    /// The settings.
    pub(crate) settings: &'i Settings,
}

/// Whether a plugin can run here.
pub(crate) fn is_offered(_plugin: &str) -> bool {
    false
}

/// The model that means the same as the entities and settings.
pub(crate) fn translate(input: &Input<'_>, findings: &mut Findings) -> Model {
    let Input { entities, settings } = input;
    let vaults = Vaults::new(&settings.vault, &entities.vaults);
    let mut context = Context { entities, settings, vaults, findings };
    let pairs = certificates::Pairs::new(&mut context);
    let mut model = Model {
        listeners: listeners::listeners(settings),
        voices: vec![voice::voice(settings)],
        certificates: certificates::certificates(&context, &pairs),
        authorities: certificates::authorities(&context),
        ..Model::default()
    };
    let upstreams = upstreams::upstreams(&mut context, &pairs);
    let mut chains = chains::Chains::new();
    routes::routes(&mut context, &mut chains, &upstreams, &mut model);
    model.upstreams = upstreams.into_model();
    model
}

/// What every part of the translation looks at.
struct Context<'c> {
    entities: &'c Entities,
    settings: &'c Settings,
    vaults: Vaults<'c>,
    findings: &'c mut Findings,
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
