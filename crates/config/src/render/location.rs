//! Places as the machine formats write them.

use std::sync::Arc;

use crate::{Place, Sources};

/// A place with its end, in lines and columns from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) file: Arc<str>,
    /// Whether `file` names a file or a document, and not an API object or a variable.
    pub(super) is_document: bool,
    pub(super) start: Option<(u32, u32)>,
    pub(super) end: Option<(u32, u32)>,
}

impl Location {
    pub(super) fn of(place: &Place, sources: &Sources) -> Self {
        let origin = place.origin(sources);
        let end = match place {
            Place::Span(span) => Some(sources.end_position(*span)),
            Place::Origin(_) | Place::File(_) => None,
        };
        Self {
            is_document: matches!(place, Place::File(_))
                || origin.has_position()
                || sources.find(&origin.document).is_some(),
            start: origin.has_position().then_some((origin.line, origin.column)),
            end,
            file: origin.document,
        }
    }
}
