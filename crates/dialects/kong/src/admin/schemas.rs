//! `/schemas`: what entities and plugins may look like, as decK and other tools read it, and whether
//! one keeps to it.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use super::api::Snapshot;
use super::entities;
use super::failure::Failure;
use super::request::Request;
use crate::schema::{Entity, Plugin, SchemaText};

/// `GET /schemas/{entity}`
pub(super) fn entity(
    snapshot: &Snapshot<'_>,
    _: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    Ok(match by_name(snapshot, captures) {
        Ok(entity) => Answer::ok(SchemaText::of_entity(entity)),
        Err(unknown) => unknown,
    })
}

/// `POST /schemas/{entity}/validate`
pub(super) fn validate(
    snapshot: &Snapshot<'_>,
    request: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    let entity = match by_name(snapshot, captures) {
        Ok(entity) => entity,
        Err(unknown) => return Ok(unknown),
    };
    entities::judge(snapshot, entity, entities::written(request, entity)?)?;
    Ok(Answer::message(StatusCode::OK, "schema validation successful"))
}

/// `POST /schemas/plugins/validate`
pub(super) fn validate_plugin(
    snapshot: &Snapshot<'_>,
    request: &Request,
    _: &[&str],
) -> Result<Answer, Failure> {
    validate(snapshot, request, &["plugins"])
}

/// `POST /schemas/vaults/validate`
pub(super) fn validate_vault(
    snapshot: &Snapshot<'_>,
    request: &Request,
    _: &[&str],
) -> Result<Answer, Failure> {
    validate(snapshot, request, &["vaults"])
}

/// `GET /schemas/plugins/{name}`
pub(super) fn plugin(
    snapshot: &Snapshot<'_>,
    _: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    Ok(text_of_plugin(snapshot, captures, SchemaText::of_plugin))
}

/// `GET /plugins/schema/{name}`, the old form: the fields of the configuration alone.
pub(super) fn plugin_config(
    snapshot: &Snapshot<'_>,
    _: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    Ok(text_of_plugin(snapshot, captures, SchemaText::of_config))
}

/// `GET /schemas/vaults/{name}`
pub(super) fn vault(
    snapshot: &Snapshot<'_>,
    _: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    let name = captures.first().copied().unwrap_or_default();
    let vaults = snapshot.api.catalogue.entity("vaults");
    let of_name = json!({ "name": name });
    let fields = of_name.as_object().cloned().unwrap_or_default();
    Ok(match vaults.and_then(|vaults| vaults.subschema(&fields)) {
        Some(shape) => Answer::ok(SchemaText::of_subschema(shape)),
        None => Answer::message(StatusCode::NOT_FOUND, format!("No vault named '{name}'")),
    })
}

/// `GET /schemas/filters/{name}`: there are no filters of Wasm.
pub(super) fn filter(_: &Snapshot<'_>, _: &Request, captures: &[&str]) -> Result<Answer, Failure> {
    let name = captures.first().copied().unwrap_or_default();
    Ok(Answer::message(StatusCode::NOT_FOUND, format!("Filter '{name}' not found")))
}

fn by_name(snapshot: &Snapshot<'_>, captures: &[&str]) -> Result<&'static Entity, Answer> {
    let name = captures.first().copied().unwrap_or_default();
    snapshot
        .api
        .catalogue
        .entity(name)
        .ok_or_else(|| Answer::message(StatusCode::NOT_FOUND, format!("No entity named '{name}'")))
}

fn text_of_plugin(
    snapshot: &Snapshot<'_>,
    captures: &[&str],
    text: fn(&Plugin) -> Value,
) -> Answer {
    let name = captures.first().copied().unwrap_or_default();
    match snapshot.api.catalogue.plugin(name) {
        Some(plugin) => Answer::ok(text(plugin)),
        None => Answer::message(StatusCode::NOT_FOUND, format!("No plugin named '{name}'")),
    }
}
