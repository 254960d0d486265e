//! Reads configuration documents into trees in which every key and value knows its place, and words what is wrong with them.
//! Never imports: any workspace crate.
//!
//! The way of a document:
//!
//! 1. [`read_yaml`], [`read_json`] or [`read_auto`] turns a text into [`Document`]s of [`Node`]s, within a [`Budget`].
//! 2. [`Fields`] reads typed values from a node and collects every [`Finding`] instead of stopping at the first.
//! 3. [`render`] shows the [`Findings`] to people, editors and code hosts; each has a [`Code`] with a page of explanation.
//!
//! ```
//! use config::{Budget, Fields, Findings, Sources, read_yaml};
//!
//! let (mut sources, mut findings) = (Sources::new(), Findings::new());
//! let text = "name: orders\nport: 80000\n";
//! let documents = read_yaml(&mut sources, "service.yml", text, &Budget::FILES, &mut findings);
//!
//! let mut service = Fields::new(&documents[0].root, "service", &mut findings).expect("the document is an object");
//! let name = service.string("name").required();
//! let port: Option<u16> = service.integer("port").optional();
//! service.finish();
//!
//! assert_eq!(name.as_deref(), Some("orders"));
//! assert_eq!(port, None);
//! assert_eq!(findings.iter().next().map(|finding| finding.code.code), Some("TRI0104"));
//! ```

mod budget;
pub mod codes;
mod finding;
mod findings;
#[cfg(feature = "golden")]
pub mod golden;
mod names;
mod origin;
mod quote;
mod read;
mod render;
mod source;
mod suggest;
mod tree;
mod typed;

pub use budget::Budget;
pub use codes::{CATALOGUE, Code, CodeInfo};
pub use finding::{Finding, Place, Related, Severity, Suggestion};
pub use findings::Findings;
pub use names::Names;
pub use origin::Origin;
pub use quote::quote;
pub use read::{decode, read_auto, read_json, read_yaml};
pub use render::{Colour, Format, render};
pub use source::{SourceId, Sources, Span};
pub use suggest::did_you_mean;
pub use tree::{Document, Entry, Node, Step, Value};
pub use typed::{Field, Fields, Integer, Reader, Rejection};
