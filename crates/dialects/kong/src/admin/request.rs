//! A request as the resources see it: path, query and body taken apart.

use bytes::Bytes;
use hyper::header::{ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_TYPE, HeaderMap, HeaderName};
use hyper::{Method, Uri};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::answer::Answer;
use super::failure::Failure;
use super::form::{self, Fields};

/// The most arguments of a query or form.
pub(super) const MOST_ARGUMENTS: usize = 1000;

/// A request whose body has been read.
pub(super) struct Request {
    pub(super) method: Method,
    /// The path as it was written, without a slash at its end.
    pub(super) path: String,
    /// Its parts, decoded.
    pub(super) segments: Vec<String>,
    /// The query's arguments in order.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What a body says.
#[derive(Debug)]
pub(super) enum Payload {
    /// Nothing.
    None,
    /// A JSON value.
    Json(Value),
    /// Fields of a form.
    Form(Fields),
    /// A YAML text.
    Yaml,
}

impl Request {
    pub(super) fn new(
        method: Method,
        uri: &Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Self, Failure> {
        let path = uri.path().strip_suffix('/').unwrap_or(uri.path()).to_owned();
        let segments = path.split('/').skip(1).map(decode).collect();
        let query = form::url_encoded(uri.query().unwrap_or_default().as_bytes())?;
        Ok(Self { method, path, segments, query, headers, body })
    }

    /// The last value of an argument of the query, as Kong takes it.
    pub(super) fn argument(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether an argument of the query switches something on.
    pub(super) fn switch(&self, name: &str) -> bool {
        matches!(self.argument(name), Some("1" | "true"))
    }

    /// A header, if it is a text.
    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer to the question what may be done.
    pub(super) fn options(&self, methods: &[Method]) -> Answer {
        Answer::options(methods, self.header(ACCESS_CONTROL_REQUEST_HEADERS))
    }

    /// Reads the body.
    ///
    /// # Errors
    /// If its type is none that is taken, or its text is not of its type.
    pub(super) fn payload(&self) -> Result<Payload, Failure> {
        let mut types = self.headers.get_all(CONTENT_TYPE).iter();
        let content_type = types.next();
        if types.next().is_some() {
            let message = "Multiple Content-Type headers not allowed";
            return Err(Failure::BadRequest(message.into()));
        }
        let Some(content_type) = content_type else {
            return if self.body.is_empty() {
                Ok(Payload::None)
            } else {
                Err(Failure::UnsupportedMediaType)
            };
        };
        let content_type = content_type.to_str().map_err(|_| Failure::UnsupportedMediaType)?;
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/json" => serde_json::from_slice(&self.body)
                .map(Payload::Json)
                .map_err(|_| Failure::BadRequest("Cannot parse JSON body".into())),
            "application/x-www-form-urlencoded" => {
                Ok(Payload::Form(Fields::from_pairs(form::url_encoded(&self.body)?)))
            }
            "multipart/form-data" => {
                Ok(Payload::Form(Fields::from_pairs(form::multipart(content_type, &self.body)?)))
            }
            "text/yaml" | "application/yaml" | "application/x-yaml" | "text/x-yaml" => {
                Ok(Payload::Yaml)
            }
            _ => Err(Failure::UnsupportedMediaType),
        }
    }
}

fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}
