//! Messages that are on their way before they are whole.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use http::Request;
use tripylon_e2e::certificates::credulous_client;
use tripylon_e2e::http1::request;
use tripylon_e2e::upstream::{Act, Script};
use tripylon_e2e::{Client, Start, Upstream, http2, wait};

use crate::setup::{gateway, proxy_to, service};

/// An upstream that sends an event whenever the test lets it.
fn events() -> (Upstream, mpsc::Sender<()>) {
    let (go, wait_for_go) = mpsc::channel();
    let wait_for_go = Arc::new(Mutex::new(wait_for_go));
    let upstream = Upstream::custom(move |wire| {
        if !matches!(wire.read_request(), Ok(Some(_))) {
            return;
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let _ = wire.write(head.as_bytes());
        let wait_for_go = wait_for_go.lock().unwrap();
        while wait_for_go.recv().is_ok() && wire.write(b"9\r\ndata: 1\n\n\r\n").is_ok() {}
    });
    (upstream, go)
}

#[test]
fn events_arrive_one_by_one() {
    let (upstream, go) = events();
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    client.send(request("GET", "/events", &[])).unwrap();
    assert_eq!(client.wire().read_response_head("GET").unwrap().status, 200);
    for _ in 0..5 {
        go.send(()).unwrap();
        assert_eq!(client.wire().read_exact(14).unwrap(), b"9\r\ndata: 1\n\n\r\n");
    }
}

#[test]
fn without_buffering_a_request_begins_before_it_is_complete() {
    let upstream = Upstream::custom(|wire| {
        if !matches!(wire.read_request_head(), Ok(Some(_))) {
            return;
        }
        // What was read so far is answered while the rest is still to come.
        let Ok(first) = wire.read_exact(5) else { return };
        let _ = wire.write(b"HTTP/1.1 103 Early Hints\r\nX-First: ");
        let _ = wire.write(&first);
        let _ = wire.write(b"\r\n\r\n");
        let Ok(second) = wire.read_exact(5) else { return };
        let _ = wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        let _ = wire.write(&second);
    });
    let unbuffered = "    request_buffering: false\n";
    let gateway = Start::kong(service(upstream.port(), "", unbuffered)).go();
    let mut client = Client::connect(gateway.proxy()).unwrap();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nfirst").unwrap();
    let hints = client.wire().read_response_head("POST").unwrap();
    assert_eq!((hints.status, hints.header("x-first")), (103, Some("first")));
    client.send("secnd").unwrap();
    assert_eq!(client.receive("POST").unwrap().text(), "secnd");
}

#[test]
fn hints_arrive_before_the_response() {
    let (go, wait_for_go) = mpsc::channel();
    let wait_for_go = Arc::new(Mutex::new(wait_for_go));
    let upstream = Upstream::custom(move |wire| {
        if matches!(wire.read_request(), Ok(Some(_))) {
            let _ = wire.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
            let _ = wait_for_go.lock().unwrap().recv();
            let _ = wire.write(b"HTTP/1.1 204 No Content\r\n\r\n");
        }
    });
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    client.send(request("GET", "/", &[])).unwrap();
    let hints = client.wire().read_response_head("GET").unwrap();
    assert_eq!((hints.status, hints.header("link")), (103, Some("</a.css>")));
    go.send(()).unwrap();
    assert_eq!(client.receive("GET").unwrap().status, 204);
}

#[test]
fn interim_responses_are_passed_on_but_not_to_http_1_0() {
    let bytes = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let upstream = Upstream::scripted(vec![Script::answering(bytes)]);
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let response = client.exchange("GET", "/", &[]).unwrap();
    assert_eq!((response.interim, response.status), (vec![103], 200));
    client.send("GET / HTTP/1.0\r\nHost: h\r\n\r\n").unwrap();
    let response = client.receive("GET").unwrap();
    assert_eq!((response.interim, response.status), (vec![], 200));
}

#[test]
fn who_is_refused_is_not_told_to_continue() {
    let upstream = Upstream::echo();
    let gateway =
        Start::kong(service(upstream.port(), "  plugins:\n  - name: key-auth\n", "")).go();
    let mut client = Client::connect(gateway.proxy()).unwrap();
    client
        .send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .unwrap();
    let response = client.receive("POST").unwrap();
    assert_eq!((response.status, response.interim.len()), (401, 0));
    // The client sends no body now, or does: the gateway cannot know.
    assert_eq!(response.header("connection"), Some("close"));
    assert!(client.ends_within(wait::SOON));
}

#[test]
fn errors_have_no_body_for_head() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(service(upstream.port(), "", "    hosts: [a.test]\n")).go();
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let head = client.exchange("HEAD", "/", &[]).unwrap();
    let get = client.exchange("GET", "/", &[]).unwrap();
    assert_eq!((head.status, head.body.len()), (404, 0));
    assert_eq!((get.status, get.header("content-type")), (404, head.header("content-type")));
}

#[test]
fn bodies_pass_as_they_are() {
    let zipped: Vec<u8> = [0x1f, 0x8b, 8, 0, 0xff, 0, b'\r', b'\n', 0x80].repeat(1000);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        zipped.len()
    );
    let upstream = Upstream::scripted(vec![Script::answering([head.as_bytes(), &zipped].concat())]);
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let response = client.exchange("GET", "/", &[("Accept-Encoding", "gzip")]).unwrap();
    assert_eq!(response.header("content-encoding"), Some("gzip"));
    assert!(response.body == zipped);
    assert_eq!(upstream.journal().seen()[0].header("accept-encoding"), Some("gzip"));
}

#[test]
fn websocket_over_tls() {
    let switched =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let upstream =
        Upstream::scripted(vec![Script::new([Act::Read, Act::Send(switched.into()), Act::Mirror])]);
    let gateway = gateway(&upstream);
    let tls = credulous_client(&["h2", "http/1.1"][1..]);
    let mut client = Client::connect_tls(gateway.proxy_tls(), Some("a.test"), &tls).unwrap();
    let fields = [("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket")];
    assert_eq!(client.exchange("GET", "/", &fields).unwrap().status, 101);
    let message: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
    client.send(&message).unwrap();
    assert!(client.wire().read_exact(message.len()).unwrap() == message);
}

#[test]
fn other_protocols_are_not_switched_to() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let fields = [("Connection", "Upgrade"), ("Upgrade", "irc/6.9")];
    assert_eq!(client.exchange("GET", "/", &fields).unwrap().status, 200);
    assert_eq!(upstream.journal().seen()[0].header("upgrade"), None);
}

#[test]
fn an_http2_connection_outlives_a_reload() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let tls = credulous_client(&["h2"]);
    let mut client = http2::Client::connect_tls(gateway.proxy_tls(), "a.test", &tls).unwrap();
    assert_eq!(client.get("https://a.test/x").unwrap().json()["target"], "/x");
    gateway.rewrite(
        &proxy_to(&upstream).replace(&upstream.address(), &format!("{}/v2", upstream.address())),
    );
    let reloaded = wait::holds(wait::SOON, || {
        let response = client.get("https://a.test/x").unwrap();
        assert_eq!(response.status, 200);
        response.json()["target"] == "/v2/x"
    });
    assert!(reloaded);
}

#[test]
fn termination_lets_http2_streams_finish() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream);
    let tls = credulous_client(&["h2"]);
    let mut client = http2::Client::connect_tls(gateway.proxy_tls(), "a.test", &tls).unwrap();
    let pid = gateway.pid();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(upstream.journal().wait(8, wait::SOON).len(), 8);
            tripylon_e2e::gateway::signal(pid, libc::SIGTERM);
        });
        let slow = |n| Request::get(format!("https://a.test/{n}?_delay=700")).body(()).unwrap();
        for response in client.exchange_all((0..8).map(|n| (slow(n), Vec::new())).collect()) {
            assert_eq!(response.unwrap().status, 200);
        }
    });
    assert!(gateway.ended(wait::SOON).is_some_and(|status| status.success()));
}
