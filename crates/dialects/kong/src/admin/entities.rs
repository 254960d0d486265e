//! Resources made of entities. They are read here; only a new document can change them, so writes
//! are judged as Kong judges them and then refused.

use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::api::Snapshot;
use super::failure::Failure;
use super::page::Wanted;
use super::request::{Payload, Request};
use super::resources::{Family, Resource, WASM};
use crate::schema::{Entity, is_uuid};
use crate::tables::{Row, Table, referred, text};

/// The most seconds that an entity may live.
const LONGEST_LIFE: i64 = 100_000_000;

/// Answers a request for a resource made of entities.
pub(super) fn answer(
    snapshot: &Snapshot<'_>,
    request: &Request,
    resource: &Resource<'_>,
) -> Result<Answer, Failure> {
    if request.method == Method::OPTIONS {
        return Ok(request.options(resource.methods()));
    }
    if !resource.methods().contains(&request.method) {
        return Err(Failure::MethodNotAllowed);
    }
    if resource.needs_wasm() {
        return Err(Failure::BadRequest(WASM.into()));
    }
    let is_read = matches!(request.method, Method::GET | Method::HEAD);
    match *resource {
        Resource::Collection { entity } if is_read => list(snapshot, request, entity),
        Resource::Collection { entity } => create(snapshot, request, entity, None),
        Resource::Entity { entity, key } => {
            let row = find(snapshot, entity, key, None);
            one(snapshot, request, entity, key, row)
        }
        Resource::Parent { entity, key, field, parent } => {
            let child = find(snapshot, entity, key, None).ok_or(Failure::NotFound)?;
            let id = referred(&child, field).ok_or(Failure::NotFound)?;
            if request.method == Method::DELETE {
                return Err(Failure::MethodNotAllowed);
            }
            let row = find(snapshot, parent, id, None);
            one(snapshot, request, parent, id, row)
        }
        Resource::Children { of } => {
            let id = parent_id(snapshot, &of)?;
            if is_read {
                children(snapshot, request, &of, &id)
            } else {
                create(snapshot, request, of.children, Some((of.field, &id)))
            }
        }
        Resource::Child { of, child } => {
            let id = parent_id(snapshot, &of)?;
            let row = find(snapshot, of.children, child, Some((of.field, &id)));
            if row.is_none() && request.method != Method::PUT {
                return Err(Failure::NotFound);
            }
            one(snapshot, request, of.children, child, row)
        }
    }
}

fn list(
    snapshot: &Snapshot<'_>,
    request: &Request,
    entity: &'static Entity,
) -> Result<Answer, Failure> {
    let table = snapshot.tables().table(entity.name).ok_or(Failure::NotFound)?;
    if entity.name == "consumers"
        && let Some(custom_id) = request.argument("custom_id")
    {
        return consumers_of(snapshot, entity, table, custom_id);
    }
    let wanted = Wanted::read(request)?;
    let show = |row| shown(snapshot, entity, row);
    let rows = table.behind(wanted.after());
    Ok(Answer::ok(wanted.page(request, rows, &entity.primary_key, show)))
}

fn consumers_of(
    snapshot: &Snapshot<'_>,
    entity: &'static Entity,
    table: &Table,
    custom_id: &str,
) -> Result<Answer, Failure> {
    if custom_id.is_empty() {
        return Err(Failure::BadRequest("custom_id must be an unempty string".into()));
    }
    let found = table.rows().filter(|row| text(row, "custom_id") == Some(custom_id));
    let data: Vec<Value> = found.map(|row| shown(snapshot, entity, row)).collect();
    Ok(Answer::ok(json!({"data": data, "next": null})))
}

fn children(
    snapshot: &Snapshot<'_>,
    request: &Request,
    of: &Family<'_>,
    id: &str,
) -> Result<Answer, Failure> {
    let table = snapshot.tables().table(of.children.name).ok_or(Failure::NotFound)?;
    let wanted = Wanted::read(request)?.nested();
    // Targets that take no traffic show up in `/targets/all` only.
    let idle = |row: &Row| of.children.name == "targets" && row.get("weight") == Some(&json!(0));
    let rows = table.referring(of.field, id).filter(|row| !idle(row));
    let show = |row| shown(snapshot, of.children, row);
    Ok(Answer::ok(wanted.page(request, rows, &of.children.primary_key, show)))
}

/// Reads one entity, or refuses what a request would do to it.
fn one(
    snapshot: &Snapshot<'_>,
    request: &Request,
    entity: &'static Entity,
    key: &str,
    row: Option<Row>,
) -> Result<Answer, Failure> {
    let by = match &entity.endpoint_key {
        Some(field) if !is_uuid(key) => format!(" by '{field}'"),
        _ => String::new(),
    };
    let refuse = |what: &str| {
        let name = entity.name;
        let said = format!("cannot {what} '{name}' entities{by} when not using a database");
        Err(Failure::Unsupported(said))
    };
    match request.method {
        Method::GET | Method::HEAD => {
            let row = row.ok_or(Failure::NotFound)?;
            Ok(Answer::ok(shown(snapshot, entity, row)))
        }
        // Nothing has to be done about what does not exist.
        Method::DELETE if row.is_none() => Ok(Answer::empty(StatusCode::NO_CONTENT)),
        Method::DELETE => refuse("remove"),
        Method::PATCH => {
            let mut fields = row.ok_or(Failure::NotFound)?;
            merge(&mut fields, written(request, entity)?);
            judge(snapshot, entity, fields)?;
            refuse("update")
        }
        _ => {
            let mut fields = written(request, entity)?;
            let own =
                if is_uuid(key) { Some(&entity.primary_key) } else { entity.endpoint_key.as_ref() };
            if let Some(own) = own {
                fields.insert(own.to_string(), key.into());
            }
            judge(snapshot, entity, fields)?;
            refuse("create or update")
        }
    }
}

fn create(
    snapshot: &Snapshot<'_>,
    request: &Request,
    entity: &'static Entity,
    within: Option<(&str, &str)>,
) -> Result<Answer, Failure> {
    let mut fields = written(request, entity)?;
    if let Some((field, id)) = within {
        fields.insert(field.to_owned(), json!({ "id": id }));
    }
    judge(snapshot, entity, fields)?;
    let said = format!("cannot create '{}' entities when not using a database", entity.name);
    Err(Failure::Unsupported(said))
}

/// The fields of a body, with the types of the entity.
pub(super) fn written(request: &Request, entity: &Entity) -> Result<Row, Failure> {
    match request.payload()? {
        Payload::None => Ok(Map::new()),
        Payload::Json(Value::Object(fields)) => Ok(fields),
        Payload::Json(_) => Err(Failure::BadRequest("Cannot parse JSON body".into())),
        Payload::Yaml => Err(Failure::UnsupportedMediaType),
        Payload::Form(form) => {
            let mut fields = form.0;
            entity.subschema(&fields).unwrap_or(&entity.shape).infer(&mut fields);
            Ok(fields)
        }
    }
}

/// Holds an entity against its schema.
pub(super) fn judge(
    snapshot: &Snapshot<'_>,
    entity: &'static Entity,
    mut fields: Row,
) -> Result<(), Failure> {
    if entity.ttl
        && let Some(ttl) = fields.get("ttl").filter(|ttl| !ttl.is_null())
        && !ttl.as_i64().is_some_and(|ttl| (0..=LONGEST_LIFE).contains(&ttl))
    {
        let said = format!("must be an integer between 0 and {LONGEST_LIFE}");
        return Err(Failure::InvalidOptions(vec![("ttl", said)]));
    }
    resolve(snapshot, entity, &mut fields)?;
    let problems = snapshot.api.judge(entity, &mut fields);
    if problems.is_empty() { Ok(()) } else { Err(Failure::Schema(problems)) }
}

/// Puts ids in place of names by which other entities are referred to.
fn resolve(
    snapshot: &Snapshot<'_>,
    entity: &'static Entity,
    fields: &mut Row,
) -> Result<(), Failure> {
    for field in &entity.shape.fields {
        let parent =
            field.reference.as_deref().and_then(|parent| snapshot.api.catalogue.entity(parent));
        let (Some(parent), Some(Value::Object(reference))) = (parent, fields.get(&*field.name))
        else {
            continue;
        };
        let Some(key) = parent.unique_endpoint_key().filter(|_| !reference.contains_key("id"))
        else {
            continue;
        };
        let Some(name) = text(reference, key) else { continue };
        match find(snapshot, parent, name, None) {
            Some(row) => {
                let id = json!({ "id": text(&row, &parent.primary_key) });
                fields.insert(field.name.to_string(), id);
            }
            None => {
                return Err(Failure::Unresolved {
                    field: field.name.to_string(),
                    key: key.to_owned(),
                    value: name.to_owned(),
                    parent: parent.name,
                });
            }
        }
    }
    Ok(())
}

/// Puts written fields over those of an entity; records merge, everything else is replaced.
fn merge(fields: &mut Row, written: Row) {
    for (name, value) in written {
        match (fields.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (_, value) => {
                fields.insert(name, value);
            }
        }
    }
}

/// Finds an entity by its id or name; `within` is the field and id of the one that it must refer to.
pub(super) fn find(
    snapshot: &Snapshot<'_>,
    entity: &Entity,
    key: &str,
    within: Option<(&str, &str)>,
) -> Option<Row> {
    let table = snapshot.tables().table(entity.name)?;
    let Some((field, id)) = within else {
        // A certificate is known by the names of servers too.
        return table.find(key).or_else(|| {
            let sni = snapshot.tables().table("snis").filter(|_| entity.name == "certificates")?;
            table.find(referred(&sni.find(key)?, "certificate")?)
        });
    };
    let name = match entity.name {
        "acls" => Some("group"),
        _ => entity.endpoint_key.as_deref(),
    };
    table.referring(field, id).find(|row| {
        text(row, &entity.primary_key) == Some(key)
            || name.is_some_and(|name| text(row, name) == Some(key))
    })
}

fn parent_id(snapshot: &Snapshot<'_>, of: &Family<'_>) -> Result<String, Failure> {
    let parent = find(snapshot, of.parent, of.key, None).ok_or(Failure::NotFound)?;
    text(&parent, &of.parent.primary_key).map(str::to_owned).ok_or(Failure::NotFound)
}

/// An entity as the Admin API shows it.
pub(super) fn shown(snapshot: &Snapshot<'_>, entity: &Entity, mut row: Row) -> Value {
    entity.show_old_spellings(&mut row);
    if entity.name == "certificates" {
        let id = text(&row, &entity.primary_key).unwrap_or_default();
        let snis = snapshot.tables().table("snis").into_iter();
        let own = snis.flat_map(|table| table.referring("certificate", id));
        let mut names: Vec<String> =
            own.filter_map(|sni| text(&sni, "name").map(str::to_owned)).collect();
        names.sort_unstable();
        let names: Value = names.into_iter().collect();
        row.insert("snis".into(), names);
    }
    row.into()
}
