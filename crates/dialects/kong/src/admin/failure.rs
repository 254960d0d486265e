//! What a request cannot have, in the forms in which Kong says it.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use crate::schema::Problems;

/// Why a request fails.
#[derive(Debug)]
pub(super) enum Failure {
    NotFound,
    MethodNotAllowed,
    /// Something is wrong with the request itself.
    BadRequest(String),
    /// The body has a type that the resource does not take.
    UnsupportedMediaType,
    PayloadTooLarge,
    /// The body took too long.
    RequestTimeout,
    /// A page in the middle of a browser wrote, for a site that has no business here.
    ForeignOrigin,
    InvalidSize(&'static str),
    InvalidOffset {
        offset: String,
        reason: &'static str,
    },
    InvalidOptions(Vec<(&'static str, String)>),
    /// An entity breaks the rules of its schema.
    Schema(Problems),
    /// A reference by something else than the id names nothing.
    Unresolved {
        field: String,
        key: String,
        value: String,
        parent: &'static str,
    },
    /// What would change an entity, which only a new document can.
    Unsupported(String),
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotFound => Answer::not_found(),
            Failure::MethodNotAllowed => Answer::method_not_allowed(),
            Failure::BadRequest(message) => Answer::message(StatusCode::BAD_REQUEST, message),
            Failure::UnsupportedMediaType => Answer::page(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Failure::PayloadTooLarge => Answer::page(StatusCode::PAYLOAD_TOO_LARGE),
            Failure::RequestTimeout => Answer::page(StatusCode::REQUEST_TIMEOUT),
            Failure::ForeignOrigin => {
                Answer::message(StatusCode::FORBIDDEN, "this origin may not change anything here")
            }
            Failure::InvalidSize(message) => error(400, 9, "invalid size", message, None),
            Failure::InvalidOffset { offset, reason } => {
                let message = format!("'{offset}' is not a valid offset: {reason}");
                error(400, 7, "invalid offset", &message, None)
            }
            Failure::InvalidOptions(options) => invalid_options(&options),
            Failure::Schema(problems) => {
                let fields = Some(("fields", problems.to_json()));
                error(400, 2, "schema violation", &problems.message(), fields)
            }
            Failure::Unresolved { field, key, value, parent } => {
                let said = format!(
                    "the foreign key cannot be resolved with '{{{key}=\"{value}\"}}' for an \
                     existing '{parent}' entity"
                );
                let message = format!("foreign key unresolved ({field}.{key}: {said})");
                let fields = json!({ field: { key: said } });
                error(400, 13, "foreign keys unresolved", &message, Some(("fields", fields)))
            }
            Failure::Unsupported(message) => {
                error(405, 12, "operation unsupported", &message, None)
            }
        }
    }
}

fn invalid_options(options: &[(&'static str, String)]) -> Answer {
    let all: Vec<_> = options.iter().map(|(name, said)| format!("{name}: {said}")).collect();
    let message = match all.len() {
        1 => format!("invalid option ({})", all[0]),
        count => format!("{count} option violations ({})", all.join("; ")),
    };
    let options: Map<String, Value> =
        options.iter().map(|(name, said)| ((*name).to_owned(), said.as_str().into())).collect();
    error(400, 11, "invalid options", &message, Some(("options", options.into())))
}

fn error(status: u16, code: u32, name: &str, message: &str, more: Option<(&str, Value)>) -> Answer {
    let mut body = json!({"code": code, "name": name, "message": message});
    if let Some((key, value)) = more {
        body[key] = value;
    }
    Answer::json(StatusCode::from_u16(status).unwrap_or_default(), body)
}
