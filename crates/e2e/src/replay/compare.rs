//! What came back against what was recorded.

use std::collections::BTreeSet;
use std::fmt::Debug;

use serde_json::Value;

use super::case::{Listener, Message, Received, Step};
use super::links::Links;
use crate::http1::{Fields, values};

/// One place at which this run differs from the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// Which of the case's requests; `None` if it is about all of them.
    pub(super) step: Option<usize>,
    pub(super) path: String,
    pub(super) expected: String,
    pub(super) got: String,
}

impl Difference {
    pub(super) fn new(path: &str, expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { step: None, path: path.to_owned(), expected: expected.into(), got: got.into() }
    }
}

/// How a step differs; `answer` is the fault in words where no response came.
pub(super) fn step(
    step: &Step,
    answer: &Result<Message, String>,
    seen: &[Received],
    links: &Links,
) -> Vec<Difference> {
    let mut comparison = Comparison { step, seen, links, out: Vec::new() };
    match answer {
        Ok(answer) => comparison.response(answer),
        Err(fault) => {
            let expected = format!("status {}", step.response.status);
            comparison.out.push(Difference::new("response", expected, fault));
        }
    }
    if !step.varies.contains("upstream_saw.count") {
        comparison.upstreams();
    }
    comparison.out
}

/// How the refusal of a configuration differs: status, headers and fields; its message up to the
/// dump of a table, whose order is chance.
pub(super) fn refusal(
    recorded: &Message,
    answer: &Result<Message, String>,
    links: &Links,
) -> Vec<Difference> {
    let path = "config_load";
    let answer = match answer {
        Ok(answer) => answer,
        Err(fault) => return vec![Difference::new(path, recorded.status.to_string(), fault)],
    };
    let mut out = Vec::new();
    if recorded.status != answer.status {
        differ(&mut out, "config_load.status", &recorded.status, &answer.status);
    }
    fields(&recorded.headers, &answer.headers, path, &mut out, |name, a, b| {
        is_clock(name) && a.is_empty() == b.is_empty() || same_texts(a, b, links)
    });
    let (a, b) = (without_dump(&recorded.body), without_dump(&answer.body));
    json(&a, &b, "config_load.body", &mut out, &|_, a, b| a == b);
    out
}

/// Whether a field's value is a reading of the clock: free, and no name for anything.
pub(super) fn is_clock(name: &str) -> bool {
    matches!(name, "date" | "age" | "retry-after" | "ratelimit-reset") || name.ends_with("-latency")
}

/// The JSON that a body's text is.
pub(super) fn json_in(body: &Value) -> Option<Value> {
    let text = body.as_str()?;
    let starts = text.trim_start().starts_with(['{', '[']);
    serde_json::from_str(text).ok().filter(|_| starts)
}

struct Comparison<'a> {
    step: &'a Step,
    seen: &'a [Received],
    links: &'a Links,
    out: Vec<Difference>,
}

impl Comparison<'_> {
    fn response(&mut self, answer: &Message) {
        let recorded = &self.step.response;
        if recorded.status != answer.status {
            differ(&mut self.out, "response.status", &recorded.status, &answer.status);
        }
        self.fields(&recorded.headers, &answer.headers, "response");
        self.body(&recorded.body, answer);
    }

    fn fields(&mut self, recorded: &Fields, got: &Fields, path: &str) {
        let (varies, links) = (&self.step.varies, self.links);
        fields(recorded, got, path, &mut self.out, |name, a, b| {
            let uuids = |values: &[&str]| values.iter().all(|v| is_random_uuid(v));
            if same_texts(a, b, links) || a.len() == b.len() && uuids(a) && uuids(b) {
                return true;
            }
            if a.is_empty() || b.is_empty() || !varies.contains(&format!("{path}.headers.{name}")) {
                return false;
            }
            // Free, unless a link says what it must be.
            is_clock(name) || a.iter().all(|v| links.apply(v) == *v)
        });
    }

    fn body(&mut self, recorded: &Value, answer: &Message) {
        let path = "response.body";
        let (Some(a), Some(b)) = (recorded.as_str(), answer.body.as_str()) else {
            if *recorded != answer.body {
                differ(&mut self.out, path, recorded, &answer.body);
            }
            return;
        };
        if is_echo_mark(a) {
            let got = json_in(&answer.body);
            if !self.seen.iter().any(|seen| got.as_ref() == Some(&seen.echoed())) {
                let expected = "the upstream's answer, unchanged";
                self.out.push(Difference::new(path, expected, b));
            }
            return;
        }
        match (json_in(recorded), json_in(&answer.body)) {
            (Some(x), Some(y)) if !is_error_template(a) => {
                let (step, links) = (self.step, self.links);
                json(&x, &y, path, &mut self.out, &|path, x, y| leaf(step, links, path, x, y));
            }
            _ => self.text(a, b, answer),
        }
    }

    fn text(&mut self, recorded: &str, got: &str, answer: &Message) {
        let wanted = self.links.apply(recorded);
        if wanted == got {
            return;
        }
        let varies = ["response.body", "response.body.request_id"]
            .iter()
            .any(|p| self.step.varies.contains(*p));
        let id = values(&answer.headers, "x-kong-request-id");
        let names_id = id.first().is_none_or(|id| got.contains(id));
        if !(varies && names_id && mask_ids(&wanted) == mask_ids(got)) {
            self.out.push(Difference::new("response.body", wanted, got));
        }
    }

    fn upstreams(&mut self) {
        let recorded = &self.step.upstream_saw;
        if recorded.len() != self.seen.len() {
            differ(&mut self.out, "upstream_saw.count", &recorded.len(), &self.seen.len());
        }
        for (n, (a, b)) in recorded.iter().zip(self.seen).enumerate() {
            let path = format!("upstream_saw[{n}]");
            if a.port != b.port && !self.step.varies.contains(&format!("{path}.port")) {
                differ(&mut self.out, &format!("{path}.port"), &a.port, &b.port);
            }
            let texts = [
                ("method", &a.method, &b.method),
                ("target", &a.target, &b.target),
                ("version", &a.version, &b.version),
            ];
            for (field, a, b) in texts {
                let a = self.links.apply(a);
                if a != *b {
                    differ(&mut self.out, &format!("{path}.{field}"), &a, b);
                }
            }
            self.fields(&a.headers, &b.headers, &path);
            self.upstream_body(&format!("{path}.body"), &a.body, &b.body);
        }
    }
}

impl Comparison<'_> {
    fn upstream_body(&mut self, path: &str, recorded: &Value, got: &Value) {
        if recorded == got {
            return;
        }
        let (step, links) = (self.step, self.links);
        match (json_in(recorded), json_in(got)) {
            (Some(a), Some(b)) => json(&a, &b, path, &mut self.out, &|path, a, b| {
                leaf(step, links, path, a, b) || is_of_its_run(path, a, b)
            }),
            _ => differ(&mut self.out, path, recorded, got),
        }
    }
}

/// Whether two values of a log record are each of their run: when an entity was read, which the
/// recording says of some only, and how the echo was framed.
fn is_of_its_run(path: &str, a: Option<&Value>, b: Option<&Value>) -> bool {
    let stamped = path.ends_with(".created_at") || path.ends_with(".updated_at");
    let both = |is: fn(&Value) -> bool| a.is_some_and(is) && b.is_some_and(is);
    stamped && both(Value::is_u64)
        || path.ends_with(".headers.content-length") && both(Value::is_string)
}

/// Whether two values of an answer's JSON agree; `None` is one that is not there.
fn leaf(step: &Step, links: &Links, path: &str, a: Option<&Value>, b: Option<&Value>) -> bool {
    if a == b || is_process_state(step, path) {
        return true;
    }
    match (a, b) {
        (Some(Value::String(a)), Some(Value::String(b))) => {
            let wanted = links.apply(a);
            // Ids of targets are made from their ports, which are others here.
            let of_target = path.starts_with("response.body.data[")
                && path.ends_with("].id")
                && step.request.target.starts_with("/upstreams/");
            of_target && a.len() == b.len()
                || wanted == *b
                || wanted == *a && step.varies.contains(path)
        }
        (Some(Value::Number(_)), Some(Value::Number(_))) => {
            let stamped = path.ends_with(".created_at") || path.ends_with(".updated_at");
            step.varies.contains(path) || stamped && step.request.listener == Listener::Admin
        }
        _ => false,
    }
}

/// Whether a value tells of the process, not of what the gateway does.
fn is_process_state(step: &Step, path: &str) -> bool {
    const OF_ANY_ANSWER: [&str; 3] = ["node_id", "hostname", "worker_pid"];
    const OF_THE_ROOT: [&str; 4] = ["pids", "timers", "lua_version", "configuration"];
    if step.request.listener != Listener::Admin {
        return false;
    }
    let path = path.trim_start_matches("response.body.");
    let (first, last) = (path.split(['.', '[']).next(), path.rsplit('.').next());
    last.is_some_and(|name| OF_ANY_ANSWER.contains(&name))
        || step.request.target == "/" && first.is_some_and(|name| OF_THE_ROOT.contains(&name))
}

/// Fields as a multimap: names without case, the values of one name in any order. What frames a
/// message is left out, for bodies are compared whole.
fn fields(
    recorded: &Fields,
    got: &Fields,
    path: &str,
    out: &mut Vec<Difference>,
    equal: impl Fn(&str, &[&str], &[&str]) -> bool,
) {
    let all = recorded.iter().chain(got).map(|(name, _)| name.to_ascii_lowercase());
    for name in all.collect::<BTreeSet<_>>() {
        let (a, b) = (values(recorded, &name), values(got, &name));
        let same = match name.as_str() {
            "content-length" | "transfer-encoding" | "keep-alive" => true,
            "connection" => connection_options(&a) == connection_options(&b),
            name => equal(name, &a, &b),
        };
        if !same {
            differ(out, &format!("{path}.headers.{name}"), &a, &b);
        }
    }
}

/// The options of `Connection`, without those that are about this connection.
fn connection_options(values: &[&str]) -> BTreeSet<String> {
    values
        .iter()
        .flat_map(|v| v.split(','))
        .map(|option| option.trim().to_ascii_lowercase())
        .filter(|option| !matches!(option.as_str(), "" | "keep-alive" | "close"))
        .collect()
}

fn same_texts(recorded: &[&str], got: &[&str], links: &Links) -> bool {
    let mut wanted: Vec<String> = recorded.iter().map(|v| links.apply(v)).collect();
    let mut got: Vec<&str> = got.to_vec();
    wanted.sort_unstable();
    got.sort_unstable();
    wanted == got
}

/// JSON by value: the order of an object's keys is free.
fn json(a: &Value, b: &Value, path: &str, out: &mut Vec<Difference>, leaf: Leaf<'_>) {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) if !x.is_empty() && !y.is_empty() => {
            for key in x.keys().chain(y.keys()).collect::<BTreeSet<_>>() {
                json_items(x.get(key), y.get(key), &format!("{path}.{key}"), out, leaf);
            }
        }
        (Value::Array(x), Value::Array(y)) if !x.is_empty() && !y.is_empty() => {
            for n in 0..x.len().max(y.len()) {
                json_items(x.get(n), y.get(n), &format!("{path}[{n}]"), out, leaf);
            }
        }
        _ if leaf(path, Some(a), Some(b)) => {}
        _ => differ(out, path, a, b),
    }
}

fn json_items(
    a: Option<&Value>,
    b: Option<&Value>,
    path: &str,
    out: &mut Vec<Difference>,
    leaf: Leaf<'_>,
) {
    match (a, b) {
        (Some(a), Some(b)) => json(a, b, path, out, leaf),
        _ if leaf(path, a, b) => {}
        _ => differ(out, path, &a, &b),
    }
}

/// Whether two values at a path agree that are no objects or lists with something in them.
type Leaf<'a> = &'a dyn Fn(&str, Option<&Value>, Option<&Value>) -> bool;

fn differ<T: Debug + ?Sized>(out: &mut Vec<Difference>, path: &str, a: &T, b: &T) {
    out.push(Difference::new(path, format!("{a:?}"), format!("{b:?}")));
}

/// `<<echo of upstream_saw[0] as JSON>>`
fn is_echo_mark(text: &str) -> bool {
    text.starts_with("<<echo of upstream_saw[") && text.ends_with("] as JSON>>")
}

/// Errors in JSON are made from a fixed text: their layout counts.
fn is_error_template(text: &str) -> bool {
    text.starts_with("{\n  \"message\"")
}

fn without_dump(body: &Value) -> Value {
    const DUMPED: &str = "declarative config is invalid:";
    let Some(mut json) = json_in(body) else { return body.clone() };
    if let Some(message) = json.get_mut("message")
        && let Some(at) = message.as_str().and_then(|text| text.find(DUMPED))
    {
        let kept = message.as_str().unwrap_or_default()[..at + DUMPED.len()].to_owned();
        *message = Value::String(kept);
    }
    json
}

/// A version 4 uuid that nobody wrote by hand.
fn is_random_uuid(text: &str) -> bool {
    let digits = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|p| p.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|p| p.chars().all(digits))
        && parts[2].starts_with('4')
        && parts[0] != "00000000"
}

/// The text with request ids (words of 32 hexadecimal digits) left out.
fn mask_ids(text: &str) -> String {
    let id = |word: &str| {
        word.len() == 32 && word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(word) {
        let end = rest[start..].find(|c| !word(c)).map_or(rest.len(), |n| start + n);
        out.push_str(&rest[..start]);
        out.push_str(if id(&rest[start..end]) { "<id>" } else { &rest[start..end] });
        rest = &rest[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests;
