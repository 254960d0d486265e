//! All schemas, read once from the data that is built in.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::definition::{OnDelete, Shape};

static ENTITIES: &str = include_str!("../../data/entities.json");
static PLUGINS: &str = include_str!("../../data/plugins.json");

/// Which of Kong's routers the routes are written for (`router_flavor`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RouterFlavor {
    /// Routes of single fields, as newer versions of Kong match them; the default.
    #[default]
    TraditionalCompatible,
    /// Routes of single fields, as Kong 2 matched them.
    Traditional,
    /// Routes that may be expressions.
    Expressions,
}

/// All schemas of one router flavor.
pub struct Catalogue {
    /// Parents stand before their children.
    pub(crate) entities: Vec<Entity>,
    by_name: HashMap<&'static str, usize>,
    plugins: HashMap<Box<str>, Plugin>,
}

/// What a plugin's schema says of it.
#[derive(Debug)]
pub struct Plugin {
    /// Its name.
    pub name: Box<str>,
    /// Its place in the order of plugins; the highest runs first.
    pub priority: i64,
    pub(crate) shape: Shape,
}

/// An entity's schema.
pub(crate) struct Entity {
    pub(crate) name: &'static str,
    /// The plugin that it belongs to.
    pub(crate) plugin: Option<Box<str>>,
    pub(crate) primary_key: Box<str>,
    /// The field by which the Admin API finds one, beside the primary key.
    pub(crate) endpoint_key: Option<Box<str>>,
    /// The fields that make one unique, if they are several.
    pub(crate) cache_key: Vec<Box<str>>,
    pub(crate) admin_path: Option<Box<str>>,
    pub(crate) admin_nested_path: Box<str>,
    pub(crate) ttl: bool,
    pub(crate) transformations: Vec<Transformation>,
    /// The entities that can stand within one, and the field by which they refer to it.
    pub(crate) children: Vec<Child>,
    pub(crate) shape: Shape,
    pub(crate) subschemas: Option<Subschemas>,
}

/// An entity that can stand within another.
#[derive(Debug, Clone)]
pub(crate) struct Child {
    pub(crate) entity: usize,
    pub(crate) field: Box<str>,
}

/// The shapes among which a field's value decides.
pub(crate) struct Subschemas {
    pub(crate) key: Box<str>,
    /// What is said if there is none; `%s` is the value.
    pub(crate) error: Box<str>,
    by_key: HashMap<Box<str>, usize>,
    shapes: Vec<Shape>,
}

impl Subschemas {
    pub(crate) fn get(&self, key: &str) -> Option<&Shape> {
        self.by_key.get(key).map(|index| &self.shapes[*index])
    }
}

/// What happens to a value before it is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transformation {
    pub(crate) apply: Apply,
    pub(crate) input: Vec<super::definition::Path>,
    #[serde(default)]
    pub(crate) needs: Vec<super::definition::Path>,
}

/// How a value is transformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Apply {
    /// `password` becomes the hexadecimal SHA-1 of itself and the consumer's id.
    BasicAuthPassword,
    /// `cert_digest` becomes the hexadecimal SHA-256 of the certificate's DER form.
    CertificateDigest,
    /// `client_secret` is hashed if `hash_secret` says so.
    Oauth2Secret,
}

impl Catalogue {
    /// The schemas for a router flavor.
    pub fn of(flavor: RouterFlavor) -> &'static Catalogue {
        static CATALOGUES: [OnceLock<Catalogue>; 3] = [const { OnceLock::new() }; 3];
        CATALOGUES[flavor as usize].get_or_init(|| read(flavor))
    }

    /// What is known of a plugin; `None` if Kong has no plugin of this name built in.
    pub fn plugin(&self, name: &str) -> Option<&Plugin> {
        self.plugins.get(name)
    }

    /// The names of all plugins with a schema, in no particular order.
    pub fn plugin_names(&self) -> impl Iterator<Item = &str> {
        self.plugins.keys().map(|name| &**name)
    }

    /// The entity that the Admin API serves under a path: `services` or `key-auths`.
    pub fn collection(&self, path: &str) -> Option<&str> {
        let serves = |entity: &&Entity| entity.admin_path.as_deref() == Some(path);
        self.entities.iter().find(serves).map(|entity| entity.name)
    }

    /// The entity that the Admin API serves under a path within another, and the field by which it
    /// refers to that: `plugins` within `services`, `key-auth` within `consumers`.
    pub fn nested(&self, parent: &str, path: &str) -> Option<(&str, &str)> {
        self.entity(parent)?.children.iter().find_map(|child| {
            let entity = &self.entities[child.entity];
            let serves = entity.admin_path.is_some() && *entity.admin_nested_path == *path;
            serves.then_some((entity.name, &*child.field))
        })
    }

    pub(crate) fn entity(&self, name: &str) -> Option<&Entity> {
        self.index(name).map(|index| &self.entities[index])
    }

    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

impl Entity {
    /// The child that is written under `name` within one of these.
    pub(crate) fn child<'e>(&'e self, name: &str, all: &[Entity]) -> Option<&'e Child> {
        self.children.iter().find(|child| all[child.entity].name == name)
    }

    pub(crate) fn unique_endpoint_key(&self) -> Option<&str> {
        let key = self.endpoint_key.as_deref()?;
        self.shape.field(key)?.unique.then_some(key)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntity {
    #[serde(borrow)]
    name: &'static str,
    plugin: Option<Box<str>>,
    primary_key: Vec<Box<str>>,
    endpoint_key: Option<Box<str>>,
    #[serde(default)]
    cache_key: Vec<Box<str>>,
    admin_api_name: Option<Box<str>>,
    admin_api_nested_name: Option<Box<str>>,
    subschema_key: Option<Box<str>>,
    subschema_error: Option<Box<str>>,
    #[serde(default)]
    ttl: bool,
    #[serde(default)]
    admin_api: bool,
    #[serde(default)]
    transformations: Vec<Transformation>,
    fields: Vec<Value>,
    #[serde(default)]
    checks: Vec<Value>,
    #[serde(default)]
    shorthands: Vec<Value>,
    #[serde(default)]
    subschemas: Vec<RawSubschema>,
    #[serde(default)]
    flavors: HashMap<Box<str>, RawFlavor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSubschema {
    keys: Vec<Box<str>>,
    overrides: Vec<Value>,
    #[serde(default)]
    checks: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFlavor {
    #[serde(default)]
    fields: Vec<Value>,
    #[serde(default)]
    subschemas: Vec<RawSubschema>,
    #[serde(default)]
    without_checks: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlugins {
    shapes: Map<String, Value>,
    plugins: Vec<RawPlugin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlugin {
    name: Box<str>,
    priority: i64,
    scopes: Vec<Box<str>>,
    protocols: RawProtocols,
    config: Value,
    #[serde(default)]
    checks: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProtocols {
    default: Value,
    one_of: Value,
}

fn read(flavor: RouterFlavor) -> Catalogue {
    let mut raw: Vec<RawEntity> =
        serde_json::from_str(ENTITIES).expect("the built-in schemas of entities are sound");
    for entity in &mut raw {
        choose_flavor(entity, flavor);
    }
    parents_first(&mut raw);
    let plugins: RawPlugins =
        serde_json::from_str(PLUGINS).expect("the built-in schemas of plugins are sound");
    let base = &raw.iter().find(|entity| entity.name == "plugins").expect("it is there").fields;
    let plugins: Vec<Plugin> =
        plugins.plugins.into_iter().map(|raw| plugin(raw, base, &plugins.shapes)).collect();

    let by_name: HashMap<&'static str, usize> =
        raw.iter().enumerate().map(|(index, entity)| (entity.name, index)).collect();
    let mut entities: Vec<Entity> = raw.into_iter().map(|raw| entity(raw, &plugins)).collect();
    find_children(&mut entities, &by_name);
    let plugins = plugins.into_iter().map(|plugin| (plugin.name.clone(), plugin)).collect();
    Catalogue { entities, by_name, plugins }
}

fn choose_flavor(entity: &mut RawEntity, flavor: RouterFlavor) {
    let name = match flavor {
        RouterFlavor::TraditionalCompatible => return,
        RouterFlavor::Traditional => "traditional",
        RouterFlavor::Expressions => "expressions",
    };
    let Some(changes) = entity.flavors.remove(name) else { return };
    entity.fields = overridden(&entity.fields, changes.fields);
    entity.checks.retain(|check| !changes.without_checks.contains(&check["rule"]));
    if !changes.subschemas.is_empty() {
        entity.subschemas = changes.subschemas;
    }
}

/// Fields by name: those of `overrides` stand in for those of `base`, or are added.
fn overridden(base: &[Value], overrides: Vec<Value>) -> Vec<Value> {
    let mut fields = base.to_vec();
    for field in overrides {
        match fields.iter_mut().find(|known| known["name"] == field["name"]) {
            Some(known) => *known = field,
            None => fields.push(field),
        }
    }
    fields
}

/// Puts entities after those that they refer to, and otherwise in the order of their names, plugins'
/// entities last: the order in which Kong looks at them.
fn parents_first(entities: &mut Vec<RawEntity>) {
    let mut waiting = std::mem::take(entities);
    waiting.sort_by(|a, b| (a.plugin.is_some(), a.name).cmp(&(b.plugin.is_some(), b.name)));
    while !waiting.is_empty() {
        let ready = waiting
            .iter()
            .position(|entity| {
                references(&entity.fields)
                    .all(|parent| entities.iter().any(|known| known.name == parent))
            })
            .expect("no entity refers to itself by a detour");
        entities.push(waiting.remove(ready));
    }
}

fn references(fields: &[Value]) -> impl Iterator<Item = &str> {
    fields.iter().filter_map(|field| field.get("reference")?.as_str())
}

fn plugin(raw: RawPlugin, base: &[Value], shapes: &Map<String, Value>) -> Plugin {
    let mut overrides = vec![json!({
        "name": "protocols",
        "type": "set",
        "required": true,
        "default": raw.protocols.default,
        "elements": {"type": "string", "one_of": raw.protocols.one_of},
    })];
    for scope in ["service", "route", "consumer"] {
        if !raw.scopes.iter().any(|allowed| **allowed == *scope) {
            let entity = format!("{scope}s");
            overrides.push(
                json!({"name": scope, "type": "foreign", "reference": entity, "null_only": true}),
            );
        }
    }
    let mut config = raw.config;
    resolve_likes(&mut config, shapes);
    overrides.push(config);
    let shape = shape(overridden(base, overrides), raw.checks, Vec::new());
    Plugin { name: raw.name, priority: raw.priority, shape }
}

/// Replaces `"like": "name"` by what stands under that name in `shapes`.
fn resolve_likes(field: &mut Value, shapes: &Map<String, Value>) {
    let Some(object) = field.as_object_mut() else { return };
    if let Some(Value::String(name)) = object.remove("like") {
        let like = shapes[&name].as_object().expect("a shape is an object");
        for (key, value) in like {
            object.entry(key).or_insert_with(|| value.clone());
        }
    }
    for key in ["elements", "keys", "values"] {
        if let Some(part) = object.get_mut(key) {
            resolve_likes(part, shapes);
        }
    }
    if let Some(Value::Array(fields)) = object.get_mut("record").map(|record| &mut record["fields"])
    {
        fields.iter_mut().for_each(|field| resolve_likes(field, shapes));
    }
}

fn entity(raw: RawEntity, plugins: &[Plugin]) -> Entity {
    let subschemas = raw.subschema_key.map(|key| {
        let error = raw.subschema_error.unwrap_or_else(|| "unknown type: %s".into());
        if raw.name == "plugins" {
            let by_key = plugins.iter().enumerate().map(|(index, p)| (p.name.clone(), index));
            let shapes = plugins.iter().map(|plugin| plugin.shape.clone()).collect();
            return Subschemas { key, error, by_key: by_key.collect(), shapes };
        }
        let mut by_key = HashMap::new();
        let mut shapes = Vec::new();
        for subschema in raw.subschemas {
            by_key.extend(subschema.keys.into_iter().map(|key| (key, shapes.len())));
            let fields = overridden(&raw.fields, subschema.overrides);
            let checks = raw.checks.iter().cloned().chain(subschema.checks).collect();
            shapes.push(shape(fields, checks, raw.shorthands.clone()));
        }
        Subschemas { key, error, by_key, shapes }
    });
    let [primary_key] = <[Box<str>; 1]>::try_from(raw.primary_key)
        .expect("every entity of a document has one primary key");
    let admin_path = raw.admin_api_name.unwrap_or_else(|| raw.name.into());
    Entity {
        name: raw.name,
        plugin: raw.plugin,
        primary_key,
        endpoint_key: raw.endpoint_key,
        cache_key: raw.cache_key,
        admin_nested_path: raw.admin_api_nested_name.unwrap_or_else(|| admin_path.clone()),
        admin_path: raw.admin_api.then_some(admin_path),
        ttl: raw.ttl,
        transformations: raw.transformations,
        children: Vec::new(),
        shape: shape(raw.fields, raw.checks, raw.shorthands),
        subschemas,
    }
}

/// Reads a shape, after each condition of its checks has taken over the rules of the field that it
/// is about.
fn shape(fields: Vec<Value>, checks: Vec<Value>, shorthands: Vec<Value>) -> Shape {
    let mut shape = json!({"fields": fields, "checks": checks, "shorthands": shorthands});
    complete_conditions(&mut shape);
    serde_json::from_value(shape).expect("the built-in schemas are sound")
}

fn complete_conditions(shape: &mut Value) {
    let fields = shape["fields"].clone();
    for check in shape.get_mut("checks").and_then(Value::as_array_mut).into_iter().flatten() {
        for (matcher, field) in
            [("if_match", "if_field"), ("then_match", "then_field"), ("else_match", "if_field")]
        {
            let Some(rules) = check.get(matcher).cloned() else { continue };
            let path = check[field].as_str().expect("a condition names its field");
            let mut whole = field_at(&fields, path).clone();
            whole
                .as_object_mut()
                .expect("a field is an object")
                .extend(rules.as_object().expect("a condition is an object").clone());
            check[matcher] = whole;
        }
    }
    for field in shape["fields"].as_array_mut().into_iter().flatten() {
        complete_within(field);
    }
}

fn complete_within(field: &mut Value) {
    for part in ["elements", "values"] {
        if let Some(part) = field.get_mut(part) {
            complete_within(part);
        }
    }
    if let Some(record) = field.get_mut("record") {
        complete_conditions(record);
    }
}

fn field_at<'f>(fields: &'f Value, path: &str) -> &'f Value {
    let find = |fields: &'f Value, name: &str| {
        fields
            .as_array()
            .and_then(|fields| fields.iter().find(|field| field["name"] == name))
            .expect("a condition is about a field that exists")
    };
    let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
    let field = find(fields, first);
    rest.map_or(field, |rest| field_at(&field["record"]["fields"], rest))
}

fn find_children(entities: &mut [Entity], by_name: &HashMap<&'static str, usize>) {
    let relations: Vec<(usize, Child)> = entities
        .iter()
        .enumerate()
        .flat_map(|(index, entity)| {
            entity.shape.fields.iter().filter_map(move |field| {
                let parent = by_name[field.reference.as_deref()?];
                Some((parent, Child { entity: index, field: field.name.clone() }))
            })
        })
        .collect();
    for (parent, child) in relations {
        entities[parent].children.push(child);
    }
}

impl super::definition::Field {
    /// Whether an entity goes when the one that this field refers to goes.
    pub(crate) fn cascades(&self) -> bool {
        self.on_delete == Some(OnDelete::Cascade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAVORS: [RouterFlavor; 3] =
        [RouterFlavor::TraditionalCompatible, RouterFlavor::Traditional, RouterFlavor::Expressions];

    #[test]
    fn all_schemas_can_be_read() {
        for flavor in FLAVORS {
            let catalogue = Catalogue::of(flavor);
            assert_eq!(catalogue.plugins.len(), 45);
            assert_eq!(catalogue.entities.len(), 23);
        }
    }

    #[test]
    fn only_the_flavor_of_expressions_knows_them() {
        let knows = FLAVORS.map(|flavor| {
            Catalogue::of(flavor)
                .entity("routes")
                .is_some_and(|routes| routes.shape.field("expression").is_some())
        });
        assert_eq!(knows, [false, false, true]);
    }

    #[test]
    fn parents_stand_before_their_children() {
        let catalogue = Catalogue::of(RouterFlavor::default());
        for (index, entity) in catalogue.entities.iter().enumerate() {
            for child in &entity.children {
                assert!(index < child.entity, "{}", entity.name);
            }
        }
    }
}
