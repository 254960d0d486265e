//! The entities of a configuration as the Admin API finds them: by id, by name, in the order of ids.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::entities::Entities;
use crate::schema::{Catalogue, Entity};

/// An entity with all its fields.
pub(super) type Row = Map<String, Value>;

/// All entities.
pub(super) struct Tables {
    catalogue: &'static Catalogue,
    /// As in the catalogue.
    tables: Vec<Table>,
}

/// All entities of one kind, in the order of their ids.
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    by_id: HashMap<String, usize>,
    by_key: HashMap<String, usize>,
}

impl Tables {
    pub(super) fn of(entities: &Entities, catalogue: &'static Catalogue) -> Self {
        let table = |entity: &Entity| Table::of(entity, rows(entities, entity.name));
        Self { catalogue, tables: catalogue.entities.iter().map(table).collect() }
    }

    pub(super) fn table(&self, entity: &str) -> Option<&Table> {
        self.tables.get(self.catalogue.index(entity)?)
    }

    /// The kinds that have entities, with them; parents before their children.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static Entity, &Table)> {
        let all = self.catalogue.entities.iter().zip(&self.tables);
        all.filter(|(_, table)| !table.rows.is_empty())
    }
}

impl Table {
    fn of(entity: &Entity, mut rows: Vec<Row>) -> Self {
        let id = |row: &Row| text(row, &entity.primary_key).unwrap_or_default().to_owned();
        rows.sort_by_cached_key(id);
        let by = |key: &str| {
            let named = rows.iter().enumerate();
            named.filter_map(|(index, row)| Some((text(row, key)?.to_owned(), index))).collect()
        };
        let by_id = by(&entity.primary_key);
        let by_key = entity.endpoint_key.as_deref().map(by).unwrap_or_default();
        Self { rows, by_id, by_key }
    }

    /// The entity with this id, or else with this name.
    pub(super) fn find(&self, key: &str) -> Option<&Row> {
        self.by_id.get(key).or_else(|| self.by_key.get(key)).map(|index| &self.rows[*index])
    }
}

/// The text in a field.
pub(super) fn text<'r>(row: &'r Row, field: &str) -> Option<&'r str> {
    row.get(field)?.as_str()
}

/// The id to which a field refers.
pub(super) fn referred<'r>(row: &'r Row, field: &str) -> Option<&'r str> {
    row.get(field)?.get("id")?.as_str()
}

fn rows(entities: &Entities, name: &str) -> Vec<Row> {
    match name {
        "workspaces" => to_rows(&entities.workspaces),
        "services" => to_rows(&entities.services),
        "routes" => to_rows(&entities.routes),
        "consumers" => to_rows(&entities.consumers),
        "jwt_secrets" => to_rows(&entities.jwt_secrets),
        "keyauth_credentials" => to_rows(&entities.keyauth_credentials),
        "plugins" => to_rows(&entities.plugins),
        "certificates" => to_rows(&entities.certificates),
        "snis" => to_rows(&entities.snis),
        "ca_certificates" => to_rows(&entities.ca_certificates),
        "upstreams" => to_rows(&entities.upstreams),
        "targets" => to_rows(&entities.targets),
        "vaults" => to_rows(&entities.vaults),
        "key_sets" => to_rows(&entities.key_sets),
        "keys" => to_rows(&entities.keys),
        "filter_chains" => to_rows(&entities.filter_chains),
        "parameters" => to_rows(&entities.parameters),
        other => entities
            .others
            .get(other)
            .into_iter()
            .flatten()
            .map(|record| record.fields.clone())
            .collect(),
    }
}

fn to_rows<T: Serialize>(entities: &[T]) -> Vec<Row> {
    let row = |entity: &T| match serde_json::to_value(entity) {
        Ok(Value::Object(row)) => row,
        other => unreachable!("an entity is an object of plain values, not {other:?}"),
    };
    entities.iter().map(row).collect()
}
