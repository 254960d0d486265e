//! Which entities exist, and whether what refers to them does so rightly.

use config::{Finding, Findings, Span, codes, did_you_mean, quote};
use foldhash::{HashMap, HashMapExt};
use serde_json::Value;

use super::input::{Element, Input, Item, List};
use super::judge::foreign_fields;
use super::report::subject;
use crate::schema::{Catalogue, Key, Problem, Problems, Rule, Violation};

/// All entities, by id and by name.
pub(super) struct Index<'i> {
    catalogue: &'static Catalogue,
    by_id: Vec<HashMap<&'i str, Span>>,
    by_name: Vec<HashMap<&'i str, (&'i str, Span)>>,
}

impl<'i> Index<'i> {
    pub(super) fn of(input: &'i Input<'_>, catalogue: &'static Catalogue) -> Self {
        let count = catalogue.entities.len();
        let mut index = Self {
            catalogue,
            by_id: vec![HashMap::new(); count],
            by_name: vec![HashMap::new(); count],
        };
        input.each(|item, _| {
            if !item.skipped {
                index.by_id[item.entity].entry(&item.id).or_insert(item.node.head());
                if let Some(name) = item.unique_name(catalogue) {
                    let known = (&*item.id, item.node.head());
                    index.by_name[item.entity].entry(name).or_insert(known);
                }
            }
        });
        index
    }

    /// The id of the entity that a reference names: by name, by id, or as an object with one of both.
    pub(super) fn find(&self, entity: &str, reference: &Value) -> Option<&'i str> {
        let entity = self.catalogue.index(entity)?;
        let by_id = |id: &str| self.by_id[entity].get_key_value(id).map(|(id, _)| *id);
        let by_name = |name: &str| self.by_name[entity].get(name).map(|(id, _)| *id);
        match reference {
            Value::String(text) => by_name(text).or_else(|| by_id(text)),
            Value::Object(object) => match object.get("id") {
                Some(id) => by_id(id.as_str()?),
                None => {
                    let key = self.catalogue.entities[entity].unique_endpoint_key()?;
                    by_name(object.get(key)?.as_str()?)
                }
            },
            _ => None,
        }
    }

    fn similar(&self, entity: &str, name: &str) -> Option<&'i str> {
        let entity = self.catalogue.index(entity)?;
        // Nobody reads through thousands of names for one misspelt reference.
        did_you_mean(name, self.by_name[entity].keys().copied().take(10_000))
    }
}

impl Item<'_> {
    /// The value of the field that no two entities of the kind share and that the Admin API knows
    /// them by.
    fn unique_name(&self, catalogue: &'static Catalogue) -> Option<&str> {
        self.fields.get(self.schema(catalogue).unique_endpoint_key()?)?.as_str()
    }
}

/// What is wrong between entities: values that two share, references to nothing. Both as Kong answers
/// it and as findings.
pub(super) fn check(
    input: &Input<'_>,
    index: &Index<'_>,
    catalogue: &'static Catalogue,
    findings: &mut Findings,
) -> Problems {
    let mut check = Check {
        catalogue,
        index,
        findings,
        ids: vec![HashMap::new(); catalogue.entities.len()],
        names: vec![HashMap::new(); catalogue.entities.len()],
        problems: Problems::default(),
    };
    for list in &input.lists {
        check.list(list, None);
    }
    // Kong looks no further once something is wrong; findings go on.
    let first = std::mem::take(&mut check.problems);
    check.unique_fields(input);
    if first.is_empty() { check.problems } else { first }
}

struct Check<'c, 'i> {
    catalogue: &'static Catalogue,
    index: &'c Index<'i>,
    findings: &'c mut Findings,
    ids: Vec<HashMap<&'c str, Span>>,
    names: Vec<HashMap<&'c str, Span>>,
    problems: Problems,
}

impl<'c> Check<'c, '_> {
    /// `within` is where the list stands: in which entity of which list.
    fn list(&mut self, list: &'c List<'_>, within: Option<(&'static str, usize)>) {
        for (ordinal, element) in list.elements.iter().enumerate() {
            let Element::Item(item) = element else { continue };
            if item.skipped {
                continue;
            }
            let name = item.schema(self.catalogue).name;
            for children in item.children.iter().filter_map(|children| children.list.as_ref().ok())
            {
                self.list(children, Some((name, ordinal)));
            }
            self.unique(item, ordinal, within);
            self.references(item, ordinal);
        }
    }

    fn unique(
        &mut self,
        item: &'c Item<'_>,
        ordinal: usize,
        within: Option<(&'static str, usize)>,
    ) {
        let schema = item.schema(self.catalogue);
        let place = item.node.head();
        if let Some(name) = item.unique_name(self.catalogue)
            && let Some(key) = schema.unique_endpoint_key()
        {
            if let Some(first) = self.names[item.entity].get(name).copied() {
                let said = violation(schema.name, key, name);
                // Kong says so of the list at the top, wherever the entity stands.
                self.problems.within(schema.name.into()).set(ordinal, said.clone());
                let place = item.node.get(key).map_or(place, |node| node.span);
                self.twice(item, key, &said, place, first);
                return;
            }
            let place = item.node.get(key).map_or(place, |node| node.span);
            self.names[item.entity].insert(name, place);
        }
        if let Some(first) = self.ids[item.entity].get(&*item.id).copied() {
            let said = violation(schema.name, "primary key", &item.id);
            let list = match within {
                Some((parent, index)) => self
                    .problems
                    .within(parent.into())
                    .within(Key::Index(index))
                    .within(schema.name.into()),
                None => self.problems.within(schema.name.into()),
            };
            list.set(ordinal, said.clone());
            self.twice(item, &schema.primary_key, &said, place, first);
        } else {
            self.ids[item.entity].insert(&item.id, place);
        }
    }

    fn twice(&mut self, item: &Item<'_>, field: &str, said: &Violation, place: Span, first: Span) {
        let schema = item.schema(self.catalogue);
        let is_secret = schema.shape.field(field).is_some_and(|field| field.secret);
        let is_derived = *schema.primary_key == *field && item.node.get(field).is_none();
        let (message, help) = match schema.name {
            "plugins" if is_derived => (
                format!("{} is configured twice for the same scope", subject(item, self.catalogue)),
                "remove one of the two, or give them different scopes",
            ),
            _ if is_derived => (
                format!("{} is written twice", subject(item, self.catalogue)),
                "remove one of the two",
            ),
            name if is_secret => {
                (format!("two of `{name}` have the same `{field}`"), "change one of the two")
            }
            _ => (said.text.to_string(), "rename or remove one of the two"),
        };
        self.findings.push(
            Finding::new(&codes::NAME_TAKEN, message)
                .at(place)
                .label("again here")
                .also(first, "first here")
                .help(help),
        );
    }

    fn references(&mut self, item: &'c Item<'_>, ordinal: usize) {
        let schema = item.schema(self.catalogue);
        for field in foreign_fields(schema) {
            let Some(value) = item.fields.get(field.name).filter(|value| !value.is_null()) else {
                continue;
            };
            let is_reference = value.is_string() || value.is_object();
            if !is_reference || self.index.find(field.parent, value).is_some() {
                continue;
            }
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let (name, parent) = (field.name, field.parent);
            let text = format!("invalid reference '{name}: {shown}' (no such entry in '{parent}')");
            let at = match item.unique_name(self.catalogue) {
                Some(name) => Key::from(name),
                None if item.id.is_empty() => Key::Index(ordinal),
                None => Key::from(&*item.id),
            };
            let said = Violation::new(Rule::Reference, text);
            let list = self.problems.within(schema.name.into()).within(at);
            list.push(list.at.len(), Problem::Here(said));
            self.missing(item, name, parent, &shown);
        }
    }

    fn missing(&mut self, item: &Item<'_>, field: &str, parent: &str, shown: &str) {
        let place = item.node.get(field).map_or_else(|| item.node.head(), |node| node.span);
        let whose = subject(item, self.catalogue);
        let message = format!(
            "`{field}` of {whose} refers to {}, and there is no such entry in `{parent}`",
            quote(shown)
        );
        let mut finding =
            Finding::new(&codes::UNKNOWN_REFERENCE, message).at(place).label("no such entry");
        finding = match self.index.similar(parent, shown) {
            Some(name) => finding.help(format!("did you mean {}?", quote(name))),
            None => finding.help(format!("add it to `{parent}`, or correct the name")),
        };
        self.findings.push(finding);
    }

    /// Fields other than the name that no two entities share, such as `custom_id` of consumers.
    fn unique_fields(&mut self, input: &Input<'_>) {
        let mut seen: HashMap<(usize, &str, String), Span> = HashMap::new();
        let catalogue = self.catalogue;
        let mut doubles = Vec::new();
        input.each(|item, within| {
            let parent = within.map(|within| within.item);
            let schema = item.schema(catalogue);
            let name = schema.unique_endpoint_key();
            let unique = schema.shape.fields.iter().filter(|field| field.unique);
            for field in unique.filter(|field| name != Some(&*field.name)) {
                let Some(value) = self.shared_value(item, parent, &field.name) else { continue };
                let node = item.node.get(&field.name);
                let place = node.map_or_else(|| item.node.head(), |node| node.span);
                let key = (item.entity, &*field.name, value);
                match seen.get(&key) {
                    Some(first) => doubles.push((item, key, place, *first)),
                    None => {
                        seen.insert(key, place);
                    }
                }
            }
        });
        for (item, (_, field, value), place, first) in doubles {
            let schema = item.schema(catalogue);
            let said = violation(schema.name, field, &value);
            let at = item.unique_name(catalogue).unwrap_or(&item.id);
            self.problems.within(schema.name.into()).set(at, said.clone());
            self.twice(item, field, &said, place, first);
        }
    }

    fn shared_value(
        &self,
        item: &Item<'_>,
        parent: Option<&Item<'_>>,
        name: &str,
    ) -> Option<String> {
        let schema = item.schema(self.catalogue);
        let reference = schema.shape.field(name)?.reference.as_deref();
        match (item.fields.get(name)?, reference) {
            (Value::String(text), None) => Some(text.clone()),
            (value, Some(parent_entity)) => match parent {
                Some(parent) if parent.schema(self.catalogue).name == parent_entity => {
                    Some(parent.id.clone())
                }
                _ => self.index.find(parent_entity, value).map(str::to_owned),
            },
            _ => None,
        }
    }
}

fn violation(entity: &str, key: &str, value: &str) -> Violation {
    let text = format!(
        "uniqueness violation: '{entity}' entity with {key} set to '{value}' already declared"
    );
    Violation::new(Rule::Unique, text)
}
