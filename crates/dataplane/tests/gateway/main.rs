//! A gateway of this crate alone, over real sockets: models in, bytes out.

mod floods;
mod frames;
mod http2;
mod http2_rules;
mod limits;
mod model_of;
mod panics;
mod peer;
mod slow;
mod stuck;
mod tls;

use std::time::Duration;

use model_of::{Build, service};
use peer::{Peer, Upstream};

#[test]
fn a_request_is_forwarded_and_its_response_passed_on() {
    let upstream =
        Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Up: 1\r\n\r\nhi".into());
    let gateway = Build::new().service(service("/a", upstream.port())).start();
    let mut client = Peer::connect(gateway.port());
    let response = client.ask("GET /a/b?x=1 HTTP/1.1\r\nHost: t\r\nX-C: 2\r\n\r\n");
    assert_eq!((response.status, response.body.as_slice()), (200, &b"hi"[..]));
    assert_eq!(response.header("x-up"), Some("1"));
    let seen = upstream.next();
    assert!(seen.starts_with("GET /a/b?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"), "{seen}");
    assert!(seen.contains("\r\nX-C: 2\r\n") && seen.contains("\r\nConnection: keep-alive\r\n"));
}

#[test]
fn connections_are_kept_on_both_sides() {
    let upstream = Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into());
    let gateway = Build::new().service(service("/", upstream.port())).start();
    let mut client = Peer::connect(gateway.port());
    for _ in 0..5 {
        assert_eq!(client.ask("GET / HTTP/1.1\r\nHost: t\r\n\r\n").status, 200);
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn requests_may_be_sent_ahead() {
    let upstream = Upstream::start(|head| {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len())
    });
    let gateway = Build::new().service(service("/", upstream.port())).start();
    let mut client = Peer::connect(gateway.port());
    client.send("GET /1 HTTP/1.1\r\nHost: t\r\n\r\nGET /2 HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!(client.response(false).body, b"/1");
    assert_eq!(client.response(false).body, b"/2");
}

#[test]
fn what_no_route_takes_is_answered() {
    let gateway = Build::new().service(service("/a", 1)).start();
    let response = Peer::connect(gateway.port()).ask("GET /b HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!((response.status, response.body.as_slice()), (404, &b"no-route"[..]));
}

#[test]
fn a_trusted_peer_says_that_a_request_came_over_tls() {
    let upstream = Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into());
    let unmet = model::Unmet::Reply(model::reason::TLS_REQUIRED.into());
    let status = |trusted: &str, field: &str| {
        let build = Build::new().service(service("/", upstream.port()));
        let gateway = build.over_tls_only(&unmet, trusted).start();
        let request = format!("GET / HTTP/1.1\r\nHost: t\r\n{field}\r\n");
        Peer::connect(gateway.port()).ask(&request).status
    };
    assert_eq!(status("127.0.0.0/8", "X-Forwarded-Proto: https\r\n"), 200);
    assert_eq!(status("127.0.0.0/8", "X-Forwarded-Proto: http\r\n"), 426);
    assert_eq!(status("127.0.0.0/8", ""), 426);
    assert_eq!(status("10.0.0.0/8", "X-Forwarded-Proto: https\r\n"), 426);
}

#[test]
fn clients_are_redirected_to_the_host_that_they_asked_for() {
    let location = |trusted: &str, field: &str| {
        let build = Build::new().service(service("/", 9));
        let unmet = model::Unmet::RedirectToHttps(308);
        let gateway = build.over_tls_only(&unmet, trusted).start();
        let request = format!("GET /a?b=c HTTP/1.1\r\nHost: inner.test:8000\r\n{field}\r\n");
        let response = Peer::connect(gateway.port()).ask(&request);
        assert_eq!(response.status, 308);
        response.header("location").expect("a redirect has a location").to_owned()
    };
    let field = "X-Forwarded-Host: outer.test:443\r\n";
    assert_eq!(location("127.0.0.0/8", field), "https://outer.test/a?b=c");
    assert_eq!(location("127.0.0.0/8", ""), "https://inner.test/a?b=c");
    assert_eq!(location("10.0.0.0/8", field), "https://inner.test/a?b=c");
    for strange in ["a.test/b", "a.test, b.test:x", "user@a.test", ""] {
        let field = format!("X-Forwarded-Host: {strange}\r\n");
        assert_eq!(location("127.0.0.0/8", &field), "https://inner.test/a?b=c");
    }
}

#[test]
fn bodies_of_both_framings_pass() {
    let upstream = Upstream::start(|request| {
        let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
    });
    let gateway = Build::new().service(service("/", upstream.port())).start();
    let mut client = Peer::connect(gateway.port());
    let sized = client.ask("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(sized.body, b"hello");
    let chunked = "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    assert_eq!(client.ask(chunked).body, b"hello");
}

#[test]
fn an_answer_to_head_has_a_length_and_no_body() {
    let upstream = Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n".into());
    let gateway = Build::new().service(service("/a", upstream.port())).start();
    let mut client = Peer::connect(gateway.port());
    client.send("HEAD /a HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!(client.response(true).header("content-length"), Some("7"));
    client.send("HEAD /b HTTP/1.1\r\nHost: t\r\n\r\n");
    let local = client.response(true);
    assert_eq!((local.status, local.header("content-length")), (404, Some("8")));
    // Nothing was left over: the connection goes on.
    assert_eq!(client.ask("GET /b HTTP/1.1\r\nHost: t\r\n\r\n").status, 404);
}

#[test]
fn a_client_that_waits_is_told_to_go_on() {
    let upstream = Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into());
    let gateway = Build::new().service(service("/", upstream.port())).start();
    let mut client = Peer::connect(gateway.port());
    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.response(false).status, 100);
    client.send("ok");
    assert_eq!(client.response(false).status, 200);
    assert!(!upstream.next().contains("xpect"));
}

#[test]
fn an_ambiguous_request_is_refused_and_goes_nowhere() {
    let upstream = Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into());
    let gateway = Build::new().service(service("/", upstream.port())).start();
    let mut client = Peer::connect(gateway.port());
    let response = client.ask(
        "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    assert_eq!((response.status, response.header("connection")), (400, Some("close")));
    assert!(client.is_closed());
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn an_endpoint_that_refuses_is_answered_for() {
    let gateway = Build::new().service(service("/", Upstream::dead_port())).start();
    let response = Peer::connect(gateway.port()).ask("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!((response.status, response.body.as_slice()), (502, &b"bad-gateway"[..]));
}

#[test]
fn a_new_model_is_served_on_the_connections_there_are() {
    let upstream = Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into());
    let gateway = Build::new().service(service("/a", upstream.port())).start();
    let mut client = Peer::connect(gateway.port());
    assert_eq!(client.ask("GET /b HTTP/1.1\r\nHost: t\r\n\r\n").status, 404);
    gateway.publish(Build::new().service(service("/b", upstream.port())));
    assert_eq!(client.ask("GET /b HTTP/1.1\r\nHost: t\r\n\r\n").status, 200);
    assert_eq!(client.ask("GET /a HTTP/1.1\r\nHost: t\r\n\r\n").status, 404);
}

#[test]
fn a_refused_model_changes_nothing() {
    let upstream = Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into());
    let gateway = Build::new().service(service("/a", upstream.port())).start();
    let mut broken = Build::new().service(service("~(", upstream.port())).model();
    broken.routes[0].when.paths = vec![model::PathMatch::Regex("(".into())];
    let rejections = gateway.try_publish(&broken).expect_err("the expression is broken");
    assert_eq!(rejections.len(), 1, "{rejections:?}");
    let mut client = Peer::connect(gateway.port());
    assert_eq!(client.ask("GET /a HTTP/1.1\r\nHost: t\r\n\r\n").status, 200);
}

#[test]
fn draining_lets_requests_end_and_closes_idle_connections() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let upstream = Upstream::start(move |_| {
        held.lock().expect("one thread").recv().expect("the test releases it");
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into()
    });
    // With one worker: two do not hear of it at the same moment.
    let settings = dataplane::Settings { workers: 1, ..Default::default() };
    let gateway = Build::new().service(service("/a", upstream.port())).start_with(settings);
    let mut idle = Peer::connect(gateway.port());
    assert_eq!(idle.ask("GET /b HTTP/1.1\r\nHost: t\r\n\r\n").status, 404);
    let mut busy = Peer::connect(gateway.port());
    busy.send("GET /a HTTP/1.1\r\nHost: t\r\n\r\n");
    upstream.next();
    std::thread::scope(|scope| {
        let drained = scope.spawn(|| gateway.drain(Duration::from_secs(10)));
        assert!(idle.is_closed());
        release.send(()).expect("the upstream waits");
        let response = busy.response(false);
        assert_eq!(
            (response.body.as_slice(), response.header("connection")),
            (&b"ok"[..], Some("close"))
        );
        assert!(drained.join().expect("it ends"));
    });
    assert!(Peer::try_connect(gateway.port()).is_none());
}

#[test]
fn websocket_connections_become_tunnels() {
    let upstream = Upstream::start(|_| {
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            .into()
    });
    let gateway = Build::new().service(service("/", upstream.port())).start();
    let mut client = Peer::connect(gateway.port());
    client.send("GET / HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(client.response(true).status, 101);
    client.send("ping");
    assert_eq!(client.read_exactly(4), b"ping");
    client.finish();
    assert!(client.is_closed());
}
