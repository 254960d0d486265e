//! Making a value whole: other spellings expanded, defaults filled in.

use serde_json::{Map, Value};

use super::definition::{Auto, Expand, Field, Kind, Path, Shape, Shorthand};
use super::format::Url;
use super::problems::{Problems, Rule, Violation};
use super::validate::{Foreign, Validation};

/// What an absent value is filled in with.
pub(crate) struct Completion<'c> {
    /// Seconds since the epoch.
    pub(crate) now: i64,
    /// A secret text for a purpose: the same for the same purpose, and not to be guessed.
    pub(crate) secret: &'c dyn Fn(&str) -> String,
    /// The purpose of secrets of this entity.
    pub(crate) purpose: &'c str,
    pub(crate) validation: &'c Validation,
}

impl Completion<'_> {
    /// Completes a record in place. Other spellings that cannot be expanded are problems.
    pub(crate) fn complete(&self, shape: &Shape, record: &mut Map<String, Value>) -> Problems {
        let mut problems = Problems::default();
        for shorthand in &shape.shorthands {
            self.expand(shorthand, record, &mut problems);
        }
        for field in &shape.fields {
            let value = record.get_mut(&*field.name).map(Value::take);
            if field.own && value.is_none() {
                continue;
            }
            if let Some(value) = self.complete_field(field, value, &mut problems) {
                match record.get_mut(&*field.name) {
                    Some(slot) => *slot = value,
                    None => {
                        record.insert(field.name.to_string(), value);
                    }
                }
            }
        }
        problems
    }

    /// `None` if the value is required and there is nothing to fill in.
    fn complete_field(
        &self,
        field: &Field,
        value: Option<Value>,
        problems: &mut Problems,
    ) -> Option<Value> {
        let value = match (field.auto, value) {
            (Some(auto), value) => self.generate(field, auto, value),
            (None, value) => value,
        };
        if field.open {
            return value;
        }
        match (field.kind, value) {
            (Kind::Record, Some(Value::Object(mut record))) => {
                self.complete_record(field, &mut record, problems);
                Some(Value::Object(record))
            }
            (Kind::Record, None) if field.required => {
                let mut record = match &field.default {
                    Some(Value::Object(default)) => default.clone(),
                    _ => Map::new(),
                };
                self.complete_record(field, &mut record, problems);
                Some(Value::Object(record))
            }
            (Kind::Array | Kind::Set, Some(Value::Array(elements))) => {
                Some(self.complete_list(field, elements))
            }
            (Kind::Map, Some(Value::Object(mut entries))) => {
                for value in entries.values_mut() {
                    self.complete_element(field.values.as_deref(), value);
                }
                Some(Value::Object(entries))
            }
            (Kind::Integer, Some(Value::Number(number))) => Some(integer(number)),
            (_, Some(value)) => Some(value),
            (_, None) => match &field.default {
                Some(default) => Some(default.clone()),
                None if field.required => None,
                None => Some(Value::Null),
            },
        }
    }

    fn complete_record(
        &self,
        field: &Field,
        record: &mut Map<String, Value>,
        problems: &mut Problems,
    ) {
        let Some(shape) = &field.record else { return };
        let within = self.complete(shape, record);
        if !within.is_empty() {
            problems.within((&*field.name).into()).merge(within);
        }
    }

    fn complete_list(&self, field: &Field, mut elements: Vec<Value>) -> Value {
        for element in &mut elements {
            self.complete_element(field.elements.as_deref(), element);
        }
        if field.kind == Kind::Set {
            drop_repeated(&mut elements);
        }
        Value::Array(elements)
    }

    /// A record within a list or map. What is wrong with its other spellings, validation finds too.
    fn complete_element(&self, field: Option<&Field>, element: &mut Value) {
        let Some(field) = field else { return };
        let value = self.complete_field(field, Some(element.take()), &mut Problems::default());
        *element = value.unwrap_or_default();
    }

    fn generate(&self, field: &Field, auto: Auto, value: Option<Value>) -> Option<Value> {
        match field.kind {
            Kind::Integer | Kind::Number => match (&*field.name, value) {
                ("created_at", Some(value)) if !value.is_null() => Some(value),
                _ => Some(self.now.into()),
            },
            Kind::String if value.is_none() && !field.uuid => {
                let purpose = match auto {
                    Auto::Own => format!("{}/{}", self.purpose, field.name),
                    Auto::Shared => field.name.to_string(),
                };
                Some((self.secret)(&purpose).into())
            }
            _ => value,
        }
    }

    fn expand(
        &self,
        shorthand: &Shorthand,
        record: &mut Map<String, Value>,
        problems: &mut Problems,
    ) {
        let name = &*shorthand.field.name;
        let Some(value) = record.get(name) else { return };
        if let Err(problem) = self.validation.check(Foreign::Named, &shorthand.field, value) {
            problems.push(name, problem);
            // `algorithm` and `hash_on` are fields too, and keep their value.
            if shorthand.stands_for_others() {
                record.shift_remove(name);
            }
            return;
        }
        if shorthand.yields
            && let Some(violation) = shorthand.contradiction(value, record)
        {
            problems.push(name, violation);
            record.shift_remove(name);
            return;
        }
        let value = record.shift_remove(name).unwrap_or_default();
        expand_into(shorthand, value, record);
    }
}

impl Shorthand {
    fn stands_for_others(&self) -> bool {
        !matches!(self.expand, Expand::Balancing | Expand::Hashing)
    }

    /// The old and the new spelling must agree if both are there.
    fn contradiction(&self, value: &Value, record: &Map<String, Value>) -> Option<Violation> {
        let Expand::Alias { to } = &self.expand else { return None };
        let new = value_at(record, to).filter(|new| !new.is_null())?;
        if value.is_null() || new == value || to.steps.len() == 1 && !self.returned_on_read {
            return None;
        }
        let (old_name, new_name) = (&self.field.name, &to.text);
        let (old, new) = (lua_text(value), lua_text(new));
        let text = format!(
            "both deprecated and new field are used but their values mismatch: {old_name} = {old} vs {new_name} = {new}"
        );
        Some(Violation::new(Rule::Value, text))
    }
}

fn expand_into(shorthand: &Shorthand, value: Value, record: &mut Map<String, Value>) {
    let mut set = |name: &str, value: Value| {
        record.insert(name.to_owned(), value);
    };
    match &shorthand.expand {
        Expand::Ignored => {}
        Expand::IdleTime => set("idling_timeout", if value.is_null() { 0.into() } else { value }),
        Expand::SameSite => {
            set("cookie_same_site", if value == "off" { "Lax".into() } else { value });
        }
        Expand::Url => expand_url(value.as_str().unwrap_or("null"), record),
        Expand::Balancing => {
            // These leave nothing to be hashed.
            if value == "least-connections" || value == "latency" {
                set("hash_on", Value::Null);
            }
            set("algorithm", value);
        }
        Expand::Hashing => expand_hash_on(value, record),
        Expand::Alias { to } => set_alias(to, value, shorthand.yields, record),
    }
}

fn expand_url(url: &str, record: &mut Map<String, Value>) {
    let Some(url) = Url::parse(url) else { return };
    let port = url
        .port
        .map(|port| port.trim().parse::<i64>().map_or_else(|_| Value::from(port), Value::from));
    let protocol = url.scheme.unwrap_or(match port.as_ref().and_then(Value::as_i64) {
        Some(443) => "https",
        _ => "http",
    });
    let port = port.unwrap_or_else(|| if protocol == "https" { 443.into() } else { 80.into() });
    record.insert("protocol".to_owned(), protocol.into());
    record.insert("host".to_owned(), url.host.into());
    record.insert("port".to_owned(), port);
    record.insert("path".to_owned(), url.path.into());
}

/// Hashing and its algorithm go together: nothing to be hashed means round robin.
fn expand_hash_on(value: Value, record: &mut Map<String, Value>) {
    let nothing = value.is_null() || value == "none";
    let algorithm = record.get("algorithm").and_then(Value::as_str);
    let algorithm = match algorithm {
        Some(kept @ ("least-connections" | "latency")) if value.is_null() => kept,
        _ if nothing => "round-robin",
        _ => "consistent-hashing",
    };
    record.insert("algorithm".to_owned(), algorithm.into());
    record.insert("hash_on".to_owned(), if nothing { "none".into() } else { value });
}

fn set_alias(to: &Path, value: Value, yields: bool, record: &mut Map<String, Value>) {
    let Some((last, parents)) = to.steps.split_last() else { return };
    let mut record = record;
    for parent in parents {
        let within = record.entry(&**parent).or_insert(Value::Null);
        if within.is_null() {
            *within = Value::Object(Map::new());
        }
        match within {
            Value::Object(within) => record = within,
            _ => return,
        }
    }
    let is_set = record.get(&**last).is_some_and(|value| !value.is_null());
    if !(yields && is_set) {
        record.insert(last.to_string(), value);
    }
}

/// The value at the end of a way through records; `None` where the way ends early.
pub(crate) fn value_at<'r>(record: &'r Map<String, Value>, path: &Path) -> Option<&'r Value> {
    let (first, rest) = path.steps.split_first()?;
    rest.iter().try_fold(record.get(&**first)?, |value, step| value.as_object()?.get(&**step))
}

/// Whether a value is something: not null, and no empty text, list or object.
pub(crate) fn is_nonempty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(elements)) => !elements.is_empty(),
        Some(Value::Object(entries)) => !entries.is_empty(),
        Some(Value::Bool(_) | Value::Number(_)) => true,
    }
}

/// A value as Lua prints it.
pub(crate) fn lua_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() => lua_number(float),
            _ => number.to_string(),
        },
        Value::Null => "null".to_owned(),
        other => other.to_string(),
    }
}

/// A number as Lua prints it (`%.14g`).
pub(crate) fn lua_number(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    let text = format!("{number:.13e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-5..14).contains(&exponent) {
        let decimals = usize::try_from(13 - exponent).unwrap_or(0);
        let text = format!("{number:.decimals$}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// An integer that was written like `80.0`.
fn integer(number: serde_json::Number) -> Value {
    match number.as_f64() {
        Some(float)
            if !number.is_i64()
                && !number.is_u64()
                && float.fract() == 0.0
                && float.abs() < 9e15 =>
        {
            // Below 2^53 nothing is lost.
            Value::from(float as i64)
        }
        _ => Value::Number(number),
    }
}

/// Keeps the first of equal elements. Records are never equal, as in Kong.
fn drop_repeated(elements: &mut Vec<Value>) {
    let mut seen = std::collections::HashSet::new();
    elements.retain(|element| match element {
        Value::Array(_) | Value::Object(_) => true,
        scalar => seen.insert(scalar.clone()),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_printed_like_lua_does() {
        for (number, text) in [
            (5.0, "5"),
            (0.02, "0.02"),
            (1e15, "1e+15"),
            (0.1 + 0.2, "0.3"),
            (1e-7, "1e-07"),
            (-1.0, "-1"),
        ] {
            assert_eq!(lua_number(number), text);
        }
    }

    #[test]
    fn the_url_decides_over_its_parts() {
        let expand = |url: &str| {
            let mut record = Map::new();
            expand_url(url, &mut record);
            Value::Object(record)
        };
        assert_eq!(
            expand("https://h/p?q"),
            json!({"protocol": "https", "host": "h", "port": 443, "path": "/p"})
        );
        assert_eq!(expand("h:x"), json!({"protocol": "h", "host": null, "port": 80, "path": "x"}));
        assert_eq!(
            expand("//h:443"),
            json!({"protocol": "https", "host": "h", "port": 443, "path": null})
        );
    }

    #[test]
    fn hashing_decides_the_algorithm() {
        let expand = |algorithm: &str, hash_on: Value| {
            let mut record = Map::from_iter([("algorithm".to_owned(), algorithm.into())]);
            expand_hash_on(hash_on, &mut record);
            Value::Object(record)
        };
        assert_eq!(
            expand("round-robin", "header".into()),
            json!({"algorithm": "consistent-hashing", "hash_on": "header"})
        );
        assert_eq!(
            expand("consistent-hashing", "none".into()),
            json!({"algorithm": "round-robin", "hash_on": "none"})
        );
        assert_eq!(
            expand("latency", Value::Null),
            json!({"algorithm": "latency", "hash_on": "none"})
        );
    }

    #[test]
    fn an_old_spelling_gives_way_to_the_new_one() {
        let mut record = Map::from_iter([("redis".to_owned(), json!({"host": null, "port": 1}))]);
        set_alias(&Path::from(Box::<str>::from("redis.host")), "a".into(), true, &mut record);
        set_alias(&Path::from(Box::<str>::from("redis.port")), 2.into(), true, &mut record);
        assert_eq!(record["redis"], json!({"host": "a", "port": 1}));
    }
}
