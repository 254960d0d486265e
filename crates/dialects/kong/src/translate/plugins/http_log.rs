//! `http-log`: records are sent to an HTTP endpoint.

use serde_json::{Map, Value};

use super::super::logging;
use super::{Offer, Reader};

pub(super) const OFFER: Offer = Offer { plugin: "http-log", kind: "http-log", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    let url = reader.secret("http_endpoint").unwrap_or_default();
    reader.set("http_endpoint", "url", url);
    reader.copy_or("method", "method", "POST");
    reader.copy_or("content_type", "content_type", "application/json");
    reader.milliseconds("timeout", "timeout_ms", 10_000);
    reader.milliseconds("keepalive", "keepalive_ms", 60_000);
    reader.config.insert("verify".into(), false.into());
    headers(reader);
    logging::queue(reader);
    logging::translate(reader);
}

/// An endpoint sees the user agent that Kong's HTTP client has, unless the plugin names another.
fn headers(reader: &mut Reader<'_, '_>) {
    let mut headers = reader.secrets("headers");
    if !headers.keys().any(|name| name.eq_ignore_ascii_case("user-agent")) {
        headers.insert("User-Agent".into(), USER_AGENT.into());
    }
    reader.stands("headers", "headers");
    reader.config.insert("headers".into(), Value::Object(Map::from_iter(headers)));
}

const USER_AGENT: &str = "lua-resty-http/0.17.2 (Lua) ngx_lua/10026";
