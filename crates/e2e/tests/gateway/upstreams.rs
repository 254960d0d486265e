//! Upstreams that fail, and what is tried then.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use tripylon_e2e::port::Port;
use tripylon_e2e::upstream::{Act, Behaviour, Script};
use tripylon_e2e::{Client, Fault, Gateway, Start, Upstream};

use crate::setup::{gateway, service};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn get(gateway: &Gateway) -> Result<tripylon_e2e::Response, Fault> {
    Client::connect(gateway.proxy())?.exchange("GET", "/", &[])
}

#[test]
fn connections_to_upstreams_are_kept() {
    let upstream = Upstream::echo();
    let gateway =
        Start::kong(crate::setup::proxy_to(&upstream)).arguments(&["--workers", "1"]).go();
    for _ in 0..10 {
        assert_eq!(get(&gateway).unwrap().status, 200);
    }
    assert_eq!(upstream.accepted(), 1);
}

/// An upstream may end an idle connection while the next request is on its way to it.
#[test]
fn a_kept_connection_that_ends_costs_no_request() {
    let dying = Script::new([Act::Read, Act::Send(OK.into()), Act::Read, Act::Reset]);
    let upstream = Upstream::scripted(vec![dying]);
    let gateway = gateway(&upstream);
    for n in 0..20 {
        assert_eq!(get(&gateway).unwrap().status, 200, "request {n}");
    }
}

#[test]
fn an_upstream_that_is_not_there_is_a_bad_gateway() {
    let port = Port::claim();
    let gateway = Start::kong(service(port.number(), "", "")).go();
    let began = Instant::now();
    assert_eq!(get(&gateway).unwrap().status, 502);
    assert!(began.elapsed() < Duration::from_secs(5));
    let _upstream = Upstream::start_on(port, Behaviour::Echo, Default::default());
    assert_eq!(get(&gateway).unwrap().status, 200);
}

/// Kong's `retries`: so many further attempts where none of the response was sent on.
#[test]
fn connections_that_end_without_a_response_are_tried_again() {
    let closing = Script::new([Act::Read]);
    let scripts = vec![closing.clone(), closing.clone(), Script::answering(OK)];
    let upstream = Upstream::scripted(scripts.clone());
    let gateway = Start::kong(service(upstream.port(), "  retries: 2\n", "")).go();
    assert_eq!(get(&gateway).unwrap().status, 200);
    assert_eq!(upstream.accepted(), 3);
    let upstream = Upstream::scripted(scripts);
    let gateway = Start::kong(service(upstream.port(), "  retries: 1\n", "")).go();
    assert_eq!(get(&gateway).unwrap().status, 502);
    assert_eq!(upstream.accepted(), 2);
}

/// A listener whose queue is full: the kernel drops what more connections send.
#[expect(unsafe_code, reason = "the standard library chooses the queue's length")]
fn unreachable() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // SAFETY: the socket is open and listens already; its queue gets shorter.
    unsafe { libc::listen(listener.as_raw_fd(), 0) };
    let address = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200));
    let queued = std::iter::from_fn(|| connect().ok()).collect();
    (listener, queued)
}

#[test]
fn an_upstream_that_takes_no_connection_times_out() {
    let (listener, _queued) = unreachable();
    let port = listener.local_addr().unwrap().port();
    let gateway = Start::kong(service(port, "  connect_timeout: 200\n  retries: 1\n", "")).go();
    let began = Instant::now();
    assert_eq!(get(&gateway).unwrap().status, 504);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(400) && took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn an_upstream_that_is_silent_times_out() {
    let upstream = Upstream::start(Behaviour::Silent, Default::default());
    let gateway =
        Start::kong(service(upstream.port(), "  read_timeout: 200\n  retries: 0\n", "")).go();
    let began = Instant::now();
    assert_eq!(get(&gateway).unwrap().status, 504);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn an_upstream_that_stops_in_the_middle_times_out() {
    let stopping = Script::new([
        Act::Read,
        Act::Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".into()),
        Act::Wait(Duration::from_secs(8)),
    ]);
    let upstream = Upstream::scripted(vec![stopping]);
    let gateway =
        Start::kong(service(upstream.port(), "  read_timeout: 200\n  retries: 0\n", "")).go();
    let began = Instant::now();
    assert_eq!(get(&gateway).unwrap_err(), Fault::Closed);
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[test]
fn an_upstream_that_reads_nothing_times_out() {
    let deaf = Script::new([Act::ReadHead, Act::Wait(Duration::from_secs(8))]);
    let upstream = Upstream::scripted(vec![deaf]);
    let gateway =
        Start::kong(service(upstream.port(), "  write_timeout: 300\n  retries: 0\n", "")).go();
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let began = Instant::now();
    let sender = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n";
    client.send(sender).unwrap();
    let block = vec![b'x'; 1 << 20];
    let _ = (0..100).try_for_each(|_| client.send(&block));
    assert_eq!(client.receive("POST").unwrap().status, 504);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[test]
fn responses_that_make_no_sense_are_a_bad_gateway() {
    for bytes in [
        "NOT HTTP AT ALL\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX y: z\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ] {
        let upstream = Upstream::scripted(vec![Script::new([Act::Read, Act::Send(bytes.into())])]);
        let gateway = Start::kong(service(upstream.port(), "  retries: 0\n", "")).go();
        assert_eq!(get(&gateway).unwrap().status, 502, "{bytes:?}");
    }
}

#[test]
fn what_is_dialled_can_be_said_on_the_command_line() {
    let upstream = Upstream::echo();
    let document = "_format_version: '3.0'\nservices:\n- url: http://orders.internal:8080\n  routes:\n  - paths: [/]\n";
    let connect = format!("orders.internal:8080:127.0.0.1:{}", upstream.port());
    let gateway = Start::kong(document).arguments(&["--connect-to", &connect]).go();
    assert_eq!(get(&gateway).unwrap().status, 200);
    assert_eq!(upstream.journal().seen()[0].header("host"), Some("orders.internal:8080"));
}
