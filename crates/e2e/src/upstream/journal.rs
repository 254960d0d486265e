//! What reached upstreams, in order.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http1::{Fault, Fields, Request};

/// A request that an upstream received.
#[derive(Debug, Clone)]
pub struct Seen {
    pub port: u16,
    pub method: String,
    pub target: String,
    pub version: String,
    pub fields: Fields,
    pub body: Vec<u8>,
    pub trailers: Fields,
    /// The head's bytes as they came.
    pub head: Vec<u8>,
}

impl Seen {
    pub fn new(port: u16, request: &Request) -> Self {
        Self {
            port,
            method: request.method.clone(),
            target: request.target.clone(),
            version: request.version.clone(),
            fields: request.fields.clone(),
            body: request.body.clone(),
            trailers: request.trailers.clone(),
            head: request.head.clone(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }

    pub fn values(&self, name: &str) -> Vec<&str> {
        crate::http1::values(&self.fields, name)
    }

    /// As the echo upstream answers it.
    pub fn to_json(&self) -> Value {
        json!({
            "port": self.port,
            "method": self.method,
            "target": self.target,
            "version": self.version,
            "headers": self.fields.iter().map(|(n, v)| json!([n, v])).collect::<Vec<_>>(),
            "body": body_to_json(&self.body),
        })
    }
}

/// Text, or `{"base64": …}` if it is no UTF-8.
pub fn body_to_json(body: &[u8]) -> Value {
    use base64::Engine;
    match std::str::from_utf8(body) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": base64::engine::general_purpose::STANDARD.encode(body) }),
    }
}

/// Shared by the upstreams of a test.
#[derive(Debug, Default)]
pub struct Journal {
    entries: Mutex<Entries>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Entries {
    seen: Vec<Seen>,
    faults: Vec<String>,
}

impl Journal {
    pub fn add(&self, seen: Seen) {
        self.entries.lock().expect("no thread panics with it").seen.push(seen);
        self.changed.notify_all();
    }

    /// Notes that what reached an upstream was no request: incomplete, or malformed.
    pub fn add_fault(&self, port: u16, fault: &Fault) {
        let mut entries = self.entries.lock().expect("no thread panics with it");
        entries.faults.push(format!("on port {port}: {fault}"));
        self.changed.notify_all();
    }

    pub fn clear(&self) {
        *self.entries.lock().expect("no thread panics with it") = Entries::default();
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.entries.lock().expect("no thread panics with it").seen.clone()
    }

    /// What was no request, in words.
    pub fn faults(&self) -> Vec<String> {
        self.entries.lock().expect("no thread panics with it").faults.clone()
    }

    /// The requests so far, once there are so many or the time is over.
    pub fn wait(&self, count: usize, limit: Duration) -> Vec<Seen> {
        let entries = self.entries.lock().expect("no thread panics with it");
        let (entries, _) = self
            .changed
            .wait_timeout_while(entries, limit, |e| e.seen.len() < count)
            .expect("no thread panics with it");
        entries.seen.clone()
    }
}
