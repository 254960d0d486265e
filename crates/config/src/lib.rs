//! placeholder

use std::fmt;
use std::sync::Arc;
use serde::{Deserialize, Serialize};

/// Where a value stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Path or label of the document.
    pub document: Arc<str>,
    /// 1-based line; 0 for the whole document.
    pub line: u32,
    /// 1-based column.
    pub column: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.document, self.line, self.column)
    }
}
