//! The filter of an `http-log` policy.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::filter::{Exchange, Filter, LocalFuture, Phases, Prepared, Problem, WorkerCx};
use ::http::header::CONTENT_TYPE;
use ::http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::NAME;
use super::config::Config;
use crate::http::{Client, Endpoint, Limits};
use crate::queue::{self, Entry, Queue};
use crate::record::Record;

/// A prepared policy.
pub(super) struct HttpLog {
    endpoint: Endpoint,
    method: Method,
    headers: HeaderMap,
    limits: Limits,
    verify: bool,
    queue: queue::Settings,
    record: Record,
}

impl HttpLog {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let endpoint = Endpoint::parse(&config.url)
            .map_err(|error| problems.push(Problem::new("/url", error)))
            .ok();
        let method = match config.method.as_str() {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            other => {
                let message = format!("records cannot be sent with `{other}`");
                problems.push(
                    Problem::new("/method", message).help("write `POST`, `PUT` or `PATCH`"),
                );
                Method::POST
            }
        };
        let headers = headers(&config, &mut problems);
        config.queue.check(&mut problems);
        let record = Record::compile(config.record, "/record", &mut problems);
        let timeout = Duration::from_millis(config.timeout_ms);
        let limits = Limits {
            connect: timeout,
            answer: timeout,
            idle: Duration::from_millis(config.keepalive_ms),
        };
        match endpoint.filter(|_| problems.is_empty()) {
            Some(endpoint) => Ok(Self {
                endpoint,
                method,
                headers,
                limits,
                verify: config.verify,
                queue: config.queue,
                record,
            }),
            None => Err(problems),
        }
    }
}

fn headers(config: &Config, problems: &mut Vec<Problem>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    match HeaderValue::from_str(&config.content_type) {
        Ok(value) => drop(headers.insert(CONTENT_TYPE, value)),
        Err(_) => problems.push(Problem::new("/content_type", "this cannot stand in a header")),
    }
    for (name, value) in &config.headers {
        let pointer = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
            (Err(_), _) => {
                let message = format!("`{name}` cannot be a header's name");
                problems.push(Problem::new(pointer, message));
            }
            (_, Err(_)) => problems.push(Problem::new(pointer, "this cannot stand in a header")),
        }
    }
    headers
}

impl Prepared for HttpLog {
    fn phases(&self) -> Phases {
        Phases::LOG
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        let sink = Sink::new(&self, cx);
        let queue = Queue::new(NAME, &self.queue, sink, cx);
        Rc::new(Running { policy: self, queue })
    }
}

struct Running {
    policy: Arc<HttpLog>,
    queue: Queue<Sink>,
}

impl Filter for Running {
    fn log(&self, exchange: &Exchange) {
        self.queue.push(self.policy.record.of(exchange));
    }

    fn finish(&self) -> Option<LocalFuture<'_, ()>> {
        self.queue.finish()
    }
}

/// Sends batches to the endpoint.
struct Sink {
    policy: Arc<HttpLog>,
    place: String,
    client: Client,
}

impl Sink {
    fn new(policy: &Arc<HttpLog>, cx: &WorkerCx) -> Self {
        let (endpoint, limits) = (policy.endpoint.clone(), policy.limits);
        let place = endpoint.place();
        Self { policy: Arc::clone(policy), place, client: Client::new(endpoint, policy.verify, limits, cx) }
    }
}

impl queue::Sink for Sink {
    fn place(&self) -> &str {
        &self.place
    }

    async fn send(&self, batch: &[Entry]) -> Result<(), String> {
        let HttpLog { method, headers, queue, .. } = &*self.policy;
        let body = match batch {
            [record] if queue.batch() == 1 => record.clone(),
            records => list(records),
        };
        let status = self.client.send(method, headers, body.into()).await?;
        if status.as_u16() < 300 { Ok(()) } else { Err(format!("the endpoint answered {status}")) }
    }
}

/// The records as one JSON list.
fn list(records: &[Entry]) -> Vec<u8> {
    let mut list = Vec::with_capacity(records.iter().map(|record| record.len() + 1).sum::<usize>() + 1);
    list.push(b'[');
    for record in records {
        list.extend_from_slice(record);
        list.push(b',');
    }
    list.pop();
    list.push(b']');
    list
}
