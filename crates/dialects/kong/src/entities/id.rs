//! Primary keys and references to them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An entity's primary key: a UUID, spelled as the user spelled it (Kong shows it unchanged, in
/// `X-Consumer-ID` for example). A `parameters` entry has its `key` here instead.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(Arc<str>);

impl Id {
    /// The key as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key as a UUID, where order matters (Kong breaks ties between routes by it); the nil
    /// UUID for a key that is none.
    pub fn uuid(&self) -> Uuid {
        Uuid::try_parse(&self.0).unwrap_or_default()
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Id {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Uuid> for Id {
    fn from(uuid: Uuid) -> Self {
        let mut buffer = Uuid::encode_buffer();
        Self((&*uuid.hyphenated().encode_lower(&mut buffer)).into())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A foreign key, resolved: `{"id": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The parent's primary key.
    pub id: Id,
}
