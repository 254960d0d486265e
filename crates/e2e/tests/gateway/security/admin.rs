//! Attacks on the admin API.

use std::time::{Duration, Instant};

use serde_json::json;
use tripylon_e2e::{Client, Gateway, Response, Start, Upstream};

use crate::setup::gateway;

fn post_config(gateway: &Gateway, body: &[u8]) -> Response {
    let mut client = Client::connect(gateway.admin()).unwrap();
    let head = format!(
        "POST /config HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.send([head.as_bytes(), body].concat()).ok();
    client.receive("POST").unwrap()
}

/// Whether the gateway still serves what it was started with.
fn serves(gateway: &Gateway) -> bool {
    let mut client = Client::connect(gateway.proxy()).unwrap();
    client.exchange("GET", "/", &[]).is_ok_and(|r| r.status == 200)
}

#[test]
fn sec_062_and_sec_063_route_patterns_take_linear_time_or_are_refused() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let config = |pattern: &str| {
        let document = format!(
            "_format_version: '3.0'\nservices:\n- url: http://{}\n  routes:\n  - paths: ['~{pattern}']\n",
            upstream.address()
        );
        json!({ "config": document }).to_string()
    };
    assert_eq!(post_config(&gateway, config("/(a+)+$").as_bytes()).status, 201);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let began = Instant::now();
    let target = format!("/{}b", "a".repeat(4000));
    assert_eq!(client.exchange("GET", &target, &[]).unwrap().status, 404);
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(post_config(&gateway, config("/a{1000}{1000}{1000}").as_bytes()).status, 400);
}

#[test]
fn sec_064_documents_do_not_multiply() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let mut laughs =
        "_format_version: '3.0'\na0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
            .to_owned();
    for n in 1..10 {
        let alias = format!("*a{}", n - 1);
        laughs += &format!("a{n}: &a{n} [{}]\n", vec![alias; 9].join(", "));
    }
    let before = gateway.resident();
    let began = Instant::now();
    let response = post_config(&gateway, json!({ "config": laughs }).to_string().as_bytes());
    assert_eq!(response.status, 400);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(gateway.resident() < before + (64 << 20));
    assert!(serves(&gateway));
}

#[test]
fn sec_065_deep_documents_are_refused() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    assert_eq!(post_config(&gateway, &deep).status, 400);
    let inside = json!({ "config": String::from_utf8(deep).unwrap() }).to_string();
    assert_eq!(post_config(&gateway, inside.as_bytes()).status, 400);
    assert!(serves(&gateway));
}

#[test]
fn sec_160_a_bad_document_changes_nothing() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(crate::setup::proxy_to(&upstream))
        .env("KONG_NGINX_ADMIN_CLIENT_MAX_BODY_SIZE", "100k")
        .go();
    for body in [
        &b"{\"config\": \"\xff\xfe\"}"[..],
        b"{\"config\": \"_format_version: '3.0'\\nservicez: []\"}",
        b"{\"config\": ",
        b"",
        b"\x00",
    ] {
        let response = post_config(&gateway, body);
        assert_eq!(
            response.status,
            400,
            "{:?} {:?}",
            String::from_utf8_lossy(body),
            response.text()
        );
    }
    let large = json!({ "config": format!("# {}\n", "x".repeat(200_000)) }).to_string();
    assert_eq!(post_config(&gateway, large.as_bytes()).status, 413);
    assert!(serves(&gateway));
}
