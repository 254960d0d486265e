//! What a schema says, as data: records of fields, and rules across fields.
//!
//! The attributes and their meaning are Kong's; the JSON under `data/` is read into these types once.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::format::Format;
use super::pattern::Pattern;

/// A record: its fields, other spellings of them, and the rules across them.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "RawShape")]
pub(crate) struct Shape {
    pub(crate) fields: Vec<Field>,
    pub(crate) shorthands: Vec<Shorthand>,
    pub(crate) checks: Vec<Check>,
    by_name: HashMap<Box<str>, usize>,
}

impl Shape {
    /// The field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name).map(|index| &self.fields[*index])
    }

    /// The field at the end of a way through records.
    pub(crate) fn field_at(&self, path: &Path) -> Option<&Field> {
        let (first, rest) = path.steps.split_first()?;
        rest.iter().try_fold(self.field(first)?, |field, step| field.record.as_ref()?.field(step))
    }

    pub(crate) fn shorthand(&self, name: &str) -> Option<&Shorthand> {
        self.shorthands.iter().find(|shorthand| &*shorthand.field.name == name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShape {
    fields: Vec<Field>,
    #[serde(default)]
    shorthands: Vec<Shorthand>,
    #[serde(default)]
    checks: Vec<Check>,
}

impl From<RawShape> for Shape {
    fn from(raw: RawShape) -> Self {
        let names = raw.fields.iter().enumerate().map(|(index, field)| (field.name.clone(), index));
        Self {
            by_name: names.collect(),
            fields: raw.fields,
            shorthands: raw.shorthands,
            checks: raw.checks,
        }
    }
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    String,
    Number,
    Integer,
    Boolean,
    Array,
    Set,
    Map,
    Record,
    Foreign,
    /// Anything that JSON can say.
    Json,
}

/// A field: its type, its default, and the rules for its value.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    #[serde(default)]
    pub(crate) name: Box<str>,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) required: bool,
    pub(crate) default: Option<Value>,
    /// Filled in by the gateway when absent.
    pub(crate) auto: Option<Auto>,
    /// No two entities share a value.
    #[serde(default)]
    pub(crate) unique: bool,
    /// Not even two of different workspaces.
    #[serde(default)]
    pub(crate) unique_across_ws: bool,
    /// The vault reference `{vault://…}` may stand for the value.
    #[serde(default)]
    pub(crate) referenceable: bool,
    /// The value is not for everybody's eyes.
    #[serde(default)]
    pub(crate) secret: bool,
    /// The value is used on the way in and not kept.
    #[serde(default)]
    pub(crate) transient: bool,
    /// A record whose fields only a subschema knows.
    #[serde(default, rename = "abstract")]
    pub(crate) open: bool,
    pub(crate) deprecated: Option<Deprecation>,
    /// A field that Kong has not: no schema shows it, and it is in no entity where nobody wrote it.
    #[serde(default)]
    pub(crate) own: bool,

    /// The entity that a foreign key refers to, and what becomes of this one when that is deleted.
    pub(crate) reference: Option<Box<str>>,
    pub(crate) on_delete: Option<OnDelete>,
    pub(crate) elements: Option<Box<Field>>,
    pub(crate) keys: Option<Box<Field>>,
    pub(crate) values: Option<Box<Field>>,
    pub(crate) record: Option<Shape>,

    /// What is said instead of a broken rule's own words.
    pub(crate) err: Option<Box<str>>,
    /// No value may be set.
    #[serde(default)]
    pub(crate) null_only: bool,
    pub(crate) eq: Option<Value>,
    pub(crate) ne: Option<Value>,
    pub(crate) one_of: Option<Vec<Value>>,
    /// Values beside those of `one_of` that Kong has not: no schema shows them.
    #[serde(default)]
    pub(crate) own_values: Vec<Value>,
    pub(crate) not_one_of: Option<Vec<Value>>,
    pub(crate) gt: Option<f64>,
    pub(crate) between: Option<[f64; 2]>,
    #[serde(default)]
    pub(crate) timestamp: bool,
    #[serde(default)]
    pub(crate) uuid: bool,
    #[serde(default)]
    pub(crate) is_regex: bool,
    pub(crate) len_eq: Option<usize>,
    pub(crate) len_min: Option<usize>,
    pub(crate) len_max: Option<usize>,
    pub(crate) starts_with: Option<Box<str>>,
    #[serde(default)]
    pub(crate) match_none: Vec<Wording>,
    #[serde(rename = "match")]
    pub(crate) matches: Option<Pattern>,
    #[serde(default)]
    pub(crate) match_all: Vec<Wording>,
    pub(crate) match_any: Option<AnyOf>,
    pub(crate) contains: Option<Value>,
    pub(crate) format: Option<Format>,
    pub(crate) mutually_exclusive_subsets: Option<Vec<Vec<Box<str>>>>,
}

/// How the gateway fills in an absent value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Auto {
    /// With a value of its own for each entity: a UUID, the time, a random text.
    Own,
    /// With one random text for all entities.
    Shared,
}

/// What becomes of an entity when the one that it refers to is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnDelete {
    Cascade,
    Restrict,
}

/// A field that should not be used any more.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deprecation {
    pub(crate) message: Box<str>,
    /// A value that is not worth a warning, because it was the default once.
    pub(crate) old_default: Option<Value>,
}

/// A pattern, and what is said if it does not do as it should.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wording {
    pub(crate) pattern: Pattern,
    pub(crate) err: Box<str>,
}

/// Patterns of which one must match.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnyOf {
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) err: Option<Box<str>>,
}

/// Another spelling of a field, or of several.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "RawShorthand")]
pub(crate) struct Shorthand {
    /// Its name, and the rules for its value.
    pub(crate) field: Field,
    pub(crate) expand: Expand,
    /// Whether the real field wins if both are given. They must agree then.
    pub(crate) yields: bool,
    /// Whether reads show it too.
    pub(crate) returned_on_read: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShorthand {
    name: Box<str>,
    #[serde(rename = "type")]
    kind: Kind,
    len_min: Option<usize>,
    format: Option<Format>,
    #[serde(default)]
    referenceable: bool,
    deprecated: Option<Deprecation>,
    expand: Expand,
    #[serde(default)]
    yields: bool,
    #[serde(default)]
    returned_on_read: bool,
}

impl From<RawShorthand> for Shorthand {
    fn from(raw: RawShorthand) -> Self {
        let field = Field {
            name: raw.name,
            len_min: raw.len_min,
            format: raw.format,
            referenceable: raw.referenceable,
            deprecated: raw.deprecated,
            ..Field::of_kind(raw.kind)
        };
        Self {
            field,
            expand: raw.expand,
            yields: raw.yields,
            returned_on_read: raw.returned_on_read,
        }
    }
}

/// What a shorthand stands for.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub(crate) enum Expand {
    /// The field `to`.
    Alias { to: Path },
    /// The field `to`, with 0 for null.
    IdleTime,
    /// `cookie_same_site`, with `Lax` for `off`.
    SameSite,
    /// Nothing: it is accepted and means nothing any more.
    Ignored,
    /// `protocol`, `host`, `port` and `path` of a service.
    Url,
    /// `algorithm` of an upstream: some leave nothing to be hashed.
    Balancing,
    /// `hash_on` of an upstream: hashing decides the algorithm.
    Hashing,
}

/// A rule across fields.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Check {
    /// One of the fields is set.
    AtLeastOneOf { fields: Vec<Path> },
    /// Exactly one of the fields is set.
    OnlyOneOf { fields: Vec<Path> },
    /// No two of the fields have the same value.
    Distinct { fields: Vec<Path> },
    /// All or none of the fields are set.
    MutuallyRequired { fields: Vec<Path> },
    /// At most one of the fields is set.
    MutuallyExclusive { fields: Vec<Path> },
    /// If one field's value holds, so must another's.
    Conditional {
        if_field: Path,
        if_match: Box<Field>,
        then_field: Path,
        then_match: Box<Field>,
        then_err: Option<Box<str>>,
    },
    /// If one field's value holds, one of the others is set; otherwise, if `else_match` holds, one
    /// of yet others.
    ConditionalAtLeastOneOf {
        if_field: Path,
        if_match: Box<Field>,
        then_at_least_one_of: Vec<Path>,
        then_err: Option<Box<str>>,
        else_match: Option<Box<Field>>,
        #[serde(default)]
        else_then_at_least_one_of: Vec<Path>,
        else_then_err: Option<Box<str>>,
    },
    /// What only code can say.
    Custom {
        rule: Custom,
        fields: Vec<Path>,
        #[serde(default)]
        run_with_missing_fields: bool,
        #[serde(default)]
        run_with_invalid_fields: bool,
    },
}

/// A rule that only code can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Custom {
    CertificateKey,
    CertificateAltKey,
    CertificateKeyTypes,
    CaCertificate,
    Jwk,
    WasmFilters,
    AcmeStorage,
    LlmStatistics,
    LambdaProxyUrl,
    ProxyCacheMemory,
    RouteExpression,
}

/// A way through records: `config.redis.host`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Box<str>")]
pub(crate) struct Path {
    pub(crate) text: Box<str>,
    pub(crate) steps: Vec<Box<str>>,
}

impl From<Box<str>> for Path {
    fn from(text: Box<str>) -> Self {
        Self { steps: text.split('.').map(Box::from).collect(), text }
    }
}

impl Field {
    /// A field of this type without any rules.
    pub(crate) fn of_kind(kind: Kind) -> Self {
        Self {
            name: "".into(),
            kind,
            required: false,
            default: None,
            auto: None,
            unique: false,
            unique_across_ws: false,
            referenceable: false,
            secret: false,
            transient: false,
            open: false,
            deprecated: None,
            own: false,
            reference: None,
            on_delete: None,
            elements: None,
            keys: None,
            values: None,
            record: None,
            err: None,
            null_only: false,
            eq: None,
            ne: None,
            one_of: None,
            own_values: Vec::new(),
            not_one_of: None,
            gt: None,
            between: None,
            timestamp: false,
            uuid: false,
            is_regex: false,
            len_eq: None,
            len_min: None,
            len_max: None,
            starts_with: None,
            match_none: Vec::new(),
            matches: None,
            match_all: Vec::new(),
            match_any: None,
            contains: None,
            format: None,
            mutually_exclusive_subsets: None,
        }
    }
}
