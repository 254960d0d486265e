//! Where a value was written, in a form that outlives the document's text.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where a value was written: a place in a document, or an object of an API.
///
/// The default is the empty label: of unknown origin.
///
/// Lines and columns count from 1; columns count characters (Unicode scalar values), as editors do. Line 0 means that the
/// document as a whole is meant, or that the document has no lines at all (an API object).
///
/// ```
/// use config::Origin;
///
/// assert_eq!(Origin::new("gateway.yml", 8, 9).to_string(), "gateway.yml:8:9");
/// assert_eq!(Origin::api("routes/orders").to_string(), "routes/orders");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The path or label of the document, or the name of the API object.
    pub document: Arc<str>,
    /// The line, from 1; 0 if there is no position.
    pub line: u32,
    /// The column in characters, from 1; 0 if there is no position.
    pub column: u32,
}

impl Origin {
    /// The place `line:column` in `document`.
    pub fn new(document: impl Into<Arc<str>>, line: u32, column: u32) -> Self {
        Self { document: document.into(), line, column }
    }

    /// The document as a whole.
    pub fn document(document: impl Into<Arc<str>>) -> Self {
        Self::new(document, 0, 0)
    }

    /// An object that was made through an API and stands in no document; `name` says which one.
    pub fn api(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, 0, 0)
    }

    /// Whether this is a place in a document, and not a whole document or an API object.
    pub fn has_position(&self) -> bool {
        self.line > 0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.has_position() {
            write!(f, "{}:{}:{}", self.document, self.line, self.column)
        } else {
            f.write_str(&self.document)
        }
    }
}
