//! The filter of a `request-size-limit` policy, its configuration, and its tests.

use std::rc::Rc;
use std::sync::Arc;

use ::filter::{
    BodyLength, BodyLimit, Exchange, Filter, LocalReply, Phases, Prepared, Step, WorkerCx,
};
use serde::Deserialize;

/// The configuration of a `request-size-limit` policy.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The most bytes that a body may have.
    bytes: u64,
    /// Whether a request has to say how long its body is, unless it is sent in chunks.
    #[serde(default)]
    require_length: bool,
}

/// A prepared policy.
pub(super) struct RequestSizeLimit(pub(super) Config);

impl Prepared for RequestSizeLimit {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, _: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Running(self.0))
    }
}

struct Running(Config);

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let Config { bytes, require_length } = self.0;
        let request = &mut exchange.request;
        match request.body {
            BodyLength::Known(length) if length > bytes => {
                let waits = request.headers.get("expect");
                let waits = waits.is_some_and(|it| it.eq_ignore_ascii_case(b"100-continue"));
                let reason = if waits { UNEXPECTED } else { EXCEEDED };
                let status = if waits { 417 } else { 413 };
                LocalReply::new(status, reason, "the request's body is too large").into()
            }
            BodyLength::None if require_length && !request.headers.contains("content-length") => {
                let message = "the request does not say how long its body is";
                LocalReply::new(411, "request-size-limit/no-length", message).into()
            }
            BodyLength::Unknown => {
                request.limit_body(BodyLimit { bytes, reason: EXCEEDED });
                Step::CONTINUE
            }
            _ => Step::CONTINUE,
        }
    }
}

const EXCEEDED: &str = "request-size-limit/exceeded";
const UNEXPECTED: &str = "request-size-limit/unexpected";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::NAME;
    use super::*;
    use crate::testing::{Gateway, answer};

    /// What comes of a request: status and reason, or the limit that is left to be kept.
    fn outcome(config: Value, body: BodyLength, headers: &[(&str, &str)]) -> String {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, config);
        let mut exchange = gateway.exchange();
        exchange.request.body = body;
        for (name, value) in headers {
            exchange.request.headers.push(name, value);
        }
        match answer(&filter, &mut exchange) {
            Some(reply) => format!("{} {}", reply.status, reply.reason),
            None => format!("{:?}", exchange.request.body_limit().map(|limit| limit.bytes)),
        }
    }

    #[test]
    fn larger_bodies_are_refused() {
        let config = || json!({"bytes": 5});
        assert_eq!(outcome(config(), BodyLength::Known(5), &[]), "None");
        assert_eq!(outcome(config(), BodyLength::None, &[]), "None");
        assert_eq!(outcome(config(), BodyLength::Known(6), &[]), format!("413 {EXCEEDED}"));
        let waits = [("Expect", "100-Continue")];
        assert_eq!(outcome(config(), BodyLength::Known(6), &waits), format!("417 {UNEXPECTED}"));
        assert_eq!(outcome(config(), BodyLength::Known(5), &waits), "None");
    }

    #[test]
    fn bodies_of_unknown_length_are_watched() {
        let config = json!({"bytes": 5, "require_length": true});
        assert_eq!(outcome(config, BodyLength::Unknown, &[]), "Some(5)");
    }

    #[test]
    fn a_length_may_be_asked_for() {
        let config = || json!({"bytes": 5, "require_length": true});
        let missing = "411 request-size-limit/no-length";
        assert_eq!(outcome(config(), BodyLength::None, &[]), missing);
        let empty = [("Content-Length", "0")];
        assert_eq!(outcome(config(), BodyLength::None, &empty), "None");
        assert_eq!(outcome(config(), BodyLength::Known(1), &[("Content-Length", "1")]), "None");
    }

    #[test]
    fn problems_say_where() {
        assert_eq!(Gateway::new().problems(NAME, json!({"bytes": -1}))[0].pointer, "/bytes");
        assert_eq!(Gateway::new().problems(NAME, json!({})).len(), 1);
    }
}
