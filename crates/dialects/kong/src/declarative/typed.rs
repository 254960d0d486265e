//! Entities as their types.

use config::{Finding, Findings, Node, Sources, Span, codes};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::input::{Element, Input, Item, List};
use super::judge::foreign_fields;
use super::references::Index;
use super::report::subject;
use crate::entities::{Entities, Origins, Record};
use crate::schema::{
    Apply, Catalogue, Entity, Expand, Shape, certificate_digest, target_with_port,
};

/// Turns completed and sound entities into their types. What does not fit, such as a number of
/// hundreds of digits, is a finding.
pub(super) fn entities(
    input: Input<'_>,
    catalogue: &'static Catalogue,
    sources: &Sources,
    findings: &mut Findings,
) -> Entities {
    let resolved = resolve(&input, catalogue);
    let mut making = Making {
        catalogue,
        sources,
        findings,
        resolved: resolved.into_iter(),
        entities: Entities::default(),
        pointer: String::new(),
    };
    for list in input.lists {
        making.list(list);
    }
    making.entities
}

/// The references of every entity, in order, as `{"id": …}`.
fn resolve(input: &Input<'_>, catalogue: &'static Catalogue) -> Vec<Vec<(&'static str, Value)>> {
    let index = Index::of(input, catalogue);
    let mut resolved = Vec::new();
    input.each(|item, within| {
        let of_item = foreign_fields(item.schema(catalogue)).filter_map(|field| {
            let id = match within {
                Some(within) if within.field == field.name => &within.item.id,
                _ => index.find(field.parent, item.fields.get(field.name)?)?,
            };
            Some((field.name, json!({ "id": id })))
        });
        resolved.push(of_item.collect());
    });
    resolved
}

struct Making<'m> {
    catalogue: &'static Catalogue,
    sources: &'m Sources,
    findings: &'m mut Findings,
    resolved: std::vec::IntoIter<Vec<(&'static str, Value)>>,
    entities: Entities,
    /// Reused for the pointers of origins.
    pointer: String,
}

impl Making<'_> {
    fn list(&mut self, list: List<'_>) {
        for element in list.elements {
            if let Element::Item(item) = element {
                self.item(*item);
            }
        }
    }

    fn item(&mut self, mut item: Item<'_>) {
        let references = self.resolved.next().unwrap_or_default();
        let schema = item.schema(self.catalogue);
        let children = std::mem::take(&mut item.children);
        if !item.skipped {
            let key = schema.primary_key.to_string();
            item.fields.insert(key, item.id.clone().into());
            for (name, reference) in references {
                item.fields.insert(name.to_owned(), reference);
            }
            if item.transform {
                transform(schema, &mut item.fields);
            }
            if schema.name == "targets" {
                add_port(&mut item.fields);
            }
            self.keep(item, schema);
        }
        for children in children {
            if let Ok(list) = children.list {
                self.list(list);
            }
        }
    }

    fn keep(&mut self, item: Item<'_>, schema: &'static Entity) {
        let origins = self.origins(&item);
        match schema.name {
            "workspaces" => self.push(item, origins, |entities| &mut entities.workspaces),
            "services" => self.push(item, origins, |entities| &mut entities.services),
            "routes" => self.push(item, origins, |entities| &mut entities.routes),
            "consumers" => self.push(item, origins, |entities| &mut entities.consumers),
            "jwt_secrets" => self.push(item, origins, |entities| &mut entities.jwt_secrets),
            "keyauth_credentials" => {
                self.push(item, origins, |entities| &mut entities.keyauth_credentials);
            }
            "plugins" => self.push(item, origins, |entities| &mut entities.plugins),
            "certificates" => self.push(item, origins, |entities| &mut entities.certificates),
            "snis" => self.push(item, origins, |entities| &mut entities.snis),
            "ca_certificates" => self.push(item, origins, |entities| &mut entities.ca_certificates),
            "upstreams" => self.push(item, origins, |entities| &mut entities.upstreams),
            "targets" => self.push(item, origins, |entities| &mut entities.targets),
            "vaults" => self.push(item, origins, |entities| &mut entities.vaults),
            "key_sets" => self.push(item, origins, |entities| &mut entities.key_sets),
            "keys" => self.push(item, origins, |entities| &mut entities.keys),
            "filter_chains" => self.push(item, origins, |entities| &mut entities.filter_chains),
            "parameters" => self.push(item, origins, |entities| &mut entities.parameters),
            name => {
                let mut fields = item.fields;
                let transient = schema.shape.fields.iter().filter(|field| field.transient);
                for field in transient {
                    fields.shift_remove(&*field.name);
                }
                let record = Record { id: item.id.into(), fields, origins };
                self.entities.others.entry(name).or_default().push(record);
            }
        }
    }

    fn push<T: DeserializeOwned + Written>(
        &mut self,
        mut item: Item<'_>,
        origins: Origins,
        list: impl FnOnce(&mut Entities) -> &mut Vec<T>,
    ) {
        match serde_json::from_value::<T>(Value::Object(std::mem::take(&mut item.fields))) {
            Ok(mut entity) => {
                *entity.origins_mut() = origins;
                list(&mut self.entities).push(entity);
            }
            Err(problem) => {
                let message = format!("{}: {problem}", subject(&item, self.catalogue));
                let finding = Finding::new(&codes::OUT_OF_RANGE, message).at(item.node.head());
                self.findings.push(finding.help("no gateway can work with such a value"));
            }
        }
    }

    fn origins(&mut self, item: &Item<'_>) -> Origins {
        let mut origins = Origins::new(self.sources.origin(item.node.head()));
        self.pointer.clear();
        self.note_record(item.shape(self.catalogue), item.node, &mut origins);
        origins.settle();
        origins
    }

    fn note_record(&mut self, shape: &Shape, node: &Node, origins: &mut Origins) {
        let length = self.pointer.len();
        for entry in node.entries().into_iter().flatten() {
            if let Some(shorthand) = shape.shorthand(&entry.key) {
                self.note_expansion(&shorthand.expand, entry.value.span, origins);
            }
            if let Some(field) = shape.field(&entry.key) {
                self.step(&entry.key);
                self.note_value(field.record.as_ref(), &entry.value, origins);
                self.pointer.truncate(length);
            }
        }
    }

    fn note_value(&mut self, shape: Option<&Shape>, node: &Node, origins: &mut Origins) {
        origins.note(&self.pointer, node.span.line, node.span.column);
        if let Some(shape) = shape {
            return self.note_record(shape, node, origins);
        }
        let length = self.pointer.len();
        for (index, item) in node.items().into_iter().flatten().enumerate() {
            self.step(&index.to_string());
            self.note_value(None, item, origins);
            self.pointer.truncate(length);
        }
        for entry in node.entries().into_iter().flatten() {
            self.step(&entry.key);
            self.note_value(None, &entry.value, origins);
            self.pointer.truncate(length);
        }
    }

    fn note_expansion(&mut self, expand: &Expand, span: Span, origins: &mut Origins) {
        let aliases: Vec<&str> = match expand {
            Expand::Url => vec!["protocol", "host", "port", "path"],
            Expand::Alias { to } => vec![&to.text],
            Expand::IdleTime => vec!["idling_timeout"],
            Expand::SameSite => vec!["cookie_same_site"],
            Expand::Ignored | Expand::Balancing | Expand::Hashing => Vec::new(),
        };
        let length = self.pointer.len();
        for alias in aliases {
            self.pointer.push('/');
            self.pointer.push_str(&alias.replace('.', "/"));
            origins.note(&self.pointer, span.line, span.column);
            self.pointer.truncate(length);
        }
    }

    /// Adds a step to the pointer (RFC 6901 section 3).
    fn step(&mut self, key: &str) {
        self.pointer.push('/');
        if key.contains(['~', '/']) {
            self.pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        } else {
            self.pointer.push_str(key);
        }
    }
}

/// What is done to values before they are kept.
fn transform(schema: &Entity, fields: &mut Map<String, Value>) {
    for transformation in &schema.transformations {
        match transformation.apply {
            Apply::BasicAuthPassword => hash_password(fields),
            Apply::CertificateDigest => {
                let digest =
                    fields.get("cert").and_then(Value::as_str).and_then(certificate_digest);
                fields.insert("cert_digest".to_owned(), digest.into());
            }
            // Secrets of OAuth 2 are hashed by the plugin, which knows its own parameters.
            Apply::Oauth2Secret => {}
        }
    }
}

/// Kong keeps targets with a port, and IPv6 addresses whole.
fn add_port(target: &mut Map<String, Value>) {
    if let Some(Value::String(address)) = target.get_mut("target")
        && let Some(whole) = target_with_port(address)
    {
        *address = whole;
    }
}

/// The hexadecimal SHA-1 of the password followed by the consumer's id, as Kong keeps it.
fn hash_password(fields: &mut Map<String, Value>) {
    let consumer = fields.get("consumer").and_then(|consumer| consumer["id"].as_str());
    let password = fields.get("password").and_then(Value::as_str);
    if let (Some(password), Some(consumer)) = (password, consumer) {
        let salted = format!("{password}{consumer}");
        let sha1 = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
        let digest = hex::encode(aws_lc_rs::digest::digest(sha1, salted.as_bytes()));
        fields.insert("password".to_owned(), digest.into());
    }
}

/// An entity that knows where it was written, and takes its last form.
trait Written {
    fn origins_mut(&mut self) -> &mut Origins;
}

macro_rules! written {
    ($($name:ident),+ $(,)?) => {$(
        impl Written for crate::entities::$name {
            fn origins_mut(&mut self) -> &mut Origins {
                &mut self.origins
            }
        }
    )+};
}

written!(
    CaCertificate,
    Certificate,
    Consumer,
    FilterChain,
    JwtSecret,
    Key,
    KeySet,
    KeyauthCredential,
    Parameter,
    Plugin,
    Route,
    Service,
    Sni,
    Target,
    Upstream,
    Vault,
    Workspace,
);
