//! Clients that take their time: each wait has an end, and hurts nobody else.

use std::time::{Duration, Instant};

use model::Limits;

use crate::frames::*;
use crate::model_of::{Build, Running, service};
use crate::peer::{Peer, Upstream, pause};

const SHORT: Duration = Duration::from_millis(200);

fn gateway(upstream: &Upstream, limits: Limits) -> Running {
    Build::new().service(service("/", upstream.port())).limits(limits).start()
}

/// Longer than any window, and longer than the kernel keeps for a client that does not read.
fn long() -> Upstream {
    Upstream::start(|_| {
        let body = "x".repeat(16 << 20);
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    })
}

fn short() -> Upstream {
    Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into())
}

#[test]
fn a_head_on_a_stream_must_come_in_time() {
    let limits = Limits { head_timeout: SHORT, ..Limits::default() };
    let upstream = short();
    let gateway = gateway(&upstream, limits);
    let block = get();

    let mut frames = Frames::connect(gateway.port(), &[]);
    frames.frame(HEADERS, END_STREAM, 1, &block);
    assert_eq!(frames.end(), End::GoAway(ENHANCE_YOUR_CALM), "a block without its end");

    let mut frames = Frames::connect(gateway.port(), &[]);
    frames.raw(&[0, 0]);
    assert_eq!(frames.end(), End::GoAway(ENHANCE_YOUR_CALM), "half a frame's header");

    let mut frames = Frames::connect(gateway.port(), &[]);
    frames.frame(HEADERS, END_HEADERS | END_STREAM, 1, &block);
    frames.frame(HEADERS, END_HEADERS | END_STREAM, 3, &block);
    frames.cut(1);
    assert_eq!(frames.end(), End::GoAway(ENHANCE_YOUR_CALM), "a frame without its last byte");
}

#[test]
fn a_preface_must_come_in_time() {
    let limits = Limits { head_timeout: SHORT, ..Limits::default() };
    let upstream = short();
    let gateway = gateway(&upstream, limits);
    let mut peer = Peer::connect(gateway.port());
    peer.send("PRI * HTTP/2.0\r\n\r\nSM");
    // It may be told so first.
    peer.read_to_end();
}

#[test]
fn a_connection_may_be_idle_for_longer_than_a_head_may_take() {
    let limits = Limits { head_timeout: SHORT, ..Limits::default() };
    let upstream = short();
    let gateway = gateway(&upstream, limits);
    let mut frames = Frames::connect(gateway.port(), &[]);
    let start = Instant::now();
    while start.elapsed() < SHORT * 3 {
        frames.frame(PING, 0, 0, &[0; 8]);
        frames.flush();
        frames.wait_for(PING).expect("the connection is open");
        pause(SHORT / 4);
    }
    frames.request(1, &get());
    frames.flush();
    assert_eq!(frames.wait_for(DATA).expect("a response").payload, b"ok");
}

#[test]
fn a_body_on_a_stream_must_go_on() {
    let limits = Limits { body_timeout: SHORT, ..Limits::default() };
    let upstream = short();
    let gateway = gateway(&upstream, limits);
    let mut frames = Frames::connect(gateway.port(), &[]);
    let mut block = block(&[(":method", "POST"), (":scheme", "http"), (":path", "/")]);
    block.extend(self::block(&[(":authority", "a.test"), ("content-length", "10")]));
    frames.frame(HEADERS, END_HEADERS, 1, &block);
    frames.frame(DATA, 0, 1, b"half");
    frames.flush();
    // The answer comes whole, and then word that the rest of the body is not wanted.
    let answer = frames.wait_for(DATA).expect("a response");
    assert_eq!((answer.payload.as_slice(), answer.flags), (&b"request-timeout"[..], END_STREAM));
    let reset = frames.wait_for(RST_STREAM).expect("a reset");
    assert_eq!((reset.stream, reset.payload.as_slice()), (1, &[0, 0, 0, 0][..]));
    // The other streams go on.
    frames.request(3, &get());
    frames.flush();
    while frames.wait_for(DATA).expect("a response").stream != 3 {}
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_stream_whose_window_stays_shut_ends() {
    let limits = Limits { send_timeout: SHORT, ..Limits::default() };
    let upstream = short();
    let gateway = gateway(&upstream, limits);
    let mut frames = Frames::connect(gateway.port(), &[(INITIAL_WINDOW_SIZE, 0)]);
    for stream in [1, 3, 5] {
        frames.request(stream, &get());
    }
    // The gateway's own answers as well.
    frames.request(
        7,
        &block(&[(":method", "TRACE"), (":scheme", "http"), (":path", "/"), (":authority", "a")]),
    );
    frames.flush();
    for _ in 0..4 {
        assert!(frames.wait_for(RST_STREAM).is_some(), "each is reset");
    }
}

#[test]
fn a_client_that_reads_nothing_is_let_go() {
    let limits = Limits { send_timeout: SHORT, ..Limits::default() };
    let upstream = long();
    let gateway = gateway(&upstream, limits);
    let largest = (1 << 31) - 1;
    let mut frames = Frames::connect(gateway.port(), &[(INITIAL_WINDOW_SIZE, largest)]);
    frames.frame(WINDOW_UPDATE, 0, 0, &(largest - (64 << 10)).to_be_bytes());
    frames.request(1, &get());
    frames.flush();
    let mut slow = Peer::connect(gateway.port());
    slow.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    upstream.next();
    upstream.next();
    // Neither reads while the time runs out; what the kernel has kept for them can be read then.
    pause(SHORT * 4);
    assert!(frames.wait_for(RST_STREAM).is_some());
    assert!(slow.read_to_end().len() < 16 << 20);
}

#[test]
fn a_client_that_does_not_go_does_not_hold_up_the_end() {
    let upstream = short();
    let gateway = gateway(&upstream, Limits::default());
    let mut frames = Frames::connect(gateway.port(), &[]);
    frames.request(1, &get());
    frames.flush();
    assert_eq!(frames.wait_for(DATA).expect("a response").payload, b"ok");
    // It answers neither the `GOAWAY` nor the `PING` that asks whether it has heard of it.
    assert!(gateway.drain(Duration::from_secs(8)));
    assert_eq!(frames.end(), End::GoAway(NO_ERROR));
}

/// As many of a kind as the test's files allow for: each connection takes up to four.
fn crowd() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("Linux");
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3)?.parse::<usize>().ok());
    (soft.unwrap_or(1024).saturating_sub(400) / 8).min(300)
}

/// Opens a connection to a port and begins something.
type Slow = fn(u16) -> Frames;

#[test]
fn crowds_of_slow_clients_keep_nobody_waiting() {
    let upstream = short();
    let settings = dataplane::Settings { workers: 1, ..Default::default() };
    let gateway = Build::new().service(service("/", upstream.port())).start_with(settings);
    let kinds: [(&str, Slow); 3] = [
        ("heads", |port| {
            let mut frames = Frames::connect(port, &[]);
            frames.frame(HEADERS, END_STREAM, 1, &get());
            frames
        }),
        ("bodies", |port| {
            let mut frames = Frames::connect(port, &[]);
            let post =
                [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
            frames.frame(HEADERS, END_HEADERS, 1, &block(&post));
            frames.frame(DATA, 0, 1, b"half");
            frames
        }),
        ("windows", |port| {
            let mut frames = Frames::connect(port, &[(INITIAL_WINDOW_SIZE, 0)]);
            frames.request(1, &get());
            frames
        }),
    ];
    let mut neighbour = Peer::connect(gateway.port());
    for (what, slow) in kinds {
        let mut held = Vec::new();
        for _ in 0..crowd() {
            let mut frames = slow(gateway.port());
            frames.flush();
            held.push(frames);
        }
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..100 {
            let start = Instant::now();
            assert_eq!(neighbour.ask("GET / HTTP/1.1\r\nHost: t\r\n\r\n").status, 200);
            times.push(start.elapsed());
        }
        times.sort();
        // The goal is 50 ms; a machine that is busy with other tests is given some more.
        assert!(times[98] < Duration::from_millis(500), "beside slow {what}: {:?}", times[98]);
    }
}

/// The attack with this number: data for a stream that was reset in the same packet
/// (CVE-2026-26311), while its response is still to come.
#[test]
fn sec_181_data_behind_a_reset_is_passed_over() {
    let upstream = short();
    let gateway = gateway(&upstream, Limits::default());
    let mut frames = Frames::connect(gateway.port(), &[]);
    let post = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
    for round in 0..20 {
        let stream = round * 2 + 1;
        frames.frame(HEADERS, END_HEADERS, stream, &block(&post));
        frames.frame(DATA, 0, stream, b"half");
        frames.frame(RST_STREAM, 0, stream, &8u32.to_be_bytes());
        frames.frame(DATA, END_STREAM, stream, b"more");
        // `h2` may end the connection for what comes after a reset (RFC 9113 section 5.1), with a
        // word; another connection is served as before.
        if !frames.flush() || frames.has_ended() {
            break;
        }
    }
    let mut other = Frames::connect(gateway.port(), &[]);
    other.request(1, &get());
    other.flush();
    assert_eq!(other.wait_for(DATA).expect("a response").payload, b"ok");
    // Of the requests that were reset none came to its end.
    assert!(upstream.next().starts_with("GET "));
    assert_eq!(upstream.connections(), 1);
}
