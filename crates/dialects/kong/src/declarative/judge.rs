//! Whether every entity keeps the rules of its schema.
//!
//! Kong looks at a document twice. First as it is written: entities at the top refer to others by
//! name, those within others to nobody. If that fails, once more with every reference resolved, since
//! some rules hold only then. A document is refused if it fails both times.

use serde_json::{Value, json};

use super::Options;
use super::input::{Element, Input, Item, List, check_meta, is_remark};
use super::references::Index;
use crate::schema::{
    Catalogue, Completion, Entity, Foreign, Kind, Problem, Problems, Rule, Validation, Violation,
};

/// Why a document is refused.
pub(super) struct Refusal {
    /// What Kong answers.
    pub(super) answer: Problems,
    /// What is really wrong: without what is refused only because something else is.
    pub(super) causes: Problems,
}

pub(super) struct Judge<'o> {
    pub(super) catalogue: &'static Catalogue,
    pub(super) options: &'o Options<'o>,
    pub(super) validation: Validation,
}

impl Judge<'_> {
    /// Fills in what is not written.
    pub(super) fn complete(&self, input: &mut Input<'_>) {
        input.each_mut(|item| {
            let shape = item.shape(self.catalogue);
            let purpose = format!("{}/{}", item.schema(self.catalogue).name, item.id);
            let completion = Completion {
                now: self.options.now,
                secret: self.options.secret,
                purpose: &purpose,
                validation: &self.validation,
            };
            let mut fields = std::mem::take(&mut item.fields);
            item.expansion = completion.complete(shape, &mut fields);
            item.fields = fields;
        });
    }

    /// Holds every entity against its schema. References are resolved afterwards where that was
    /// needed.
    pub(super) fn judge(&self, input: &mut Input<'_>) -> Option<Refusal> {
        let first = self.check(input, Foreign::Named, Foreign::Absent);
        if first.is_empty() {
            return None;
        }
        let originals = self.resolve(input);
        let second = self.check(input, Foreign::Resolved, Foreign::Resolved);
        // References as they were written are what messages show.
        exchange(input, originals);
        if second.is_empty() {
            return None;
        }
        let mut answer = second.clone();
        answer.merge(first.only(Rule::Null));
        Some(Refusal { answer, causes: second })
    }

    /// Puts `{"id": …}` in place of every reference whose entity exists. Returns what stood there.
    fn resolve(&self, input: &mut Input<'_>) -> Originals {
        let index = Index::of(input, self.catalogue);
        let mut resolved = Vec::new();
        input.each(|item, within| {
            let of_item = foreign_fields(item.schema(self.catalogue)).filter_map(|field| {
                let id = match within {
                    Some(within)
                        if within.field == field.name && item.node.get(field.name).is_none() =>
                    {
                        &within.item.id
                    }
                    _ => index.find(field.parent, item.fields.get(field.name)?)?,
                };
                Some((field.name, Some(json!({ "id": id }))))
            });
            resolved.push(of_item.collect::<Vec<_>>());
        });
        exchange(input, resolved)
    }

    fn check(&self, input: &Input<'_>, top: Foreign, nested: Foreign) -> Problems {
        let mut problems = Problems::default();
        for problem in &input.top {
            problems.set(&*problem.key, problem.violation.clone());
        }
        for (entity, list) in input.lists.iter().enumerate() {
            let within = self.check_list(list, top, nested);
            if !within.is_empty() {
                problems.within(self.catalogue.entities[entity].name.into()).merge(within);
            }
        }
        problems
    }

    fn check_list(&self, list: &List<'_>, this: Foreign, nested: Foreign) -> Problems {
        let mut problems = Problems::default();
        for (index, element) in list.elements.iter().enumerate() {
            match element {
                Element::Other(_) => {
                    problems.push(index, Violation::new(Rule::Type, "expected a record"));
                }
                Element::Item(item) => {
                    let within = self.check_item(item, this, nested);
                    if !within.is_empty() {
                        problems.push(index, Problem::Within(within));
                    }
                }
            }
        }
        problems
    }

    fn check_item(&self, item: &Item<'_>, this: Foreign, nested: Foreign) -> Problems {
        let mut problems = Problems::default();
        if item.skipped {
            return problems;
        }
        let schema = item.schema(self.catalogue);
        let shape = match schema.shape_of(&item.fields) {
            Ok(shape) => shape,
            Err((key, violation)) => {
                problems.push(key, violation);
                return problems;
            }
        };
        problems.merge(self.validation.check_record(this, shape, schema.ttl, &item.fields));
        problems.merge(item.expansion.clone());
        schema.check_transformations(&item.fields, &mut problems);
        schema.check_runnable(&item.fields, self.options.runnable, &mut problems);
        for entry in item.node.entries().into_iter().flatten().filter(|entry| is_remark(&entry.key))
        {
            if let Some(Err(violation)) = check_meta(&entry.key, &entry.value) {
                problems.push(&*entry.key, violation);
            }
        }
        for children in &item.children {
            let name = self.catalogue.entities[children.entity].name;
            match &children.list {
                Err(_) => problems.push(name, Violation::new(Rule::Type, "expected an array")),
                Ok(list) => {
                    let within = self.check_list(list, nested, nested);
                    if !within.is_empty() {
                        problems.push(name, Problem::Within(within));
                    }
                }
            }
        }
        problems
    }
}

/// Values of fields, entity by entity.
type Originals = Vec<Vec<(&'static str, Option<Value>)>>;

/// Puts values into entities, and returns what stood there before.
fn exchange(input: &mut Input<'_>, values: Originals) -> Originals {
    let mut values = values.into_iter();
    let mut before = Vec::new();
    input.each_mut(|item| {
        let of_item = values.next().unwrap_or_default();
        before.push(Vec::from_iter(of_item.into_iter().map(|(name, value)| {
            let original = match value {
                Some(value) => item.fields.insert(name.to_owned(), value),
                None => item.fields.shift_remove(name),
            };
            (name, original)
        })));
    });
    before
}

/// A field that refers to another entity.
pub(super) struct ForeignField {
    pub(super) name: &'static str,
    /// The other entity's name.
    pub(super) parent: &'static str,
}

pub(super) fn foreign_fields(schema: &'static Entity) -> impl Iterator<Item = ForeignField> {
    schema.shape.fields.iter().filter(|field| field.kind == Kind::Foreign).filter_map(|field| {
        Some(ForeignField { name: &field.name, parent: field.reference.as_deref()? })
    })
}
