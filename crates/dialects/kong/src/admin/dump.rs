//! A configuration as the YAML text that would give it again.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::tables::Tables;

/// All entities as one document. Passwords have been hashed already, so it says `_transform: false`.
pub(super) fn document(tables: &Tables) -> String {
    let mut document = Map::new();
    document.insert("_format_version".into(), "3.0".into());
    document.insert("_transform".into(), false.into());
    for (entity, table) in tables.each() {
        let rows = table.rows().map(|mut row| {
            for field in entity.shape.fields.iter().filter(|field| field.reference.is_some()) {
                if let Some(id) = row.get(&*field.name).and_then(|value| value.get("id")).cloned() {
                    row.insert(field.name.to_string(), id);
                }
            }
            Value::Object(row)
        });
        document.insert(entity.name.into(), rows.collect());
    }
    let mut text = String::new();
    write_object(&document, 0, &mut text);
    text
}

fn write_object(entries: &Map<String, Value>, indent: usize, text: &mut String) {
    for (index, (key, value)) in entries.iter().enumerate() {
        if index > 0 {
            let _ = write!(text, "{:indent$}", "");
        }
        write_scalar(&json!(key), text);
        text.push(':');
        write_member(value, indent, text);
    }
}

/// What follows a key: on the same line, or indented below it.
fn write_member(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Array(elements) if !elements.is_empty() => {
            text.push('\n');
            write_list(elements, indent, text);
        }
        Value::Object(entries) if !entries.is_empty() => {
            let indent = indent + 2;
            let _ = write!(text, "\n{:indent$}", "");
            write_object(entries, indent, text);
        }
        scalar => {
            text.push(' ');
            write_scalar(scalar, text);
            text.push('\n');
        }
    }
}

/// Lists stand as deep as their key.
fn write_list(elements: &[Value], indent: usize, text: &mut String) {
    for element in elements {
        let _ = write!(text, "{:indent$}-", "");
        match element {
            Value::Object(entries) if !entries.is_empty() => {
                text.push(' ');
                write_object(entries, indent + 2, text);
            }
            other => write_member(other, indent + 2, text),
        }
    }
}

fn write_scalar(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push('~'),
        Value::String(plain) if is_plain(plain) => text.push_str(plain),
        Value::String(line) if !line.chars().any(char::is_control) => {
            let _ = write!(text, "'{}'", line.replace('\'', "''"));
        }
        // JSON's texts are YAML's texts in double quotes.
        other => {
            let _ = write!(text, "{other}");
        }
    }
}

/// Whether a text means itself without quotes: a word that is no number, no date and no word of
/// YAML's.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf"];
    let is_word =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    // Ids begin with digits, and mean themselves by the two hyphens in them.
    let begins = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'/');
    text.bytes().all(is_word)
        && (text.as_bytes().first().is_some_and(|byte| begins(*byte))
            || crate::schema::is_uuid(text))
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::{Budget, Findings, Sources, read_yaml};
    use proptest::prelude::*;

    fn written(value: &Value) -> String {
        let mut text = String::new();
        write_object(value.as_object().expect("it is an object"), 0, &mut text);
        text
    }

    fn read(text: &str) -> Value {
        let (mut sources, mut findings) = (Sources::new(), Findings::new());
        let documents = read_yaml(&mut sources, "dump", text, &Budget::FILES, &mut findings);
        assert!(findings.is_empty(), "{text}");
        documents.first().map_or(Value::Null, |document| document.root.to_json())
    }

    #[test]
    fn lists_stand_as_deep_as_their_keys() {
        let value = json!({
            "services": [{"name": "a", "tags": ["x", "1"], "path": null, "o": {"p": {"q": true}}}],
            "empty": [],
            "nested": [[1, [2]], {}],
        });
        let text = "services:\n- name: a\n  tags:\n  - x\n  - '1'\n  path: ~\n  o:\n    p:\n      q: true\n\
            empty: []\nnested:\n-\n  - 1\n  -\n    - 2\n- {}\n";
        assert_eq!(written(&value), text);
        assert_eq!(read(text), value);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            "[-a-z0-9: #'\"\\[\\]{}~&*!|>%@`,?.\n\t]{0,12}".prop_map(Value::from),
            "(yes|no|on|off|null|~|true|0x1f|1e3|1_000|2026-11-25|-|\\.inf|=|<<)"
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z0-9 :#-]{1,8}", inner, 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_what_it_was(value in values()) {
            let whole = json!({ "value": value });
            prop_assert_eq!(read(&written(&whole)), whole);
        }
    }
}
