//! Where each field of an entity was written.

use config::Origin;

/// The places of an entity's fields, by JSON pointer (RFC 6901): `/paths/0`, `/config/minute`.
///
/// Only what a user wrote has a place of its own; a default is asked for by its own pointer and
/// answers with the nearest thing around it that was written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origins {
    base: Origin,
    /// Sorted by pointer.
    fields: Vec<Place>,
}

#[derive(Debug, Clone, PartialEq)]
struct Place {
    pointer: Box<str>,
    line: u32,
    column: u32,
}

impl Origins {
    /// The places within an entity that stands at `base`.
    pub fn new(base: Origin) -> Self {
        Self { base, fields: Vec::new() }
    }

    /// Notes that the value at `pointer` stands at `line` and `column` of the entity's document.
    /// Later notes of the same pointer win once [`Origins::settle`] has run.
    pub fn note(&mut self, pointer: &str, line: u32, column: u32) {
        self.fields.push(Place { pointer: pointer.into(), line, column });
    }

    /// Sorts what was noted, so that it can be found.
    pub fn settle(&mut self) {
        self.fields.reverse();
        self.fields.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        self.fields.dedup_by(|later, first| later.pointer == first.pointer);
        self.fields.shrink_to_fit();
    }

    /// The entity itself.
    pub fn entity(&self) -> &Origin {
        &self.base
    }

    /// Where the value at `pointer` was written, or whatever was written nearest around it.
    pub fn at(&self, pointer: &str) -> Origin {
        let mut pointer = pointer;
        while !pointer.is_empty() {
            if let Some(origin) = self.written(pointer) {
                return origin;
            }
            pointer = pointer.rfind('/').map_or("", |slash| &pointer[..slash]);
        }
        self.base.clone()
    }

    /// Where the value at `pointer` was written; `None` if it was not, and is a default.
    pub fn written(&self, pointer: &str) -> Option<Origin> {
        let index = self.fields.binary_search_by(|place| (*place.pointer).cmp(pointer)).ok()?;
        let Place { line, column, .. } = self.fields[index];
        Some(Origin { document: self.base.document.clone(), line, column })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> Origins {
        let mut origins = Origins::new(Origin { document: "kong.yml".into(), line: 3, column: 5 });
        origins.note("/paths", 4, 12);
        origins.note("/paths/1", 5, 9);
        origins.settle();
        origins
    }

    #[test]
    fn a_written_field_has_its_own_place() {
        assert_eq!(origins().at("/paths/1").to_string(), "kong.yml:5:9");
    }

    #[test]
    fn a_default_stands_where_what_surrounds_it_stands() {
        assert_eq!(origins().at("/paths/0").to_string(), "kong.yml:4:12");
        assert_eq!(origins().at("/strip_path").to_string(), "kong.yml:3:5");
        assert_eq!(origins().written("/strip_path"), None);
    }

    #[test]
    fn the_last_note_of_a_field_wins() {
        let mut origins = Origins::new(Origin::default());
        origins.note("/host", 1, 1);
        origins.note("/host", 2, 2);
        origins.settle();
        assert_eq!(origins.at("/host").line, 2);
    }
}
