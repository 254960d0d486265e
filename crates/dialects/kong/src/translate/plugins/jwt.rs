//! `jwt`: callers are known by a signed token.

use serde_json::json;

use super::{Offer, Reader, identity_headers};

pub(super) const OFFER: Offer = Offer { plugin: "jwt", kind: "jwt", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    reader.copy_or("uri_param_names", "query", json!([]));
    reader.copy_or("cookie_names", "cookies", json!([]));
    reader.copy_or("header_names", "headers", json!([]));
    reader.copy_or("key_claim_name", "key_claim", "iss");
    reader.copy_or("secret_is_base64", "secret_base64", false);
    reader.copy_or("claims_to_verify", "verify", json!([]));
    reader.copy_or("maximum_expiration", "maximum_expiration", 0);
    reader.copy_or("realm", "realm", json!(null));
    reader.copy_or("run_on_preflight", "run_on_preflight", true);
    reader.copy_or("anonymous", "anonymous", json!(null));
    reader.config.insert("identity_headers".into(), identity_headers());
}
