//! `hmac-auth`: callers are known by a signature over parts of the request.

use serde_json::{Value, json};

use super::{Offer, Reader, identity_headers};

pub(super) const OFFER: Offer = Offer { plugin: "hmac-auth", kind: "hmac-auth", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    reader.config.insert("headers".into(), json!(["proxy-authorization", "authorization"]));
    reader.copy_or("clock_skew", "clock_skew", 300);
    reader.copy_or("enforce_headers", "enforce", json!([]));
    reader.copy_or("algorithms", "algorithms", json!(ALGORITHMS));
    reader.copy_or("hide_credentials", "hide", false);
    reader.copy_or("realm", "realm", Value::Null);
    reader.copy_or("anonymous", "anonymous", Value::Null);
    reader.config.insert("identity_headers".into(), identity_headers());
    if reader.is_on("validate_request_body") {
        let message = "`hmac-auth`: `validate_request_body` is not offered yet".to_owned();
        let help = "let the service verify `Digest`, or sign the length of the body";
        reader.unsupported("validate_request_body", message, help);
    }
}

/// Those of Kong, for `algorithms: null`.
const ALGORITHMS: [&str; 4] = ["hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"];
