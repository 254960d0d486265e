//! A recorded case, as it stands in its file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::ports::Places;
use crate::http1::{self, Fields};
use crate::http2;
use crate::upstream::{Seen, body_to_json};

/// Topics whose gateway counts: its counters outlive a change of configuration.
const COUNTING: &[&str] = &["rate-limiting", "seed-local", "seed-redis"];

#[derive(Debug, Deserialize)]
#[serde(from = "Record")]
pub(super) struct Case {
    pub(super) topic: String,
    pub(super) title: String,
    /// Settings that differ from the recording's base.
    pub(super) env: BTreeMap<String, String>,
    pub(super) config: String,
    /// What came back when the gateway refused the configuration; such a case has no steps.
    pub(super) refusal: Option<Message>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Step {
    pub(super) request: Request,
    pub(super) response: Message,
    pub(super) upstream_saw: Vec<Received>,
    /// Paths whose values are of one run only.
    pub(super) varies: BTreeSet<String>,
    #[serde(default)]
    pub(super) sleep_before_s: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Request {
    pub(super) listener: Listener,
    pub(super) sni: Option<String>,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) version: String,
    pub(super) headers: Fields,
    pub(super) body: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Listener {
    Proxy,
    ProxyTls,
    Admin,
}

/// A response.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Message {
    pub(super) status: u16,
    pub(super) headers: Fields,
    pub(super) body: Value,
}

/// A request that an upstream received.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Received {
    pub(super) port: u16,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) version: String,
    pub(super) headers: Fields,
    pub(super) body: Value,
}

#[derive(Deserialize)]
struct Record {
    topic: String,
    case: String,
    kong: Setting,
    #[serde(default)]
    config: String,
    config_load: Option<Message>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Setting {
    env: BTreeMap<String, String>,
}

/// The cases of a file, with the ports of this run in place of those of the recording.
///
/// # Panics
/// If the file is missing or its content is not what it should be.
pub(super) fn load(path: &Path, places: &Places) -> Vec<Case> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let lines = text.lines().filter(|line| !line.trim().is_empty()).enumerate();
    lines
        .map(|(n, line)| {
            serde_json::from_str::<Value>(line)
                .and_then(|record| serde_json::from_value(places.move_into(record)))
                .unwrap_or_else(|e| panic!("{}:{}: {e}", path.display(), n + 1))
        })
        .collect()
}

impl From<Record> for Case {
    fn from(record: Record) -> Self {
        Self {
            topic: record.topic,
            title: record.case,
            env: record.kong.env,
            config: record.config,
            refusal: record.config_load,
            steps: record.steps.into_iter().map(Step::with_echo_marked).collect(),
        }
    }
}

impl Step {
    /// Marks a body that is the answer of an echo upstream. The recording does so where an upstream
    /// saw only one request.
    fn with_echo_marked(mut self) -> Self {
        let body = self.response.body.as_str().and_then(|body| serde_json::from_str(body).ok());
        let echo = self.upstream_saw.iter().position(|saw| body.as_ref() == Some(&saw.echoed()));
        if let Some(n) = echo {
            self.response.body = format!("<<echo of upstream_saw[{n}] as JSON>>").into();
        }
        self
    }
}

impl Case {
    /// `topic/title`, unique.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.topic, self.title)
    }

    /// Whether what earlier cases did would show.
    pub(super) fn needs_fresh_process(&self) -> bool {
        let learns =
            self.config.contains("healthchecks:") || self.config.contains("algorithm: latency");
        self.refusal.is_none() && (learns || self.counts_in_windows())
    }

    /// Whether it counts in windows that the clock begins.
    pub(super) fn counts_in_windows(&self) -> bool {
        self.refusal.is_none() && COUNTING.contains(&self.topic.as_str())
    }
}

impl From<http1::Response> for Message {
    fn from(response: http1::Response) -> Self {
        Self {
            status: response.status,
            headers: response.fields,
            body: body_to_json(&response.body),
        }
    }
}

impl From<http2::Response> for Message {
    fn from(response: http2::Response) -> Self {
        let latin1 = |bytes: &[u8]| bytes.iter().map(|b| *b as char).collect();
        let fields = response.headers.iter();
        Self {
            status: response.status,
            headers: fields.map(|(n, v)| (n.to_string(), latin1(v.as_bytes()))).collect(),
            body: body_to_json(&response.body),
        }
    }
}

impl From<Seen> for Received {
    fn from(seen: Seen) -> Self {
        Self {
            port: seen.port,
            body: body_to_json(&seen.body),
            method: seen.method,
            target: seen.target,
            version: seen.version,
            headers: seen.fields,
        }
    }
}

impl Received {
    /// What an echo upstream answers.
    pub(super) fn echoed(&self) -> Value {
        json!({
            "port": self.port,
            "method": self.method,
            "target": self.target,
            "version": self.version,
            "headers": self.headers.iter().map(|(n, v)| json!([n, v])).collect::<Vec<_>>(),
            "body": self.body,
        })
    }
}
