//! One entity by itself: which shape it has, and whether it keeps all rules of its schema.

use serde_json::{Map, Value};

use super::catalogue::Entity;
use super::checks::mutually_required;
use super::complete::{Completion, is_nonempty, value_at};
use super::definition::{Expand, Shape};
use super::problems::{Problems, Rule, Violation};
use super::validate::Foreign;

/// What judging an entity needs beside itself.
pub(crate) struct Judging<'j> {
    /// How what is absent is filled in.
    pub(crate) completion: Completion<'j>,
    /// Whether a plugin can run here.
    pub(crate) runnable: &'j dyn Fn(&str) -> bool,
    /// How foreign keys are written.
    pub(crate) foreign: Foreign,
}

impl Judging<'_> {
    /// Completes an entity in place and holds it against its schema.
    pub(crate) fn judge(&self, entity: &Entity, fields: &mut Map<String, Value>) -> Problems {
        let shape = entity.subschema(fields).unwrap_or(&entity.shape);
        let expansion = self.completion.complete(shape, fields);
        // The field that decides may have been filled in only now.
        let shape = match entity.shape_of(fields) {
            Ok(shape) => shape,
            Err((key, violation)) => {
                let mut problems = Problems::default();
                problems.push(key, violation);
                return problems;
            }
        };
        let validation = self.completion.validation;
        let mut problems = validation.check_record(self.foreign, shape, entity.ttl, fields);
        problems.merge(expansion);
        entity.check_transformations(fields, &mut problems);
        entity.check_runnable(fields, self.runnable, &mut problems);
        problems
    }
}

impl Entity {
    /// The shape that the fields decide for; `None` if they do not decide for any.
    pub(crate) fn subschema(&self, fields: &Map<String, Value>) -> Option<&Shape> {
        let subschemas = self.subschemas.as_ref()?;
        match fields.get(&*subschemas.key)? {
            Value::String(key) => subschemas.get(key),
            Value::Array(keys) => {
                keys.iter().filter_map(Value::as_str).find_map(|key| subschemas.get(key))
            }
            _ => None,
        }
    }

    /// The shape of an entity with these fields, or what is wrong with the field that decides.
    pub(crate) fn shape_of(
        &self,
        fields: &Map<String, Value>,
    ) -> Result<&Shape, (&str, Violation)> {
        let Some(subschemas) = &self.subschemas else { return Ok(&self.shape) };
        if let Some(shape) = self.subschema(fields) {
            return Ok(shape);
        }
        let key = match fields.get(&*subschemas.key) {
            None | Some(Value::Null) => {
                let missing = Violation::new(Rule::Required, "required field missing");
                return Err((&subschemas.key, missing));
            }
            Some(Value::String(key)) => key.as_str(),
            Some(Value::Array(keys)) => keys.first().and_then(Value::as_str).unwrap_or("nil"),
            Some(_) => "nil",
        };
        let rule = if self.name == "plugins" { Rule::Plugin } else { Rule::OneOf };
        Err((&subschemas.key, Violation::new(rule, subschemas.error.replace("%s", key))))
    }

    /// Adds the other spellings that Kong's Admin API still shows to an entity that has only the real
    /// fields.
    pub(crate) fn show_old_spellings(&self, fields: &mut Map<String, Value>) {
        if let Ok(shape) = self.shape_of(fields) {
            show_old_spellings(shape, fields);
        }
    }

    /// A transformation needs all of its input or none.
    pub(crate) fn check_transformations(
        &self,
        fields: &Map<String, Value>,
        problems: &mut Problems,
    ) {
        for transformation in &self.transformations {
            let (input, needs) = (&transformation.input, &transformation.needs);
            if !input.iter().any(|path| is_nonempty(value_at(fields, path))) {
                continue;
            }
            let all: Vec<_> = input.iter().chain(needs).cloned().collect();
            if let Some(said) = mutually_required(fields, &all) {
                let about = all.into_iter().map(|path| path.text).collect();
                let violation = Violation { about, ..Violation::new(Rule::Entity, said) };
                problems.entity.push(violation);
            }
        }
    }

    /// A plugin that Kong knows and that cannot run here is none that is enabled.
    pub(crate) fn check_runnable(
        &self,
        fields: &Map<String, Value>,
        runnable: &dyn Fn(&str) -> bool,
        problems: &mut Problems,
    ) {
        let name = fields.get("name").and_then(Value::as_str);
        if let (Some(subschemas), Some(name)) = (&self.subschemas, name)
            && self.name == "plugins"
            && !runnable(name)
        {
            let said = subschemas.error.replace("%s", name);
            problems.set("name", Violation::new(Rule::Plugin, said));
        }
    }
}

fn show_old_spellings(shape: &Shape, record: &mut Map<String, Value>) {
    for field in &shape.fields {
        if let Some(within) = &field.record
            && let Some(Value::Object(record)) = record.get_mut(&*field.name)
        {
            show_old_spellings(within, record);
        }
    }
    for shorthand in shape.shorthands.iter().filter(|shorthand| shorthand.returned_on_read) {
        if let Expand::Alias { to } = &shorthand.expand {
            let value = value_at(record, to).cloned().unwrap_or_default();
            record.insert(shorthand.field.name.to_string(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Catalogue, RouterFlavor, Validation};
    use serde_json::json;

    /// Entities that were written through the Admin API of a Kong 3.9.3 with a database, and what
    /// it answered: the whole entity, or what is wrong with it.
    #[test]
    fn entities_are_completed_and_refused_as_kong_does() {
        let mut wrong = Vec::new();
        for line in include_str!("../../tests/data/entities.jsonl").lines() {
            let case: Value = serde_json::from_str(line).expect("a case is JSON");
            let (found, expected) = (answer(&case), &case["answer"]);
            let differs = match (found.as_object(), expected.as_object()) {
                (Some(found), Some(expected)) => found != expected,
                _ => true,
            };
            if differs {
                wrong.push(format!(
                    "{} {}\n  Kong {expected}\n  here {found}",
                    case["entity"], case["body"]
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn answer(case: &Value) -> Value {
        let catalogue = Catalogue::of(RouterFlavor::default());
        let entity = case["entity"].as_str().and_then(|name| catalogue.entity(name));
        let entity = entity.expect("the entity exists");
        let mut fields = case["body"].as_object().expect("an entity is an object").clone();
        let (now, flavor) = (1_795_411_987, RouterFlavor::default());
        let validation = Validation { now, redis_default: false, flavor };
        let completion =
            Completion { now, secret: &str::to_owned, purpose: "", validation: &validation };
        let judging = Judging { completion, runnable: &|_| true, foreign: Foreign::Resolved };
        let problems = judging.judge(entity, &mut fields);
        if !problems.is_empty() {
            return json!({"fields": problems.to_json(), "message": problems.message()});
        }
        entity.show_old_spellings(&mut fields);
        for own in ["id", "created_at", "updated_at"] {
            fields.shift_remove(own);
        }
        fields.into()
    }
}
