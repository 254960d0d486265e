//! What RFC 9113 asks of messages and connections, held against clients that don't.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use dataplane::{Gateway, Settings};
use filter::Kinds;
use model::{HttpSettings, Protocol};

use crate::frames::*;
use crate::model_of::{Build, Running, service};
use crate::peer::Upstream;

const PROTOCOL_ERROR: u32 = 1;

/// How the gateway answered.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// A head, whose block begins so: an index of the static table for common statuses.
    Head(u8),
    Reset(u32),
    GoAway(u32),
    Closed,
}

/// `:status` by its index (RFC 7541 appendix A); others are literals of an indexed name.
const STATUS_200: Outcome = Outcome::Head(0x88);
const STATUS_400: Outcome = Outcome::Head(0x8C);
const STATUS_OTHER: Outcome = Outcome::Head(0x48);

/// What becomes of a stream.
fn outcome(frames: &mut Frames, stream: u32) -> Outcome {
    frames.flush();
    while let Some(frame) = frames.next() {
        match frame.kind {
            HEADERS if frame.stream == stream => return Outcome::Head(frame.payload[0]),
            RST_STREAM if frame.stream == stream => return Outcome::Reset(code(&frame.payload)),
            GOAWAY => return Outcome::GoAway(code(&frame.payload[4..])),
            _ => {}
        }
    }
    Outcome::Closed
}

fn code(payload: &[u8]) -> u32 {
    u32::from_be_bytes([payload[0], payload[1], payload[2], payload[3]])
}

type Fields<'a> = Vec<(&'a str, &'a str)>;

/// An ordinary request, with pseudo-header fields replaced and other fields added.
fn with<'a>(changes: &[(&'a str, &'a str)]) -> Fields<'a> {
    let mut fields =
        vec![(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "api.test")];
    for (name, value) in changes {
        match fields.iter_mut().find(|(known, _)| name.starts_with(':') && known == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    fields
}

fn without<'a>(name: &str) -> Fields<'a> {
    let mut fields = with(&[]);
    fields.retain(|(known, _)| *known != name);
    fields
}

fn upstream() -> Upstream {
    Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into())
}

fn gateway(upstream: &Upstream) -> Running {
    Build::new().service(service("/", upstream.port())).start()
}

/// A gateway whose listener is as a function makes it.
fn gateway_with(upstream: &Upstream, change: impl FnOnce(&mut HttpSettings)) -> Gateway {
    let mut model = Build::new().service(service("/", upstream.port())).model();
    let Protocol::Http(http) = &mut model.listeners[0].protocol;
    change(http);
    let settings = Settings { workers: 1, ..Settings::default() };
    let gateway = Gateway::start(settings, Kinds::default()).expect("threads are to be had");
    gateway.publish(&model, 1).expect("the model can be served");
    gateway
}

fn connect(gateway: &Gateway) -> Frames {
    Frames::connect(gateway.addresses()[0].1.port(), &[])
}

#[test]
fn malformed_requests_are_refused_and_reach_no_upstream() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    let pseudo_last = [vec![("x-a", "1")], with(&[])].concat();
    for (what, fields) in [
        ("a field of the connection", with(&[("connection", "close")])),
        ("a transfer coding", with(&[("transfer-encoding", "chunked")])),
        ("an upgrade", with(&[("upgrade", "websocket")])),
        ("keep-alive", with(&[("keep-alive", "1")])),
        ("proxy-connection", with(&[("proxy-connection", "close")])),
        ("te other than trailers", with(&[("te", "gzip")])),
        ("a value with a line break", with(&[("x-a", "1\r\nX-Evil: 1")])),
        ("a value with NUL", with(&[("x-a", "1\0")])),
        ("a value that begins with a space", with(&[("x-a", " 1")])),
        ("a value that ends with a tab", with(&[("x-a", "1\t")])),
        ("a name with a colon", with(&[("x-a:b", "1")])),
        ("a name with a space", with(&[("x a", "1")])),
        ("a name in upper case", with(&[("X-A", "1")])),
        ("an empty name", with(&[("", "1")])),
        ("a path with a request line", with(&[(":path", "/a HTTP/1.1\r\nX: y")])),
        ("a path with a space", with(&[(":path", "/a b")])),
        ("a method with a request line", with(&[(":method", "GET /admin HTTP/1.1")])),
        ("an empty method", with(&[(":method", "")])),
        ("two hosts", with(&[("host", "other.test")])),
        ("a host with user information", with(&[(":authority", "user@api.test")])),
        ("a host with a path", with(&[(":authority", "api.test/x")])),
        ("an empty host", with(&[(":authority", "")])),
        ("a scheme that is more", with(&[(":scheme", "http://evil/")])),
        ("an empty path", with(&[(":path", "")])),
        ("a path without its slash", with(&[(":path", "admin")])),
        ("a whole URL as path", with(&[(":path", "http://api.test/")])),
        ("an asterisk with GET", with(&[(":path", "*")])),
        ("no method", without(":method")),
        ("no scheme", without(":scheme")),
        ("no path", without(":path")),
        ("no host", without(":authority")),
        ("a status", with(&[(":status", "200")])),
        ("an unknown pseudo-header field", with(&[(":x", "1")])),
        ("a protocol", with(&[(":protocol", "websocket")])),
        ("a pseudo-header field behind others", pseudo_last),
        ("two lengths", with(&[("content-length", "1"), ("content-length", "2")])),
        ("a list of lengths", with(&[("content-length", "1, 1")])),
        ("a length with a sign", with(&[("content-length", "+1")])),
        ("a length without its body", with(&[("content-length", "1")])),
    ] {
        let mut frames = Frames::connect(gateway.port(), &[]);
        frames.request(1, &block(&fields));
        let outcome = outcome(&mut frames, 1);
        let refused = [STATUS_400, Outcome::Reset(PROTOCOL_ERROR), Outcome::GoAway(PROTOCOL_ERROR)];
        assert!(refused.contains(&outcome), "{what}: {outcome:?}");
    }
    assert_eq!(upstream.connections(), 0);
    let mut frames = Frames::connect(gateway.port(), &[]);
    frames.request(1, &block(&with(&[("te", "trailers"), ("host", "api.test"), ("x-a", "")])));
    assert_eq!(outcome(&mut frames, 1), STATUS_200);
}

#[test]
fn a_repeated_pseudo_header_field_is_refused() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    for repeated in with(&[]) {
        let fields = [with(&[]), vec![repeated]].concat();
        let mut frames = Frames::connect(gateway.port(), &[]);
        frames.request(1, &block(&fields));
        assert_eq!(outcome(&mut frames, 1), Outcome::Reset(PROTOCOL_ERROR), "{}", repeated.0);
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn methods_that_make_tunnels_are_refused() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    let plain = vec![(":method", "CONNECT"), (":authority", "api.test:443")];
    let extended = with(&[(":method", "CONNECT"), (":protocol", "websocket")]);
    for fields in [plain, extended] {
        let mut frames = Frames::connect(gateway.port(), &[]);
        frames.request(1, &block(&fields));
        let outcome = outcome(&mut frames, 1);
        let refused = [STATUS_OTHER, Outcome::Reset(PROTOCOL_ERROR)];
        assert!(refused.contains(&outcome), "{outcome:?}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_body_must_be_as_long_as_it_says() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    for length in ["0", "4", "6"] {
        let mut frames = Frames::connect(gateway.port(), &[]);
        let fields = with(&[(":method", "POST"), ("content-length", length)]);
        frames.frame(HEADERS, END_HEADERS, 1, &block(&fields));
        frames.frame(DATA, END_STREAM, 1, b"hello");
        let outcome = outcome(&mut frames, 1);
        if length == "0" && outcome == STATUS_200 {
            // The response may be there before the body that should not be.
            assert!(!upstream.next().contains("hello"));
        } else {
            assert_eq!(outcome, Outcome::Reset(PROTOCOL_ERROR), "{length}");
        }
    }
}

/// An upstream that does nothing by itself.
fn endpoint() -> (TcpListener, Running) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, Build::new().service(service("/", port)).start())
}

fn accept(listener: &TcpListener) -> std::net::TcpStream {
    let (stream, _) = listener.accept().expect("the gateway connects");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout is set");
    stream
}

#[test]
fn a_request_that_breaks_off_is_never_whole_for_an_upstream() {
    let (listener, gateway) = endpoint();
    let mut frames = Frames::connect(gateway.port(), &[]);
    // From here on the gateway's windows are those of its settings.
    frames.wait_for(SETTINGS).expect("the gateway's settings");
    frames.frame(SETTINGS, 1, 0, b"");
    frames.frame(HEADERS, END_HEADERS, 1, &block(&with(&[(":method", "POST")])));
    // More than is kept before an upstream is asked.
    for _ in 0..8 {
        frames.frame(DATA, 0, 1, &[b'x'; 16 << 10]);
    }
    frames.flush();
    let mut endpoint = accept(&listener);
    assert!(endpoint.read(&mut [0; 1 << 10]).expect("the head comes") > 0);
    frames.frame(RST_STREAM, 0, 1, &8u32.to_be_bytes());
    frames.flush();
    let mut rest = Vec::new();
    // A reset of the connection is as good as its end.
    let ended = endpoint.read_to_end(&mut rest).map_err(|error| error.kind());
    assert!(matches!(ended, Ok(_) | Err(ErrorKind::ConnectionReset)), "{ended:?}");
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

#[test]
fn trailers_cannot_hold_fields_of_a_head() {
    let (listener, gateway) = endpoint();
    for field in ["host", "content-length", "authorization", "x-checksum"] {
        let mut frames = Frames::connect(gateway.port(), &[]);
        frames.frame(HEADERS, END_HEADERS, 1, &block(&with(&[(":method", "POST")])));
        frames.frame(DATA, 0, 1, b"body");
        frames.request(1, &block(&[(field, "1"), ("x-last", "2")]));
        frames.flush();
        let mut endpoint = accept(&listener);
        let mut seen = Vec::new();
        let mut buffer = [0; 1 << 10];
        while !seen.ends_with(b"x-last: 2\r\n\r\n") {
            let read = endpoint.read(&mut buffer).expect("the request comes");
            assert!(read > 0, "{field}: {}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&buffer[..read]);
        }
        let seen = String::from_utf8(seen).expect("text");
        let (_, body) = seen.split_once("\r\n\r\n").expect("a head");
        assert_eq!(body.contains(field), field == "x-checksum", "{seen}");
        endpoint.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").expect("it listens");
        drop(endpoint);
        assert_eq!(outcome(&mut frames, 1), STATUS_200);
    }
}

#[test]
fn limits_hold_as_in_http1() {
    let upstream = upstream();
    let gateway = gateway_with(&upstream, |http| {
        http.limits.headers = 5;
        http.limits.header_line = 100;
        http.limits.request_line = 50;
        http.limits.body = 10;
    });
    let (long, path) = ("x".repeat(100), format!("/{}", "x".repeat(50)));
    let many = with(&[("a", ""), ("b", ""), ("c", ""), ("d", ""), ("e", ""), ("f", "")]);
    for (fields, body) in [
        (with(&[("x-a", &long)]), ""),
        (many, ""),
        (with(&[(":path", &path)]), ""),
        (with(&[("content-length", "11")]), "01234567890"),
        (with(&[]), "01234567890"),
    ] {
        let mut frames = connect(&gateway);
        let end = if body.is_empty() { END_STREAM } else { 0 };
        frames.frame(HEADERS, END_HEADERS | end, 1, &block(&fields));
        if !body.is_empty() {
            frames.frame(DATA, END_STREAM, 1, body.as_bytes());
        }
        assert_eq!(outcome(&mut frames, 1), STATUS_OTHER, "{fields:?}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_client_is_told_to_leave_after_so_many_requests() {
    let upstream = upstream();
    let gateway = gateway_with(&upstream, |http| http.keepalive_requests = 2);
    let mut frames = connect(&gateway);
    frames.request(1, &get());
    assert_eq!(outcome(&mut frames, 1), STATUS_200);
    frames.request(3, &get());
    assert_eq!(outcome(&mut frames, 3), Outcome::GoAway(NO_ERROR));
    assert_eq!(outcome(&mut frames, 3), STATUS_200);
}

#[test]
fn an_idle_connection_is_closed_in_its_time() {
    let upstream = upstream();
    for (keepalive, patience) in [(0, 60_000), (50, 60_000), (60_000, 50)] {
        let gateway = gateway_with(&upstream, |http| {
            http.keepalive = Duration::from_millis(keepalive);
            http.limits.head_timeout = Duration::from_millis(patience);
        });
        let mut frames = connect(&gateway);
        if patience == 60_000 {
            frames.request(1, &get());
            assert_eq!(outcome(&mut frames, 1), STATUS_200);
        }
        // The farewell, and the end for a client that does not answer to it.
        assert_eq!(frames.end(), End::GoAway(NO_ERROR));
    }
}

#[test]
fn draining_lets_streams_end_and_closes_the_connection() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let upstream = Upstream::start(move |_| {
        held.lock().expect("one thread").recv().expect("the test releases it");
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into()
    });
    let gateway = gateway_with(&upstream, |_| {});
    let mut frames = connect(&gateway);
    frames.request(1, &get());
    frames.flush();
    upstream.next();
    std::thread::scope(|scope| {
        let drained = scope.spawn(|| gateway.drain(Duration::from_secs(10)));
        assert_eq!(outcome(&mut frames, 1), Outcome::GoAway(NO_ERROR));
        release.send(()).expect("the upstream waits");
        assert_eq!(outcome(&mut frames, 1), STATUS_200);
        frames.end();
        assert!(drained.join().expect("it ends"));
    });
}

/// RFC 9113 section 7: a client with prior knowledge that is wrong is told so in what it speaks.
#[test]
fn a_listener_without_http2_asks_for_http1() {
    let upstream = upstream();
    let gateway = Build::new().without_http2().service(service("/", upstream.port())).start();
    let mut frames = Frames::connect(gateway.port(), &[]);
    frames.request(1, &get());
    frames.flush();
    let settings = frames.next().expect("a frame");
    assert_eq!((settings.kind, settings.payload.len()), (SETTINGS, 0));
    assert_eq!(frames.end(), End::GoAway(HTTP_1_1_REQUIRED));
    let mut client = crate::peer::Peer::connect(gateway.port());
    assert_eq!(
        client.ask("PRI / HTTP/1.1\r\nHost: t\r\n\r\n").status,
        200,
        "it is a method as any"
    );
}

const HTTP_1_1_REQUIRED: u32 = 13;
