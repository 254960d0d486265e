//! Places as the machine formats write them.

use std::sync::Arc;

use crate::{Place, Sources};

/// A place with its end, in lines and columns from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) file: Arc<str>,
    /// Whether `file` names a document and not an API object.
    pub(super) is_document: bool,
    pub(super) start: Option<(u32, u32)>,
    pub(super) end: Option<(u32, u32)>,
}

impl Location {
    pub(super) fn of(place: &Place, sources: &Sources) -> Self {
        let origin = place.origin(sources);
        let end = match place {
            Place::Span(span) => Some(sources.end_position(*span)),
            Place::Origin(_) => None,
        };
        Self {
            is_document: origin.has_position() || sources.find(&origin.document).is_some(),
            start: origin.has_position().then_some((origin.line, origin.column)),
            end,
            file: origin.document,
        }
    }
}
