//! `loggly`: records are told to Loggly, a system log that knows its customers by a key.

use serde_json::{Value, json};

use super::super::logging;
use super::{Offer, Reader};

pub(super) const OFFER: Offer = Offer { plugin: "loggly", kind: "syslog", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    let host = reader.text("host").unwrap_or("logs-01.loggly.com");
    let port = reader.get("port").and_then(Value::as_u64).unwrap_or(514);
    reader.stands("host", "to/udp/host");
    reader.stands("port", "to/udp/port");
    reader.config.insert("to".into(), json!({ "udp": { "host": host, "port": port } }));
    reader.config.insert("format".into(), "rfc5424".into());
    reader.config.insert("ident".into(), "kong".into());
    let data = structured_data(reader);
    reader.set("key", "structured_data", data);
    reader.milliseconds("timeout", "timeout_ms", 10_000);
    logging::severities(reader);
    logging::translate(reader);
}

/// The customer's key and tags, at Loggly's enterprise number.
fn structured_data(reader: &mut Reader<'_, '_>) -> String {
    let key = reader.secret("key").unwrap_or_default();
    let tags = reader.get("tags").and_then(Value::as_array).into_iter().flatten();
    let tags = tags.filter_map(Value::as_str).map(|tag| format!(" tag=\"{tag}\""));
    format!("[{key}@41058{}]", tags.collect::<String>())
}
