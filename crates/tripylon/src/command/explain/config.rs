//! The effective configuration of a policy, value by value.

use std::collections::BTreeMap;

use filter::Kinds;
use model::{Origin, Policy};
use serde::Serialize;
use serde_json::Value;

/// What stands in for a value that must not be shown.
const HIDDEN: &str = "(secret)";

/// A value of a policy's configuration.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Setting {
    /// JSON pointer (RFC 6901) into the configuration.
    pub(super) pointer: String,
    /// The value; an object is never one, its members are.
    pub(super) value: Value,
    /// Where it was written; `None` if it is the default.
    pub(super) origin: Option<Origin>,
}

/// All values of the configuration, in its order.
pub(super) fn settings(policy: &Policy, kinds: &Kinds) -> Vec<Setting> {
    let secrets = kinds.get(&policy.kind).map_or(&[][..], |kind| kind.secrets());
    let mut settings = Vec::new();
    collect(&policy.config, String::new(), &mut |pointer, value| {
        let hidden = secrets.iter().any(|secret| is_within(&pointer, secret)) && !value.is_null();
        let value = if hidden { HIDDEN.into() } else { value.clone() };
        let origin = origin(&pointer, &policy.origins).cloned();
        settings.push(Setting { pointer, value, origin });
    });
    settings
}

/// Lists are values: what matters is mostly which items there are, and where the list stands.
fn collect(value: &Value, pointer: String, found: &mut impl FnMut(String, &Value)) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(value, format!("{pointer}/{name}"), found);
            }
        }
        _ => found(pointer, value),
    }
}

/// The origin of a value, or of the nearest one that holds it or that it holds.
fn origin<'p>(pointer: &str, origins: &'p BTreeMap<String, Origin>) -> Option<&'p Origin> {
    let mut holder = pointer;
    while !holder.is_empty() {
        if let Some(origin) = origins.get(holder) {
            return Some(origin);
        }
        holder = &holder[..holder.rfind('/').unwrap_or_default()];
    }
    origins.iter().find(|(found, _)| is_within(found, pointer)).map(|(_, origin)| origin)
}

/// Whether a pointer is another one or leads into what that points to.
fn is_within(pointer: &str, whole: &str) -> bool {
    pointer.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(config: Value, origins: &[(&str, u32)]) -> Policy {
        let origin = |line: &u32| Origin::new("a.yml", *line, 1);
        Policy {
            id: "p".into(),
            kind: "none".into(),
            name: "p".into(),
            config,
            origins: origins.iter().map(|(at, line)| ((*at).to_owned(), origin(line))).collect(),
            origin: Origin::default(),
        }
    }

    fn lines(policy: &Policy) -> Vec<(String, Value, Option<u32>)> {
        let settings = settings(policy, &Kinds::default());
        settings.into_iter().map(|s| (s.pointer, s.value, s.origin.map(|o| o.line))).collect()
    }

    #[test]
    fn every_value_has_the_origin_that_is_nearest() {
        let policy = policy(
            json!({"a": 1, "b": {"c": [1, 2], "d": null}, "e": {}}),
            &[("/a", 1), ("/b", 2), ("/b/c/0", 3)],
        );
        assert_eq!(
            lines(&policy),
            [
                ("/a".to_owned(), json!(1), Some(1)),
                ("/b/c".to_owned(), json!([1, 2]), Some(2)),
                ("/b/d".to_owned(), json!(null), Some(2)),
                ("/e".to_owned(), json!({}), None),
            ]
        );
    }

    #[test]
    fn a_list_stands_where_its_first_item_does() {
        let policy = policy(json!({"l": [{"x": 1}], "lx": 2}), &[("/l/0/x", 4)]);
        assert_eq!(
            lines(&policy),
            [("/l".to_owned(), json!([{"x": 1}]), Some(4)), ("/lx".to_owned(), json!(2), None)]
        );
    }
}
