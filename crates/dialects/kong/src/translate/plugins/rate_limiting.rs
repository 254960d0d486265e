//! `rate-limiting`: how many requests a caller may send.

use serde_json::{Value, json};

use super::super::redis;
use super::{Offer, Reader};
use crate::entities::Reference;

pub(super) const OFFER: Offer =
    Offer { plugin: "rate-limiting", kind: "rate-limit", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    limits(reader);
    by(reader);
    let scope = scope(reader);
    reader.config.insert("scope".into(), scope.into());
    let store = match reader.text("policy") {
        Some("redis") => redis::store(reader),
        _ => json!({ "kind": "local" }),
    };
    reader.config.insert("store".into(), store);
    reader.stands("policy", "store/kind");
    reader.copy_or("fault_tolerant", "fault_tolerant", true);
    reader.copy_or("hide_client_headers", "hide_headers", false);
    reader.copy_or("error_message", "message", "API rate limit exceeded");
    reader.status("error_code", 429);
    reader.config.insert("headers".into(), headers());
}

const PERIODS: [&str; 6] = ["second", "minute", "hour", "day", "month", "year"];

/// Kong lets a request through as long as the limit is not used up, so that a part of one counts
/// as one.
fn limits(reader: &mut Reader<'_, '_>) {
    let mut limits = Vec::new();
    for period in PERIODS {
        let Some(limit) = reader.get(period).and_then(Value::as_f64) else { continue };
        // Saturates: no counter comes that far.
        let limit = limit.ceil() as u64;
        reader.stands(period, &format!("limits/{}", limits.len()));
        limits.push(json!({ "period": period, "limit": limit }));
    }
    reader.config.insert("limits".into(), limits.into());
}

fn by(reader: &mut Reader<'_, '_>) {
    reader.stands("limit_by", "by/kind");
    reader.stands("header_name", "by/name");
    reader.stands("path", "by/path");
    let by = match reader.text("limit_by") {
        Some("credential") => json!({ "kind": "credential" }),
        Some("ip") => json!({ "kind": "address" }),
        Some("service") => json!({ "kind": "service" }),
        Some("header") => json!({ "kind": "header", "name": reader.text("header_name") }),
        Some("path") => json!({ "kind": "path", "path": reader.text("path") }),
        Some("consumer-group") => json!({ "kind": "group" }),
        _ => json!({ "kind": "principal" }),
    };
    reader.config.insert("by".into(), by);
}

/// Kong's counters are named by the ids of the route and the service that the plugin belongs to,
/// so that both gateways can count in one Redis.
fn scope(reader: &Reader<'_, '_>) -> String {
    let id = |reference: &Option<Reference>| {
        reference.as_ref().map_or(NOBODY, |reference| reference.id.as_str()).to_owned()
    };
    format!("{}:{}", id(&reader.plugin.route), id(&reader.plugin.service))
}

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// The headers by which Kong tells clients about limits.
fn headers() -> Value {
    json!({
        "limit": "X-RateLimit-Limit-{Period}",
        "remaining": "X-RateLimit-Remaining-{Period}",
        "window_limit": "RateLimit-Limit",
        "window_remaining": "RateLimit-Remaining",
        "window_reset": "RateLimit-Reset",
        "retry_after": "Retry-After",
    })
}
