//! What Kong answers to a document that it refuses.

use serde_json::{Map, Value, json};

use super::input::{Children, Input, Item};
use crate::schema::{Catalogue, Key, Problem, Problems, is_uuid};

/// Kong's code for an invalid declarative configuration.
const CODE: u32 = 14;

/// Why a document is refused, in the forms in which the Admin API says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    fields: Value,
    flattened: Value,
    /// What does not belong to any entity.
    rest: Value,
}

impl Refusal {
    pub(super) fn new(
        problems: &Problems,
        input: &Input<'_>,
        catalogue: &'static Catalogue,
    ) -> Self {
        let mut flattening = Flattening { catalogue, flattened: Vec::new() };
        let mut rest = Problems::default();
        for (key, problem) in sorted(problems) {
            let list = match (key, problem) {
                (Key::Name(name), Problem::Within(list)) => catalogue.index(name).zip(Some(list)),
                _ => None,
            };
            match list {
                Some((entity, list)) => flattening.list(&input.lists[entity].elements, list, None),
                None => rest.push(key.clone(), problem.clone()),
            }
        }
        Self {
            fields: problems.to_json(),
            flattened: flattening.flattened.into(),
            rest: rest.to_json(),
        }
    }

    /// A text that is no document at all.
    pub fn unreadable(problem: &str) -> Self {
        let error = format!("failed parsing declarative configuration: {problem}");
        let fields = json!({ "error": error });
        Self { rest: fields.clone(), fields, flattened: json!([]) }
    }

    /// A document that keeps all rules of Kong's, and cannot be served for these reasons.
    pub fn elsewhere(problems: &[String]) -> Self {
        let fields = json!({ "@document": problems });
        Self { rest: fields.clone(), fields, flattened: json!([]) }
    }

    /// The problems as a tree that follows the document: texts at the leaves, and `@entity` for what
    /// concerns an entity as a whole.
    pub fn fields(&self) -> &Value {
        &self.fields
    }

    /// The body of the Admin API's answer; with `flatten` it lists the entities with problems instead.
    pub fn body(&self, flatten: bool) -> Value {
        let fields = if flatten { &self.rest } else { &self.fields };
        let mut body = json!({
            "code": CODE,
            "name": "invalid declarative configuration",
            "fields": fields,
            "message": format!("declarative config is invalid: {}", lua_table(fields)),
        });
        if flatten {
            body["flattened_errors"] = self.flattened.clone();
        }
        body
    }
}

struct Flattening {
    catalogue: &'static Catalogue,
    flattened: Vec<Value>,
}

impl Flattening {
    fn list(
        &mut self,
        elements: &[super::input::Element<'_>],
        problems: &Problems,
        parent: Option<(&str, &str)>,
    ) {
        for (key, problem) in problems.at.iter().rev() {
            let element = match key {
                Key::Index(index) => elements.get(*index),
                Key::Name(_) => None,
            };
            if let Some(super::input::Element::Item(item)) = element {
                self.item(item, problem, parent);
            }
        }
    }

    fn item(&mut self, item: &Item<'_>, problem: &Problem, parent: Option<(&str, &str)>) {
        let mut errors = Vec::new();
        match problem {
            Problem::Here(violation) => {
                errors.push(json!({"type": "entity", "message": violation.text}));
            }
            Problem::Within(problems) => {
                let own_id =
                    item.node.get("id").and_then(|id| id.as_str()).filter(|id| is_uuid(id));
                for children in &item.children {
                    self.children(children, problems, own_id);
                }
                let own = Problems {
                    entity: problems.entity.clone(),
                    at: problems
                        .at
                        .iter()
                        .filter(|(key, _)| !self.is_child(item, key))
                        .cloned()
                        .collect(),
                };
                collect(&own, "", &mut errors);
            }
        }
        if errors.is_empty() {
            return;
        }
        let schema = item.schema(self.catalogue);
        let entity = self.as_written(item, parent);
        let mut flat = Map::new();
        flat.insert(
            "entity_type".into(),
            schema.name.strip_suffix('s').unwrap_or(schema.name).into(),
        );
        if let Some(name) = entity["name"].as_str().filter(|name| !name.is_empty()) {
            flat.insert("entity_name".into(), name.into());
        }
        if let Some(id) = entity["id"].as_str().filter(|id| is_uuid(id)) {
            flat.insert("entity_id".into(), id.into());
        }
        if let Some(tags) =
            entity["tags"].as_array().filter(|tags| tags.iter().all(Value::is_string))
        {
            flat.insert("entity_tags".into(), tags.clone().into());
        }
        flat.insert("errors".into(), errors.into());
        flat.insert("entity".into(), entity);
        self.flattened.push(flat.into());
    }

    fn children(&mut self, children: &Children<'_>, problems: &Problems, own_id: Option<&str>) {
        let name = self.catalogue.entities[children.entity].name;
        if let (Ok(list), Some(Problem::Within(problems))) =
            (&children.list, problems.get(&Key::from(name)))
        {
            self.list(&list.elements, problems, own_id.map(|id| (children.field, id)));
        }
    }

    fn is_child(&self, item: &Item<'_>, key: &Key) -> bool {
        let name_of = |children: &Children<'_>| self.catalogue.entities[children.entity].name;
        matches!(key, Key::Name(name) if item.children.iter().any(|children| {
            children.list.is_ok() && name_of(children) == &**name
        }))
    }

    /// The entity without those within it, and with the one that it stands in.
    fn as_written(&self, item: &Item<'_>, parent: Option<(&str, &str)>) -> Value {
        let mut entity = item.node.to_json();
        if let Some(fields) = entity.as_object_mut() {
            fields.retain(|name, _| !self.is_child(item, &Key::from(name.as_str())));
            if let Some((field, id)) = parent {
                fields.entry(field).or_insert_with(|| json!({ "id": id }));
            }
        }
        entity
    }
}

fn collect(problems: &Problems, path: &str, errors: &mut Vec<Value>) {
    for (key, problem) in sorted(problems) {
        let name = match key {
            Key::Name(name) => name.to_string(),
            Key::Index(index) => (index + 1).to_string(),
        };
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        match problem {
            Problem::Here(violation) => {
                errors.push(json!({"type": "field", "field": path, "message": violation.text}))
            }
            Problem::Within(within) => collect(within, &path, errors),
        }
    }
    for violation in &problems.entity {
        errors.push(json!({"type": "entity", "message": violation.text}));
    }
}

/// The last key first, as Kong goes through them.
fn sorted(problems: &Problems) -> Vec<&(Key, Problem)> {
    let mut sorted: Vec<_> = problems.at.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| match (a, b) {
        (Key::Name(a), Key::Name(b)) => b.cmp(a),
        (Key::Index(a), Key::Index(b)) => b.cmp(a),
        (Key::Name(_), Key::Index(_)) => std::cmp::Ordering::Less,
        (Key::Index(_), Key::Name(_)) => std::cmp::Ordering::Greater,
    });
    sorted
}

/// A value as Lua writes tables: `{services={{host="required field missing"}}}`.
pub(crate) fn lua_table(value: &Value) -> String {
    match value {
        Value::Array(elements) => {
            let holes = elements.iter().position(Value::is_null).unwrap_or(elements.len());
            let listed = elements.iter().enumerate().filter(|(_, element)| !element.is_null());
            let parts = listed.map(|(index, element)| match index < holes {
                true => lua_table(element),
                false => format!("[{}]={}", index + 1, lua_table(element)),
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        Value::Object(entries) => {
            let parts = entries.iter().map(|(key, value)| {
                let is_name = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                    && !key.starts_with(|first: char| first.is_ascii_digit());
                match is_name {
                    true => format!("{key}={}", lua_table(value)),
                    false => format!("[\"{key}\"]={}", lua_table(value)),
                }
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        Value::String(text) if text.contains('\n') => format!("[[{text}]]"),
        Value::String(text) => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_written_as_lua_does() {
        let fields = json!({
            "services": [{"plugins": [null, "twice"], "@entity": ["a \"b\""]}],
            "routes": {"r": ["x"]},
        });
        assert_eq!(
            lua_table(&fields),
            "{services={{plugins={[2]=\"twice\"},[\"@entity\"]={\"a \\\"b\\\"\"}}},routes={r={\"x\"}}}"
        );
    }
}
