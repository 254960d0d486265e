//! Tokens for tests, signed however a test wants them.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A token with these claims, signed with HS256.
pub fn hs256(claims: &Value, secret: &[u8]) -> String {
    signed(&json!({"alg": "HS256", "typ": "JWT"}).to_string(), claims, secret)
}

/// A token with this text as its header, signed with HMAC-SHA-256 whatever the header says.
pub fn signed(header: &str, claims: &Value, secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let content = unsigned(header, claims);
    let signature = hmac::sign(&key, content.as_bytes());
    format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token's header and claims, without the second dot.
pub fn unsigned(header: &str, claims: &Value) -> String {
    let claims = claims.to_string();
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}
