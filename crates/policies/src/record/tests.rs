//! Records of exchanges.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use filter::{Caller, Exchange, TlsSession, Try};
use model::Answered;
use serde_json::{Value, json};

use super::Record;
use crate::testing::{Gateway, NOON};

/// The record of an exchange, or what is wrong with the shape.
fn record(shape: Value, x: &Exchange) -> Value {
    let mut problems = Vec::new();
    let shape = serde_json::from_value(shape).expect("a shape");
    let record = Record::compile(shape, "/record", &mut problems);
    assert_eq!(problems, []);
    let text = record.of(x);
    assert!(!text.contains(&b'\n'));
    serde_json::from_slice(&text)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)))
}

fn fact(name: &str, x: &Exchange) -> Value {
    record(json!({"fact": name}), x)
}

#[test]
fn what_happened_is_told() {
    let gateway = Gateway::new();
    let mut x = gateway.exchange();
    x.id = 0xabc;
    x.request.set_target("/a%20b?q=1", "/a%20b");
    x.request.set_host("API.test", Some(80));
    x.response.status = 404;
    let mono = x.now.mono_us;
    x.timings.upstream_start = mono + 3_000;
    x.timings.upstream_head = mono + 8_000;
    x.timings.begun = mono + 10_000;
    x.timings.end = mono + 14_900;
    (x.timings.received, x.timings.sent) = (11, 22);
    x.answered = Some(Answered::Upstream);
    let told = [
        ("request_id", json!("00000000000000000000000000000abc")),
        ("method", json!("GET")),
        ("target", json!("/a%20b?q=1")),
        ("scheme", json!("http")),
        ("host", json!("api.test")),
        ("listener_port", json!(8000)),
        ("request_size", json!(11)),
        ("tls_version", Value::Null),
        ("tls_cipher", Value::Null),
        ("client_address", json!("192.0.2.1")),
        ("started", json!(NOON)),
        ("answered", json!("upstream")),
        ("status", json!(404)),
        ("response_size", json!(22)),
        ("connection_fate", json!("close")),
        ("upstream_target", Value::Null),
        ("upstream_statuses", Value::Null),
        ("total_latency", json!(14)),
        ("upstream_latency", json!(5)),
        ("gateway_latency", json!(5)),
        ("receive_latency", json!(4)),
        ("credential_id", Value::Null),
        ("principal", Value::Null),
        ("try_port", Value::Null),
    ];
    for (name, value) in told {
        assert_eq!(fact(name, &x), value, "{name}");
    }
    x.client.tls = Some(TlsSession { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" });
    assert_eq!(fact("tls_version", &x), "TLSv1.3");
    assert_eq!(fact("tls_cipher", &x), "TLS_AES_128_GCM_SHA256");
}

#[test]
fn an_answer_of_the_gateways_own_has_no_upstream() {
    let gateway = Gateway::new();
    let mut x = gateway.exchange();
    x.timings.begun = x.now.mono_us + 7_000;
    x.timings.end = x.now.mono_us + 7_000;
    assert_eq!(fact("upstream_latency", &x), Value::Null);
    assert_eq!(fact("gateway_latency", &x), 7);
    assert_eq!(fact("answered", &x), "local");
    // The client went away before there was an answer.
    x.timings.begun = 0;
    assert_eq!((fact("gateway_latency", &x), fact("receive_latency", &x)), (json!(7), json!(0)));
}

#[test]
fn fields_and_arguments_become_objects() {
    let gateway = Gateway::new();
    let mut x = gateway.exchange();
    assert_eq!(fact("query", &x), json!({}));
    assert_eq!(fact("request_headers", &x), Value::Null);
    for (name, value) in
        [("Accept", "a\"b"), ("X-N", "1"), ("accept", "\t2"), ("x-n", "2"), ("X-n", "3")]
    {
        x.request.headers.push(name, value);
    }
    x.request.headers.push("X-Bytes", b"\xff\x7f");
    assert_eq!(
        fact("request_headers", &x),
        json!({"accept": ["a\"b", "\t2"], "x-n": ["1", "2", "3"], "x-bytes": "\u{fffd}\u{7f}"})
    );
    x.request.set_target("/?q=1&q=2&flag&e=&a%20b=c+d%2&=x&&flag", "/");
    assert_eq!(
        fact("query", &x),
        json!({"q": ["1", "2"], "flag": [true, true], "e": "", "a b": "c d%2"})
    );
    x.response.headers.push("Server", "s");
    x.response.headers.push("Connection", "x");
    let shape = json!({"fields": ["response_headers", [
        ["connection", {"constant": "close"}], ["via", {"fact": "tls_version"}],
    ]]});
    assert_eq!(record(shape, &x), json!({"server": "s", "connection": "close"}));
}

#[test]
fn what_is_absent_is_left_out() {
    let gateway = Gateway::new();
    let mut x = gateway.exchange();
    let shape = json!({"object": [
        ["method", {"fact": "method"}],
        ["tls", {"object": [
            ["version", {"fact": "tls_version"}],
            ["verified", {"if": ["tls_version", {"constant": "NONE"}]}],
        ]}],
        ["latency", {"first_of": [{"fact": "upstream_latency"}, {"constant": -1}]}],
        ["tries", {"tries": {"fact": "try_port"}}],
        ["url", {"joined": [{"fact": "scheme"}, {"constant": "://\""}, {"fact": "tls_version"}, {"fact": "listener_port"}]}],
        ["source", {"lookup": ["answered", {"local": "here"}]}],
        ["other", {"lookup": ["method", {"POST": 1}]}],
    ]});
    assert_eq!(
        record(shape.clone(), &x),
        json!({"method": "GET", "latency": -1, "url": "http://\"8000", "source": "here", "other": "GET"})
    );
    x.client.tls = Some(TlsSession { version: "TLSv1.2", cipher: "c" });
    x.answered = Some(Answered::Failure);
    let full = record(shape, &x);
    assert_eq!(full["tls"], json!({"version": "TLSv1.2", "verified": "NONE"}));
    assert_eq!(full["source"], "failure");
    assert_eq!(record(json!({"object": []}), &x), Value::Null);
}

#[test]
fn tries_are_listed() {
    let gateway = Gateway::new();
    let mut x = gateway.exchange();
    let started = x.now.mono_us + 2_000;
    let address = SocketAddr::from(([127, 0, 0, 1], 81));
    x.tries.push(Try { address: Some(address), started, ended: 0, status: 502, failed: true });
    x.tries.push(Try { address: None, started, ended: 0, status: 200, failed: false });
    let shape = json!({"tries": {"object": [
        ["ip", {"fact": "try_address"}], ["port", {"fact": "try_port"}],
        ["at", {"fact": "try_started"}], ["ns", {"fact": "try_started_nanoseconds"}],
        ["code", {"fact": "try_failure"}],
    ]}});
    let at = NOON + 2;
    assert_eq!(
        record(shape, &x),
        json!([
            {"ip": "127.0.0.1", "port": 81, "at": at, "ns": at * 1_000_000, "code": 502},
            {"at": at, "ns": at * 1_000_000},
        ])
    );
    assert_eq!(fact("upstream_statuses", &x), "502, 200");
}

#[test]
fn the_dialects_own_words_are_copied() {
    let mut gateway = Gateway::new();
    let labels = Rc::get_mut(&mut gateway.labels).unwrap();
    labels.described.insert("route".into(), Arc::from("{\"name\":\"r\"}"));
    let alice = gateway.principal("alice");
    let credential = gateway.credential("key-auth", "k", alice, json!({}));
    let mut x = gateway.exchange();
    assert_eq!(record(json!({"fact": {"route": "route"}}), &x), json!({"name": "r"}));
    assert_eq!(record(json!({"fact": {"route": "service"}}), &x), Value::Null);
    x.caller = Some(Caller { principal: alice, credential: Some(credential), anonymous: false });
    assert_eq!(fact("credential_id", &x), "id-k");
    assert_eq!(fact("principal", &x), json!({"id": "id-alice"}));
}

#[test]
fn only_messages_have_fields() {
    let mut problems = Vec::new();
    let shape = json!({"object": [["a/b", {"fields": ["method", []]}]]});
    Record::compile(serde_json::from_value(shape).unwrap(), "/record", &mut problems);
    assert_eq!(problems[0].pointer, "/record/a~1b");
}
