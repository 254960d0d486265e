//! What clients may have at most, and the count of those who wanted more.

use std::time::{Duration, Instant};

use dataplane::{ConnectionLimits, Settings};
use model::Limits;

use crate::frames::{self, Frames};
use crate::model_of::{Build, Running, service};
use crate::peer::{Peer, Upstream, pause, wait_for_metric};

const ASK: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

/// A gateway, and where its status is.
fn gateway(upstream: &Upstream, connections: ConnectionLimits, limits: Limits) -> (Running, u16) {
    let status = Upstream::dead_port();
    let status_listen = Some(([127, 0, 0, 1], status).into());
    let settings = Settings { workers: 2, status_listen, connections, ..Settings::default() };
    let build = Build::new().service(service("/", upstream.port())).limits(limits);
    (build.start_with(settings), status)
}

fn upstream() -> Upstream {
    Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into())
}

/// Waits until a connection is served again.
fn wait_for_room(port: u16) {
    let end = Instant::now() + Duration::from_secs(10);
    while !Peer::connect(port).is_served(ASK) {
        assert!(Instant::now() < end, "no place is given up");
        pause(Duration::from_millis(5));
    }
}

#[test]
fn connections_beyond_the_limit_are_closed_and_the_others_served() {
    let upstream = upstream();
    let limits = ConnectionLimits { total: 2, per_peer: 0 };
    let (gateway, status) = gateway(&upstream, limits, Limits::default());
    let mut held = [Peer::connect(gateway.port()), Peer::connect(gateway.port())];
    for peer in &mut held {
        assert_eq!(peer.ask(ASK).status, 200);
    }
    assert!(!Peer::connect(gateway.port()).is_served(ASK));
    wait_for_metric(status, "tripylon_limit_reached_total{limit=\"connections\"} 1");
    assert_eq!(held[0].ask(ASK).status, 200);
    drop(held);
    wait_for_room(gateway.port());
}

#[test]
fn a_peer_has_its_own_limit() {
    let upstream = upstream();
    let limits = ConnectionLimits { total: 0, per_peer: 1 };
    let (gateway, status) = gateway(&upstream, limits, Limits::default());
    let mut held = Peer::connect(gateway.port());
    assert_eq!(held.ask(ASK).status, 200);
    assert!(!Peer::connect(gateway.port()).is_served(ASK));
    wait_for_metric(status, "tripylon_limit_reached_total{limit=\"connections_per_peer\"} 1");
    drop(held);
    wait_for_room(gateway.port());
}

#[test]
fn every_limit_of_a_message_is_counted() {
    let upstream = upstream();
    let short = Duration::from_millis(100);
    let limits = Limits {
        body: 4,
        head_timeout: short,
        body_timeout: short,
        send_timeout: short,
        ..Limits::default()
    };
    let (gateway, status) = gateway(&upstream, ConnectionLimits::default(), limits);
    let long = "x".repeat(9000);
    let post = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: ";
    for (limit, request, answer) in [
        ("target", format!("GET /{long} HTTP/1.1\r\nHost: t\r\n\r\n"), 414),
        ("head", format!("GET / HTTP/1.1\r\nHost: t\r\nX: {long}\r\n\r\n"), 431),
        ("body", format!("{post}5\r\n\r\nhello"), 413),
        ("head_time", "GET / HTTP/1.1\r\n".to_owned(), 408),
        ("body_time", format!("{post}4\r\n\r\nhel"), 408),
    ] {
        let status_code = Peer::connect(gateway.port()).ask(&request).status;
        assert_eq!(status_code, answer, "{limit}");
        wait_for_metric(status, &format!("tripylon_limit_reached_total{{limit=\"{limit}\"}} 1"));
    }
    let mut client = Frames::connect(gateway.port(), &[(frames::INITIAL_WINDOW_SIZE, 0)]);
    let trace = [(":method", "TRACE"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
    client.request(1, &frames::block(&trace));
    client.flush();
    wait_for_metric(status, "tripylon_limit_reached_total{limit=\"send_time\"} 1");
    for _ in 0..1000 {
        client.frame(frames::PING, 0, 0, &[0; 8]);
    }
    client.end();
    wait_for_metric(status, "tripylon_limit_reached_total{limit=\"frames\"} 1");
}
