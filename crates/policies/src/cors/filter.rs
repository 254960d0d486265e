//! The filter of a `cors` policy, and its tests.

use std::rc::Rc;
use std::sync::Arc;

use ::filter::{
    Exchange, Filter, Flow, Headers, LocalReply, Method, Phases, Prepared, Problem, ReplyBody,
    Request, Step, WorkerCx,
};

use super::config::{Config, Preflight};
use super::origin::{Allowed, Origins};

/// A prepared policy.
pub(super) struct Cors {
    origins: Origins,
    credentials: bool,
    /// Empty to allow what is asked for.
    allow_headers: String,
    allow_methods: String,
    expose_headers: String,
    max_age: String,
    private_network: bool,
    preflight: Preflight,
    without_origin: bool,
}

impl Cors {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let lists = [
            ("allow_headers", &config.allow_headers),
            ("allow_methods", &config.allow_methods),
            ("expose_headers", &config.expose_headers),
        ];
        for (field, names) in lists {
            for (ix, name) in names.iter().enumerate() {
                if !::filter::is_token(name.as_bytes()) {
                    let message = format!("`{name}` is no name of a header or method");
                    problems.push(Problem::new(format!("/{field}/{ix}"), message));
                }
            }
        }
        let prepared = Self {
            origins: Origins::prepare(config.origins, &mut problems),
            credentials: config.credentials,
            allow_headers: config.allow_headers.join(","),
            allow_methods: config.allow_methods.join(","),
            expose_headers: config.expose_headers.join(","),
            max_age: config.max_age.map(|seconds| seconds.to_string()).unwrap_or_default(),
            private_network: config.private_network,
            preflight: config.preflight,
            without_origin: config.without_origin,
        };
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }

    /// Writes which origin may read the response; `vary` adds to what the response varies by.
    fn allow(
        &self,
        origin: Option<&[u8]>,
        headers: &mut Headers,
        vary: fn(&mut Headers),
    ) {
        let is_any = match self.origins.judge(origin) {
            Allowed::Any => {
                headers.set(ALLOW_ORIGIN, "*");
                true
            }
            Allowed::One(origin) => {
                vary(headers);
                headers.set(ALLOW_ORIGIN, origin.as_ref());
                false
            }
            Allowed::None => {
                vary(headers);
                headers.remove(ALLOW_ORIGIN);
                false
            }
        };
        if !self.credentials {
            return;
        }
        if is_any {
            // `*` means no origin where there are credentials (Fetch, section 3.2.5).
            let Some(origin) = origin else { return };
            vary(headers);
            headers.set(ALLOW_ORIGIN, origin);
        }
        headers.set("Access-Control-Allow-Credentials", "true");
    }

    fn preflight(&self, request: &Request) -> LocalReply {
        let mut headers = Headers::new();
        self.allow(request.headers.get("origin"), &mut headers, |headers| {
            headers.set("Vary", "Origin");
        });
        let asked = request.headers.get("access-control-request-headers");
        let allowed = Some(self.allow_headers.as_bytes()).filter(|names| !names.is_empty());
        if let Some(names) = allowed.or(asked) {
            headers.push("Access-Control-Allow-Headers", names);
        }
        headers.push("Access-Control-Allow-Methods", &self.allow_methods);
        if !self.max_age.is_empty() {
            headers.push("Access-Control-Max-Age", &self.max_age);
        }
        let private = request.headers.get("access-control-request-private-network");
        if self.private_network && private == Some(b"true") {
            headers.push("Access-Control-Allow-Private-Network", "true");
        }
        let mut reply = LocalReply::new(200, "cors/preflight", "");
        reply.body = Some(ReplyBody { content_type: String::new(), bytes: Vec::new() });
        for (name, value) in headers.iter() {
            reply = reply.header(name.to_owned(), String::from_utf8_lossy(value));
        }
        reply
    }
}

impl Prepared for Cors {
    fn phases(&self) -> Phases {
        Phases { request: true, response: true, log: false }
    }

    fn start(self: Arc<Self>, _: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Running(self))
    }
}

struct Running(Arc<Cors>);

/// Stands in the extensions of a preflight: its response has all headers, or is the upstream's.
struct IsPreflight;

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        if !is_preflight(&exchange.request) {
            return Step::CONTINUE;
        }
        exchange.extensions.insert(IsPreflight);
        match self.0.preflight {
            Preflight::Answer => self.0.preflight(&exchange.request).into(),
            Preflight::Forward => Step::CONTINUE,
        }
    }

    fn response<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let policy = &*self.0;
        let Exchange { request, response, extensions, .. } = exchange;
        let origin = request.headers.get("origin");
        let wanted = origin.is_some() || policy.without_origin;
        if wanted && extensions.get::<IsPreflight>().is_none() {
            policy.allow(origin, &mut response.headers, |headers| {
                headers.push("Vary", "Origin");
            });
            if !policy.expose_headers.is_empty() {
                response.headers.set("Access-Control-Expose-Headers", &policy.expose_headers);
            }
        }
        Step::Done(Flow::Continue)
    }
}

/// Fetch, section 3.2.2.
fn is_preflight(request: &Request) -> bool {
    request.method == Method::Options
        && request.headers.contains("origin")
        && request.headers.contains("access-control-request-method")
}

const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::NAME;
    use super::*;
    use crate::testing::{Gateway, answer};

    fn shown<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<String> {
        let shown = headers.map(|(name, value)| {
            let name = name.to_lowercase().replace("access-control-", "");
            format!("{name}: {}", String::from_utf8_lossy(value))
        });
        shown.collect()
    }

    /// What stands on the response to a request from this origin.
    fn response(config: Value, origin: Option<&str>) -> Vec<String> {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, config);
        let mut exchange = gateway.exchange();
        if let Some(origin) = origin {
            exchange.request.headers.push("Origin", origin);
        }
        assert!(answer(&filter, &mut exchange).is_none());
        exchange.response.headers.push("Vary", "Accept");
        exchange.response.headers.push(ALLOW_ORIGIN, "the upstream's");
        assert!(matches!(filter.response(&mut exchange), Step::Done(Flow::Continue)));
        shown(exchange.response.headers.iter())
    }

    /// What stands on the answer to a preflight with these headers besides.
    fn preflight(config: Value, more: &[(&str, &str)]) -> Vec<String> {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, config);
        let mut exchange = gateway.exchange();
        exchange.request.method = Method::Options;
        exchange.request.headers.push("Origin", "http://x.test");
        exchange.request.headers.push("Access-Control-Request-Method", "POST");
        for (name, value) in more {
            exchange.request.headers.push(name, value);
        }
        let reply = answer(&filter, &mut exchange).expect("preflights are answered");
        assert_eq!((reply.status, &*reply.reason), (200, "cors/preflight"));
        assert_eq!(reply.body.unwrap().bytes, b"");
        let headers = reply.headers.iter().map(|(name, value)| (&**name, value.as_bytes()));
        let headers = shown(headers);
        // The response phase leaves them as they are.
        assert!(matches!(filter.response(&mut exchange), Step::Done(Flow::Continue)));
        assert!(exchange.response.headers.is_empty());
        headers
    }

    fn listed() -> Value {
        json!({"origins": {"kind": "listed", "origins": ["http://x.test", "http://y.test"]}})
    }

    #[test]
    fn every_origin_may_read() {
        let expected = ["vary: Accept", "allow-origin: *"];
        assert_eq!(response(json!({}), Some("http://x.test")), expected);
        assert_eq!(response(json!({}), None), expected);
        let expected = ["vary: Accept", "allow-origin: the upstream's"];
        assert_eq!(response(json!({"without_origin": false}), None), expected);
    }

    #[test]
    fn listed_origins_may_read() {
        let expected = ["vary: Accept", "allow-origin: http://x.test", "vary: Origin"];
        assert_eq!(response(listed(), Some("http://x.test:80")), expected);
        assert_eq!(response(listed(), Some("http://z.test")), ["vary: Accept", "vary: Origin"]);
        assert_eq!(response(listed(), None), ["vary: Accept", "vary: Origin"]);
        let fixed = json!({"origins": {"kind": "fixed", "origin": "http://x.test"}});
        assert_eq!(response(fixed, Some("http://z.test")), expected);
    }

    #[test]
    fn credentials_name_the_origin() {
        let config = || json!({"credentials": true, "expose_headers": ["X-A", "X-B"]});
        assert_eq!(response(config(), Some("http://x.test")), [
            "vary: Accept",
            "allow-origin: http://x.test",
            "vary: Origin",
            "allow-credentials: true",
            "expose-headers: X-A,X-B"
        ]);
        assert_eq!(response(config(), None), [
            "vary: Accept",
            "allow-origin: *",
            "expose-headers: X-A,X-B"
        ]);
    }

    #[test]
    fn preflights_are_answered() {
        let methods = "allow-methods: GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT";
        assert_eq!(preflight(json!({}), &[]), ["allow-origin: *", methods]);
        let asked = [("access-control-request-headers", "x-a, x-b")];
        assert_eq!(preflight(listed(), &asked), [
            "vary: Origin",
            "allow-origin: http://x.test",
            "allow-headers: x-a, x-b",
            methods
        ]);
        let config = json!({
            "origins": {"kind": "listed", "origins": ["http://z.test"]},
            "allow_headers": ["X-One", "X-Two"],
            "allow_methods": ["GET", "POST"],
            "max_age": 600,
            "private_network": true,
        });
        let private = [("Access-Control-Request-Private-Network", "true")];
        assert_eq!(preflight(config, &private), [
            "vary: Origin",
            "allow-headers: X-One,X-Two",
            "allow-methods: GET,POST",
            "max-age: 600",
            "allow-private-network: true"
        ]);
        assert_eq!(preflight(json!({"private_network": true}), &[]), ["allow-origin: *", methods]);
    }

    #[test]
    fn preflights_may_be_the_upstreams() {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, json!({"preflight": "forward"}));
        let mut exchange = gateway.exchange();
        exchange.request.method = Method::Options;
        exchange.request.headers.push("Origin", "http://x.test");
        exchange.request.headers.push("Access-Control-Request-Method", "POST");
        assert!(answer(&filter, &mut exchange).is_none());
        assert!(matches!(filter.response(&mut exchange), Step::Done(Flow::Continue)));
        assert!(exchange.response.headers.is_empty());
    }

    #[test]
    fn problems_say_what_to_do() {
        let problems = |config| {
            let problems = Gateway::new().problems(NAME, config);
            problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
        };
        let config = json!({"allow_headers": ["a", "b c"], "allow_methods": [""], "expose_headers": ["\n"]});
        assert_eq!(problems(config), ["/allow_headers/1", "/allow_methods/0", "/expose_headers/0"]);
        let patterns = json!([{"regex": "a", "of": "host"}, {"regex": "(?=a)", "of": "origin"}]);
        let config = json!({"origins": {"kind": "listed", "patterns": patterns}});
        assert_eq!(problems(config), ["/origins/patterns/1/regex"]);
    }
}
