//! The entities of a configuration as the Admin API finds them: by id, by name, by what they refer
//! to, in the order of ids.
//!
//! They are kept for as long as the configuration runs, and rarely asked for: memory counts here,
//! and a row is made when somebody wants to see it.

mod packed;

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use serde::Serialize;
use serde_json::Value;

use crate::entities::Entities;
use crate::schema::{Catalogue, Entity, Kind};
use packed::{Packed, Packing};

pub(crate) use packed::Row;

/// All entities.
pub(crate) struct Tables {
    catalogue: &'static Catalogue,
    /// As in the catalogue.
    tables: Vec<Table>,
}

/// All entities of one kind, in the order of their ids.
pub(crate) struct Table {
    name: Option<&'static str>,
    rows: Packed,
    /// Rows by the digest of a field's name and text, ascending: of the field that names them, and
    /// of those that refer to others.
    index: Box<[(u32, u32)]>,
}

impl Tables {
    pub(crate) fn of(entities: Entities, catalogue: &'static Catalogue) -> Self {
        let mut entities = entities;
        let table = |entity| Table::of(entity, &mut entities);
        Self { catalogue, tables: catalogue.entities.iter().map(table).collect() }
    }

    pub(crate) fn table(&self, entity: &str) -> Option<&Table> {
        self.tables.get(self.catalogue.index(entity)?)
    }

    /// The kinds that have entities, with them; parents before their children.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&'static Entity, &Table)> {
        let all = self.catalogue.entities.iter().zip(&self.tables);
        all.filter(|(_, table)| table.rows.len() > 0)
    }
}

impl Table {
    /// Takes the entities of one kind.
    fn of(entity: &'static Entity, entities: &mut Entities) -> Self {
        let mut packing = Packing::new(&entity.primary_key);
        let mut index = Vec::new();
        let mut row_number = 0;
        each_row(entities, entity.name, |row| {
            packing.push(row);
            let mut note =
                |field: &str, value: &str| index.push((digest(field, value), row_number));
            if let Some(name) = entity.endpoint_key.as_deref() {
                text(row, name).into_iter().for_each(|value| note(name, value));
            }
            for field in entity.shape.fields.iter().filter(|field| field.kind == Kind::Foreign) {
                referred(row, &field.name).into_iter().for_each(|id| note(&field.name, id));
            }
            row_number += 1;
        });
        let (rows, places) = packing.finish();
        for (_, row) in &mut index {
            *row = places[*row as usize];
        }
        index.sort_unstable();
        Self { name: entity.endpoint_key.as_deref(), rows, index: index.into() }
    }

    /// All of them.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        (0..self.rows.len()).map(|place| self.rows.row(place))
    }

    /// Those behind an id.
    pub(crate) fn behind(&self, id: Option<&str>) -> impl Iterator<Item = Row> {
        let first = id.map_or(0, |id| match self.rows.place_of(id) {
            Ok(place) => place + 1,
            Err(place) => place,
        });
        (first..self.rows.len()).map(|place| self.rows.row(place))
    }

    /// The entity with this id, or else with this name.
    pub(crate) fn find(&self, key: &str) -> Option<Row> {
        match self.rows.place_of(key) {
            Ok(place) => Some(self.rows.row(place)),
            Err(_) => {
                let name = self.name?;
                self.candidates(name, key).filter(|row| text(row, name) == Some(key)).last()
            }
        }
    }

    /// Those whose field refers to an id.
    pub(crate) fn referring(&self, field: &str, id: &str) -> impl Iterator<Item = Row> {
        self.candidates(field, id).filter(move |row| referred(row, field) == Some(id))
    }

    /// Rows that may have this text in a field that is indexed.
    fn candidates(&self, field: &str, value: &str) -> impl Iterator<Item = Row> + use<'_> {
        let digest = digest(field, value);
        let first = self.index.partition_point(|(other, _)| *other < digest);
        let same = self.index[first..].iter().take_while(move |(other, _)| *other == digest);
        same.map(|(_, place)| self.rows.row(*place as usize))
    }
}

/// Half of a hash is enough: whatever is found is looked at.
fn digest(field: &str, value: &str) -> u32 {
    FixedState::with_seed(0).hash_one((field, value)) as u32
}

/// The text in a field.
pub(crate) fn text<'r>(row: &'r Row, field: &str) -> Option<&'r str> {
    row.get(field)?.as_str()
}

/// The id to which a field refers.
pub(crate) fn referred<'r>(row: &'r Row, field: &str) -> Option<&'r str> {
    row.get(field)?.get("id")?.as_str()
}

/// Takes the entities of one kind and shows each as a row.
fn each_row(entities: &mut Entities, name: &str, visit: impl FnMut(&Row)) {
    match name {
        "workspaces" => serialised(&mut entities.workspaces, visit),
        "services" => serialised(&mut entities.services, visit),
        "routes" => serialised(&mut entities.routes, visit),
        "consumers" => serialised(&mut entities.consumers, visit),
        "jwt_secrets" => serialised(&mut entities.jwt_secrets, visit),
        "keyauth_credentials" => serialised(&mut entities.keyauth_credentials, visit),
        "plugins" => serialised(&mut entities.plugins, visit),
        "certificates" => serialised(&mut entities.certificates, visit),
        "snis" => serialised(&mut entities.snis, visit),
        "ca_certificates" => serialised(&mut entities.ca_certificates, visit),
        "upstreams" => serialised(&mut entities.upstreams, visit),
        "targets" => serialised(&mut entities.targets, visit),
        "vaults" => serialised(&mut entities.vaults, visit),
        "key_sets" => serialised(&mut entities.key_sets, visit),
        "keys" => serialised(&mut entities.keys, visit),
        "filter_chains" => serialised(&mut entities.filter_chains, visit),
        "parameters" => serialised(&mut entities.parameters, visit),
        other => {
            let records = entities.others.remove(other).unwrap_or_default();
            records.iter().map(|record| &record.fields).for_each(visit);
        }
    }
}

fn serialised<T: Serialize>(entities: &mut Vec<T>, mut visit: impl FnMut(&Row)) {
    for entity in std::mem::take(entities) {
        match serde_json::to_value(entity) {
            Ok(Value::Object(row)) => visit(&row),
            other => unreachable!("an entity is an object of plain values, not {other:?}"),
        }
    }
}
