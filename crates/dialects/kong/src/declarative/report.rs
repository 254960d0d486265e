//! Problems as findings: each with its place, and how to mend it.

use config::{Code, Finding, Findings, Node, Severity, Span, codes, did_you_mean, quote};
use serde_json::Value;

use super::codes as own;
use super::input::{Children, Element, Input, Item, TopProblem, is_remark};
use crate::schema::{
    Catalogue, Expand, Field, Key, Kind, Problem, Problems, Rule, Shape, Violation,
};

/// Fields of decK's.
const DECK: [&str; 7] = [
    "_info",
    "_workspace",
    "_konnect",
    "_plugin_configs",
    "_config",
    "_plugin_config",
    "_transform_schema",
];

/// Fields at the top of a document that are no entities.
const OWN: [&str; 4] = ["_format_version", "_transform", "_comment", "_ignore"];

/// Entities that only Kong's Enterprise edition has.
const ENTERPRISE: [&str; 6] =
    ["consumer_groups", "partials", "rbac_roles", "rbac_users", "licenses", "event_hooks"];

pub(super) struct Report<'r> {
    pub(super) catalogue: &'static Catalogue,
    pub(super) findings: &'r mut Findings,
}

/// What an entity is called in messages: "service `orders`".
pub(super) fn subject(item: &Item<'_>, catalogue: &'static Catalogue) -> String {
    let schema = item.schema(catalogue);
    let kind = schema.name.strip_suffix('s').unwrap_or(schema.name).replace('_', " ");
    // The name of a credential is its secret, or half of it.
    let name = item.name(schema).filter(|_| schema.plugin.is_none());
    match name {
        Some(name) => format!("{kind} {}", quote(name)),
        None if kind.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {kind}"),
        None => format!("a {kind}"),
    }
}

impl Report<'_> {
    /// Reports what is wrong with each entity by itself.
    pub(super) fn problems(&mut self, input: &Input<'_>, problems: &Problems) {
        for problem in &input.top {
            self.top(problem);
        }
        for (key, problem) in &problems.at {
            if let (Key::Name(name), Problem::Within(list)) = (key, problem)
                && let Some(entity) = self.catalogue.index(name)
            {
                self.list(&input.lists[entity].elements, list);
            }
        }
    }

    /// Reports what is no problem to Kong: templates, old fields, plugins that never run.
    pub(super) fn remarks(&mut self, input: &Input<'_>) {
        for place in &input.templates {
            self.findings.push(
                Finding::new(&own::DECK_TEMPLATE, "this template is filled in by decK only")
                    .at(*place)
                    .hide_source()
                    .help("let decK fill it in: `deck file render --populate-env-vars`"),
            );
        }
        let catalogue = self.catalogue;
        input.each(|item, within| {
            if item.skipped {
                self.skipped(item);
                return;
            }
            let shape = item.shape(catalogue);
            self.deprecated(shape, item.node);
            let is_consumers = within.is_some_and(|within| within.field == "consumer");
            if is_consumers && shape.field("consumer").is_some_and(|field| field.null_only) {
                let message = format!("{} never runs within a consumer", subject(item, catalogue));
                self.findings.push(
                    Finding::new(&own::PLUGIN_WITHOUT_EFFECT, message)
                        .at(item.node.head())
                        .help("put it into a service or route, or to the top of the document"),
                );
            }
        });
    }

    /// Keeps secrets out of what is shown of a document.
    pub(super) fn redact(&mut self, input: &Input<'_>) {
        let catalogue = self.catalogue;
        input.each(|item, _| self.redact_record(item.shape(catalogue), item.node));
    }

    fn top(&mut self, problem: &TopProblem<'_>) {
        let TopProblem { key, violation, place, document } = problem;
        let finding = match (&**key, violation.rule) {
            ("_format_version", rule) => {
                let message = match rule {
                    Rule::Required => "`_format_version` is missing".to_owned(),
                    _ => format!("`_format_version`: {}", violation.text),
                };
                Finding::new(&own::FORMAT_VERSION, message)
                    .help("write `_format_version: \"3.0\"`, with the quotes")
            }
            ("error", _) => {
                Finding::new(&codes::WRONG_TYPE, "a declarative configuration is an object")
                    .label(format!("this is {}", document.root.kind_name()))
            }
            (key, Rule::Unknown) => self.unknown_at_top(key),
            (key, Rule::Type) => {
                let found = document.root.get(key).map_or("nothing", Node::kind_name);
                Finding::new(&codes::WRONG_TYPE, format!("`{key}`: {}", violation.text))
                    .label(format!("this is {found}"))
            }
            (key, _) => Finding::new(&own::INVALID_FIELD, format!("`{key}`: {}", violation.text)),
        };
        self.findings.push(finding.at(*place));
    }

    fn unknown_at_top(&self, key: &str) -> Finding {
        if let Some(finding) = deck(key) {
            return finding;
        }
        let what = if key.starts_with('_') { "field" } else { "entities" };
        let message = format!("Kong has no {what} called {}", quote(key));
        let finding = Finding::new(&codes::UNKNOWN_FIELD, message);
        if ENTERPRISE.contains(&key) {
            return finding.help("only Kong's Enterprise edition has them");
        }
        let names = self.catalogue.entities.iter().map(|entity| entity.name);
        match did_you_mean(key, names.chain(OWN)) {
            Some(name) => finding.help(format!("did you mean `{name}`?")),
            None => finding,
        }
    }

    fn list(&mut self, elements: &[Element<'_>], problems: &Problems) {
        for (key, problem) in &problems.at {
            let Key::Index(index) = key else { continue };
            match (elements.get(*index), problem) {
                (Some(Element::Item(item)), Problem::Within(problems)) => self.item(item, problems),
                (Some(Element::Item(item)), Problem::Here(violation)) => {
                    self.entity(item, violation)
                }
                (Some(Element::Other(node)), _) => self.findings.push(
                    Finding::new(&codes::WRONG_TYPE, "expected a record: an entity is an object")
                        .at(node.span)
                        .label(format!("this is {}", node.kind_name())),
                ),
                (None, _) => {}
            }
        }
    }

    fn item(&mut self, item: &Item<'_>, problems: &Problems) {
        for (key, problem) in &problems.at {
            let Key::Name(name) = key else { continue };
            let children = item
                .children
                .iter()
                .find(|children| self.catalogue.entities[children.entity].name == &**name);
            match (children, problem) {
                (Some(Children { list: Ok(list), .. }), Problem::Within(within)) => {
                    self.list(&list.elements, within);
                }
                _ => self.field(item, &mut vec![key.clone()], problem),
            }
        }
        for violation in &problems.entity {
            if violation.rule != Rule::Consequence {
                self.entity(item, violation);
            }
        }
    }

    /// What concerns the entity, or a record within it, as a whole.
    fn entity(&mut self, item: &Item<'_>, violation: &Violation) {
        let message = format!("{}: {}", subject(item, self.catalogue), violation.text);
        let mut finding = Finding::new(&own::FIELDS_DISAGREE, message).at(item.node.head());
        for about in &violation.about {
            let path: Vec<Key> = about.split('.').map(Key::from).collect();
            let place = locate(item.node, item.shape(self.catalogue), &path);
            if place.is_written() {
                finding = finding.also(place.span, format!("`{about}` is set here"));
            }
        }
        self.findings.push(finding);
    }

    fn field(&mut self, item: &Item<'_>, path: &mut Vec<Key>, problem: &Problem) {
        match problem {
            // What nothing is found for is reported by `references`, with what was looked for.
            Problem::Here(violation) if violation.rule == Rule::Reference => {}
            Problem::Here(violation) => {
                let finding = self.finding(item, path, violation);
                self.findings.push(finding);
            }
            Problem::Within(problems) => {
                for (key, problem) in &problems.at {
                    path.push(key.clone());
                    self.field(item, path, problem);
                    path.pop();
                }
                for violation in problems.entity.iter().filter(|v| v.rule != Rule::Consequence) {
                    let place = locate(item.node, item.shape(self.catalogue), path);
                    let message = format!("{}: {}", self.whose(item, path), violation.text);
                    self.findings.push(Finding::new(&own::FIELDS_DISAGREE, message).at(place.span));
                }
            }
        }
    }

    /// "`config.minute` of plugin `rate-limiting`"
    fn whose(&self, item: &Item<'_>, path: &[Key]) -> String {
        let names: Vec<&str> = path
            .iter()
            .filter_map(|key| match key {
                Key::Name(name) => Some(&**name),
                Key::Index(_) => None,
            })
            .collect();
        format!("{} of {}", quote(&names.join(".")), subject(item, self.catalogue))
    }

    fn finding(&self, item: &Item<'_>, path: &[Key], violation: &Violation) -> Finding {
        let shape = item.shape(self.catalogue);
        let place = locate(item.node, shape, path);
        let whose = self.whose(item, path);
        let said = violation.said.as_deref().unwrap_or(&violation.text);
        let code: Code = match violation.rule {
            Rule::Unknown => return self.unknown(item, path, &place, &whose),
            Rule::Plugin => return self.plugin(item, &place),
            Rule::Required => {
                let message = format!("{whose}: {said}");
                let finding = Finding::new(&codes::MISSING_FIELD, message).at(place.span);
                return because(finding, item, shape, violation).help(missing(path));
            }
            Rule::Type => &codes::WRONG_TYPE,
            Rule::Range => &codes::OUT_OF_RANGE,
            Rule::OneOf => &codes::NOT_ONE_OF,
            Rule::Null if !place.is_written() && is_reference(shape, path) => {
                return self.misplaced(item, path, &place);
            }
            Rule::Null => &own::FIELD_NOT_ALLOWED,
            Rule::Value | Rule::Entity | Rule::Consequence | Rule::Unique | Rule::Reference => {
                &own::INVALID_FIELD
            }
        };
        let mut finding = Finding::new(code, format!("{whose}: {said}")).at(place.span);
        if violation.rule == Rule::Type
            && let Some(node) = place.node
        {
            finding = finding.label(format!("this is {}", node.kind_name()));
        }
        if let Some(help) = self.help(shape, path, &place, violation) {
            finding = finding.help(help);
        }
        because(finding, item, shape, violation)
    }

    fn help(
        &self,
        shape: &Shape,
        path: &[Key],
        place: &Location<'_>,
        violation: &Violation,
    ) -> Option<String> {
        let node = place.node?;
        match violation.rule {
            Rule::Type => type_help(node, &violation.text),
            Rule::OneOf => {
                let field = field_at(shape, path)?;
                let options = field.one_of.as_deref()?.iter().chain(&field.own_values);
                let options = options.filter_map(Value::as_str);
                Some(format!("did you mean `{}`?", did_you_mean(node.as_str()?, options)?))
            }
            Rule::Null => Some("remove it".to_owned()),
            _ => None,
        }
    }

    fn unknown(&self, item: &Item<'_>, path: &[Key], place: &Location<'_>, whose: &str) -> Finding {
        let Some(Key::Name(name)) = path.last() else {
            return Finding::new(&codes::UNKNOWN_FIELD, format!("{whose}: unknown field"))
                .at(place.span);
        };
        if let Some(finding) = deck(name) {
            return finding.at(place.span);
        }
        let schema = item.schema(self.catalogue);
        let shape = item.shape(self.catalogue);
        let message = format!("{whose}: unknown field");
        let finding = Finding::new(&codes::UNKNOWN_FIELD, message).at(place.span);
        let known = match path.len() {
            1 => Some(shape),
            _ => field_at(shape, &path[..path.len() - 1]).and_then(|field| field.record.as_ref()),
        };
        let fields = known.into_iter().flat_map(names_of);
        let children =
            schema.children.iter().map(|child| self.catalogue.entities[child.entity].name);
        if let Some(meant) = did_you_mean(name, fields.chain(children)) {
            return finding.help(format!("did you mean `{meant}`?")).suggest(place.span, meant);
        }
        match self.owner(name).filter(|_| path.len() == 1) {
            Some(owner) => finding.help(format!("`{name}` is a field of `{owner}`")),
            None => finding.help("remove it, or correct its name"),
        }
    }

    /// An entity that stands within another one to which it cannot belong.
    fn misplaced(&self, item: &Item<'_>, path: &[Key], place: &Location<'_>) -> Finding {
        let parent = match path.last() {
            Some(Key::Name(parent)) => &**parent,
            _ => "other entity",
        };
        let message = format!("{} cannot belong to a {parent}", subject(item, self.catalogue));
        Finding::new(&own::FIELD_NOT_ALLOWED, message)
            .at(place.span)
            .label(format!("stands within a {parent}"))
            .help("put it to the top of the document")
    }

    /// Another entity that has a field of this name.
    fn owner(&self, name: &str) -> Option<&'static str> {
        let core = self.catalogue.entities.iter().filter(|entity| entity.plugin.is_none());
        core.filter(|entity| entity.shape.field(name).is_some()).map(|entity| entity.name).next()
    }

    fn plugin(&self, item: &Item<'_>, place: &Location<'_>) -> Finding {
        let name = item.fields.get("name").and_then(Value::as_str).unwrap_or_default();
        if self.catalogue.plugin(name).is_some() {
            let message = format!("the plugin {} cannot run here yet", quote(name));
            return Finding::new(&own::PLUGIN_NOT_OFFERED, message)
                .at(place.span)
                .help("remove it, or run with `--skip-unknown-plugins` to leave it out");
        }
        let message = format!("Kong has no plugin called {}", quote(name));
        let finding = Finding::new(&own::UNKNOWN_PLUGIN, message).at(place.span);
        match self.similar_plugin(name) {
            Some(meant) => {
                finding.help(format!("did you mean `{meant}`?")).suggest(place.span, meant)
            }
            None => finding
                .help("correct the name, or run with `--skip-unknown-plugins` to leave it out"),
        }
    }

    /// The plugin that was most likely meant: one with a similar name, or with a longer one.
    fn similar_plugin(&self, name: &str) -> Option<&'static str> {
        let longer = |known: &&str| name.len() > 3 && known.starts_with(name);
        did_you_mean(name, self.catalogue.plugin_names())
            .or_else(|| self.catalogue.plugin_names().filter(longer).min())
    }

    fn skipped(&mut self, item: &Item<'_>) {
        let name = item.fields.get("name").and_then(Value::as_str).unwrap_or_default();
        let place = item.node.get("name").map_or_else(|| item.node.head(), |node| node.span);
        let message = format!("the plugin {} is left out", quote(name));
        self.findings.push(
            Finding::new(&own::PLUGIN_SKIPPED, message)
                .at(place)
                .label("cannot run here")
                .help("make sure that nothing relies on it"),
        );
    }

    fn deprecated(&mut self, shape: &Shape, node: &Node) {
        for entry in node.entries().into_iter().flatten() {
            let field = shape.field(&entry.key);
            let shorthand = shape.shorthand(&entry.key).map(|shorthand| &shorthand.field);
            if let Some(deprecation) = shorthand.or(field).and_then(|f| f.deprecated.as_ref()) {
                let value = entry.value.to_json();
                let is_default = deprecation.old_default.as_ref() == Some(&value);
                if !is_default && !value.is_null() {
                    let finding = Finding::new(&own::DEPRECATED_FIELD, &*deprecation.message);
                    self.findings.push(finding.at(entry.key_span));
                }
            }
            if let Some(record) = field.and_then(|field| field.record.as_ref()) {
                self.deprecated(record, &entry.value);
            }
        }
    }

    fn redact_record(&mut self, shape: &Shape, node: &Node) {
        for entry in node.entries().into_iter().flatten() {
            let Some(field) = shape.field(&entry.key) else { continue };
            let nothing = entry.value.is_null() || is_remark(&entry.key);
            if field.secret && !nothing {
                self.findings.redact(entry.value.span);
            }
            if let Some(record) = &field.record {
                self.redact_record(record, &entry.value);
            }
        }
    }
}

/// Where a value is, or would be.
struct Location<'n> {
    span: Span,
    /// The value; `None` if it is not written.
    node: Option<&'n Node>,
    /// Whether it is written under another name.
    elsewhere: bool,
}

impl Location<'_> {
    fn is_written(&self) -> bool {
        self.node.is_some() && !self.elsewhere
    }
}

fn locate<'n>(root: &'n Node, shape: &Shape, path: &[Key]) -> Location<'n> {
    let mut node = root;
    let mut shape = Some(shape);
    for (depth, key) in path.iter().enumerate() {
        if let Some(entry) = shape.and_then(|shape| written_as(node, shape, &path[depth..])) {
            return Location { span: entry.value.span, node: Some(&entry.value), elsewhere: true };
        }
        let (next, is_last) = (child(node, key), depth + 1 == path.len());
        match (next, key) {
            (Some(next), Key::Name(name)) => {
                let field = shape.and_then(|shape| shape.field(name));
                if field.is_none()
                    && is_last
                    && let Some(entry) = node.entry(name)
                {
                    return Location { span: entry.key_span, node: Some(next), elsewhere: false };
                }
                shape = field.and_then(|field| field.record.as_ref());
                node = next;
            }
            (Some(next), Key::Index(_)) => node = next,
            (None, _) => return Location { span: node.head(), node: None, elsewhere: false },
        }
    }
    Location { span: node.head(), node: Some(node), elsewhere: false }
}

fn child<'n>(node: &'n Node, key: &Key) -> Option<&'n Node> {
    match key {
        Key::Name(name) => node.get(name),
        Key::Index(index) => node.items()?.get(*index),
    }
}

/// The other spelling under which the end of a way is written.
fn written_as<'n>(node: &'n Node, shape: &Shape, path: &[Key]) -> Option<&'n config::Entry> {
    let shorthands = &shape.shorthands;
    let names: Option<Vec<&str>> = path
        .iter()
        .map(|key| match key {
            Key::Name(name) => Some(&**name),
            Key::Index(_) => None,
        })
        .collect();
    let names = names?;
    shorthands.iter().find_map(|shorthand| {
        let covers = match &shorthand.expand {
            Expand::Alias { to } => to.steps.iter().map(|step| &**step).eq(names.iter().copied()),
            Expand::Url => matches!(names[..], ["protocol" | "host" | "port" | "path"]),
            Expand::IdleTime => names == ["idling_timeout"],
            Expand::SameSite => names == ["cookie_same_site"],
            Expand::Ignored | Expand::Balancing | Expand::Hashing => false,
        };
        covers.then(|| node.entry(&shorthand.field.name)).flatten()
    })
}

fn field_at<'s>(shape: &'s Shape, path: &[Key]) -> Option<&'s Field> {
    let (first, rest) = path.split_first()?;
    let Key::Name(first) = first else { return None };
    rest.iter().try_fold(shape.field(first)?, |field, key| match key {
        Key::Index(_) => field.elements.as_deref(),
        Key::Name(name) => match field.kind {
            Kind::Map => field.values.as_deref(),
            _ => field.record.as_ref()?.field(name),
        },
    })
}

fn is_reference(shape: &Shape, path: &[Key]) -> bool {
    field_at(shape, path).is_some_and(|field| field.kind == Kind::Foreign)
}

fn names_of(shape: &Shape) -> impl Iterator<Item = &str> {
    let fields = shape.fields.iter().map(|field| &*field.name);
    fields.chain(shape.shorthands.iter().map(|shorthand| &*shorthand.field.name))
}

/// Points at the field on whose value the problem depends.
fn because(finding: Finding, item: &Item<'_>, shape: &Shape, violation: &Violation) -> Finding {
    violation.about.iter().fold(finding, |finding, about| {
        let path: Vec<Key> = about.split('.').map(Key::from).collect();
        let place = locate(item.node, shape, &path);
        match place.node {
            Some(_) => finding.also(place.span, format!("because of `{about}`")),
            None => finding,
        }
    })
}

fn missing(path: &[Key]) -> String {
    let is_redis_host = path.ends_with(&[Key::from("redis"), Key::from("host")]);
    match path.last() {
        Some(Key::Name(_)) if is_redis_host => {
            "add `redis.host`, or give the gateway a Redis server with `--redis`".to_owned()
        }
        Some(Key::Name(name)) => format!("add `{name}`"),
        _ => "write a value, or remove the element".to_owned(),
    }
}

fn type_help(node: &Node, said: &str) -> Option<String> {
    let wants_number = said == "expected a number" || said == "expected an integer";
    match node.as_str() {
        Some(text) if wants_number && text.parse::<f64>().is_ok() => {
            Some(format!("write it without quotes: {}", quote(text)))
        }
        Some(text) if said == "expected a boolean" && matches!(text, "true" | "false") => {
            Some(format!("write it without quotes: {}", quote(text)))
        }
        _ if said == "expected a string" && node.items().is_none() && node.entries().is_none() => {
            Some("put it into quotes".to_owned())
        }
        Some(_) if said == "expected an array" || said == "expected a set" => {
            Some("write a list: put the value into brackets".to_owned())
        }
        _ => None,
    }
}

fn deck(key: &str) -> Option<Finding> {
    DECK.contains(&key).then(|| {
        let message = format!("`{key}` is understood by decK only");
        Finding::new(&own::DECK_FIELD, message)
            .severity(Severity::Error)
            .help("let decK resolve it: `deck file render`")
    })
}
