//! The filter of a `redirect` policy, its configuration, and its tests.

use std::rc::Rc;
use std::sync::Arc;

use ::filter::{
    Exchange, Filter, LocalReply, Phases, Prepared, Problem, ReplyBody, Request, Step, WorkerCx,
};
use serde::Deserialize;
use url::{Position, Url};

/// The configuration of a `redirect` policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The status.
    status: u16,
    /// Where requests are sent: an absolute URL.
    location: String,
    /// Send each to its own path and query there, in place of those of `location`.
    #[serde(default)]
    keep_path: bool,
    /// A body, which is sent as it is and without a media type.
    #[serde(default)]
    body: String,
}

/// A prepared policy.
pub(super) struct Redirect {
    status: u16,
    location: Location,
    body: String,
}

enum Location {
    Fixed(String),
    /// What stands before and behind the request's path and query.
    Around(String, String),
}

impl Redirect {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if !(200..=599).contains(&config.status) {
            let message = format!("{} is no status of a final answer", config.status);
            problems.push(Problem::new("/status", message).help("give one of 300 to 399"));
        }
        let url = Url::parse(&config.location).ok().filter(Url::has_host);
        if url.is_none() {
            let message = format!("`{}` is no absolute URL", config.location);
            let help = "write one with a scheme and a host: `https://new.example/`";
            problems.push(Problem::new("/location", message).help(help));
        }
        let location = match url.filter(|_| config.keep_path) {
            Some(url) => Location::Around(
                url[..Position::AfterPort].to_owned(),
                url[Position::AfterQuery..].to_owned(),
            ),
            None => Location::Fixed(config.location),
        };
        let prepared = Self { status: config.status, location, body: config.body };
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }

    /// The path of a request begins with a slash, so that the host stays what it is.
    fn location(&self, request: &Request) -> String {
        match &self.location {
            Location::Fixed(location) => location.clone(),
            Location::Around(before, behind) => {
                let (path, query) = (request.path(), request.query());
                let mark = if query.is_some_and(|query| !query.is_empty()) { "?" } else { "" };
                [before, path, mark, query.unwrap_or_default(), behind].concat()
            }
        }
    }
}

impl Prepared for Redirect {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, _: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Running(self))
    }
}

struct Running(Arc<Redirect>);

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let policy = &*self.0;
        let bytes = policy.body.clone().into_bytes();
        let body = Some(ReplyBody { content_type: String::new(), bytes });
        let reply = LocalReply::new(policy.status, "redirect/sent", "the resource is elsewhere")
            .header("Location", policy.location(&exchange.request));
        LocalReply { body, ..reply }.into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::NAME;
    use crate::testing::{Gateway, answer};

    fn location(config: Value, target: &str) -> String {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, config);
        let mut exchange = gateway.exchange();
        let path = target.split('?').next().unwrap();
        exchange.request.set_target(target, path);
        let reply = answer(&filter, &mut exchange).unwrap();
        assert_eq!((reply.status, &*reply.reason), (308, "redirect/sent"));
        let [(name, value)] = reply.headers.as_slice() else { panic!("{:?}", reply.headers) };
        assert_eq!(name, "Location");
        value.clone()
    }

    #[test]
    fn all_are_sent_to_one_place() {
        let config = json!({"status": 308, "location": "https://New.test/there?x=1#f"});
        assert_eq!(location(config, "/a?q=1"), "https://New.test/there?x=1#f");
    }

    #[test]
    fn each_is_sent_to_its_own_path() {
        let to = |to: &str| json!({"status": 308, "location": to, "keep_path": true});
        assert_eq!(location(to("https://new.test/there?x=1"), "/a/b?q=1"), "https://new.test/a/b?q=1");
        assert_eq!(location(to("https://new.test"), "/"), "https://new.test/");
        assert_eq!(location(to("https://new.test"), "/a?"), "https://new.test/a");
        assert_eq!(location(to("http://u@new.test:81/x#f"), "/a?b"), "http://u@new.test:81/a?b#f");
        // A path that looks like another host stays a path.
        assert_eq!(location(to("https://new.test/"), "//evil.test/"), "https://new.test//evil.test/");
    }

    #[test]
    fn problems_say_what_to_do() {
        let problems = |config| {
            let problems = Gateway::new().problems(NAME, config);
            problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
        };
        assert_eq!(problems(json!({"status": 100, "location": "/there"})), ["/status", "/location"]);
        assert_eq!(problems(json!({"status": 301, "location": "mailto:a@b.test"})), ["/location"]);
        assert_eq!(problems(json!({"status": 301})), [""]);
    }
}
