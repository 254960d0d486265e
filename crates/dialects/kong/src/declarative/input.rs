//! Documents as entities, still nested as they were written.

use config::{Document, Node, Span, Value as Written};
use serde_json::{Map, Value};

use super::ids::{self, Parent};
use super::values::Plain;
use crate::schema::{Catalogue, Entity, Problems, Rule, Shape, Violation, migrated_path};

/// The versions of the format.
const VERSIONS: [&str; 3] = ["1.1", "2.1", "3.0"];

/// All documents together.
pub(super) struct Input<'d> {
    /// What stands at the top, by entity as in the catalogue.
    pub(super) lists: Vec<List<'d>>,
    /// What is wrong with a document itself.
    pub(super) top: Vec<TopProblem<'d>>,
    /// Texts that are templates of decK's.
    pub(super) templates: Vec<Span>,
}

/// Something wrong at the top of a document.
pub(super) struct TopProblem<'d> {
    pub(super) key: Box<str>,
    pub(super) violation: Violation,
    pub(super) place: Span,
    pub(super) document: &'d Document,
}

/// A list of entities of one kind.
#[derive(Default)]
pub(super) struct List<'d> {
    pub(super) elements: Vec<Element<'d>>,
}

/// An element of such a list.
pub(super) enum Element<'d> {
    Item(Box<Item<'d>>),
    /// No record.
    Other(&'d Node),
}

/// An entity and what stands within it.
pub(super) struct Item<'d> {
    /// Its schema's place in the catalogue.
    pub(super) entity: usize,
    pub(super) node: &'d Node,
    pub(super) id: String,
    /// Its own fields; completed on the way.
    pub(super) fields: Map<String, Value>,
    /// What other spellings had wrong.
    pub(super) expansion: Problems,
    pub(super) children: Vec<Children<'d>>,
    /// Whether values are still to be transformed, such as passwords to be hashed.
    pub(super) transform: bool,
    /// Left out, because its plugin cannot run here.
    pub(super) skipped: bool,
}

/// What an entity stands in.
#[derive(Clone, Copy)]
pub(super) struct Within<'i, 'd> {
    /// The field by which the entity refers to it.
    pub(super) field: &'static str,
    pub(super) item: &'i Item<'d>,
}

/// Entities of one kind within another.
pub(super) struct Children<'d> {
    pub(super) entity: usize,
    /// The field by which they refer to the one that they stand in.
    pub(super) field: &'static str,
    pub(super) list: Result<List<'d>, &'d Node>,
}

impl<'d> Input<'d> {
    pub(super) fn read(documents: &[&'d Document], catalogue: &'static Catalogue) -> Self {
        let mut lists = Vec::new();
        lists.resize_with(catalogue.entities.len(), List::default);
        let mut reader =
            Reader { catalogue, plain: Plain::default(), migrate: false, transform: true };
        let mut top = Vec::new();
        for document in documents {
            reader.read_document(document, &mut lists, &mut top);
        }
        Self { lists, top, templates: reader.plain.templates }
    }

    /// Calls `visit` with every entity, those that stand within others after them; and with what it
    /// stands in, if in anything.
    pub(super) fn each<'i>(&'i self, mut visit: impl FnMut(&'i Item<'d>, Option<Within<'i, 'd>>)) {
        for list in &self.lists {
            list.each(None, &mut visit);
        }
    }

    /// As [`Input::each`], in the same order, to change them.
    pub(super) fn each_mut(&mut self, mut visit: impl FnMut(&mut Item<'d>)) {
        for list in &mut self.lists {
            list.each_mut(&mut visit);
        }
    }
}

impl<'d> List<'d> {
    pub(super) fn items(&self) -> impl Iterator<Item = &Item<'d>> {
        self.elements.iter().filter_map(|element| match element {
            Element::Item(item) => Some(&**item),
            Element::Other(_) => None,
        })
    }

    fn each<'i>(
        &'i self,
        within: Option<Within<'i, 'd>>,
        visit: &mut impl FnMut(&'i Item<'d>, Option<Within<'i, 'd>>),
    ) {
        for item in self.items() {
            visit(item, within);
            for children in &item.children {
                if let Ok(list) = &children.list {
                    list.each(Some(Within { field: children.field, item }), visit);
                }
            }
        }
    }

    fn each_mut(&mut self, visit: &mut impl FnMut(&mut Item<'d>)) {
        for element in &mut self.elements {
            let Element::Item(item) = element else { continue };
            visit(item);
            for children in &mut item.children {
                if let Ok(list) = &mut children.list {
                    list.each_mut(visit);
                }
            }
        }
    }
}

impl Item<'_> {
    pub(super) fn schema(&self, catalogue: &'static Catalogue) -> &'static Entity {
        &catalogue.entities[self.entity]
    }

    /// The shape that its fields have, which may depend on one of them.
    pub(super) fn shape(&self, catalogue: &'static Catalogue) -> &'static Shape {
        let schema = self.schema(catalogue);
        schema.subschema(&self.fields).unwrap_or(&schema.shape)
    }

    /// What people know it by.
    pub(super) fn name(&self, schema: &Entity) -> Option<&str> {
        let name = |key: &str| self.fields.get(key).and_then(Value::as_str);
        schema
            .endpoint_key
            .as_deref()
            .filter(|_| schema.name != "plugins")
            .and_then(name)
            .or_else(|| name("name"))
    }
}

struct Reader {
    catalogue: &'static Catalogue,
    plain: Plain,
    /// Whether the document is older than 3.0.
    migrate: bool,
    transform: bool,
}

impl Reader {
    fn read_document<'d>(
        &mut self,
        document: &'d Document,
        lists: &mut [List<'d>],
        top: &mut Vec<TopProblem<'d>>,
    ) {
        let mut problem = |key: &str, violation: Violation, place: Span| {
            top.push(TopProblem { key: key.into(), violation, place, document });
        };
        let Some(entries) = document.root.entries() else {
            let said = Violation::new(
                Rule::Type,
                "failed parsing declarative configuration: expected an object",
            );
            return problem("error", said, document.root.span);
        };
        match read_version(&document.root) {
            Ok(version) => self.migrate = version != "3.0",
            Err((violation, place)) => problem("_format_version", violation, place),
        }
        self.transform =
            document.root.get("_transform").is_none_or(|node| node.as_bool() != Some(false));
        for entry in entries {
            if &*entry.key == "_format_version" {
                continue;
            }
            if let Some(outcome) = check_meta(&entry.key, &entry.value) {
                if let Err(violation) = outcome {
                    problem(&entry.key, violation, entry.value.span);
                }
                continue;
            }
            let Some(entity) = self.catalogue.index(&entry.key) else {
                problem(&entry.key, Violation::new(Rule::Unknown, "unknown field"), entry.key_span);
                continue;
            };
            match list_of(&entry.value) {
                Some(nodes) => {
                    for node in nodes {
                        let ordinal = lists[entity].elements.len();
                        let migrate = self.migrate;
                        let element = self.read_element(entity, node, None, ordinal, migrate);
                        lists[entity].elements.push(element);
                    }
                }
                None => {
                    let violation = Violation::new(Rule::Type, "expected an array");
                    problem(&entry.key, violation, entry.value.span);
                }
            }
        }
    }

    /// `migrate` holds for routes at the top of an old document or within its services; Kong leaves
    /// those in other places as they are.
    fn read_element<'d>(
        &mut self,
        entity: usize,
        node: &'d Node,
        parent: Option<Parent<'_>>,
        ordinal: usize,
        migrate: bool,
    ) -> Element<'d> {
        let Some(entries) = node.entries() else { return Element::Other(node) };
        let catalogue = self.catalogue;
        let schema = &catalogue.entities[entity];
        let mut fields = Map::with_capacity(schema.shape.fields.len());
        for entry in entries {
            let is_own = schema.child(&entry.key, &catalogue.entities).is_none();
            if is_own && !is_remark(&entry.key) {
                fields.insert(entry.key.to_string(), self.plain.value(&entry.value));
            }
        }
        if migrate && schema.name == "routes" {
            migrate_paths(&mut fields);
        }
        let id = ids::id(schema, &fields, parent, ordinal);
        let mut children = Vec::new();
        for entry in entries {
            let Some(child) = schema.child(&entry.key, &catalogue.entities) else { continue };
            let migrate = migrate && schema.name == "services";
            let parent = Parent { id: &id, field: &child.field };
            let list = match list_of(&entry.value) {
                None => Err(&entry.value),
                Some(nodes) => {
                    let elements = nodes.iter().enumerate().map(|(ordinal, node)| {
                        self.read_element(child.entity, node, Some(parent), ordinal, migrate)
                    });
                    Ok(List { elements: elements.collect() })
                }
            };
            children.push(Children { entity: child.entity, field: &child.field, list });
        }
        Element::Item(Box::new(Item {
            entity,
            node,
            id,
            fields,
            expansion: Problems::default(),
            children,
            transform: self.transform,
            skipped: false,
        }))
    }
}

/// Fields that every entity may have, and that mean nothing.
pub(super) fn is_remark(key: &str) -> bool {
    matches!(key, "_comment" | "_ignore")
}

/// Whether a remark, or `_transform`, is written as it should be; `None` if the key is none of them.
pub(super) fn check_meta(key: &str, value: &Node) -> Option<Result<(), Violation>> {
    let (fits, said) = match key {
        "_transform" => (value.as_bool().is_some(), "expected a boolean"),
        "_comment" => (value.as_str().is_some(), "expected a string"),
        "_ignore" => (list_of(value).is_some(), "expected an array"),
        _ => return None,
    };
    let fits = fits || value.is_null();
    let is_empty = value.as_str().is_some_and(str::is_empty);
    Some(match (fits, is_empty) {
        (false, _) => Err(Violation::new(Rule::Type, said)),
        (true, true) => Err(Violation::new(Rule::Range, "length must be at least 1")),
        (true, false) => Ok(()),
    })
}

fn read_version(root: &Node) -> Result<&str, (Violation, Span)> {
    let node = match root.get("_format_version") {
        Some(node) if !node.is_null() => node,
        Some(node) => {
            return Err((Violation::new(Rule::Required, "required field missing"), node.span));
        }
        None => {
            return Err((Violation::new(Rule::Required, "required field missing"), root.head()));
        }
    };
    match node.as_str() {
        Some(version) if VERSIONS.contains(&version) => Ok(version),
        Some(_) => {
            let said = format!("expected one of: {}", VERSIONS.join(", "));
            Err((Violation::new(Rule::OneOf, said), node.span))
        }
        None => Err((Violation::new(Rule::Type, "expected a string"), node.span)),
    }
}

/// The elements of a list; none if there is nothing, or an empty object, which Lua cannot tell from
/// an empty list.
fn list_of(node: &Node) -> Option<&[Node]> {
    match &node.value {
        Written::Seq(nodes) => Some(nodes),
        Written::Null => Some(&[]),
        Written::Map(entries) if entries.is_empty() => Some(&[]),
        _ => None,
    }
}

fn migrate_paths(route: &mut Map<String, Value>) {
    for path in route.get_mut("paths").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::String(text) = path {
            *text = migrated_path(text);
        }
    }
}
