//! What plugins that send numbers to StatsD servers have in common.

use model::{Fact, Shape};
use serde_json::{Value, json};

use super::plugins::Reader;

/// A metric of a plugin: its name behind the scope, and its value. None for what is not counted
/// of single requests.
pub(super) fn measured(metric: &str) -> Option<(&'static str, Shape)> {
    Some(match metric {
        "request_count" => ("request.count", Shape::Constant(1.into())),
        "request_size" => ("request.size", Shape::Fact(Fact::RequestSize)),
        "response_size" => ("response.size", Shape::Fact(Fact::ResponseSize)),
        "latency" => ("latency", Shape::Fact(Fact::TotalLatency)),
        "upstream_latency" => ("upstream_latency", Shape::Fact(Fact::UpstreamLatency)),
        "kong_latency" => ("kong_latency", Shape::Fact(Fact::GatewayLatency)),
        _ => return None,
    })
}

/// What StatsD calls a type.
pub(super) fn kind(stat_type: Option<&Value>) -> &'static str {
    match stat_type.and_then(Value::as_str) {
        Some("gauge") => "g",
        Some("timer") => "ms",
        Some("histogram") => "h",
        Some("meter") => "m",
        Some("set") => "s",
        Some("distribution") => "d",
        _ => "c",
    }
}

/// Who calls, as the option names it.
pub(super) fn consumer(identifier: &str) -> Shape {
    match identifier {
        "consumer_id" => replace(Shape::Fact(Fact::PrincipalId), "-"),
        "username" => Shape::Fact(Fact::PrincipalName),
        _ => Shape::Fact(Fact::PrincipalExternalId),
    }
}

/// The fact of which [`consumer`] makes a text.
pub(super) fn consumer_fact(identifier: &str) -> Fact {
    match identifier {
        "consumer_id" => Fact::PrincipalId,
        "username" => Fact::PrincipalName,
        _ => Fact::PrincipalExternalId,
    }
}

/// The text with `_` for each of these characters.
pub(super) fn replace(shape: Shape, character: &str) -> Shape {
    Shape::Replace(Box::new(shape), character.into(), "_".into())
}

/// Where the server is.
pub(super) fn place(reader: &mut Reader<'_, '_>) {
    let host = reader.secret("host").unwrap_or_else(|| "localhost".to_owned());
    reader.stands("host", "host");
    reader.config.insert("host".into(), host.into());
    reader.copy_or("port", "port", 8125);
}

/// A metric of the policy.
pub(super) fn metric(
    name: Shape,
    value: Shape,
    kind: &str,
    rate: Option<&Value>,
    tags: &[(String, Shape)],
) -> Value {
    json!({ "name": name, "value": value, "type": kind, "rate": rate, "tags": tags })
}
