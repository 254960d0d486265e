//! Kong's schemas, run as data.
//!
//! What Kong's entities and plugins may look like stands in `data/*.json`: fields with types,
//! defaults and rules, other spellings of fields, rules across fields. [`Catalogue`] reads that once.
//! A value goes through two steps, and neither knows any entity by name:
//!
//! 1. `complete` expands other spellings, fills in defaults and drops repeated elements of sets;
//! 2. `validate` holds the completed value against every rule, and returns all that are broken as
//!    [`Problems`], the tree that Kong answers under `fields`.
//!
//! Only formats (`format`) and a few rules across fields (`custom`) are code.

mod catalogue;
mod checks;
mod complete;
mod custom;
mod definition;
mod entity;
mod expression;
mod format;
mod infer;
mod message;
mod pattern;
mod problems;
mod text;
mod validate;

pub use catalogue::{Catalogue, Plugin, RouterFlavor};
pub use problems::{Key, Problem, Problems, Rule, Violation};

pub(crate) use catalogue::{Apply, Entity};
pub(crate) use complete::Completion;
pub(crate) use definition::{Expand, Field, Kind, Shape};
pub(crate) use entity::Judging;
pub(crate) use format::{certificate_digest, migrated_path, target_with_port};
pub(crate) use text::SchemaText;
pub(crate) use validate::{Foreign, Validation, is_uuid};
