//! The filter of a `direct-response` policy, its configuration, and its tests.

use std::rc::Rc;
use std::sync::Arc;

use ::filter::{
    Exchange, Filter, LocalReply, Phases, Prepared, Problem, ReplyBody, Request, Step, WorkerCx,
};
use serde::Deserialize;

use crate::query;

/// The configuration of a `direct-response` policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The status.
    status: u16,
    /// A message, which the voice lays out. Without one and without `body` the answer is empty.
    #[serde(default)]
    message: Option<String>,
    /// A body that is sent as it is.
    #[serde(default)]
    body: Option<String>,
    /// The media type of `body`; none is sent without one.
    #[serde(default)]
    content_type: Option<String>,
    /// Answer only requests that have a header or a query argument by this name.
    #[serde(default)]
    trigger: Option<String>,
}

/// A prepared policy.
pub(super) struct DirectResponse {
    reply: LocalReply,
    trigger: Option<String>,
}

impl DirectResponse {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if !(200..=599).contains(&config.status) {
            let message = format!("{} is no status of a final answer", config.status);
            problems.push(Problem::new("/status", message).help("give one of 200 to 599"));
        }
        if config.message.is_some() && config.body.is_some() {
            let message = "an answer has a message or a body of its own, not both";
            problems.push(Problem::new("/message", message).help("remove one of the two"));
        }
        if config.content_type.is_some() && config.body.is_none() {
            let message = "the media type is that of `body`, and there is none";
            problems.push(Problem::new("/content_type", message).help("give a `body`"));
        }
        if config.trigger.as_deref() == Some("") {
            let message = "a trigger without a name is in no request";
            problems.push(Problem::new("/trigger", message).help("name it, or leave it out"));
        }
        let Config { status, message, body, content_type, trigger } = config;
        // Without a message there is nothing for the voice to lay out.
        let body = body.or_else(|| message.is_none().then(String::new)).map(|body| ReplyBody {
            content_type: content_type.unwrap_or_default(),
            bytes: body.into_bytes(),
        });
        let message = message.unwrap_or_default();
        let reply = LocalReply { body, ..LocalReply::new(status, "direct-response/sent", message) };
        if problems.is_empty() { Ok(Self { reply, trigger }) } else { Err(problems) }
    }

    fn answers(&self, request: &Request) -> bool {
        let Some(trigger) = &self.trigger else { return true };
        let in_query = |query| query::values(query, trigger).next().is_some();
        request.headers.contains(trigger) || request.query().is_some_and(in_query)
    }
}

impl Prepared for DirectResponse {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, _: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Running(self))
    }
}

struct Running(Arc<DirectResponse>);

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        if self.0.answers(&exchange.request) {
            return self.0.reply.clone().into();
        }
        Step::CONTINUE
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::NAME;
    use super::*;
    use crate::testing::{Gateway, answer};

    fn outcome(config: Value, target: &str, header: Option<&str>) -> Option<Box<LocalReply>> {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, config);
        let mut exchange = gateway.exchange();
        exchange.request.set_target(target, "/");
        if let Some(name) = header {
            exchange.request.headers.push(name, "");
        }
        answer(&filter, &mut exchange)
    }

    #[test]
    fn every_request_is_answered() {
        let reply = outcome(json!({"status": 503, "message": "closed"}), "/", None).unwrap();
        assert_eq!((reply.status, &*reply.message, &reply.body), (503, "closed", &None));
        assert_eq!(reply.reason, "direct-response/sent");
        let config = json!({"status": 200, "body": "<p>", "content_type": "text/html"});
        let body = outcome(config, "/", None).unwrap().body.unwrap();
        assert_eq!((body.content_type.as_str(), body.bytes.as_slice()), ("text/html", &b"<p>"[..]));
        let body = outcome(json!({"status": 204}), "/", None).unwrap().body.unwrap();
        assert_eq!((body.content_type.as_str(), body.bytes.len()), ("", 0));
    }

    #[test]
    fn a_trigger_asks_for_the_answer() {
        let config = || json!({"status": 418, "message": "teapot", "trigger": "Stop"});
        assert!(outcome(config(), "/?a=1&Stop", None).is_some());
        assert!(outcome(config(), "/?a=1", Some("stop")).is_some());
        assert!(outcome(config(), "/?stop=1", None).is_none());
        assert!(outcome(config(), "/", Some("stopp")).is_none());
    }

    #[test]
    fn problems_say_what_to_do() {
        let problems = |config| {
            let problems = Gateway::new().problems(NAME, config);
            problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
        };
        let config = json!({"status": 101, "message": "a", "body": "b", "trigger": ""});
        assert_eq!(problems(config), ["/status", "/message", "/trigger"]);
        let config = json!({"status": 200, "content_type": "a/b"});
        assert_eq!(problems(config), ["/content_type"]);
        assert_eq!(problems(json!({})), [""]);
    }
}
