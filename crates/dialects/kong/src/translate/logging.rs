//! What logging plugins have in common: Kong's log record, and the queue before a sink.

use std::sync::Arc;

use model::{Fact, Shape};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::plugins::Reader;

/// The id of the workspace that every entity belongs to where there is no database.
pub(super) const WORKSPACE: &str = "0dc6f45b-8f8d-40d2-a504-473544ee190b";

/// The record that `kong.log.serialize` makes.
pub(super) fn record() -> Value {
    let shape = Shape::Object(members([
        ("request", request()),
        ("upstream_uri", or(Fact::UpstreamTarget, "")),
        ("upstream_status", or(Fact::UpstreamStatuses, "")),
        ("response", response()),
        ("latencies", latencies()),
        ("tries", tries()),
        ("authenticated_entity", object([("id", fact(Fact::CredentialId))])),
        ("route", fact(Fact::Route("route".into()))),
        ("service", fact(Fact::Route("service".into()))),
        ("consumer", fact(Fact::Principal)),
        ("client_ip", fact(Fact::ClientAddress)),
        ("started_at", fact(Fact::Started)),
        ("source", Shape::Lookup(Fact::Answered, table(&[("failure", "kong"), ("local", "kong")]))),
        ("workspace", constant(WORKSPACE)),
        ("workspace_name", constant("default")),
    ]));
    json!(shape)
}

/// An entity as log records show it: what is null is left out.
pub(super) fn describe(entity: &impl Serialize) -> Arc<str> {
    Value::Object(fields(entity)).to_string().into()
}

/// The same for an entity of which records show its workspace too.
pub(super) fn describe_in_workspace(entity: &impl Serialize) -> Arc<str> {
    let mut fields = fields(entity);
    fields.insert("ws_id".into(), WORKSPACE.into());
    Value::Object(fields).to_string().into()
}

fn fields(entity: &impl Serialize) -> Map<String, Value> {
    match json!(entity) {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}

/// The plugin's record and queue, and a refusal of what would have to be computed by scripts.
pub(super) fn translate(reader: &mut Reader<'_, '_>) {
    reader.config.insert("record".into(), record());
    let scripts = reader.get("custom_fields_by_lua").and_then(Value::as_object);
    if scripts.is_some_and(|scripts| !scripts.is_empty()) {
        let plugin = &reader.plugin.name;
        let message = format!("`{plugin}`: `custom_fields_by_lua` needs Lua, which is not run yet");
        reader.unsupported("custom_fields_by_lua", message, "remove the fields");
    }
}

/// Which severity a record has by its response's status, and which ones are told.
pub(super) fn severities(reader: &mut Reader<'_, '_>) {
    let fields = [
        ("log_level", "threshold"),
        ("successful_severity", "success"),
        ("client_errors_severity", "client_error"),
        ("server_errors_severity", "server_error"),
    ];
    for (field, to) in fields {
        reader.copy_or(field, to, "info");
    }
}

/// The queue's settings, which have Kong's names in the policy too.
pub(super) fn queue(reader: &mut Reader<'_, '_>) {
    let Some(Value::Object(given)) = reader.get("queue") else { return };
    let mut settings = Map::new();
    for name in QUEUE {
        let Some(value) = given.get(name).filter(|value| !value.is_null()) else { continue };
        settings.insert(name.to_owned(), value.clone());
        reader.stands(&format!("queue/{name}"), &format!("queue/{name}"));
    }
    reader.config.insert("queue".into(), settings.into());
}

const QUEUE: [&str; 8] = [
    "max_batch_size",
    "max_coalescing_delay",
    "max_entries",
    "max_bytes",
    "initial_retry_delay",
    "max_retry_delay",
    "max_retry_time",
    "concurrency_limit",
];

fn request() -> Shape {
    use Fact::{Host, ListenerPort, Scheme, Target, TlsCipher, TlsVersion};

    let url = [
        fact(Scheme),
        constant("://"),
        fact(Host),
        constant(":"),
        fact(ListenerPort),
        fact(Target),
    ];
    let verified = Shape::If(TlsVersion, Box::new(constant("NONE")));
    object([
        ("id", fact(Fact::RequestId)),
        ("uri", fact(Target)),
        ("url", Shape::Joined(url.into())),
        ("querystring", fact(Fact::Query)),
        ("method", fact(Fact::Method)),
        ("headers", or(Fact::RequestHeaders, json!({}))),
        ("size", fact(Fact::RequestSize)),
        (
            "tls",
            object([
                ("version", fact(TlsVersion)),
                ("cipher", Shape::Lookup(TlsCipher, table(&OPENSSL))),
                ("client_verify", verified),
            ]),
        ),
    ])
}

fn response() -> Shape {
    let connection = ("connection".to_owned(), fact(Fact::ConnectionFate));
    object([
        ("status", fact(Fact::Status)),
        ("headers", Shape::Fields(Fact::ResponseHeaders, vec![connection])),
        ("size", fact(Fact::ResponseSize)),
    ])
}

fn latencies() -> Shape {
    object([
        ("kong", fact(Fact::GatewayLatency)),
        ("proxy", or(Fact::UpstreamLatency, -1)),
        ("request", fact(Fact::TotalLatency)),
        ("receive", fact(Fact::ReceiveLatency)),
    ])
}

/// Choosing a target takes less than the clock shows. Where a service was to be asked and none of
/// its targets was, Kong writes an empty table, which is an object.
fn tries() -> Shape {
    let one = object([
        ("ip", fact(Fact::TryAddress)),
        ("port", fact(Fact::TryPort)),
        ("balancer_start", fact(Fact::TryStarted)),
        ("balancer_start_ns", fact(Fact::TryStartedNanoseconds)),
        ("balancer_latency", constant(0)),
        ("balancer_latency_ns", constant(0)),
        ("state", Shape::If(Fact::TryFailure, Box::new(constant("failed")))),
        ("code", fact(Fact::TryFailure)),
    ]);
    let none = Shape::If(Fact::Route("service".into()), Box::new(constant(json!({}))));
    Shape::FirstOf(vec![Shape::Tries(Box::new(one)), none])
}

/// What OpenSSL, and with it Kong, calls the cipher suites of TLS 1.2.
const OPENSSL: [(&str, &str); 6] = [
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
];

fn members<const N: usize>(members: [(&str, Shape); N]) -> Vec<(String, Shape)> {
    members.map(|(name, shape)| (name.to_owned(), shape)).into()
}

fn object<const N: usize>(shapes: [(&str, Shape); N]) -> Shape {
    Shape::Object(members(shapes))
}

fn fact(fact: Fact) -> Shape {
    Shape::Fact(fact)
}

fn constant(value: impl Into<Value>) -> Shape {
    Shape::Constant(value.into())
}

fn or(first: Fact, otherwise: impl Into<Value>) -> Shape {
    Shape::FirstOf(vec![fact(first), constant(otherwise)])
}

fn table(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, Value> {
    pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).into())).collect()
}
