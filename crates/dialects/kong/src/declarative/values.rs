//! Values of a document as Kong's YAML reader understands them.

use config::{Node, Span, Value as Written};
use serde_json::{Map, Value};

/// What marks a template of decK's.
const TEMPLATE: &str = "${{";

/// Turns values into plain ones.
#[derive(Default)]
pub(super) struct Plain {
    /// Texts that are templates.
    pub(super) templates: Vec<Span>,
}

impl Plain {
    pub(super) fn value(&mut self, node: &Node) -> Value {
        match &node.value {
            Written::String(text) => {
                if text.contains(TEMPLATE) {
                    self.templates.push(node.span);
                }
                match node.plain.then(|| yaml_1_1(text)).flatten() {
                    Some(value) => value,
                    None => Value::String(text.to_string()),
                }
            }
            Written::Seq(items) => items.iter().map(|item| self.value(item)).collect(),
            Written::Map(entries) => {
                let mut object = Map::with_capacity(entries.len());
                for entry in entries {
                    object.insert(entry.key.to_string(), self.value(&entry.value));
                }
                Value::Object(object)
            }
            _ => node.to_json(),
        }
    }
}

/// What YAML 1.1, which Kong reads, makes of an unquoted text that is one in YAML 1.2.
fn yaml_1_1(text: &str) -> Option<Value> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true.into()),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false.into()),
        _ => {
            let octal = text.strip_prefix('0')?;
            let is_octal =
                !octal.is_empty() && octal.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
            is_octal.then(|| i64::from_str_radix(octal, 8).ok())?.map(Value::from)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::{Budget, Findings, Sources, read_yaml};
    use serde_json::json;

    #[test]
    fn unquoted_words_and_octals_are_read_as_kong_reads_them() {
        let (mut sources, mut findings) = (Sources::new(), Findings::new());
        let text = "a: yes\nb: \"yes\"\nc: 0123\nd: [off, 089]\ne: ${{ env \"DECK_X\" }}\n";
        let documents = read_yaml(&mut sources, "kong.yml", text, &Budget::FILES, &mut findings);
        let mut plain = Plain::default();
        let value = plain.value(&documents[0].root);
        let expected = json!({
            "a": true, "b": "yes", "c": 83, "d": [false, "089"], "e": "${{ env \"DECK_X\" }}",
        });
        assert_eq!(value, expected);
        assert_eq!(plain.templates.len(), 1);
    }
}
