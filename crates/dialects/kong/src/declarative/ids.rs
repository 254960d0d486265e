//! Ids of entities that have none of their own.
//!
//! Kong derives such an id from what makes the entity unique, so that the same document gives the same
//! ids everywhere: a version 5 UUID (RFC 9562 section 5.5) in a name space of the entity. Where Kong
//! knows nothing unique and makes up a random id, the place of the entity in its list is taken here,
//! so that a reload does not make everything new.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::schema::Entity;

const ENTITIES: Uuid = Uuid::from_u128(0xfd02801f_0957_4a15_a55a_c8d9606f30b5);

/// The workspace of whatever names none.
const WORKSPACE: &str = "*";

/// Where an entity stands within another.
#[derive(Clone, Copy)]
pub(super) struct Parent<'p> {
    /// The other's id.
    pub(super) id: &'p str,
    /// The field that refers to it.
    pub(super) field: &'p str,
}

/// The id of an entity; `fields` are as written. `ordinal` is its place in its list.
pub(super) fn id(
    entity: &Entity,
    fields: &Map<String, Value>,
    parent: Option<Parent<'_>>,
    ordinal: usize,
) -> String {
    if let Some(Value::String(id)) = fields.get(&*entity.primary_key) {
        return id.clone();
    }
    let name = if entity.cache_key.is_empty() {
        endpoint_name(entity, fields, parent)
    } else {
        cache_name(entity, fields, parent)
    };
    let name = name.unwrap_or_else(|| {
        // No name of Kong's begins with a slash.
        let within = parent.map_or("", |parent| parent.id);
        format!("/{within}/{ordinal}")
    });
    let space = Uuid::new_v5(&ENTITIES, entity.name.as_bytes());
    Uuid::new_v5(&space, name.as_bytes()).hyphenated().to_string()
}

/// What several fields together make unique. `None` if one of them is made up by the gateway, or is
/// required and missing.
fn cache_name(
    entity: &Entity,
    fields: &Map<String, Value>,
    parent: Option<Parent<'_>>,
) -> Option<String> {
    let mut name = format!("{}:{WORKSPACE}", entity.name);
    for key in &entity.cache_key {
        let field = entity.shape.field(key)?;
        if field.auto.is_some() {
            return None;
        }
        let part = match fields.get(&**key) {
            Some(Value::String(text)) => text,
            // Kong leaves out what is written and no text, even `null`.
            Some(_) => continue,
            None => match parent.filter(|parent| *parent.field == **key) {
                Some(parent) => parent.id,
                None if field.required => return None,
                None => "",
            },
        };
        name.push(':');
        name.push_str(part);
    }
    Some(name)
}

fn endpoint_name(
    entity: &Entity,
    fields: &Map<String, Value>,
    parent: Option<Parent<'_>>,
) -> Option<String> {
    let key = entity.endpoint_key.as_deref()?;
    let mut name = fields.get(key)?.as_str()?.to_owned();
    let field = entity.shape.field(key)?;
    if field.unique {
        return Some(name);
    }
    for owner in entity.shape.fields.iter().filter(|field| field.cascades()) {
        let id = match parent {
            Some(parent) => parent.id,
            None => fields.get(&*owner.name)?.as_str()?,
        };
        name.push(':');
        name.push_str(id);
    }
    if !field.unique_across_ws {
        name.push(':');
        name.push_str(WORKSPACE);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Catalogue, RouterFlavor};
    use serde_json::json;

    fn id_of(entity: &str, fields: Value, parent: Option<Parent<'_>>) -> String {
        let entity = Catalogue::of(RouterFlavor::default()).entity(entity).expect("it exists");
        id(entity, fields.as_object().expect("an entity is an object"), parent, 0)
    }

    /// Ids that Kong 3.9.3 was seen to give.
    #[test]
    fn ids_are_kongs() {
        let service = id_of("services", json!({"name": "s"}), None);
        assert_eq!(service, "b268827a-8f7f-551f-8769-e6bceb2f3ec6");
        let parent = Some(Parent { id: &service, field: "service" });
        assert_eq!(
            id_of("plugins", json!({"name": "key-auth"}), parent),
            "a9d11628-ce50-5f63-9767-909c411edf06"
        );
        assert_eq!(
            id_of("plugins", json!({"name": "session"}), None),
            "ca7ca3d7-3196-55d9-a575-e14a17fe8b3d"
        );
        assert_eq!(
            id_of("basicauth_credentials", json!({"username": "u"}), None),
            "b8b13216-f8d0-5482-8264-f38e673a5811"
        );
    }

    #[test]
    fn an_id_that_is_written_counts() {
        assert_eq!(id_of("services", json!({"id": "X", "name": "s"}), None), "X");
    }

    #[test]
    fn nothing_of_a_secret_goes_into_an_id() {
        let first = id_of("keyauth_credentials", json!({"key": "a"}), None);
        assert_eq!(id_of("keyauth_credentials", json!({"key": "b"}), None), first);
    }
}
