//! Plugins as policies: one file for each that is offered, found by the build script.

use std::collections::BTreeMap;

use config::Finding;
use model::{Origin, Policy, PolicyId};
use serde_json::{Map, Value};

use super::routes::is_http;
use super::{Context, codes, named};
use crate::entities::Plugin;

include!(concat!(env!("OUT_DIR"), "/plugins.rs"));

/// How a plugin of Kong's is offered.
struct Offer {
    /// Kong's name of it.
    plugin: &'static str,
    /// The kind of policy that does the same.
    kind: &'static str,
    /// Makes the policy's configuration out of the plugin's.
    translate: fn(&mut Reader<'_, '_>),
}

/// Whether a plugin can run here.
pub(crate) fn is_offered(plugin: &str) -> bool {
    offer(plugin).is_some()
}

/// A plugin in force, and the policy that it becomes.
pub(super) struct InForce<'c> {
    /// The plugin.
    pub(super) plugin: &'c Plugin,
    /// Its policy.
    pub(super) policy: PolicyId,
}

/// The policies of the plugins that are in force for HTTP requests.
pub(super) fn policies<'c>(context: &mut Context<'c>) -> (Vec<Policy>, Vec<InForce<'c>>) {
    let (mut policies, mut in_force) = (Vec::new(), Vec::new());
    for plugin in &context.entities.plugins {
        check_enabled(plugin, context);
        let runs = plugin.enabled && plugin.protocols.iter().any(|protocol| is_http(*protocol));
        // A plugin that is not offered has been refused or left out by the reader.
        if let Some(offer) = offer(&plugin.name).filter(|_| runs) {
            let policy = policy(offer, plugin, context);
            in_force.push(InForce { plugin, policy: policy.id.clone() });
            policies.push(policy);
        }
    }
    (policies, in_force)
}

/// Whether a policy writes down what routes and consumers are called.
pub(super) fn writes_records(policy: &Policy) -> bool {
    policy.config.get("record").is_some() || policy.kind == "statsd"
}

fn offer(plugin: &str) -> Option<&'static Offer> {
    OFFERS.iter().find(|offer| offer.plugin == plugin)
}

fn policy(offer: &Offer, plugin: &Plugin, context: &mut Context<'_>) -> Policy {
    let (config, origins) = (Map::new(), BTreeMap::new());
    let mut reader = Reader { plugin, context, config, origins };
    (offer.translate)(&mut reader);
    Policy {
        id: named("plugin", &plugin.id).into(),
        kind: offer.kind.into(),
        name: plugin.name.clone(),
        config: Value::Object(reader.config),
        origins: reader.origins,
        origin: plugin.origins.entity().clone(),
    }
}

/// Holds a plugin against the property `plugins`.
fn check_enabled(plugin: &Plugin, context: &mut Context<'_>) {
    let names = &context.settings.plugins;
    // All that is offered comes with Kong.
    if names.bundled || names.names.contains(&plugin.name) {
        return;
    }
    let name = &plugin.name;
    let message = format!("the plugin `{name}` is not among those of the property `plugins`");
    context.findings.push(
        Finding::new(&codes::PLUGIN_NOT_ENABLED, message)
            .at(plugin.origins.at("/name"))
            .also(names.origin.clone(), "these may be used")
            .help(format!("add `{name}` or `bundled` to the property")),
    );
}

/// Reads a plugin's configuration, and writes the policy's. What the schema takes and the policy
/// does not is a finding.
pub(super) struct Reader<'r, 'c> {
    pub(super) plugin: &'r Plugin,
    pub(super) context: &'r mut Context<'c>,
    pub(super) config: Map<String, Value>,
    origins: BTreeMap<String, Origin>,
}

impl<'r> Reader<'r, '_> {
    /// The value of a field; `None` for one that is `null`. `field` is a JSON pointer without its
    /// first slash.
    pub(super) fn get(&self, field: &str) -> Option<&'r Value> {
        self.plugin.config.pointer(&format!("/{field}")).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, field: &str) -> Option<&'r str> {
        self.get(field)?.as_str()
    }

    pub(super) fn is_on(&self, field: &str) -> bool {
        self.get(field).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Where a field stands, or what surrounds it.
    pub(super) fn origin(&self, field: &str) -> Origin {
        self.plugin.origins.at(&format!("/config/{field}"))
    }

    /// Whether somebody wrote the field.
    pub(super) fn is_written(&self, field: &str) -> bool {
        self.plugin.origins.written(&format!("/config/{field}")).is_some()
    }

    /// A text that may refer to a vault.
    pub(super) fn secret(&mut self, field: &str) -> Option<String> {
        let (text, origin) = (self.text(field)?, self.origin(field));
        Some(self.context.vaults.resolve(text, &origin, self.context.findings))
    }

    /// The texts of a map, each of which may refer to a vault.
    pub(super) fn secrets(&mut self, field: &str) -> Map<String, Value> {
        let Some(Value::Object(texts)) = self.get(field) else { return Map::new() };
        let names = texts.keys().map(|name| {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            let text = self.secret(&format!("{field}/{escaped}")).unwrap_or_default();
            (name.clone(), text.into())
        });
        names.collect()
    }

    /// Gives the policy a number of milliseconds, whole and not negative.
    fn milliseconds(&mut self, field: &str, to: &str, otherwise: u64) {
        let given = self.get(field).and_then(Value::as_f64);
        // Saturates: no wait is that long.
        let milliseconds = given.map_or(otherwise, |number| number.max(0.0).ceil() as u64);
        self.set(field, to, milliseconds);
    }

    /// Gives the policy a value that stands in the plugin's field.
    fn set(&mut self, field: &str, to: &str, value: impl Into<Value>) {
        self.stands(field, to);
        self.config.insert(to.to_owned(), value.into());
    }

    /// Notes that a value of the policy stands in the plugin's field, if somebody wrote it.
    pub(super) fn stands(&mut self, field: &str, to: &str) {
        if let Some(origin) = self.plugin.origins.written(&format!("/config/{field}")) {
            self.origins.insert(format!("/{to}"), origin);
        }
    }

    /// Remembers that a value of the policy was given outside of all documents, and where.
    pub(super) fn stands_at(&mut self, source: &str, to: &str) {
        self.origins.insert(format!("/{to}"), Origin::document(source));
    }

    /// Gives the policy a field as it is; one that is `null` becomes the other value.
    pub(super) fn copy_or(&mut self, field: &str, to: &str, otherwise: impl Into<Value>) {
        let value = self.get(field).cloned().unwrap_or_else(|| otherwise.into());
        self.set(field, to, value);
    }

    /// Gives the policy a status, which is that of an error, from the plugin's field. Kong's schema
    /// takes any number.
    fn status(&mut self, field: &str, otherwise: u16) {
        self.status_from(400, "is no status of an error", field, otherwise);
    }

    /// The same for one that may be that of any answer but an interim one.
    fn final_status(&mut self, field: &str, otherwise: u16) -> u16 {
        self.status_from(200, "leaves the client waiting for an answer", field, otherwise)
    }

    fn status_from(&mut self, least: u16, wrong: &str, field: &str, otherwise: u16) -> u16 {
        let code = self.get(field).and_then(Value::as_f64).unwrap_or(otherwise.into());
        let found = (least..600).find(|status| f64::from(*status) == code);
        if found.is_none() {
            let message = format!("`{}`: {code} {wrong}", self.plugin.name);
            self.unsupported(field, message, &format!("write a status from {least} to 599"));
        }
        let status = found.unwrap_or(otherwise);
        self.set(field, "status", status);
        status
    }

    /// Says that a field asks for something that is not offered.
    pub(super) fn unsupported(&mut self, field: &str, message: String, help: &str) {
        let finding = Finding::new(&codes::PLUGIN_OPTION, message);
        self.context.findings.push(finding.at(self.origin(field)).help(help));
    }
}

/// The headers by which Kong tells upstreams who calls.
fn identity_headers() -> Value {
    use model::{Template, Var};

    let headers = [
        ("X-Consumer-ID", Var::PrincipalId),
        ("X-Consumer-Custom-ID", Var::PrincipalExternalId),
        ("X-Consumer-Username", Var::PrincipalName),
        ("X-Credential-Identifier", Var::CredentialKey),
        ("X-Anonymous-Consumer", Var::Anonymous),
    ];
    let headers = headers
        .into_iter()
        .map(|(name, var)| serde_json::json!({ "name": name, "value": Template::var(var) }));
    headers.collect()
}
