//! What goes back to the client, before headers that every answer bears.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Body,
    /// Headers of this answer only.
    pub(super) headers: Vec<(&'static str, String)>,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Body {
    Empty,
    Json(Value),
    /// The page that nginx shows for a status.
    Page,
}

impl Answer {
    pub(super) fn json(status: StatusCode, body: Value) -> Self {
        Self { status, body: Body::Json(body), headers: Vec::new() }
    }

    pub(super) fn ok(body: Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, body: Body::Empty, headers: Vec::new() }
    }

    pub(super) fn page(status: StatusCode) -> Self {
        Self { status, body: Body::Page, headers: Vec::new() }
    }

    pub(super) fn message(status: StatusCode, message: impl Into<String>) -> Self {
        Self::json(status, json!({ "message": message.into() }))
    }

    pub(super) fn not_found() -> Self {
        Self::message(StatusCode::NOT_FOUND, "Not found")
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::message(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
    }

    /// What may be done with a resource (RFC 9110 section 9.3.7), for browsers too.
    pub(super) fn options(methods: &[Method], asked: Option<&str>) -> Self {
        let list = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let mut answer = Self::empty(StatusCode::NO_CONTENT);
        answer.headers.push(("access-control-allow-methods", list.clone()));
        answer.headers.push(("allow", list));
        let headers = asked.unwrap_or("Content-Type").to_owned();
        answer.headers.push(("access-control-allow-headers", headers));
        answer
    }

    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Body {
    /// The bytes, and their type.
    pub(super) fn render(&self, status: StatusCode) -> (Vec<u8>, Option<&'static str>) {
        match self {
            Body::Empty => (Vec::new(), None),
            Body::Json(value) => {
                (value.to_string().into(), Some("application/json; charset=utf-8"))
            }
            Body::Page => {
                let reason = match status {
                    StatusCode::METHOD_NOT_ALLOWED => "Not Allowed",
                    StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
                    other => other.canonical_reason().unwrap_or_default(),
                };
                let title = format!("{} {reason}", status.as_u16());
                let page = format!(
                    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n\
                     <center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
                );
                (page.into(), Some("text/html; charset=UTF-8"))
            }
        }
    }
}
