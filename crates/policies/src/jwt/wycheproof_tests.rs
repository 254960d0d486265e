//! The signature vectors of project Wycheproof (`testdata/wycheproof`, SEC-117).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::key::Key;
use super::signing::{decode, pem, try_decode};
use super::token::Jws;

/// Vectors whose result is not ours, by comment, and why.
const STATED: [(&str, &str); 8] = [
    (
        "key_too_short",
        "secrets shorter than their hash are accepted: operators bring them from elsewhere, and \
         refusing them would lock their callers out",
    ),
    ("rejectsModifiedKey", "`use` is a matter of key sets, and a credential is one key"),
    ("rejectsValid", "a credential stands alone: what else is in a set does not spoil it"),
    ("Figure20", "the token is signed with PS384, and the key is for PS256"),
    ("invalidBase64Padding", "the token is byte for byte the one of `ValidMac`"),
    ("invalidBase64PaddingInPayload", "the token is byte for byte the one of `ValidMac`"),
    ("InvalidCharacterInsertedInHeader", "`?` is no base64url (RFC 7515 section 2)"),
    ("InvalidCharacterInsertedInPayload", "`?` is no base64url (RFC 7515 section 2)"),
];

#[test]
fn sec_117_results_are_those_of_the_vectors() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (file, text) in FILES {
        let file_json: Value = serde_json::from_str(text).unwrap();
        for group in file_json["testGroups"].as_array().unwrap() {
            let key =
                if group["public"].is_object() { &group["public"] } else { &group["private"] };
            for test in group["tests"].as_array().unwrap() {
                let outcome = judge(file, key, test);
                *counts.entry(outcome).or_default() += 1;
            }
        }
    }
    let expected = [("accepted", 51), ("encrypted", 34), ("refused", 413), ("stated", 12)];
    assert_eq!(counts, BTreeMap::from(expected));
}

/// Compares one vector with what we do, and says what that was.
fn judge(file: &str, key: &Value, test: &Value) -> &'static str {
    let name = format!("{file} {} {}", test["tcId"], test["comment"]);
    // JSON serialisations (RFC 7515 section 7.2) are objects here, and are sent as their text.
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if test["jws"].is_null() {
        // Encrypted tokens (RFC 7516) are not offered: even the sound ones are refused.
        assert!(!accepts(&[key], &text(&test["jwe"])), "{name}");
        return "encrypted";
    }
    let token = &text(&test["jws"]);
    let keys: Vec<&Value> = match key["keys"].as_array() {
        Some(keys) => keys.iter().collect(),
        None => vec![key],
    };
    let accepted = accepts(&keys, token);
    if accepted == (test["result"] == "valid") {
        return if accepted { "accepted" } else { "refused" };
    }
    let comment = test["comment"].as_str().unwrap();
    if STATED.iter().any(|(stated, _)| *stated == comment) {
        return "stated";
    }
    println!("{name}: accepted is {accepted}");
    "wrong"
}

/// Whether a gateway whose credentials are these keys, each under its `kid`, accepts a token.
/// As in a model, two credentials with the same key are none.
fn accepts(keys: &[&Value], token: &str) -> bool {
    // The vectors' payloads are no claims, so the part of `Token::parse` that reads them stands here.
    if token.split('.').nth(1).is_none_or(|payload| try_decode(payload).is_none()) {
        return false;
    }
    let mut buffer = Vec::new();
    let Ok(jws) = Jws::parse(token.as_bytes(), "kid", &mut buffer) else { return false };
    let named: Vec<_> = match jws.header_key() {
        Some(kid) => keys.iter().filter(|key| key["kid"] == kid).collect(),
        None => keys.iter().collect(),
    };
    let [key] = named.as_slice() else { return false };
    let Some(data) = credential(key) else { return false };
    let Ok(key) = Key::prepare(&serde_json::from_value(data).unwrap()) else { return false };
    key.algorithm == jws.algorithm && key.verify(&jws, true).is_ok()
}

/// The credential that an operator would make of a JSON Web Key (RFC 7517); none if there is no
/// such credential.
fn credential(key: &Value) -> Option<Value> {
    let algorithm = match key["alg"].as_str()? {
        // A slip of the vectors, which they make in tokens that are valid.
        "ES521" => "ES512",
        algorithm => super::key::Algorithm::parse(algorithm).map(|_| algorithm)?,
    };
    let number = |name: &str| key[name].as_str().map(decode);
    let public_key = match (key["kty"].as_str()?, &algorithm[..2]) {
        ("oct", "HS") => return Some(json!({"algorithm": algorithm, "secret": key["k"]})),
        ("RSA", "RS" | "PS") => {
            let numbers = [integer(&number("n")?), integer(&number("e")?)];
            pem("RSA PUBLIC KEY", &der(0x30, &numbers.concat()))
        }
        ("EC", "ES") => {
            let point = [vec![0, 4], number("x")?, number("y")?].concat();
            let info = der(0x30, &[ec_algorithm(key["crv"].as_str()?)?, der(3, &point)].concat());
            pem("PUBLIC KEY", &info)
        }
        _ => return None,
    };
    Some(json!({"algorithm": algorithm, "public_key": public_key}))
}

/// The AlgorithmIdentifier of a key on a curve (RFC 5480 section 2.1.1).
fn ec_algorithm(curve: &str) -> Option<Vec<u8>> {
    let curve: &[u8] = match curve {
        "P-256" => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
        "P-384" => &[0x2b, 0x81, 4, 0, 34],
        "P-521" => &[0x2b, 0x81, 4, 0, 35],
        _ => return None,
    };
    let ec_public_key = [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    Some(der(0x30, &[der(6, &ec_public_key), der(6, curve)].concat()))
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if bytes.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    der(2, &[sign, bytes].concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head: &[u8] = match content.len() {
        0..128 => &[tag, len[1]],
        128..256 => &[tag, 0x81, len[1]],
        _ => &[tag, 0x82, len[0], len[1]],
    };
    [head, content].concat()
}

const FILES: [(&str, &str); 3] = [
    ("signature", include_str!("testdata/wycheproof/json_web_signature_test.json")),
    ("crypto", include_str!("testdata/wycheproof/json_web_crypto_test.json")),
    ("key", include_str!("testdata/wycheproof/json_web_key_test.json")),
];
