//! The filter of a `correlation-id` policy, its configuration, and its tests.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use ::filter::{Exchange, Filter, Flow, Phases, Prepared, Problem, Step, WorkerCx};
use serde::Deserialize;
use uuid::{Builder, Uuid, Variant, Version};

/// The configuration of a `correlation-id` policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// The header that bears the id.
    header: String,
    /// How ids are made.
    generator: Generator,
    /// Whether the response bears the id too, in place of what the upstream says.
    echo: bool,
}

/// How ids are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Generator {
    /// A random UUID.
    Uuid,
    /// A UUID of the worker, `#`, and a number that counts up.
    UuidCounter,
    /// The gateway's address and port, its process, the connection, which request of the
    /// connection it is, and the time in seconds since the epoch, joined by `-`.
    Tracker,
}

impl Default for Config {
    fn default() -> Self {
        Self { header: "X-Correlation-ID".into(), generator: Generator::Uuid, echo: false }
    }
}

/// A prepared policy.
pub(super) struct CorrelationId(Config);

impl CorrelationId {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        if ::filter::is_token(config.header.as_bytes()) {
            return Ok(Self(config));
        }
        let message = format!("`{}` cannot be a header's name", config.header);
        Err(vec![Problem::new("/header", message)])
    }
}

impl Prepared for CorrelationId {
    fn phases(&self) -> Phases {
        Phases { response: self.0.echo, ..Phases::REQUEST }
    }

    fn start(self: Arc<Self>, _: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Running {
            policy: self,
            worker: OnceCell::new(),
            counted: Cell::new(0),
            text: RefCell::default(),
        })
    }
}

struct Running {
    policy: Arc<CorrelationId>,
    /// The worker's UUID: that of its first request.
    worker: OnceCell<Uuid>,
    counted: Cell<u64>,
    /// An id while it is written: kept so that no request has to allocate it.
    text: RefCell<String>,
}

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        self.give_id(exchange);
        Step::CONTINUE
    }

    fn response<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        // The request may have been answered before its turn came here.
        self.give_id(exchange);
        let header = &self.policy.0.header;
        let Exchange { request, response, .. } = exchange;
        if let Some(id) = request.headers.get(header) {
            response.headers.set(header, id);
        }
        Step::Done(Flow::Continue)
    }
}

impl Running {
    /// Gives a request an id that has none.
    fn give_id(&self, exchange: &mut Exchange) {
        let header = &self.policy.0.header;
        if exchange.request.headers.get(header).is_some_and(|id| !id.is_empty()) {
            return;
        }
        let mut text = self.text.borrow_mut();
        text.clear();
        self.write(exchange, &mut text);
        exchange.request.headers.set(header, text.as_bytes());
    }

    fn write(&self, exchange: &Exchange, text: &mut String) {
        let uuid = || {
            let builder = Builder::from_u128(exchange.id).with_version(Version::Random);
            builder.with_variant(Variant::RFC4122).into_uuid()
        };
        // Writing to a string does not fail.
        let _ = match self.policy.0.generator {
            Generator::Uuid => write!(text, "{}", uuid()),
            Generator::UuidCounter => {
                self.counted.set(self.counted.get() + 1);
                write!(text, "{}#{}", self.worker.get_or_init(uuid), self.counted.get())
            }
            Generator::Tracker => {
                let (local, now) = (exchange.client.local, exchange.now.unix_ms);
                let (connection, nth) = (exchange.client.connection, exchange.nth);
                let (pid, seconds, ms) = (std::process::id(), now / 1000, now % 1000);
                let (ip, port) = (local.ip(), local.port());
                write!(text, "{ip}-{port}-{pid}-{connection}-{nth}-{seconds}.{ms:03}")
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::NAME;
    use super::*;
    use crate::testing::{Gateway, answer};

    /// The ids that requests get which bring these; `None` for none.
    fn ids(config: Value, brought: &[Option<&str>]) -> Vec<String> {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, config);
        let mut exchanges = brought.iter().zip(1u128..).map(|(brought, n)| {
            let mut exchange = gateway.exchange();
            exchange.id = u128::MAX - n;
            exchange.client.connection = 7;
            exchange.nth = u64::try_from(n).unwrap();
            if let Some(id) = brought {
                exchange.request.headers.push("x-correlation-id", id);
            }
            assert!(answer(&filter, &mut exchange).is_none());
            exchange.request.headers.get_str("X-Correlation-ID").unwrap().to_owned()
        });
        exchanges.by_ref().collect()
    }

    #[test]
    fn requests_without_an_id_get_one() {
        let given = ids(json!({}), &[None, Some("mine"), Some("")]);
        assert_eq!(given, [
            "ffffffff-ffff-4fff-bfff-fffffffffffe",
            "mine",
            "ffffffff-ffff-4fff-bfff-fffffffffffc"
        ]);
        let given = ids(json!({"generator": "uuid-counter"}), &[None, Some("mine"), None]);
        assert_eq!(given, [
            "ffffffff-ffff-4fff-bfff-fffffffffffe#1",
            "mine",
            "ffffffff-ffff-4fff-bfff-fffffffffffe#2"
        ]);
        let pid = std::process::id();
        let given = ids(json!({"generator": "tracker"}), &[None, None]);
        assert_eq!(given, [1, 2].map(|n| format!("127.0.0.1-8000-{pid}-7-{n}-1795608000.000")));
    }

    #[test]
    fn responses_bear_the_id_if_asked_to() {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, json!({"echo": true, "header": "X-Id"}));
        let mut exchange = gateway.exchange();
        exchange.id = u128::MAX;
        exchange.response.headers.push("x-id", "the upstream's");
        // Whether or not the request phase came here.
        assert!(matches!(filter.response(&mut exchange), Step::Done(Flow::Continue)));
        let id = "ffffffff-ffff-4fff-bfff-ffffffffffff";
        assert_eq!(exchange.response.headers.get_str("X-Id"), Some(id));
        assert_eq!(exchange.request.headers.get_str("X-Id"), Some(id));
    }

    #[test]
    fn problems_say_what_to_do() {
        let gateway = Gateway::new();
        assert_eq!(gateway.problems(NAME, json!({"header": "a b"}))[0].pointer, "/header");
        assert_eq!(gateway.problems(NAME, json!({"generator": "x"}))[0].pointer, "/generator");
    }
}
