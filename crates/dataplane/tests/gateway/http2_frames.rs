//! HTTP/2 as no well-behaved client speaks it: frames by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use dataplane::{Gateway, Settings};
use filter::Kinds;
use model::{HttpSettings, Protocol};

use crate::model_of::{Build, Running, service};
use crate::peer::Upstream;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

const PROTOCOL_ERROR: u32 = 1;
const ENHANCE_YOUR_CALM: u32 = 11;

/// A connection on which frames are written by hand.
struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// How the gateway answered.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// A head, whose field block begins so: an index of the static table for common statuses.
    Head(u8),
    Reset(u32),
    GoAway(u32),
    Closed,
}

/// `:status: 200` and `:status: 400` by their index (RFC 7541 appendix A).
const STATUS_200: Outcome = Outcome::Head(0x88);
const STATUS_400: Outcome = Outcome::Head(0x8C);

impl Raw {
    fn connect(port: u16) -> Self {
        Self::connect_with(port, &[])
    }

    fn connect_with(port: u16, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the gateway listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout is set");
        let mut raw = Self { stream, read: Vec::new() };
        raw.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        raw.frame(SETTINGS, 0, 0, &payload);
        raw
    }

    /// Says whether the gateway still takes something.
    fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.write(&frame(kind, flags, stream, payload))
    }

    fn request(&mut self, stream: u32, fields: &[(&str, &[u8])], end: bool) -> bool {
        let flags = END_HEADERS | if end { END_STREAM } else { 0 };
        self.frame(HEADERS, flags, stream, &block(fields))
    }

    fn get(&mut self, stream: u32, path: &str) -> bool {
        self.request(stream, &with(&[(":path", path.as_bytes())]), true)
    }

    /// Takes the gateway's settings as valid: its windows are open from then on.
    fn accept_settings(&mut self) {
        while self.next().expect("the settings come").kind != SETTINGS {}
        self.frame(SETTINGS, ACK, 0, b"");
    }

    /// The next frame; none if the connection is closed.
    fn next(&mut self) -> Option<Frame> {
        let head = self.take(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let payload = self.take(length)?;
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        let mut buffer = [0; 16 << 10];
        while self.read.len() < length {
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(read) => self.read.extend_from_slice(&buffer[..read]),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "nothing in time");
                    return None;
                }
            }
        }
        Some(self.read.drain(..length).collect())
    }

    /// What becomes of a stream.
    fn outcome(&mut self, stream: u32) -> Outcome {
        loop {
            let Some(frame) = self.next() else { return Outcome::Closed };
            match frame.kind {
                HEADERS if frame.stream == stream => return Outcome::Head(frame.payload[0]),
                RST_STREAM if frame.stream == stream => {
                    return Outcome::Reset(code(&frame.payload));
                }
                GOAWAY => return Outcome::GoAway(code(&frame.payload[4..])),
                _ => {}
            }
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

fn code(payload: &[u8]) -> u32 {
    u32::from_be_bytes([payload[0], payload[1], payload[2], payload[3]])
}

/// A field block of literals that are not indexed and not compressed (RFC 7541 section 6.2.2).
fn block(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        text(name.as_bytes(), &mut block);
        text(value, &mut block);
    }
    block
}

fn text(text: &[u8], block: &mut Vec<u8>) {
    let mut length = text.len();
    if length < 127 {
        block.push(u8::try_from(length).expect("it is small"));
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128).expect("it is small") | 128);
            length /= 128;
        }
        block.push(u8::try_from(length).expect("it is small"));
    }
    block.extend_from_slice(text);
}

/// An ordinary request, with some fields replaced (pseudo-header fields) or added.
fn with<'a>(changes: &[(&'a str, &'a [u8])]) -> Vec<(&'a str, &'a [u8])> {
    let mut fields: Vec<(&str, &[u8])> = vec![
        (":method", b"GET"),
        (":scheme", b"http"),
        (":path", b"/"),
        (":authority", b"api.test"),
    ];
    for (name, value) in changes {
        match fields.iter_mut().find(|(known, _)| name.starts_with(':') && known == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    fields
}

fn without<'a>(name: &str) -> Vec<(&'a str, &'a [u8])> {
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

#[test]
fn malformed_requests_are_refused_and_reach_no_upstream() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    let get = |changes: &[(&'static str, &'static [u8])]| with(changes);
    let pseudo_last = {
        let mut fields = vec![("x-a", &b"1"[..])];
        fields.extend(with(&[]));
        fields
    };
    for (what, fields) in [
        ("a field of the connection", get(&[("connection", b"close")])),
        ("a transfer coding", get(&[("transfer-encoding", b"chunked")])),
        ("an upgrade", get(&[("upgrade", b"websocket")])),
        ("keep-alive", get(&[("keep-alive", b"1")])),
        ("proxy-connection", get(&[("proxy-connection", b"close")])),
        ("te other than trailers", get(&[("te", b"gzip")])),
        ("a value with a line break", get(&[("x-a", b"1\r\nX-Evil: 1")])),
        ("a value with NUL", get(&[("x-a", b"1\0")])),
        ("a value that begins with a space", get(&[("x-a", b" 1")])),
        ("a value that ends with a tab", get(&[("x-a", b"1\t")])),
        ("a name with a colon", get(&[("x-a:b", b"1")])),
        ("a name with a space", get(&[("x a", b"1")])),
        ("a name in upper case", get(&[("X-A", b"1")])),
        ("an empty name", get(&[("", b"1")])),
        ("a path with a request line", get(&[(":path", b"/a HTTP/1.1\r\nX: y")])),
        ("a path with a space", get(&[(":path", b"/a b")])),
        ("a method with a request line", get(&[(":method", b"GET /admin HTTP/1.1")])),
        ("an empty method", get(&[(":method", b"")])),
        ("two hosts", get(&[("host", b"other.test")])),
        ("a host with user information", get(&[(":authority", b"user@api.test")])),
        ("a host with a path", get(&[(":authority", b"api.test/x")])),
        ("an empty host", get(&[(":authority", b"")])),
        ("a scheme that is more", get(&[(":scheme", b"http://evil/")])),
        ("an empty path", get(&[(":path", b"")])),
        ("a path without its slash", get(&[(":path", b"admin")])),
        ("a whole URL as path", get(&[(":path", b"http://api.test/")])),
        ("an asterisk with GET", get(&[(":path", b"*")])),
        ("no method", without(":method")),
        ("no scheme", without(":scheme")),
        ("no path", without(":path")),
        ("no host", without(":authority")),
        ("a status", get(&[(":status", b"200")])),
        ("an unknown pseudo-header field", get(&[(":x", b"1")])),
        ("a protocol", get(&[(":protocol", b"websocket")])),
        ("a pseudo-header field behind others", pseudo_last),
        ("two lengths", get(&[("content-length", b"1"), ("content-length", b"2")])),
        ("a list of lengths", get(&[("content-length", b"1, 1")])),
        ("a length with a sign", get(&[("content-length", b"+1")])),
        ("a length without its body", get(&[("content-length", b"1")])),
    ] {
        let mut raw = Raw::connect(gateway.port());
        raw.request(1, &fields, true);
        let outcome = raw.outcome(1);
        let refused = [STATUS_400, Outcome::Reset(PROTOCOL_ERROR), Outcome::GoAway(PROTOCOL_ERROR)];
        assert!(refused.contains(&outcome), "{what}: {outcome:?}");
    }
    assert_eq!(upstream.connections(), 0);
    let mut raw = Raw::connect(gateway.port());
    raw.request(1, &with(&[("te", b"trailers"), ("host", b"api.test"), ("x-a", b"")]), true);
    assert_eq!(raw.outcome(1), STATUS_200);
}

#[test]
fn a_repeated_pseudo_header_field_is_refused() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    for name in [":method", ":scheme", ":path", ":authority"] {
        let mut fields = with(&[]);
        let again = *fields.iter().find(|(known, _)| *known == name).expect("it is there");
        fields.push(again);
        let mut raw = Raw::connect(gateway.port());
        raw.request(1, &fields, true);
        assert_eq!(raw.outcome(1), Outcome::Reset(PROTOCOL_ERROR), "{name}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn methods_that_make_tunnels_are_refused() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    let plain: [(&str, &[u8]); 2] = [(":method", b"CONNECT"), (":authority", b"api.test:443")];
    let extended = with(&[(":method", b"CONNECT"), (":protocol", b"websocket")]);
    for fields in [&plain[..], &extended[..]] {
        let mut raw = Raw::connect(gateway.port());
        raw.request(1, fields, true);
        // 405 has no place in the static table.
        let refused = [Outcome::Head(0x48), Outcome::Reset(PROTOCOL_ERROR)];
        let outcome = raw.outcome(1);
        assert!(refused.contains(&outcome), "{outcome:?}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_body_must_be_as_long_as_it_says() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    for (length, body) in [(&b"0"[..], &b"hello"[..]), (b"4", b"hello"), (b"6", b"hello")] {
        let mut raw = Raw::connect(gateway.port());
        let fields = with(&[(":method", b"POST"), ("content-length", length)]);
        raw.request(1, &fields, false);
        raw.frame(DATA, END_STREAM, 1, body);
        let outcome = raw.outcome(1);
        assert_eq!(outcome, Outcome::Reset(PROTOCOL_ERROR), "{length:?}");
    }
}

#[test]
fn a_request_that_breaks_off_is_never_whole_for_an_upstream() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let gateway = Build::new().service(service("/", port)).start();
    let mut raw = Raw::connect(gateway.port());
    raw.accept_settings();
    raw.request(1, &with(&[(":method", b"POST")]), false);
    // More than is kept before an upstream is asked.
    for _ in 0..8 {
        raw.frame(DATA, 0, 1, &[b'x'; 16 << 10]);
    }
    let (mut endpoint, _) = listener.accept().expect("the gateway connects");
    endpoint.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout is set");
    let mut seen = [0; 1 << 10];
    assert!(endpoint.read(&mut seen).expect("the head comes") > 0);
    raw.frame(RST_STREAM, 0, 1, &8u32.to_be_bytes());
    let mut rest = Vec::new();
    // A reset of the connection is as good as its end.
    let ended = endpoint.read_to_end(&mut rest).map_err(|error| error.kind());
    assert!(matches!(ended, Ok(_) | Err(ErrorKind::ConnectionReset)), "{ended:?}");
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

#[test]
fn trailers_cannot_hold_fields_of_a_head() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let gateway = Build::new().service(service("/", port)).start();
    for field in ["host", "content-length", "authorization", "x-checksum"] {
        let mut raw = Raw::connect(gateway.port());
        raw.request(1, &with(&[(":method", b"POST")]), false);
        raw.frame(DATA, 0, 1, b"body");
        let fields = block(&[(field, b"1"), ("x-last", b"2")]);
        raw.frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields);
        let (mut endpoint, _) = listener.accept().expect("the gateway connects");
        endpoint.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout is set");
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
        assert_eq!(raw.outcome(1), STATUS_200);
    }
}

/// Sends until the gateway has closed the connection; what it said, and how much it took.
fn flood(raw: &mut Raw, limit: usize, mut next: impl FnMut(usize) -> Vec<u8>) -> (Outcome, usize) {
    let mut writer = raw.stream.try_clone().expect("a second handle");
    let mut sent = 0;
    while sent < limit && writer.write_all(&next(sent)).is_ok() {
        sent += 1;
    }
    (raw.outcome(u32::MAX), sent)
}

#[test]
fn streams_reset_at_once_end_the_connection() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    let mut raw = Raw::connect(gateway.port());
    let request = block(&with(&[]));
    let (outcome, _) = flood(&mut raw, 20_000, |at| {
        let stream = u32::try_from(at).expect("it is small") * 2 + 1;
        let mut frames = frame(HEADERS, END_HEADERS | END_STREAM, stream, &request);
        frames.extend(frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()));
        frames
    });
    assert!(matches!(outcome, Outcome::GoAway(ENHANCE_YOUR_CALM) | Outcome::Closed), "{outcome:?}");
    // Others are served as before.
    let mut other = Raw::connect(gateway.port());
    other.get(1, "/");
    assert_eq!(other.outcome(1), STATUS_200);
    // The flood cost few connections to the upstream.
    assert!(upstream.connections() <= 200, "{}", upstream.connections());
}

#[test]
fn errors_that_make_the_gateway_reset_streams_end_the_connection() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    let mut raw = Raw::connect(gateway.port());
    let request = block(&with(&[]));
    let (outcome, _) = flood(&mut raw, 5_000, |at| {
        let stream = u32::try_from(at).expect("it is small") * 2 + 1;
        let mut frames = frame(HEADERS, END_HEADERS | END_STREAM, stream, &request);
        frames.extend(frame(WINDOW_UPDATE, 0, stream, &0u32.to_be_bytes()));
        frames
    });
    assert!(matches!(outcome, Outcome::GoAway(_) | Outcome::Closed), "{outcome:?}");
}

#[test]
fn a_head_without_end_ends_the_connection() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    let mut raw = Raw::connect(gateway.port());
    raw.frame(HEADERS, END_STREAM, 1, &block(&with(&[])));
    let fields = block(&[("x-a", &[b'x'; 1000][..]); 10]);
    let (outcome, sent) = flood(&mut raw, 10_000, |_| frame(CONTINUATION, 0, 1, &fields));
    assert!(matches!(outcome, Outcome::GoAway(_) | Outcome::Closed), "{outcome:?}");
    assert!(sent < 10_000);
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_head_that_grows_when_it_is_unpacked_is_refused() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    let mut raw = Raw::connect(gateway.port());
    // Stored in the table once (RFC 7541 section 6.2.1), and named a thousand times.
    let mut fields = block(&with(&[]));
    fields.push(0x40);
    text(b"x-a", &mut fields);
    text(&[b'x'; 3 << 10], &mut fields);
    fields.extend([0x80 | 62; 1000]);
    raw.frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields);
    let outcome = raw.outcome(1);
    // 431 has no place in the static table.
    let refused = matches!(outcome, Outcome::Head(0x48) | Outcome::Reset(_) | Outcome::GoAway(_));
    assert!(refused || outcome == Outcome::Closed, "{outcome:?}");
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn fields_of_no_length_count_too() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    let mut raw = Raw::connect(gateway.port());
    let mut fields = with(&[]);
    fields.extend([("a", &b""[..]); 2000]);
    raw.request(1, &fields, true);
    let outcome = raw.outcome(1);
    assert!(matches!(outcome, Outcome::Head(0x48) | Outcome::Reset(_) | Outcome::GoAway(_)));
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn frames_that_say_nothing_end_the_connection_or_cost_nothing() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    let mut raw = Raw::connect(gateway.port());
    raw.request(1, &with(&[(":method", b"POST")]), false);
    let (outcome, _) = flood(&mut raw, 100_000, |_| frame(DATA, 0, 1, b""));
    assert!(matches!(outcome, Outcome::GoAway(_) | Outcome::Closed), "{outcome:?}");
    let mut other = Raw::connect(gateway.port());
    other.get(1, "/");
    assert_eq!(other.outcome(1), STATUS_200);
}

#[test]
fn acknowledgements_that_nobody_reads_do_not_pile_up() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    for (kind, payload) in [(PING, &[0; 8][..]), (SETTINGS, &[])] {
        let raw = Raw::connect(gateway.port());
        let mut writer = raw.stream.try_clone().expect("a second handle");
        writer.set_write_timeout(Some(Duration::from_millis(300))).expect("a timeout is set");
        let frames = frame(kind, 0, 0, payload).repeat(1000);
        // The gateway stops reading when its answers are not read: the pipe fills up.
        let taken = (0..10_000).take_while(|_| writer.write_all(&frames).is_ok()).count();
        assert!(taken < 10_000, "{kind}: everything was taken");
    }
    let mut other = Raw::connect(gateway.port());
    other.get(1, "/");
    assert_eq!(other.outcome(1), STATUS_200);
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

fn port(gateway: &Gateway) -> u16 {
    gateway.addresses()[0].1.port()
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
    let long = [b'x'; 100];
    let path = [&b"/"[..], &[b'x'; 50]].concat();
    for (fields, body) in [
        (with(&[("x-a", &long)]), &b""[..]),
        (with(&[("a", b""), ("b", b""), ("c", b""), ("d", b""), ("e", b""), ("f", b"")]), b""),
        (with(&[(":path", &path)]), b""),
        (with(&[("content-length", b"11")]), b"01234567890"),
        (with(&[]), b"01234567890"),
    ] {
        let mut raw = Raw::connect(port(&gateway));
        raw.request(1, &fields, body.is_empty());
        if !body.is_empty() {
            raw.frame(DATA, END_STREAM, 1, body);
        }
        // Statuses beyond those of the static table are literals of an indexed name.
        assert_eq!(raw.outcome(1), Outcome::Head(0x48), "{fields:?}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_client_is_told_to_leave_after_so_many_requests() {
    let upstream = upstream();
    let gateway = gateway_with(&upstream, |http| http.keepalive_requests = 2);
    let mut raw = Raw::connect(port(&gateway));
    raw.get(1, "/");
    assert_eq!(raw.outcome(1), STATUS_200);
    raw.get(3, "/");
    assert_eq!(raw.outcome(3), Outcome::GoAway(0));
    assert_eq!(raw.outcome(3), STATUS_200);
}

#[test]
fn an_idle_connection_is_closed_in_its_time() {
    let upstream = upstream();
    for (keepalive, patience) in [(0, 60_000), (50, 60_000), (60_000, 50)] {
        let gateway = gateway_with(&upstream, |http| {
            http.keepalive = Duration::from_millis(keepalive);
            http.limits.head_timeout = Duration::from_millis(patience);
        });
        let mut raw = Raw::connect(port(&gateway));
        if patience == 60_000 {
            raw.get(1, "/");
            assert_eq!(raw.outcome(1), STATUS_200);
        }
        // The farewell, and the end for a client that does not answer to it.
        assert_eq!(raw.outcome(3), Outcome::GoAway(0));
        while raw.next().is_some() {}
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
    let mut raw = Raw::connect(port(&gateway));
    raw.get(1, "/");
    upstream.next();
    std::thread::scope(|scope| {
        let drained = scope.spawn(|| gateway.drain(Duration::from_secs(10)));
        assert_eq!(raw.outcome(3), Outcome::GoAway(0));
        release.send(()).expect("the upstream waits");
        assert_eq!(raw.outcome(1), STATUS_200);
        while raw.next().is_some() {}
        assert!(drained.join().expect("it ends"));
    });
}

#[test]
fn a_client_that_reads_slowly_is_not_waited_for_and_costs_little() {
    let upstream = Upstream::start(|_| {
        let body = "x".repeat(1 << 20);
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    });
    let gateway = gateway_with(&upstream, |http| {
        http.limits.send_timeout = Duration::from_millis(100);
    });
    // SETTINGS_INITIAL_WINDOW_SIZE of one byte.
    let mut raw = Raw::connect_with(port(&gateway), &[(4, 1)]);
    for stream in 0..20 {
        raw.get(stream * 2 + 1, "/");
    }
    let mut reset = std::collections::BTreeSet::new();
    while reset.len() < 20 {
        let frame = raw.next().expect("the connection stays");
        match frame.kind {
            DATA => assert!(frame.payload.len() <= 1),
            RST_STREAM => drop(reset.insert(frame.stream)),
            _ => {}
        }
    }
}

#[test]
fn pings_are_answered_and_an_unknown_frame_is_ignored() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    let mut raw = Raw::connect(gateway.port());
    raw.frame(0xEE, 0, 0, b"what is this");
    raw.frame(PING, 0, 0, b"12345678");
    let start = Instant::now();
    loop {
        let frame = raw.next().expect("the connection stays");
        if frame.kind == PING {
            assert_eq!((frame.flags, &frame.payload[..]), (ACK, &b"12345678"[..]));
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
