//! Kong's declarative configuration: documents become [`Entities`].
//!
//! The way of a document, each step a module:
//!
//! 1. `input` reads the lists of entities, still nested as they are written: routes within services,
//!    credentials within consumers. `values` understands YAML as Kong does, `ids` gives an id to
//!    whatever has none, and the paths of documents older than 3.0 are rewritten.
//! 2. `judge` completes every entity with what its schema fills in, and holds it against the rules of
//!    its schema: once as written, and once more with references resolved if that fails.
//! 3. `references` looks for entities that share a name or id, and for references to nothing.
//! 4. `typed` resolves references and makes typed entities that know where they were written.
//!
//! What is wrong comes out twice: as findings with places (`report`), and as the tree that Kong's
//! Admin API answers (`refusal`). Kong stops after the first step that finds something; findings
//! come from all of them.

pub(crate) mod codes;
mod ids;
mod input;
mod judge;
mod references;
mod refusal;
mod report;
mod typed;
mod values;

pub use refusal::Refusal;

use config::{Document, Entry, Findings, Node, Sources};
use serde_json::{Map, Value};

use crate::entities::Entities;
use crate::schema::{
    Catalogue, Completion, Entity, Foreign, Judging, Problems, RouterFlavor, Validation,
};
use input::Input;
use judge::Judge;
use report::Report;

/// What a load needs to know beside the documents. Nothing of it changes from one load to the next
/// within a process, but the time.
pub struct Options<'o> {
    /// Now, in seconds since the epoch: when entities are created that do not say it themselves.
    pub now: i64,
    /// Which router the routes are written for.
    pub flavor: RouterFlavor,
    /// Whether a plugin can run here.
    pub runnable: &'o dyn Fn(&str) -> bool,
    /// Leave out plugins that cannot run, instead of refusing the document.
    pub skip_unknown_plugins: bool,
    /// Whether the gateway has a Redis server for whoever asks for one and names none.
    pub redis_default: bool,
    /// Makes up a secret for a purpose, for credentials that are written without one: the same
    /// text for the same purpose, that nobody can guess.
    pub secret: &'o dyn Fn(&str) -> String,
}

/// What became of documents.
pub struct Loaded {
    /// The entities; none if the documents are refused.
    pub entities: Entities,
    /// What is to be said about the documents.
    pub findings: Findings,
    /// Why they are refused.
    pub refusal: Option<Refusal>,
}

/// Whether a document is a declarative configuration of Kong's, by what stands at its top: one of the
/// fields that only such documents have, a list of entities, or nothing but names of entities.
pub fn recognises(document: &Document) -> bool {
    let catalogue = Catalogue::of(RouterFlavor::default());
    let entries = document.root.entries().unwrap_or_default();
    let is_own = |entry: &Entry| matches!(&*entry.key, "_format_version" | "_transform");
    let is_kind = |entry: &Entry| catalogue.index(&entry.key).is_some();
    let is_list = |node: &Node| {
        node.items().is_some_and(|items| {
            !items.is_empty() && items.iter().all(|item| item.entries().is_some())
        })
    };
    entries.iter().any(|entry| is_own(entry) || (is_kind(entry) && is_list(&entry.value)))
        || (!entries.is_empty() && entries.iter().all(is_kind))
}

/// Reads entities out of documents, which count as one document: names are unique across them, and
/// references go from one to another.
pub fn load(sources: &Sources, documents: &[&Document], options: &Options<'_>) -> Loaded {
    let catalogue = Catalogue::of(options.flavor);
    let mut findings = Findings::new();
    let mut input = Input::read(documents, catalogue);
    if options.skip_unknown_plugins {
        skip_plugins(&mut input, catalogue, options.runnable);
    }
    let judge = Judge {
        catalogue,
        options,
        validation: Validation {
            now: options.now,
            redis_default: options.redis_default,
            flavor: options.flavor,
        },
    };
    judge.complete(&mut input);
    let refused = judge.judge(&mut input);

    let mut report = Report { catalogue, findings: &mut findings };
    if let Some(refused) = &refused {
        report.problems(&input, &refused.causes);
    }
    report.remarks(&input);
    let index = references::Index::of(&input, catalogue);
    let between = references::check(&input, &index, catalogue, &mut findings);
    // Always: more is said about the same texts later.
    Report { catalogue, findings: &mut findings }.redact(&input);

    let problems =
        refused.map(|refused| refused.answer).or((!between.is_empty()).then_some(between));
    if problems.is_some() || findings.has_errors() {
        let refusal = problems.map(|problems| Refusal::new(&problems, &input, catalogue));
        return Loaded { entities: Entities::default(), findings, refusal };
    }
    let entities = typed::entities(input, catalogue, sources, &mut findings);
    Loaded { entities, findings, refusal: None }
}

/// Completes one entity, whose references are resolved, and holds it against its schema alone.
pub(crate) fn judge(
    entity: &'static Entity,
    fields: &mut Map<String, Value>,
    options: &Options<'_>,
) -> Problems {
    let Options { now, flavor, redis_default, secret, .. } = *options;
    let validation = Validation { now, redis_default, flavor };
    let completion = Completion { now, secret, purpose: "", validation: &validation };
    let judging = Judging { completion, runnable: options.runnable, foreign: Foreign::Resolved };
    judging.judge(entity, fields)
}

fn skip_plugins(
    input: &mut Input<'_>,
    catalogue: &'static Catalogue,
    runnable: &dyn Fn(&str) -> bool,
) {
    input.each_mut(|item| {
        let is_plugin = item.schema(catalogue).name == "plugins";
        let name = item.fields.get("name").and_then(Value::as_str);
        item.skipped = is_plugin && name.is_some_and(|name| !runnable(name));
    });
}
