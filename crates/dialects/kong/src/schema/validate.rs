//! Holding a completed value against the rules of its schema.

use serde_json::{Map, Value};

use super::catalogue::RouterFlavor;
use super::complete::{lua_number, lua_text};
use super::definition::{Field, Kind, Shape, Wording};
use super::format::{Format, is_regex, is_vault_reference};
use super::problems::{Key, Problem, Problems, Rule, Violation};

/// How foreign keys are to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// As a name or id: in entities at the top of a document.
    Named,
    /// Not at all: in entities that stand within others.
    Absent,
    /// As `{"id": …}`: once they are resolved.
    Resolved,
}

/// What rules need to know beside the value.
pub(crate) struct Validation {
    /// Seconds since the epoch.
    pub(crate) now: i64,
    /// Whether the gateway has a Redis server for those who name none.
    pub(crate) redis_default: bool,
    /// Which router the routes are written for.
    pub(crate) flavor: RouterFlavor,
}

impl Validation {
    /// All that is wrong with a completed record. `ttl` says whether it may have that extra field.
    pub(crate) fn check_record(
        &self,
        foreign: Foreign,
        shape: &Shape,
        ttl: bool,
        record: &Map<String, Value>,
    ) -> Problems {
        let mut problems = Problems::default();
        for (name, value) in record {
            if name == "updated_at" || (ttl && name == "ttl") {
                continue;
            }
            match shape.field(name) {
                None => problems.push(&**name, Violation::new(Rule::Unknown, "unknown field")),
                Some(field) => {
                    if let Err(problem) = self.check(foreign, field, value) {
                        problems.push(&**name, problem);
                    }
                }
            }
        }
        for field in &shape.fields {
            let is_required = field.required && !(is_absent(foreign, field));
            if is_required && record.get(&*field.name).is_none_or(Value::is_null) {
                problems.set(&*field.name, required());
            }
        }
        self.check_entity(shape, record, &mut problems);
        problems
    }

    /// Whether a value keeps the rules of its field.
    pub(crate) fn check(
        &self,
        foreign: Foreign,
        field: &Field,
        value: &Value,
    ) -> Result<(), Problem> {
        let null_only = field.null_only || is_absent(foreign, field);
        if value.is_null() {
            return check_null(field, null_only);
        }
        if null_only {
            return Err(field.said(Violation::new(Rule::Null, "value must be null")).into());
        }
        self.check_type(foreign, field, value)?;
        let is_reference = field.referenceable && value.as_str().is_some_and(is_vault_reference);
        if is_reference { Ok(()) } else { check_rules(field, value).map_err(Problem::Here) }
    }

    fn check_type(&self, foreign: Foreign, field: &Field, value: &Value) -> Result<(), Problem> {
        match field.kind {
            Kind::Array | Kind::Set => self.check_elements(foreign, field, value),
            Kind::Map => self.check_entries(foreign, field, value),
            Kind::Record => self.check_fields(foreign, field, value),
            Kind::Foreign => self.check_foreign(foreign, field, value),
            Kind::String if value.is_string() => Ok(()),
            Kind::Number if value.is_number() => Ok(()),
            Kind::Integer if value.as_f64().is_some_and(|number| number.fract() == 0.0) => Ok(()),
            Kind::Boolean if value.is_boolean() => Ok(()),
            Kind::Json => Ok(()),
            Kind::String | Kind::Number | Kind::Integer | Kind::Boolean => {
                Err(wrong_type(field.kind).into())
            }
        }
    }

    fn check_elements(
        &self,
        foreign: Foreign,
        field: &Field,
        value: &Value,
    ) -> Result<(), Problem> {
        let elements = match value {
            Value::Array(elements) => elements,
            // An empty object and an empty list are the same in Lua.
            Value::Object(entries) if entries.is_empty() => return Ok(()),
            _ => return Err(wrong_type(field.kind).into()),
        };
        let Some(element) = field.elements.as_deref() else { return Ok(()) };
        let mut problems = Problems::default();
        for (index, value) in elements.iter().enumerate() {
            if value.is_null() && !element.null_only {
                problems.push(index, required());
            } else if let Err(problem) = self.check(foreign, element, value) {
                problems.push(index, problem);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Problem::Within(problems)) }
    }

    /// Kong says of a map only what is wrong with its first wrong entry.
    fn check_entries(&self, foreign: Foreign, field: &Field, value: &Value) -> Result<(), Problem> {
        let entries = match value {
            Value::Object(entries) => entries,
            Value::Array(elements) if elements.is_empty() => return Ok(()),
            // A list is a map from numbers, and no map has numbers for keys.
            Value::Array(_) => return Err(wrong_type(Kind::String).into()),
            _ => return Err(wrong_type(field.kind).into()),
        };
        for (key, value) in entries {
            if let Some(keys) = field.keys.as_deref() {
                self.check(foreign, keys, &Value::from(&**key))?;
            }
            if let Some(values) = field.values.as_deref() {
                if value.is_null() {
                    return Err(required().into());
                }
                self.check(foreign, values, value)?;
            }
        }
        Ok(())
    }

    fn check_fields(&self, foreign: Foreign, field: &Field, value: &Value) -> Result<(), Problem> {
        let Some(shape) = &field.record else { return Ok(()) };
        let problems = match value {
            Value::Object(record) => self.check_record(foreign, shape, false, record),
            Value::Array(elements) => {
                let mut problems = self.check_record(foreign, shape, false, &Map::new());
                for index in 0..elements.len() {
                    problems.push(index, Violation::new(Rule::Unknown, "unknown field"));
                }
                problems
            }
            _ => return Err(wrong_type(Kind::Record).into()),
        };
        if problems.is_empty() { Ok(()) } else { Err(Problem::Within(problems)) }
    }

    fn check_foreign(&self, foreign: Foreign, field: &Field, value: &Value) -> Result<(), Problem> {
        match foreign {
            Foreign::Named | Foreign::Absent => {
                let name = Field { name: field.name.clone(), ..Field::of_kind(Kind::String) };
                self.check(foreign, &name, value)
            }
            Foreign::Resolved => {
                let mut problems = Problems::default();
                match &value["id"] {
                    Value::String(id) if is_uuid(id) => return Ok(()),
                    Value::String(_) => problems.push("id", not_a_uuid()),
                    Value::Null => {
                        problems.push("id", Violation::new(Rule::Reference, "missing primary key"))
                    }
                    _ => problems.push("id", wrong_type(Kind::String)),
                }
                Err(Problem::Within(problems))
            }
        }
    }
}

impl Field {
    /// The violation, in the field's own words if it has some.
    fn said(&self, violation: Violation) -> Violation {
        match &self.err {
            Some(text) => Violation { text: text.to_string().into(), ..violation },
            None => violation,
        }
    }
}

/// A foreign key that must not be written, because the entity stands within another.
fn is_absent(foreign: Foreign, field: &Field) -> bool {
    foreign == Foreign::Absent && field.kind == Kind::Foreign
}

fn check_null(field: &Field, null_only: bool) -> Result<(), Problem> {
    if let Some(wanted) = &field.eq
        && !null_only
    {
        return Err(must_be(wanted).into());
    }
    if field.required && !null_only { Err(required().into()) } else { Ok(()) }
}

/// The rules beside the type, in the order in which Kong looks at them; the first one broken counts.
fn check_rules(field: &Field, value: &Value) -> Result<(), Violation> {
    check_choice(field, value)
        .and_then(|()| check_bounds(field, value))
        .and_then(|()| check_length(field, value))
        .and_then(|()| check_text(field, value.as_str().unwrap_or_default()))
        .and_then(|()| check_members(field, value))
        .map_err(|violation| field.said(violation))
}

fn check_choice(field: &Field, value: &Value) -> Result<(), Violation> {
    if let Some(wanted) = &field.eq
        && !same(value, wanted)
    {
        return Err(must_be(wanted));
    }
    if let Some(unwanted) = &field.ne
        && same(value, unwanted)
    {
        return Err(Violation::value(format!("value must not be {}", lua_text(value))));
    }
    let listed = |options: &[Value]| options.iter().map(lua_text).collect::<Vec<_>>().join(", ");
    if let Some(options) = &field.not_one_of
        && options.iter().any(|option| same(option, value))
    {
        return Err(Violation::new(
            Rule::OneOf,
            format!("must not be one of: {}", listed(options)),
        ));
    }
    match &field.one_of {
        Some(options)
            if !options.iter().chain(&field.own_values).any(|option| same(option, value)) =>
        {
            Err(Violation::new(Rule::OneOf, format!("expected one of: {}", listed(options))))
        }
        _ => Ok(()),
    }
}

fn check_bounds(field: &Field, value: &Value) -> Result<(), Violation> {
    let number = value.as_f64();
    if let (Some(limit), Some(number)) = (field.gt, number)
        && number <= limit
    {
        let text = format!("value must be greater than {}", lua_number(limit));
        return Err(Violation::new(Rule::Range, text));
    }
    if field.timestamp && number.is_some_and(|number| number <= 0.0) {
        return Err(Violation::new(Rule::Range, "expected a valid timestamp"));
    }
    if field.uuid && !value.as_str().is_some_and(is_uuid) {
        return Err(not_a_uuid());
    }
    if field.is_regex
        && let Some(text) = value.as_str().filter(|text| !is_regex(text))
    {
        return Err(Violation::value(format!("not a valid regex: {text}")));
    }
    match (field.between, number) {
        (Some([low, high]), Some(number)) if number < low || number > high => {
            // Kong prints whole numbers here, whatever the bounds are.
            let text = format!("value should be between {} and {}", low.trunc(), high.trunc());
            Err(Violation::new(Rule::Range, text))
        }
        _ => Ok(()),
    }
}

fn check_length(field: &Field, value: &Value) -> Result<(), Violation> {
    let length = match value {
        Value::String(text) => text.len(),
        Value::Array(elements) => elements.len(),
        Value::Object(entries) => entries.len(),
        _ => return Ok(()),
    };
    // Texts are never empty, unless a field says that they may be.
    let at_least = field.len_min.or((field.kind == Kind::String).then_some(1));
    let problem = if let Some(exact) = field.len_eq.filter(|exact| length != *exact) {
        format!("length must be {exact}")
    } else if let Some(least) = at_least.filter(|least| length < *least) {
        format!("length must be at least {least}")
    } else if let Some(most) = field.len_max.filter(|most| length > *most) {
        format!("length must be at most {most}")
    } else {
        return Ok(());
    };
    Err(Violation::new(Rule::Range, problem))
}

fn check_text(field: &Field, text: &str) -> Result<(), Violation> {
    if let Some(start) = field.starts_with.as_deref().filter(|start| !text.starts_with(*start)) {
        return Err(Violation::value(format!("should start with: {start}")));
    }
    let said = |wording: &Wording| Violation::value(wording.err.to_string());
    if let Some(broken) = field.match_none.iter().find(|none| none.pattern.is_match(text)) {
        return Err(said(broken));
    }
    if field.matches.as_ref().is_some_and(|pattern| !pattern.is_match(text)) {
        return Err(Violation::value(format!("invalid value: {text}")));
    }
    if let Some(broken) = field.match_all.iter().find(|all| !all.pattern.is_match(text)) {
        return Err(said(broken));
    }
    match &field.match_any {
        Some(any) if !any.patterns.iter().any(|pattern| pattern.is_match(text)) => {
            let said =
                any.err.as_deref().map_or_else(|| format!("invalid value: {text}"), str::to_owned);
            Err(Violation::value(said))
        }
        _ => Ok(()),
    }
}

fn check_members(field: &Field, value: &Value) -> Result<(), Violation> {
    let elements = value.as_array().map_or(&[][..], Vec::as_slice);
    if let Some(wanted) = &field.contains
        && !elements.iter().any(|element| same(element, wanted))
    {
        return Err(Violation::value(format!("expected to contain: {}", lua_text(wanted))));
    }
    if let Some(format) = field.format {
        Format::check(format, value).map_err(|text| Violation::new(Rule::Value, text))?;
    }
    match &field.mutually_exclusive_subsets {
        Some(subsets) => check_subsets(subsets, elements),
        None => Ok(()),
    }
}

fn check_subsets(subsets: &[Vec<Box<str>>], elements: &[Value]) -> Result<(), Violation> {
    let mut used: Vec<&Vec<Box<str>>> = Vec::new();
    for element in elements.iter().filter_map(Value::as_str) {
        let of = subsets.iter().find(|subset| subset.iter().any(|member| **member == *element));
        if let Some(subset) = of.filter(|subset| !used.contains(subset)) {
            used.push(subset);
        }
    }
    if used.len() < 2 {
        return Ok(());
    }
    let lists = used.iter().map(|subset| format!("({})", quoted(subset.iter())));
    let text =
        format!("these sets are mutually exclusive: {}", lists.collect::<Vec<_>>().join(", "));
    Err(Violation::value(text))
}

/// `'a', 'b'`
pub(super) fn quoted<T: AsRef<str>>(words: impl Iterator<Item = T>) -> String {
    words.map(|word| format!("'{}'", word.as_ref())).collect::<Vec<_>>().join(", ")
}

pub(super) fn required() -> Violation {
    Violation::new(Rule::Required, "required field missing")
}

pub(super) fn wrong_type(kind: Kind) -> Violation {
    let text = match kind {
        Kind::String => "expected a string",
        Kind::Number => "expected a number",
        Kind::Integer => "expected an integer",
        Kind::Boolean => "expected a boolean",
        Kind::Array => "expected an array",
        Kind::Set => "expected a set",
        Kind::Map => "expected a map",
        Kind::Record | Kind::Foreign | Kind::Json => "expected a record",
    };
    Violation::new(Rule::Type, text)
}

pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn not_a_uuid() -> Violation {
    Violation::value("expected a valid UUID")
}

fn must_be(wanted: &Value) -> Violation {
    Violation::value(format!("value must be {}", lua_text(wanted)))
}

/// Numbers are equal whatever they look like.
fn same(a: &Value, b: &Value) -> bool {
    a == b || (a.is_number() && a.as_f64() == b.as_f64())
}

impl Problems {
    /// Whether a field of this name has a problem.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(&Key::from(name)).is_some()
    }
}
