//! Attacks on tokens, each by its number in the list of security cases.

use serde_json::{Value, json};

use super::NAME;
use super::signing::{Signer, encode, pem};
use crate::testing::{Gateway, answer};

/// The answer to a request for this query with these `Authorization` values, from a gateway that
/// knows one credential, `k`; `ok` if the caller is known.
fn ask(credential: Value, config: Value, query: &str, authorization: &[&str]) -> String {
    let mut gateway = Gateway::new();
    let principal = gateway.principal("p");
    gateway.credential(NAME, "k", principal, credential);
    let filter = gateway.start(NAME, config);
    let mut exchange = gateway.exchange();
    exchange.request.set_target(&format!("/{query}"), "/");
    for value in authorization {
        exchange.request.headers.push("Authorization", value);
    }
    match answer(&filter, &mut exchange) {
        None => {
            assert!(exchange.caller.is_some_and(|caller| !caller.anonymous));
            "ok".to_owned()
        }
        Some(reply) => {
            assert_eq!(reply.status, 401);
            assert_eq!(exchange.caller, None);
            reply.reason.into_owned()
        }
    }
}

fn bearer(credential: Value, token: &str) -> String {
    ask(credential, json!({}), "", &[&format!("Bearer {token}")])
}

fn secret() -> Value {
    Signer::new("HS256").credential()
}

fn token(claims: Value) -> String {
    Signer::new("HS256").sign(&claims)
}

#[test]
fn sec_105_unsigned_tokens() {
    for none in ["none", "None", "nOnE", "NONE"] {
        let unsigned =
            format!("{}.{}.", encode(&format!(r#"{{"alg":"{none}"}}"#)), encode(r#"{"iss":"k"}"#));
        assert_eq!(bearer(secret(), &unsigned), "jwt/malformed");
    }
    let (unsigned, _) =
        token(json!({"iss": "k"})).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.len())).unwrap();
    assert_eq!(bearer(secret(), &format!("{unsigned}.")), "jwt/malformed");
}

#[test]
fn sec_106_a_public_key_taken_for_a_secret() {
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let credential = Signer::new(algorithm).credential();
        let public_key = credential["public_key"].as_str().unwrap().to_owned();
        for secret in [public_key.as_str(), public_key.trim_end()] {
            let forged = Signer::secret(secret.as_bytes()).sign(&json!({"iss": "k"}));
            assert_eq!(bearer(credential.clone(), &forged), "jwt/algorithm");
        }
    }
}

#[test]
fn sec_107_a_key_inside_the_token() {
    let header = r#"{"alg":"HS256","jwk":{"kty":"oct","k":"YW5vdGhlciBzZWNyZXQ"}}"#;
    let forged = Signer::other("HS256").sign_text(header, r#"{"iss":"k"}"#);
    assert_eq!(bearer(secret(), &forged), "jwt/signature");
}

/// Nothing here can fetch anything: the filter answers at once and has no socket.
#[test]
fn sec_108_a_key_somewhere_else() {
    for name in ["jku", "x5u"] {
        let header = format!(r#"{{"alg":"HS256","{name}":"http://127.0.0.1:1/"}}"#);
        let forged = Signer::other("HS256").sign_text(&header, r#"{"iss":"k"}"#);
        assert_eq!(bearer(secret(), &forged), "jwt/signature");
    }
}

#[test]
fn sec_109_key_names_that_mean_something_elsewhere() {
    let long = "k".repeat(64 * 1024);
    for (kid, reason) in [
        ("../../../../dev/null", "jwt/unknown-key"),
        ("' OR 1=1 --", "jwt/unknown-key"),
        (long.as_str(), "jwt/malformed"),
    ] {
        let forged = Signer::secret(b"").sign(&json!({"kid": kid}));
        let authorization = format!("Bearer {forged}");
        let config = json!({"key_claim": "kid"});
        assert_eq!(ask(secret(), config, "", &[&authorization]), reason);
    }
}

#[test]
fn sec_110_the_signature_of_zeros() {
    for (algorithm, len) in [("ES256", 64), ("ES384", 96), ("ES512", 132)] {
        use base64::Engine;
        let zeros = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(vec![0; len]);
        let head = encode(&json!({"alg": algorithm}).to_string());
        let forged = format!("{head}.{}.{zeros}", encode(r#"{"iss":"k"}"#));
        assert_eq!(bearer(Signer::new(algorithm).credential(), &forged), "jwt/signature");
    }
}

#[test]
fn sec_111_times_that_do_not_hold() {
    let config = json!({"verify": ["exp", "nbf"]});
    let payloads = [
        (r#"{"iss":"k","nbf":1,"exp":1}"#, "jwt/claims"),
        (r#"{"iss":"k","nbf":1,"exp":"4102444800"}"#, "jwt/claims"),
        (r#"{"iss":"k","nbf":1,"exp":1e400}"#, "jwt/malformed"),
        (r#"{"iss":"k","nbf":1,"exp":NaN}"#, "jwt/malformed"),
        (r#"{"iss":"k","nbf":4102444800,"exp":4102444801}"#, "jwt/claims"),
        (r#"{"iss":"k","nbf":1}"#, "jwt/claims"),
    ];
    for (payload, reason) in payloads {
        let signed = Signer::new("HS256").sign_text(r#"{"alg":"HS256"}"#, payload);
        let answer = ask(secret(), config.clone(), "", &[&format!("Bearer {signed}")]);
        assert_eq!(answer, reason, "{payload}");
    }
}

/// The issuer is compared byte by byte. (Audiences are not a matter of this kind.)
#[test]
fn sec_112_nearly_the_right_issuer() {
    for issuer in ["k/", "K", "k ", " k", "k\u{0}"] {
        assert_eq!(bearer(secret(), &token(json!({"iss": issuer}))), "jwt/unknown-key");
    }
    assert_eq!(bearer(secret(), &token(json!({"iss": ["k"]}))), "jwt/invalid-key-claim");
}

/// A token of a caller that another gateway knows.
#[test]
fn sec_113_a_token_of_another_realm() {
    let foreign = Signer::other("HS256").sign(&json!({"iss": "k"}));
    assert_eq!(bearer(secret(), &foreign), "jwt/signature");
}

#[test]
fn sec_114_names_that_occur_twice() {
    for header in [r#"{"alg":"HS256","alg":"none"}"#, r#"{"alg":"none","\u0061lg":"HS256"}"#] {
        let forged = Signer::new("HS256").sign_text(header, r#"{"iss":"k"}"#);
        assert_eq!(bearer(secret(), &forged), "jwt/malformed");
    }
    let forged = Signer::new("HS256").sign_text(r#"{"alg":"HS256"}"#, r#"{"iss":"k","iss":"k"}"#);
    assert_eq!(bearer(secret(), &forged), "jwt/malformed");
}

#[test]
fn sec_115_two_tokens() {
    let good = token(json!({"iss": "k"}));
    let answer = |query: &str, header: &str| {
        ask(secret(), json!({}), &format!("?jwt={query}"), &[&format!("Bearer {header}")])
    };
    assert_eq!(answer(&good, "bad"), "jwt/multiple");
    assert_eq!(answer("bad", &good), "jwt/multiple");
    assert_eq!(answer(&good, &good), "ok");
    let authorization = [format!("Bearer {good}"), "Bearer bad".to_owned()];
    let authorization = [authorization[0].as_str(), authorization[1].as_str()];
    assert_eq!(ask(secret(), json!({}), "", &authorization), "jwt/multiple");
}

#[test]
fn sec_116_other_spellings_of_base64() {
    let good = token(json!({"iss": "k"}));
    assert_eq!(bearer(secret(), &good), "ok");
    let (signed, signature) = good.rsplit_once('.').unwrap();
    for other in [format!("{signature}="), format!("{signature}."), format!("+/{signature}")] {
        assert_eq!(bearer(secret(), &format!("{signed}.{other}")), "jwt/malformed");
    }
    // The last digit of 32 bytes carries two bits that nothing reads: only one spelling counts.
    let last = signature.as_bytes()[signature.len() - 1];
    let twin = char::from(if last == b'A' { b'B' } else { last + 1 });
    let twin = format!("{signed}.{}{twin}", &signature[..signature.len() - 1]);
    assert_ne!(bearer(secret(), &twin), "ok");
}

#[test]
fn sec_118_refusals_give_nothing_away() {
    let mut gateway = Gateway::new();
    let principal = gateway.principal("p");
    gateway.credential(NAME, "k", principal, json!({"secret": "hush-hush"}));
    let filter = gateway.start(NAME, json!({}));
    for claims in [json!({"iss": "unknown-issuer"}), json!({"iss": "k"})] {
        let mut exchange = gateway.exchange();
        let authorization = format!("Bearer {}", token(claims));
        exchange.request.headers.push("Authorization", authorization);
        let reply = format!("{:?}", answer(&filter, &mut exchange).unwrap());
        for secret in ["hush-hush", "unknown-issuer", "id-k"] {
            assert!(!reply.contains(secret), "{reply}");
        }
    }
    let problems = gateway.credential_problems(
        NAME,
        json!({"algorithm": "RS256", "public_key": pem("PRIVATE KEY", b"hush-hush"), "secret": "s3cr3t"}),
    );
    assert!(!format!("{problems:?}").contains("s3cr3t"), "{problems:?}");
}
