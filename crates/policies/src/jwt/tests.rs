//! What comes of requests with tokens.

use std::rc::Rc;

use filter::{Filter, LocalReply, Method};
use serde_json::{Value, json};

use super::NAME;
use super::signing::Signer;
use crate::testing::{Gateway, NOON, answer};

const NOW: u64 = NOON / 1000;

fn gateway() -> Gateway {
    let mut gateway = Gateway::new();
    let alice = gateway.principal("alice");
    gateway.credential(NAME, "alice-key", alice, Signer::new("HS256").credential());
    gateway.principal("anon");
    gateway
}

fn alice() -> String {
    Signer::new("HS256").sign(&json!({"iss": "alice-key"}))
}

fn ask(gateway: &Gateway, filter: &Rc<dyn Filter>, token: &str) -> Result<String, Box<LocalReply>> {
    let mut exchange = gateway.exchange();
    exchange.request.headers.push("Authorization", format!("Bearer {token}"));
    match answer(filter, &mut exchange) {
        Some(reply) => Err(reply),
        None => {
            let caller = exchange.caller.expect("somebody called");
            Ok(gateway.identities.principal(caller.principal).name.clone().unwrap())
        }
    }
}

/// Who the token's sender is, or the reason and details of the refusal.
fn outcome(config: Value, token: &str) -> String {
    let gateway = gateway();
    let filter = gateway.start(NAME, config);
    match ask(&gateway, &filter, token) {
        Ok(name) => name,
        Err(reply) => {
            assert_eq!(reply.status, 401);
            let challenge =
                ("WWW-Authenticate".into(), "Bearer error=\"invalid_token\"".to_owned());
            assert_eq!(reply.headers, [challenge]);
            let details: Vec<_> = reply.details.iter().map(|(_, value)| value.as_str()).collect();
            format!("{} {}", reply.reason, details.join(" ")).trim_end().to_owned()
        }
    }
}

fn claims(claims: Value) -> String {
    Signer::new("HS256").sign(&claims)
}

#[test]
fn a_token_says_who_calls() {
    assert_eq!(outcome(json!({}), &alice()), "alice");
    let expired = claims(json!({"iss": "alice-key", "exp": 1}));
    assert_eq!(outcome(json!({}), &expired), "alice");
    assert_eq!(outcome(json!({"key_claim": "kid"}), &claims(json!({"kid": "alice-key"}))), "alice");
    let header = r#"{"alg":"HS256","typ":"jwt","kid":"alice-key"}"#;
    let token = Signer::new("HS256").sign_text(header, "{}");
    assert_eq!(outcome(json!({"key_claim": "kid"}), &token), "alice");
}

#[test]
fn refusals_say_why() {
    let refused = |token: &str| outcome(json!({}), token);
    assert_eq!(refused("bad"), "jwt/malformed invalid JSON");
    assert_eq!(refused(&format!("{}.x", alice())), "jwt/malformed invalid signature");
    assert_eq!(refused(&claims(json!({}))), "jwt/no-key-claim iss");
    assert_eq!(refused(&claims(json!([]))), "jwt/no-key-claim iss");
    assert_eq!(refused(&claims(json!({"iss": ""}))), "jwt/invalid-key-claim iss");
    assert_eq!(refused(&claims(json!({"iss": 5}))), "jwt/invalid-key-claim iss");
    assert_eq!(refused(&claims(json!({"iss": "nobody"}))), "jwt/unknown-key iss");
    let other = Signer::other("HS256").sign(&json!({"iss": "alice-key"}));
    assert_eq!(refused(&other), "jwt/signature");
    let other = Signer::new("HS512").sign(&json!({"iss": "alice-key"}));
    assert_eq!(refused(&other), "jwt/algorithm");
    let base64 = json!({"secret_base64": true});
    assert_eq!(outcome(base64, &alice()), "jwt/invalid-key");
}

#[test]
fn times_are_judged_where_that_is_asked_for() {
    let refused = |times: Value| {
        let mut all = json!({"iss": "alice-key"});
        all.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
        outcome(json!({"verify": ["exp", "nbf"]}), &claims(all))
    };
    assert_eq!(refused(json!({"exp": NOW + 1, "nbf": NOW})), "alice");
    assert_eq!(refused(json!({"exp": NOW as f64 + 0.5, "nbf": 1})), "alice");
    assert_eq!(refused(json!({"exp": NOW, "nbf": 1})), r#"jwt/claims {"exp":"token expired"}"#);
    assert_eq!(refused(json!({"exp": -1, "nbf": -1})), r#"jwt/claims {"exp":"token expired"}"#);
    let later = json!({"exp": NOW + 1, "nbf": NOW + 1});
    assert_eq!(refused(later), r#"jwt/claims {"nbf":"token not valid yet"}"#);
    for bad in [json!("4102444800"), json!(true), Value::Null, json!([1]), json!({})] {
        let errors = refused(json!({"exp": bad, "nbf": 1}));
        assert_eq!(errors, r#"jwt/claims {"exp":"must be a number"}"#);
    }
    let both = r#"jwt/claims {"exp":"must be a number","nbf":"must be a number"}"#;
    assert_eq!(refused(json!({})), both);
    let both = r#"jwt/claims {"exp":"token expired","nbf":"token not valid yet"}"#;
    assert_eq!(refused(json!({"exp": 1, "nbf": 4102444800u32})), both);
}

#[test]
fn tokens_may_not_live_too_long() {
    let config = json!({"verify": ["exp"], "maximum_expiration": 3600});
    let until = |exp: u64| claims(json!({"iss": "alice-key", "exp": exp}));
    assert_eq!(outcome(config.clone(), &until(NOW + 3600)), "alice");
    let beyond = r#"jwt/claims {"exp":"exceeds maximum allowed expiration"}"#;
    assert_eq!(outcome(config, &until(NOW + 3601)), beyond);
}

#[test]
fn without_a_token_there_is_a_plain_challenge() {
    let gateway = gateway();
    let realm = |realm: Value| {
        let filter = gateway.start(NAME, json!({"realm": realm}));
        let mut bare = gateway.exchange();
        let missing = answer(&filter, &mut bare).unwrap();
        assert_eq!((missing.status, &*missing.reason), (401, "jwt/missing"));
        let invalid = ask(&gateway, &filter, "bad").unwrap_err();
        [missing.headers[0].1.clone(), invalid.headers[0].1.clone()]
    };
    assert_eq!(realm(Value::Null), ["Bearer", "Bearer error=\"invalid_token\""]);
    let here = ["Bearer realm=\"here\"", "Bearer realm=\"here\", error=\"invalid_token\""];
    assert_eq!(realm(json!("here")), here);
}

#[test]
fn anonymous_callers_are_let_in_as_one() {
    assert_eq!(outcome(json!({"anonymous": "anon"}), "bad"), "anon");
    assert_eq!(outcome(json!({"anonymous": "id-anon"}), "bad"), "anon");
    assert_eq!(outcome(json!({"anonymous": "anon"}), &alice()), "alice");
    let gateway = gateway();
    let filter = gateway.start(NAME, json!({"anonymous": "ghost"}));
    let reply = ask(&gateway, &filter, "bad").unwrap_err();
    assert_eq!((reply.status, &*reply.reason), (500, "jwt/no-anonymous"));
    assert_eq!(reply.details, [("anonymous", "ghost".to_owned())]);
}

#[test]
fn preflights_need_no_token_if_so_configured() {
    let gateway = gateway();
    for (run, reason) in [(true, Some("jwt/missing")), (false, None)] {
        let filter = gateway.start(NAME, json!({"run_on_preflight": run}));
        let mut exchange = gateway.exchange();
        exchange.request.method = Method::Options;
        let reply = answer(&filter, &mut exchange);
        assert_eq!(reply.map(|reply| reply.reason.into_owned()).as_deref(), reason);
    }
}

#[test]
fn hidden_tokens_do_not_reach_the_upstream() {
    let gateway = gateway();
    let config = json!({"hide_token": true, "cookies": ["t"]});
    let filter = gateway.start(NAME, config);
    let mut exchange = gateway.exchange();
    exchange.request.set_target(&format!("/?a=1&jwt={}", alice()), "/");
    exchange.request.headers.push("authorization", format!("bearer {}", alice()));
    exchange.request.headers.push("cookie", format!("t={}; b=2", alice()));
    assert!(answer(&filter, &mut exchange).is_none());
    assert_eq!(exchange.request.target(), "/?a=1");
    let left: Vec<_> = exchange.request.headers.iter().collect();
    assert_eq!(left, [("cookie", &b"b=2"[..])]);
}

/// What is remembered of a token never outlives what made it valid.
#[test]
fn remembered_tokens_are_judged_again() {
    let mut gateway = gateway();
    let filter = gateway.start(NAME, json!({"verify": ["exp"]}));
    let token = claims(json!({"iss": "alice-key", "exp": NOW + 10}));
    for _ in 0..2 {
        assert_eq!(ask(&gateway, &filter, &token).as_deref(), Ok("alice"));
    }
    gateway.clock.advance(10_000);
    let expired = ask(&gateway, &filter, &token).unwrap_err();
    assert_eq!(expired.details, [("errors", r#"{"exp":"token expired"}"#.to_owned())]);
    gateway.clock.set(NOON);
    assert_eq!(ask(&gateway, &filter, &token).as_deref(), Ok("alice"));

    // The same credential gets another secret.
    let mut changed = Gateway::new();
    let alice = changed.principal("alice");
    changed.credential(NAME, "alice-key", alice, json!({"secret": "changed"}));
    gateway.identities = changed.identities;
    assert_eq!(ask(&gateway, &filter, &token).unwrap_err().reason, "jwt/signature");

    // It is removed.
    gateway.identities = Rc::default();
    assert_eq!(ask(&gateway, &filter, &token).unwrap_err().reason, "jwt/unknown-key");
}

/// A credential that moves in the index, or gets another owner, is still found.
#[test]
fn remembered_tokens_follow_their_credential() {
    let mut gateway = gateway();
    let filter = gateway.start(NAME, json!({}));
    assert_eq!(ask(&gateway, &filter, &alice()).as_deref(), Ok("alice"));
    let kind = gateway.credential_kind(NAME);
    let known = gateway.identities.credential(filter::CredentialIx(0)).clone();
    let mut moved = Gateway::new();
    let bob = moved.principal("bob");
    moved.credential(NAME, "another", bob, json!({"secret": "s"}));
    let identities = Rc::get_mut(&mut moved.identities).unwrap();
    identities.add_credential(kind, filter::KnownCredential { principal: bob, ..known });
    gateway.identities = moved.identities;
    assert_eq!(ask(&gateway, &filter, &alice()).as_deref(), Ok("bob"));
}

#[test]
fn problems_say_where_and_what_to_do() {
    let gateway = Gateway::new();
    let config = json!({
        "query": [""], "cookies": ["a b"], "headers": ["x:y"], "key_claim": "",
        "maximum_expiration": 5, "realm": "\n", "anonymous": "",
    });
    let problems = gateway.problems(NAME, config);
    let places: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    let expected = [
        "/query/0",
        "/cookies/0",
        "/headers/0",
        "/key_claim",
        "/maximum_expiration",
        "/realm",
        "/anonymous",
    ];
    assert_eq!(places, expected);
    let place = |config| gateway.problems(NAME, config).remove(0).pointer;
    assert_eq!(place(json!({"maximum_expiration": -1})), "/maximum_expiration");
    assert_eq!(place(json!({"verify": ["iat"]})), "/verify/0");
    assert_eq!(place(json!({"uri_param_names": []})), "/uri_param_names");
}

/// The page beside this file knows every option and every reason.
#[test]
fn the_reference_page_is_complete() {
    let page = include_str!("README.md");
    for name in [
        "query",
        "cookies",
        "headers",
        "key_claim",
        "secret_base64",
        "verify",
        "maximum_expiration",
        "realm",
        "run_on_preflight",
        "anonymous",
        "identity_headers",
        "hide_token",
        "algorithm",
        "secret",
        "public_key",
        "jwt/missing",
        "jwt/multiple",
        "jwt/malformed",
        "jwt/no-key-claim",
        "jwt/invalid-key-claim",
        "jwt/unknown-key",
        "jwt/algorithm",
        "jwt/invalid-key",
        "jwt/signature",
        "jwt/claims",
        "jwt/no-anonymous",
    ] {
        assert!(page.contains(&format!("`{name}`")), "{name} is not in README.md");
    }
}
