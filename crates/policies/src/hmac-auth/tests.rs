//! The filter at work.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::NAME;
use crate::testing::{Gateway, NOON, answer};

const DATE: &str = "Wed, 25 Nov 2026 12:00:00 GMT";

fn gateway() -> Gateway {
    let mut gateway = Gateway::new();
    let alice = gateway.principal("alice");
    gateway.credential(NAME, "al", alice, json!({"secret": "shh"}));
    gateway.principal("anon");
    gateway
}

/// A header's value by which a user says that a text was signed.
fn signed(user: &str, headers: &str, text: &str, secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    format!(
        "hmac username=\"{user}\", algorithm=\"hmac-sha256\", headers=\"{headers}\", signature=\"{signature}\""
    )
}

/// What comes of a request for `/a?b=1` with these headers: a reason and a challenge, or what the
/// upstream would see.
fn outcome(config: Value, headers: &[(&str, &str)]) -> String {
    let mut config = config;
    config["identity_headers"] = json!([{"name": "X-Id", "value": [{"Var": "PrincipalId"}]}]);
    let gateway = gateway();
    let filter = gateway.start(NAME, config);
    let mut exchange = gateway.exchange();
    exchange.request.set_target("/a?b=1", "/a");
    for (name, value) in headers {
        exchange.request.headers.push(name, value);
    }
    if let Some(reply) = answer(&filter, &mut exchange) {
        let challenge = reply.headers.first().map_or("", |(_, value)| value);
        return format!("{} {challenge}", reply.reason);
    }
    let names = exchange.request.headers.iter().map(|(name, value)| match name {
        "X-Id" => String::from_utf8_lossy(value).into_owned(),
        name => name.to_owned(),
    });
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_signature_says_who_calls() {
    let text = format!("date: {DATE}\nGET /a?b=1 HTTP/1.1");
    let value = signed("al", "date request-line", &text, "shh");
    let sent = [("Date", DATE), ("Authorization", &value)];
    assert_eq!(outcome(json!({}), &sent), "Date Authorization id-alice");
    assert_eq!(outcome(json!({"hide": true}), &sent), "Date id-alice");
    let config = json!({"headers": ["proxy-authorization", "authorization"], "hide": true});
    let sent = [("Date", DATE), ("Proxy-Authorization", &value), ("Authorization", "Bearer x")];
    assert_eq!(outcome(config, &sent), "Date Authorization id-alice");
}

#[test]
fn what_was_not_signed_so_is_refused() {
    let text = format!("date: {DATE}");
    let refused = |value: String, reason: &str| {
        let outcome = outcome(json!({}), &[("Date", DATE), ("Authorization", &value)]);
        assert_eq!(outcome, format!("hmac-auth/{reason} hmac"), "{value}");
    };
    refused(signed("al", "date", &text, "other"), "mismatch");
    refused(signed("al", "date", "date: yesterday", "shh"), "mismatch");
    // The query belongs to the request line.
    let without = format!("{text}\nGET /a HTTP/1.1");
    refused(signed("al", "date request-line", &without, "shh"), "mismatch");
    refused(signed("bo", "date", &text, "shh"), "unverifiable");
    refused(signed("al", "date", &text, "shh").replace("sha256", "md5"), "unverifiable");
    refused("hmac foo".into(), "unverifiable");
    let broken = signed("al", "date", &text, "shh").replace("signature=\"", "signature=\"!");
    refused(broken, "mismatch");
}

#[test]
fn requests_are_made_now() {
    let at = |date: &str, header| {
        let value = signed("al", "", "", "shh");
        let outcome = outcome(json!({}), &[(header, date), ("Authorization", &value)]);
        outcome.split(' ').next().unwrap_or_default().to_owned()
    };
    assert_eq!(NOON, 1_795_608_000_000);
    assert_eq!(at("Wed, 25 Nov 2026 11:55:00 GMT", "Date"), "Date");
    assert_eq!(at("Wed, 25 Nov 2026 12:05:00 GMT", "X-Date"), "X-Date");
    assert_eq!(at("Wed, 25 Nov 2026 11:54:59 GMT", "Date"), "hmac-auth/date");
    assert_eq!(at("Wed, 25 Nov 2026 12:05:01 GMT", "X-Date"), "hmac-auth/date");
    assert_eq!(at("now", "Date"), "hmac-auth/date");
    assert_eq!(at(DATE, "X-Other"), "hmac-auth/date");
    assert_eq!(outcome(json!({}), &[("Date", DATE)]), "hmac-auth/missing hmac");
}

#[test]
fn more_may_be_asked_of_a_signature() {
    let value = signed("al", "date", &format!("date: {DATE}"), "shh");
    let sent = [("Date", DATE), ("Authorization", value.as_str())];
    let refused = "hmac-auth/unverifiable hmac realm=\"r\"";
    let config = json!({"enforce": ["date", "request-line"], "realm": "r"});
    assert_eq!(outcome(config, &sent), refused);
    assert_eq!(outcome(json!({"algorithms": ["hmac-sha512"], "realm": "r"}), &sent), refused);
    let config = json!({"enforce": ["date"], "algorithms": ["hmac-sha256"]});
    assert_eq!(outcome(config, &sent), "Date Authorization id-alice");
}

#[test]
fn anonymous_callers_are_let_in_as_one() {
    assert_eq!(outcome(json!({"anonymous": "anon"}), &[]), "id-anon");
}

#[test]
fn problems_say_what_to_do() {
    let gateway = Gateway::new();
    let problems = |config| {
        let problems = gateway.problems(NAME, config);
        problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
    };
    let config = json!({
        "headers": [], "date_headers": ["a b"], "clock_skew": 0, "verify_body": true, "realm": "\n",
    });
    let places = ["/headers", "/date_headers/0", "/clock_skew", "/verify_body", "/realm"];
    assert_eq!(problems(config), places);
    assert_eq!(problems(json!({"algorithms": ["hmac-md5"]})), ["/algorithms/0"]);
    assert_eq!(gateway.credential_problems(NAME, json!({})).len(), 1);
    let problems = gateway.credential_problems(NAME, json!({"secret": ""}));
    assert_eq!(problems[0].pointer, "/secret");
}
