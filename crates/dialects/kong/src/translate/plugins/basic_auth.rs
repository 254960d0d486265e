//! `basic-auth`: callers are known by a name and a password.

use serde_json::{Value, json};

use super::{Offer, Reader, identity_headers};

pub(super) const OFFER: Offer = Offer { plugin: "basic-auth", kind: "basic-auth", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    reader.config.insert("headers".into(), json!(["proxy-authorization", "authorization"]));
    reader.copy_or("hide_credentials", "hide", false);
    reader.copy_or("realm", "realm", "service");
    reader.copy_or("anonymous", "anonymous", Value::Null);
    reader.config.insert("identity_headers".into(), identity_headers());
}
