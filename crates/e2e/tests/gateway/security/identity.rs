//! Attacks on who a caller is and which path was meant.

use serde_json::json;
use tripylon_e2e::{Client, Gateway, Response, Start, Upstream, jwt};

use crate::setup::service;

fn get(gateway: &Gateway, target: &str, fields: &[(&str, &str)]) -> Response {
    Client::connect(gateway.proxy()).unwrap().exchange("GET", target, fields).unwrap()
}

#[test]
fn sec_086_rules_and_upstreams_see_the_same_path() {
    let upstream = Upstream::echo();
    let document = format!(
        r"
_format_version: '3.0'
services:
- url: http://{address}
  routes:
  - paths: [/public]
    strip_path: false
- url: http://{address}
  routes:
  - paths: [/admin]
    strip_path: false
    plugins:
    - name: jwt
consumers:
- username: alice
  jwt_secrets:
  - {{key: k, secret: s, algorithm: HS256}}
",
        address = upstream.address()
    );
    let gateway = Start::kong(document).go();
    let response = get(&gateway, "/public/../admin", &[]);
    assert!([400, 401].contains(&response.status), "{}", response.status);
    assert!(upstream.journal().seen().is_empty());
    let token = jwt::hs256(&json!({"iss": "k"}), b"s");
    let response =
        get(&gateway, "/public/../admin", &[("Authorization", &format!("Bearer {token}"))]);
    if response.status == 200 {
        assert_eq!(response.json()["target"], "/admin");
    }
}

#[test]
fn sec_087_fields_do_not_rewrite_the_path() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(service(upstream.port(), "", "    strip_path: false\n")).go();
    let fields = [
        ("X-Original-URL", "/admin"),
        ("X-Rewrite-URL", "/admin"),
        ("X-Forwarded-Path", "/admin"),
        ("X-Envoy-Original-Path", "/admin"),
    ];
    let response = get(&gateway, "/public", &fields);
    assert_eq!(response.json()["target"], "/public");
    assert_eq!(upstream.journal().seen()[0].header("x-forwarded-path"), Some("/public"));
}

/// `docs/kong-differences.md`: patterns are matched with the path as it was sent, so an escaped
/// slash is no slash, to the pattern and to the upstream.
#[test]
fn sec_088_an_escaped_slash_is_the_same_to_pattern_and_upstream() {
    let upstream = Upstream::echo();
    let document = format!(
        "_format_version: '3.0'\nservices:\n- url: http://{}\n  routes:\n  - paths: ['~/v1/[^/]+$']\n    strip_path: false\n",
        upstream.address()
    );
    let gateway = Start::kong(document).go();
    let response = get(&gateway, "/v1/a%2fb", &[]);
    assert_eq!(response.status, 200);
    let target = response.json()["target"].as_str().unwrap().to_ascii_lowercase();
    assert_eq!(target, "/v1/a%2fb");
    assert_eq!(get(&gateway, "/v1/a/b", &[]).status, 404);
}

#[test]
fn sec_089_stripping_does_not_lead_out() {
    let upstream = Upstream::echo();
    let document = format!(
        "_format_version: '3.0'\nservices:\n- url: http://{}/base\n  routes:\n  - paths: [/api]\n",
        upstream.address()
    );
    let gateway = Start::kong(document).go();
    for target in ["/api%2f..%2fadmin", "/api/../admin", "/api/..%2fadmin", "/api/%2e%2e/admin"] {
        let response = get(&gateway, target, &[]);
        assert!([400, 404].contains(&response.status), "{target} answered {}", response.status);
    }
    assert!(upstream.journal().seen().is_empty());
    assert_eq!(get(&gateway, "/api/a", &[]).json()["target"], "/base/a");
}

#[test]
fn sec_098_trusted_hops_are_skipped_and_no_more() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(service(upstream.port(), "", ""))
        .env("KONG_TRUSTED_IPS", "127.0.0.1,10.0.0.0/8")
        .env("KONG_REAL_IP_HEADER", "X-Forwarded-For")
        .env("KONG_REAL_IP_RECURSIVE", "on")
        .go();
    get(&gateway, "/", &[("X-Forwarded-For", "1.1.1.1, 2.2.2.2, 10.0.0.7")]);
    assert_eq!(upstream.journal().seen()[0].header("x-real-ip"), Some("2.2.2.2"));
}

#[test]
fn untrusted_peers_are_who_they_are() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(service(upstream.port(), "", ""))
        .env("KONG_TRUSTED_IPS", "10.0.0.0/8")
        .env("KONG_REAL_IP_HEADER", "X-Forwarded-For")
        .go();
    get(&gateway, "/", &[("X-Forwarded-For", "10.0.0.1"), ("X-Real-IP", "10.0.0.1")]);
    let seen = upstream.journal().seen();
    assert_eq!(seen[0].header("x-real-ip"), Some("127.0.0.1"));
    assert_eq!(seen[0].header("x-forwarded-for"), Some("10.0.0.1, 127.0.0.1"));
}

#[test]
fn refused_keys_all_get_one_answer() {
    let upstream = Upstream::echo();
    let document = service(upstream.port(), "  plugins:\n  - name: key-auth\n", "")
        + "consumers:\n- username: alice\n  keyauth_credentials:\n  - key: right-key\n";
    let gateway = Start::kong(document).go();
    let refusal = |key: &str| {
        let response = get(&gateway, "/", &[("apikey", key)]);
        let body: serde_json::Value = response.json();
        (response.status, body["message"].clone())
    };
    assert_eq!(refusal("right-kex"), refusal("wrong-key"));
    assert_eq!(refusal("wrong-key").0, 401);
    assert_eq!(get(&gateway, "/", &[("apikey", "right-key")]).status, 200);
}
