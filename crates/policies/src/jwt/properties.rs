//! What holds of every token, as a function that panics where it does not: for property tests, and
//! for the fuzzer.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde_json::json;

use super::key::{Algorithm, Key};
use super::token::{Scratch, Token};

/// A token that is read is what another reader finds in the same text, and it is verified only with
/// a signature that is computed anew.
pub fn token(text: &[u8]) {
    let mut scratch = Scratch::default();
    let Ok(token) = Token::parse(text, "iss", &mut scratch) else { return };
    let parts: Vec<&[u8]> = text.split(|byte| *byte == b'.').collect();
    let [header, payload, signature] = parts.as_slice() else { panic!("a token has three parts") };
    let json = |part: &[u8]| -> Option<serde_json::Value> {
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("a part is base64url");
        let _: IgnoredAny = serde_json::from_slice(&bytes).expect("a part is JSON");
        // What is JSON by its grammar but cannot be held, such as half a surrogate pair or a number
        // beyond all bounds, may stand where nobody looks.
        serde_json::from_slice(&bytes).ok()
    };
    let (Some(header_json), Some(payload_json)) = (json(header), json(payload)) else { return };
    let named = header_json["alg"].as_str().and_then(Algorithm::parse);
    assert_eq!(named, Some(token.jws.algorithm));
    assert!(header_json.get("crit").is_none());
    let key = payload_json.get("iss").or_else(|| header_json.get("iss")).filter(|_| payload_json.is_object());
    assert_eq!(key.is_some(), token.key.is_some());
    assert_eq!(key.and_then(|key| key.as_str()), token.key.as_ref().and_then(|key| key.text()));

    let data = json!({"algorithm": "HS256", "secret": SECRET});
    let data = serde_json::from_value(data).expect("a credential's data");
    let Ok(key) = Key::prepare(&data) else { panic!("the secret can be used") };
    let signed = [header, &b"."[..], payload].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), &signed);
    let is_right = URL_SAFE_NO_PAD.encode(tag).as_bytes() == *signature;
    assert_eq!(key.verify(&token.jws, false).is_ok(), is_right);
}

/// The secret of the seeds.
const SECRET: &str = "a secret that everybody knows";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signed(header: &str, payload: &str) -> String {
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    const HEADERS: [&str; 6] = [
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS256","iss":"a","typ":"JWT"}"#,
        r#"{"alg":"none"}"#,
        r#"{"alg":"HS256","alg":"RS256"}"#,
        r#" {"\u0061lg":"HS512","x":[1,{}]} "#,
        r#"{"alg":"HS256","crit":["exp"]}"#,
    ];
    const PAYLOADS: [&str; 5] =
        [r#"{"iss":"a","exp":1}"#, r#"{"iss":5,"nbf":-1e3}"#, "[]", r#"{"iss":"\ud83d\ude00"}"#, "{}"];

    proptest! {
        #[test]
        fn tokens_and_what_nearly_is_one(
            header in prop::sample::select(&HEADERS[..]),
            payload in prop::sample::select(&PAYLOADS[..]),
            at in any::<prop::sample::Index>(),
            byte in prop::option::of(any::<u8>()),
        ) {
            let mut text = signed(header, payload).into_bytes();
            if let Some(byte) = byte {
                let at = at.index(text.len());
                text[at] = byte;
            }
            token(&text);
        }
    }
}
