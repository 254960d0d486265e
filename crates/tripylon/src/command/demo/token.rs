//! A token for the sample (RFC 7519).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// How long a token is good.
const LIFETIME: Duration = Duration::from_hours(24);

/// A token of this issuer that is good for a day, signed with HMAC and SHA-256 (RFC 7518 section 3.2).
pub(super) fn sign(issuer: &str, secret: &str, now: SystemTime) -> String {
    let expires = now.duration_since(UNIX_EPOCH).unwrap_or_default() + LIFETIME;
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"alg": "HS256", "typ": "JWT"}));
    let claims = part(json!({"iss": issuer, "exp": expires.as_secs()}));
    let signed = format!("{header}.{claims}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_claims_that_its_signature_covers() {
        let token = sign("demo", "secret", UNIX_EPOCH);
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        assert!(hmac::verify(&key, signed.as_bytes(), &signature).is_ok());
        let claims = URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).expect("claims"));
        let claims: Value = serde_json::from_slice(&claims.expect("base64")).expect("JSON");
        assert_eq!(claims, json!({"iss": "demo", "exp": 86400}));
    }
}
