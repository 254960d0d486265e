//! Schemas as Kong's Admin API shows them. Rules that only code knows are left out, as Kong leaves
//! out its functions.

use serde_json::{Map, Value, json};

use super::catalogue::{Entity, Plugin};
use super::definition::{AnyOf, Auto, Check, Expand, Field, Kind, Path, Shape, Shorthand, Wording};

/// The JSON form of schemas.
pub(crate) struct SchemaText;

impl SchemaText {
    /// `{"fields": [{"name": {…}}, …], "entity_checks": […]}`
    pub(crate) fn of_entity(entity: &Entity) -> Value {
        Self::of_subschema(&entity.shape)
    }

    /// The same of a shape that belongs to an entity.
    pub(crate) fn of_subschema(shape: &Shape) -> Value {
        let mut text = record(shape);
        // Kong shows other spellings within records only.
        text.shift_remove("shorthand_fields");
        let checks = checks(shape);
        text.insert("entity_checks".into(), checks);
        text.into()
    }

    /// The same of a plugin: what it adds to the entity of plugins.
    pub(crate) fn of_plugin(plugin: &Plugin) -> Value {
        let shape = &plugin.shape;
        let scopes = shape.fields.iter().filter(|field| field.null_only);
        let rest = ["protocols", "config"].into_iter().filter_map(|name| shape.field(name));
        let fields: Vec<Value> = scopes.chain(rest).map(named).collect();
        json!({"fields": fields, "entity_checks": checks(shape)})
    }

    /// The fields of a plugin's configuration.
    pub(crate) fn of_config(plugin: &Plugin) -> Value {
        let config = plugin.shape.field("config").and_then(|config| config.record.as_ref());
        config.map(record).unwrap_or_default().into()
    }
}

fn record(shape: &Shape) -> Map<String, Value> {
    let mut text = Map::new();
    let kongs = shape.fields.iter().filter(|field| !field.own);
    text.insert("fields".into(), kongs.map(named).collect());
    if !shape.shorthands.is_empty() {
        let shorthands = shape.shorthands.iter().map(shorthand).collect();
        text.insert("shorthand_fields".into(), shorthands);
    }
    text
}

fn named(field: &Field) -> Value {
    json!({ &*field.name: attributes(field) })
}

fn shorthand(shorthand: &Shorthand) -> Value {
    let mut text = attributes(&shorthand.field);
    if let Some(deprecation) = text.get_mut("deprecation")
        && let Expand::Alias { to } = &shorthand.expand
    {
        deprecation["replaced_with"] = json!([{ "path": to.steps }]);
    }
    json!({ &*shorthand.field.name: text })
}

fn attributes(field: &Field) -> Map<String, Value> {
    let mut text = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            text.insert(name.to_owned(), value);
        }
    };
    let flag = |set: bool| if set { Value::Bool(true) } else { Value::Null };
    put("type", kind(field.kind).into());
    put("required", flag(field.required));
    put("auto", flag(field.auto == Some(Auto::Own)));
    put("default", json!(field.default));
    put("unique", flag(field.unique));
    put("unique_across_ws", flag(field.unique_across_ws));
    put("referenceable", flag(field.referenceable));
    put("encrypted", flag(field.secret));
    put("transient", flag(field.transient));
    put("abstract", flag(field.open));
    put("reference", json!(field.reference));
    put("on_delete", if field.cascades() { "cascade".into() } else { Value::Null });
    put("one_of", json!(field.one_of));
    put("not_one_of", json!(field.not_one_of));
    put("eq", json!(field.eq));
    put("ne", json!(field.ne));
    put("gt", json!(field.gt.map(number)));
    put("between", json!(field.between.map(|bounds| bounds.map(number))));
    put("timestamp", flag(field.timestamp));
    put("uuid", flag(field.uuid));
    put("is_regex", flag(field.is_regex));
    put("len_eq", json!(field.len_eq));
    put("len_min", json!(field.len_min));
    put("len_max", json!(field.len_max));
    put("starts_with", json!(field.starts_with));
    put("match", json!(field.matches.as_ref().map(|pattern| pattern.source())));
    put("match_none", wordings(&field.match_none));
    put("match_all", wordings(&field.match_all));
    put("match_any", field.match_any.as_ref().map(any_of).unwrap_or_default());
    put("contains", json!(field.contains));
    put("mutually_exclusive_subsets", json!(field.mutually_exclusive_subsets));
    put("err", json!(field.err));
    let part = |part: &Option<Box<Field>>| json!(part.as_deref().map(attributes));
    put("elements", part(&field.elements));
    put("keys", part(&field.keys));
    put("values", part(&field.values));
    if let Some(deprecation) = &field.deprecated {
        let mut said = json!({ "message": deprecation.message });
        if let Some(old) = &deprecation.old_default {
            said["old_default"] = old.clone();
        }
        put("deprecation", said);
    }
    if field.null_only {
        text.insert("eq".into(), Value::Null);
    }
    if let Some(shape) = &field.record {
        text.extend(record(shape));
        if !shape.checks.is_empty() {
            text.insert("entity_checks".into(), checks(shape));
        }
    }
    text
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "string",
        Kind::Number => "number",
        Kind::Integer => "integer",
        Kind::Boolean => "boolean",
        Kind::Array => "array",
        Kind::Set => "set",
        Kind::Map => "map",
        Kind::Record => "record",
        Kind::Foreign => "foreign",
        Kind::Json => "json",
    }
}

/// A bound, without a fraction where there is none.
fn number(bound: f64) -> Value {
    // Bounds of schemas are far below 2^53.
    if bound.fract() == 0.0 { Value::from(bound as i64) } else { Value::from(bound) }
}

fn any_of(any: &AnyOf) -> Value {
    let patterns: Vec<&str> = any.patterns.iter().map(|pattern| pattern.source()).collect();
    match &any.err {
        Some(said) => json!({"patterns": patterns, "err": said}),
        None => json!({ "patterns": patterns }),
    }
}

fn wordings(wordings: &[Wording]) -> Value {
    if wordings.is_empty() {
        return Value::Null;
    }
    let wording =
        |wording: &Wording| json!({"pattern": wording.pattern.source(), "err": wording.err});
    wordings.iter().map(wording).collect()
}

fn checks(shape: &Shape) -> Value {
    shape.checks.iter().map(|check| check_text(shape, check)).collect()
}

fn check_text(shape: &Shape, check: &Check) -> Value {
    match check {
        Check::AtLeastOneOf { fields } => json!({ "at_least_one_of": names(fields) }),
        Check::OnlyOneOf { fields } => json!({ "only_one_of": names(fields) }),
        Check::Distinct { fields } => json!({ "distinct": names(fields) }),
        Check::MutuallyRequired { fields } => json!({ "mutually_required": names(fields) }),
        Check::MutuallyExclusive { fields } => json!({ "mutually_exclusive": names(fields) }),
        Check::Conditional { if_field, if_match, then_field, then_match, then_err } => {
            let mut text = json!({
                "if_field": if_field.text,
                "if_match": condition(shape, if_field, if_match),
                "then_field": then_field.text,
                "then_match": condition(shape, then_field, then_match),
            });
            if let Some(said) = then_err {
                text["then_err"] = json!(said);
            }
            json!({ "conditional": text })
        }
        Check::ConditionalAtLeastOneOf {
            if_field,
            if_match,
            then_at_least_one_of,
            then_err,
            else_match,
            else_then_at_least_one_of,
            else_then_err,
        } => {
            let mut text = json!({
                "if_field": if_field.text,
                "if_match": condition(shape, if_field, if_match),
                "then_at_least_one_of": names(then_at_least_one_of),
            });
            let mut put = |name: &str, value: Value| {
                if !value.is_null() {
                    text[name] = value;
                }
            };
            put("then_err", json!(then_err));
            if let Some(otherwise) = else_match {
                put("else_match", condition(shape, if_field, otherwise).into());
                put("else_then_at_least_one_of", names(else_then_at_least_one_of));
                put("else_then_err", json!(else_then_err));
            }
            json!({ "conditional_at_least_one_of": text })
        }
        Check::Custom { fields, .. } => {
            json!({ "custom_entity_check": { "field_sources": names(fields) } })
        }
    }
}

/// What a condition asks beyond the rules of its field.
fn condition(shape: &Shape, path: &Path, rules: &Field) -> Map<String, Value> {
    let own = shape.field_at(path).map(attributes).unwrap_or_default();
    let mut text = attributes(rules);
    text.retain(|name, value| own.get(name) != Some(value));
    text
}

fn names(paths: &[Path]) -> Value {
    paths.iter().map(|path| Value::from(&*path.text)).collect()
}
