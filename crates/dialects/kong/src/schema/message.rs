//! Problems as one line of Kong's: `2 schema violations (host: required field missing; …)`.

use std::fmt::Write as _;

use serde_json::Value;

use super::problems::Problems;

impl Problems {
    /// What Kong's Admin API says of them beside the tree: what concerns the entity as a whole first,
    /// then fields by their names, two levels deep; what lies deeper is written as a Lua table.
    pub(crate) fn message(&self) -> String {
        let mut said: Vec<String> =
            self.entity.iter().map(|violation| violation.text.to_string()).collect();
        let mut fields = Vec::new();
        if let Value::Object(object) = self.to_json() {
            fields.extend(object.into_iter().filter(|(name, _)| name != "@entity"));
        }
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, problem) in &fields {
            describe(name, problem, &mut said);
        }
        let all = said.join("; ");
        match said.len() {
            1 => format!("schema violation ({all})"),
            count => format!("{count} schema violations ({all})"),
        }
    }
}

fn describe(name: &str, problem: &Value, said: &mut Vec<String>) {
    let mut add = |key: &str, problem: &Value| {
        said.push(format!("{name}.{key}: {}", deeper(problem)));
    };
    match problem {
        Value::Object(within) => {
            let mut within: Vec<_> = within.iter().collect();
            within.sort_by_key(|(key, _)| *key);
            within.into_iter().for_each(|(key, problem)| add(key, problem));
        }
        Value::Array(elements) => {
            for (index, problem) in elements.iter().enumerate().filter(|(_, p)| !p.is_null()) {
                add(&(index + 1).to_string(), problem);
            }
        }
        text => said.push(format!("{name}: {}", deeper(text))),
    }
}

fn deeper(problem: &Value) -> String {
    match problem {
        Value::String(text) => text.clone(),
        table => {
            let mut text = String::new();
            write_table(table, 0, &mut text);
            text
        }
    }
}

/// A Lua table over several lines, two spaces a level.
fn write_table(value: &Value, level: usize, text: &mut String) {
    let mut members: Vec<(String, &Value)> = Vec::new();
    match value {
        Value::Array(elements) => {
            let holes = elements.iter().position(Value::is_null).unwrap_or(elements.len());
            for (index, element) in elements.iter().enumerate().filter(|(_, e)| !e.is_null()) {
                let key = if index < holes { String::new() } else { format!("[{}] = ", index + 1) };
                members.push((key, element));
            }
        }
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            members.extend(entries.into_iter().map(|(key, value)| (table_key(key), value)));
        }
        Value::String(said) => {
            let said = said.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(text, "\"{said}\"");
            return;
        }
        other => {
            let _ = write!(text, "{other}");
            return;
        }
    }
    text.push_str("{\n");
    for (index, (key, value)) in members.iter().enumerate() {
        let _ = write!(text, "{:width$}{key}", "", width = 2 * (level + 1));
        write_table(value, level + 1, text);
        text.push_str(if index + 1 < members.len() { ",\n" } else { "\n" });
    }
    let _ = write!(text, "{:width$}}}", "", width = 2 * level);
}

fn table_key(key: &str) -> String {
    let is_name = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !key.starts_with(|first: char| first.is_ascii_digit());
    if is_name { format!("{key} = ") } else { format!("[\"{key}\"] = ") }
}
