//! Values that the recording generated (ids, tokens), and what they are called in this run.

use std::collections::HashMap;

use serde_json::Value;

use super::case::{Message, Step};
use super::compare::{is_clock, json_in};
use crate::http1::values;

/// Shorter texts are too likely to stand somewhere by chance.
const SHORTEST: usize = 6;

#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    names: HashMap<String, String>,
}

impl Links {
    /// The text with recorded values replaced by this run's.
    pub(super) fn apply(&self, text: &str) -> String {
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(recorded, _)| std::cmp::Reverse(recorded.len()));
        names.iter().fold(text.to_owned(), |text, (recorded, now)| text.replace(*recorded, now))
    }

    pub(super) fn learn(&mut self, recorded: &str, now: &str) {
        if recorded.len() >= SHORTEST && recorded != now {
            self.names.insert(recorded.to_owned(), now.to_owned());
        }
    }

    /// Learns from an answer, where the recording says that it varies.
    pub(super) fn learn_from(&mut self, step: &Step, answer: &Message) {
        let recorded = &step.response;
        if recorded.status != answer.status {
            return;
        }
        for (name, _) in &recorded.headers {
            let name = name.to_ascii_lowercase();
            let varies = step.varies.contains(&format!("response.headers.{name}"));
            if is_clock(&name) || !varies {
                continue;
            }
            let (a, b) = (values(&recorded.headers, &name), values(&answer.headers, &name));
            if a.len() == b.len() {
                a.iter().zip(b).for_each(|(a, b)| self.learn(a, b));
            }
        }
        if let (Some(a), Some(b)) = (json_in(&recorded.body), json_in(&answer.body)) {
            self.learn_from_json(&a, &b, "response.body", step);
        }
    }

    fn learn_from_json(&mut self, a: &Value, b: &Value, path: &str, step: &Step) {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => {
                for (key, a) in a {
                    if let Some(b) = b.get(key) {
                        self.learn_from_json(a, b, &format!("{path}.{key}"), step);
                    }
                }
            }
            (Value::Array(a), Value::Array(b)) => {
                for (n, (a, b)) in a.iter().zip(b).enumerate() {
                    self.learn_from_json(a, b, &format!("{path}[{n}]"), step);
                }
            }
            (Value::String(a), Value::String(b)) if step.varies.contains(path) => self.learn(a, b),
            _ => {}
        }
    }
}
