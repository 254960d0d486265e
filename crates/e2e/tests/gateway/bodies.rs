//! Bodies: their framing, their ends, and that their size costs no memory.

use std::time::Duration;

use tripylon_e2e::http1::{Framing, Wire, request};
use tripylon_e2e::upstream::{Act, Script};
use tripylon_e2e::{Client, Fault, Gateway, Upstream, wait};

use crate::setup::gateway;

fn post(head: &str, body: &str) -> String {
    format!("POST /a HTTP/1.1\r\nHost: localhost\r\n{head}\r\n{body}")
}

#[test]
fn a_chunked_request_arrives_whole() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let chunks = "5;ext=1\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n";
    client.send(post("Transfer-Encoding: chunked\r\n", chunks)).unwrap();
    assert_eq!(client.receive("POST").unwrap().status, 200);
    assert_eq!(upstream.journal().seen()[0].body, b"hello world");
}

#[test]
fn a_chunked_response_stays_chunked_for_those_who_know_it() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let response = client.exchange("GET", "/?_chunked=1&_b=abc", &[]).unwrap();
    assert_eq!((response.framing, response.text()), (Framing::Chunked, "abc"));
    client.send("GET /?_chunked=1&_b=abc HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let response = client.receive("GET").unwrap();
    assert_eq!((response.framing, response.text()), (Framing::Close, "abc"));
}

#[test]
fn trailers_arrive_after_the_body() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let fields = [("TE", "trailers")];
    let response = client.exchange("GET", "/?_chunked=1&_b=abc&_trailer=X-Sum:7", &fields).unwrap();
    assert_eq!(response.text(), "abc");
    assert_eq!(response.trailers, [("X-Sum".to_owned(), "7".to_owned())]);
    let head = "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n";
    client.send(post(head, "3\r\nabc\r\n0\r\nX-Sum: 8\r\n\r\n")).unwrap();
    assert_eq!(client.receive("POST").unwrap().status, 200);
    let seen = &upstream.journal().seen()[1];
    assert_eq!(seen.body, b"abc");
    assert!(seen.header("x-sum").is_none(), "a trailer is no header field");
}

#[test]
fn who_expects_100_is_told_to_continue() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    client.send(post("Expect: 100-continue\r\nContent-Length: 5\r\n", "")).unwrap();
    assert_eq!(client.wire().read_response_head("POST").unwrap().status, 100);
    client.send("hello").unwrap();
    let response = client.receive("POST").unwrap();
    assert_eq!((response.status, response.interim.len()), (200, 0));
    assert_eq!(upstream.journal().seen()[0].body, b"hello");
}

#[test]
fn head_has_the_fields_of_get_and_no_body() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let response = client.exchange("HEAD", "/?_size=1000", &[]).unwrap();
    assert_eq!((response.status, response.header("content-length")), (200, Some("1000")));
    assert_eq!(client.exchange("GET", "/?_b=next", &[]).unwrap().text(), "next");
    for status in [204, 304] {
        let response = client.exchange("GET", &format!("/?_status={status}"), &[]).unwrap();
        assert_eq!((response.status, response.body.len()), (status, 0));
    }
    assert_eq!(client.exchange("GET", "/?_b=last", &[]).unwrap().text(), "last");
    assert_eq!(upstream.accepted(), 1, "one connection serves them all");
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let requests: String = (0..20)
        .map(|n| match n % 3 {
            0 => post("Content-Length: 2\r\n", "hi").replace("/a", &format!("/{n}")),
            1 => request("GET", &format!("/{n}?_delay=5"), &[]),
            _ => request("GET", &format!("/{n}?_chunked=1"), &[]),
        })
        .collect();
    client.send(requests).unwrap();
    for n in 0..20 {
        let response = client.receive("GET").unwrap();
        let target = response.json()["target"].as_str().unwrap().to_owned();
        assert_eq!(target.trim_start_matches('/').split('?').next().unwrap(), n.to_string());
    }
}

#[test]
fn a_response_without_length_lasts_to_the_end_of_the_connection() {
    let bytes = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end";
    let upstream = Upstream::scripted(vec![Script::new([Act::Read, Act::Send(bytes.into())])]);
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    assert_eq!(client.exchange("GET", "/", &[]).unwrap().text(), "until the end");
}

#[test]
fn a_response_begins_before_it_is_complete() {
    let upstream = Upstream::scripted(vec![Script::new([
        Act::Read,
        Act::Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst".into()),
        Act::Read,
    ])]);
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    client.send(request("GET", "/", &[])).unwrap();
    assert_eq!(client.wire().read_response_head("GET").unwrap().status, 200);
    assert_eq!(client.wire().read_exact(5).unwrap(), b"first");
}

const LARGE: usize = 1 << 30;
/// What a gateway may grow by, however large a body is.
const GROWTH: u64 = 48 << 20;
const BLOCK: usize = 256 << 10;

/// Reads a request with a body of [`LARGE`] bytes, then answers with as many.
fn swallow_and_pour(wire: &mut Wire) {
    while let Ok(Some(head)) = wire.read_request_head() {
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        if head.contains("content-length: 1073741824") && !swallow(wire, LARGE) {
            return;
        }
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n");
        if wire.write(answer.as_bytes()).is_err() || !pour(wire) {
            return;
        }
    }
}

fn swallow(wire: &mut Wire, mut count: usize) -> bool {
    while count > 0 {
        let Ok(bytes) = wire.read_exact(wire.unread().len().clamp(1, count)) else { return false };
        count -= bytes.len();
    }
    true
}

fn pour(wire: &mut Wire) -> bool {
    let block = vec![b'x'; BLOCK];
    (0..LARGE / BLOCK).all(|_| wire.write(&block).is_ok())
}

#[test]
fn large_bodies_cost_no_memory() {
    let upstream = Upstream::custom(swallow_and_pour);
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    client.set_patience(Duration::from_secs(60)).unwrap();
    let before = gateway.resident();
    client.send(post(&format!("Content-Length: {LARGE}\r\n"), "")).unwrap();
    assert!(pour(client.wire()));
    check_memory(&gateway, before, "after a large request");
    let head = client.wire().read_response_head("POST").unwrap();
    assert_eq!(head.framing, Framing::Length(LARGE as u64));
    assert!(swallow(client.wire(), LARGE));
    check_memory(&gateway, before, "after a large response");
}

/// A client that does not read holds up its upstream, not the gateway's memory.
#[test]
fn a_client_that_reads_slowly_costs_no_memory() {
    let upstream = Upstream::custom(swallow_and_pour);
    let gateway = gateway(&upstream);
    let before = gateway.resident();
    let mut clients: Vec<Client> =
        (0..20).map(|_| Client::connect(gateway.proxy()).unwrap()).collect();
    for client in &mut clients {
        client.send(request("GET", "/", &[])).unwrap();
        assert_eq!(client.wire().read_response_head("GET").unwrap().status, 200);
    }
    // Others are served meanwhile, and take time in which the upstreams could pour more.
    let mut other = Client::connect(gateway.proxy()).unwrap();
    for _ in 0..200 {
        assert_eq!(other.exchange("GET", "/%00", &[]).map_or(400, |r| r.status), 400);
        other = Client::connect(gateway.proxy()).unwrap();
    }
    check_memory(&gateway, before, "with slow clients");
}

fn check_memory(gateway: &Gateway, before: u64, when: &str) {
    let grown = gateway.resident().saturating_sub(before);
    assert!(grown < GROWTH, "{when} the gateway is {} MiB larger", grown >> 20);
}

#[test]
fn a_client_that_goes_away_ends_its_upstream_request() {
    let upstream = Upstream::custom(|wire| {
        let _ = wire.read_request_head();
        // The gateway's end of the connection goes with the client's.
        let _ = wire.read_to_end();
    });
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    client.send(post("Content-Length: 1000000\r\n", &"x".repeat(200_000))).unwrap();
    assert!(wait::holds(wait::SOON, || upstream.accepted() == 1));
    drop(client);
    let mut other = Client::connect(gateway.proxy()).unwrap();
    assert_eq!(
        other
            .exchange("GET", "/%00", &[])
            .map_or_else(|f| f, |r| Fault::Failed(r.status.to_string())),
        Fault::Failed("400".into())
    );
}
