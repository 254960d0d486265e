//! Typed values from a tree, with every finding instead of only the first.

mod field;
mod fields;
mod reader;
mod subject;

pub use field::{Field, Rejection};
pub use fields::Fields;
pub use reader::{Integer, Reader};
