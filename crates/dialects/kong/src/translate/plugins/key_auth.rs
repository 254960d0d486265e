//! `key-auth`: callers are known by a key that they send.

use serde_json::json;

use super::{Offer, Reader, identity_headers};

pub(super) const OFFER: Offer = Offer { plugin: "key-auth", kind: "key-auth", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    reader.copy_or("key_names", "names", json!([]));
    reader.copy_or("key_in_header", "in_header", true);
    reader.copy_or("key_in_query", "in_query", true);
    reader.copy_or("hide_credentials", "hide", false);
    reader.copy_or("realm", "realm", json!(null));
    reader.copy_or("run_on_preflight", "run_on_preflight", true);
    reader.copy_or("anonymous", "anonymous", json!(null));
    reader.config.insert("identity_headers".into(), identity_headers());
    if reader.is_on("key_in_body") {
        let message = "`key-auth`: `key_in_body` is not offered yet".to_owned();
        reader.unsupported("key_in_body", message, "let clients send the key in a header");
    }
}
