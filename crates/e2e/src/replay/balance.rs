//! Cases in which a target is chosen. Which one it was is chance, or follows from ports that are others
//! here: a step is held against the recording as if the target that was chosen here had been chosen
//! there, and the case as a whole must have chosen alike.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::case::{Case, Listener, Message, Received, Request, Step};
use super::compare::{self, Difference};
use super::links::Links;

/// A case with more than one target.
pub(super) struct Balance<'c> {
    case: &'c Case,
    targets: BTreeSet<u16>,
    /// The path of probes, which come when they like.
    probes: Option<&'c str>,
    /// For each step the target that was recorded, and that of this run.
    chosen: Vec<(Option<u16>, Option<u16>)>,
}

impl<'c> Balance<'c> {
    pub(super) fn of(case: &'c Case) -> Option<Self> {
        let values = |key: &'static str| {
            let lines = case.config.lines().map(|line| line.trim_start_matches([' ', '-']));
            lines.filter_map(move |line| Some(line.strip_prefix(key)?.trim()))
        };
        let port = |target: &str| target.rsplit_once(':')?.1.parse().ok();
        let targets: BTreeSet<u16> = values("target:").filter_map(port).collect();
        let probes = values("http_path:").next();
        (targets.len() > 1).then_some(Self { case, targets, probes, chosen: Vec::new() })
    }

    /// How a step differs from the recording, or from a step with the same request that is more like
    /// it: what a request is answered may follow from the target.
    pub(super) fn step(
        &mut self,
        step: &Step,
        answer: &Result<Message, String>,
        mut seen: Vec<Received>,
        links: &Links,
    ) -> Vec<Difference> {
        seen.retain(|received| !self.is_probe(received));
        self.chosen.push((self.last(&step.upstream_saw), self.last(&seen)));
        let same = self.case.steps.iter().filter(|other| other.request == step.request);
        let twins = std::iter::once(step).chain(same);
        let differences = twins.map(|twin| {
            let moved = self.moved(twin, &seen);
            match step.request.listener {
                Listener::Admin => compare::step(
                    &Step { response: self.nameless(&moved.response), ..moved },
                    &answer.as_ref().map(|answer| self.nameless(answer)).map_err(Clone::clone),
                    &seen,
                    links,
                ),
                _ => compare::step(&moved, answer, &seen, links),
            }
        });
        differences.min_by_key(Vec::len).unwrap_or_default()
    }

    /// How the choices as a whole differ.
    pub(super) fn whole(self) -> Vec<Difference> {
        let text = |difference: Option<(String, String)>| {
            difference.map(|(expected, got)| Difference::new("upstream_saw.ports", expected, got))
        };
        match self.case.config.contains("algorithm: consistent-hashing") {
            true => text(self.unsteady()).into_iter().collect(),
            false => text(self.uneven()).into_iter().collect(),
        }
    }

    fn is_probe(&self, received: &Received) -> bool {
        let of_client = received.headers.iter().any(|(name, _)| name == "X-Forwarded-For");
        self.probes == Some(received.target.as_str()) && !of_client
    }

    fn last(&self, seen: &[Received]) -> Option<u16> {
        seen.iter().rfind(|received| !self.is_probe(received)).map(|last| last.port)
    }

    /// The step as it would have been recorded with the targets that were chosen here.
    fn moved(&self, step: &Step, seen: &[Received]) -> Step {
        let mut step = step.clone();
        step.upstream_saw.retain(|received| !self.is_probe(received));
        for (recorded, got) in step.upstream_saw.iter_mut().zip(seen) {
            if !self.targets.contains(&got.port) {
                continue;
            }
            let (from, to) = (format!(":{}", recorded.port), format!(":{}", got.port));
            recorded.port = got.port;
            for (_, value) in &mut recorded.headers {
                *value = value.replace(&from, &to);
            }
        }
        step
    }

    /// An answer of the Admin API in which all targets have the same port, and lists are sorted: what
    /// is told of which of them is chance, and their order follows from their ids.
    fn nameless(&self, answer: &Message) -> Message {
        let body = match compare::json_in(&answer.body) {
            Some(body) => self.without_ports(body).to_string().into(),
            None => answer.body.clone(),
        };
        Message { body, ..answer.clone() }
    }

    fn without_ports(&self, value: Value) -> Value {
        let is_port = |text: &str| text.parse().is_ok_and(|port| self.targets.contains(&port));
        match value {
            Value::Number(number) if is_port(&number.to_string()) => 0.into(),
            Value::String(text) => match text.rsplit_once(':') {
                Some((host, port)) if is_port(port) => format!("{host}:0").into(),
                _ => text.into(),
            },
            Value::Array(items) => {
                let mut items: Vec<_> =
                    items.into_iter().map(|item| self.without_ports(item)).collect();
                items.sort_by_cached_key(|item| {
                    let told = item.get("data").unwrap_or(item);
                    [told.get("weight"), item.get("health")].map(|v| v.map(sorted_text))
                });
                items.into()
            }
            Value::Object(fields) => {
                let fields = fields.into_iter();
                fields.map(|(key, value)| (key, self.without_ports(value))).collect()
            }
            other => other,
        }
    }

    /// Requests that are equal, and those that are but for their queries, go to one target if they did
    /// when they were recorded.
    fn unsteady(&self) -> Option<(String, String)> {
        let without_query = |request: &Request| {
            let path = request.target.split('?').next().unwrap_or_default().to_owned();
            Request { target: path, ..request.clone() }
        };
        self.unsteady_by(Request::clone).or_else(|| self.unsteady_by(without_query))
    }

    fn unsteady_by(&self, key: impl Fn(&Request) -> Request) -> Option<(String, String)> {
        let mut groups: Vec<(Request, BTreeSet<u16>, BTreeSet<u16>)> = Vec::new();
        for (step, (recorded, got)) in self.case.steps.iter().zip(&self.chosen) {
            let key = key(&step.request);
            let at = groups.iter().position(|(other, ..)| *other == key).unwrap_or(groups.len());
            if at == groups.len() {
                groups.push((key, BTreeSet::new(), BTreeSet::new()));
            }
            groups[at].1.extend(recorded);
            groups[at].2.extend(got);
        }
        let unsteady =
            groups.iter().find(|(_, recorded, got)| recorded.len() == 1 && got.len() > 1);
        let (request, recorded, got) = unsteady?;
        Some((format!("{recorded:?} for {}", request.target), format!("{got:?}")))
    }

    /// Each target has its share of the requests, but for one more or less.
    fn uneven(&self) -> Option<(String, String)> {
        if self.case.config.contains("algorithm: latency") {
            return None;
        }
        let count = |ports: &mut dyn Iterator<Item = u16>| {
            let mut counts = BTreeMap::<u16, usize>::new();
            ports.for_each(|port| *counts.entry(port).or_default() += 1);
            counts
        };
        let recorded = count(&mut self.chosen.iter().filter_map(|(recorded, _)| *recorded));
        let got = count(&mut self.chosen.iter().filter_map(|(_, got)| *got));
        let of = |counts: &BTreeMap<u16, usize>, port| counts.get(port).copied().unwrap_or(0);
        // Who comes first, and so who fell ill, is chance where all weigh the same.
        let shares = |counts: &BTreeMap<u16, usize>| {
            let mut shares: Vec<_> = self.targets.iter().map(|port| of(counts, port)).collect();
            if self.weighs_the_same() {
                shares.sort_unstable();
            }
            shares
        };
        let pairs = shares(&recorded).into_iter().zip(shares(&got));
        pairs
            .into_iter()
            .any(|(a, b)| a.abs_diff(b) > 1)
            .then(|| (format!("{recorded:?}"), format!("{got:?}")))
    }

    fn weighs_the_same(&self) -> bool {
        let lines = self.case.config.lines();
        let weights: BTreeSet<_> =
            lines.filter_map(|line| line.trim().strip_prefix("weight:")).collect();
        weights.len() < 2
    }
}

/// A value's text, whatever the order of its fields.
fn sorted_text(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> =
                fields.iter().map(|(key, value)| (key, sorted_text(value))).collect();
            format!("{fields:?}")
        }
        other => other.to_string(),
    }
}
