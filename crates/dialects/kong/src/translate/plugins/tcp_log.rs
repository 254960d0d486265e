//! `tcp-log`: records are sent over TCP or TLS.

use serde_json::json;

use super::super::logging;
use super::{Offer, Reader};

pub(super) const OFFER: Offer = Offer { plugin: "tcp-log", kind: "tcp-log", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    reader.copy_or("host", "host", "");
    reader.copy_or("port", "port", 0);
    reader.milliseconds("timeout", "timeout_ms", 10_000);
    reader.milliseconds("keepalive", "keepalive_ms", 60_000);
    if reader.is_on("tls") {
        let name = reader.text("tls_sni");
        reader.stands("tls_sni", "tls/server_name");
        reader.config.insert("tls".into(), json!({ "server_name": name, "verify": false }));
    }
    logging::translate(reader);
}
