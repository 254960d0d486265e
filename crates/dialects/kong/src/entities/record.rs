//! An entity as its schema left it, and how secrets stay out of debug output.

use serde_json::{Map, Value};

use super::{Id, Origins};

/// An entity that has no type of its own here: its fields, complete, as its schema left them.
#[derive(Clone, PartialEq)]
pub struct Record {
    /// Primary key.
    pub id: Id,
    /// All fields by name.
    pub fields: Map<String, Value>,
    /// Where it was written.
    pub origins: Origins,
}

impl Record {
    /// The text in a field that the schema requires to be one; empty for any other.
    pub fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// The id of the entity that a field refers to; empty if it refers to none.
    pub fn reference(&self, field: &str) -> &str {
        let reference = self.fields.get(field).and_then(|reference| reference.get("id"));
        reference.and_then(Value::as_str).unwrap_or_default()
    }
}

/// Implements `Debug` with the named fields only, so that no log line ever shows the others.
macro_rules! without_secrets {
    ($name:ident { $($field:ident),+ }) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($field), &self.$field))+
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(super) use without_secrets;

without_secrets!(Record { id, origins });
