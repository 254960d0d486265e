//! HTTP/2 from clients, well-formed and not.

use http::Request;
use tripylon_e2e::certificates::credulous_client;
use tripylon_e2e::gateway::accepts;
use tripylon_e2e::port::Port;
use tripylon_e2e::{Client, Gateway, Start, Upstream, http2, wait};

use crate::setup::proxy_to;

/// A gateway with a further listener, for HTTP/2 without TLS, at the port of the second kind.
fn cleartext(upstream: &Upstream) -> (Gateway, Port) {
    let port = Port::claim();
    let ports = tripylon_e2e::gateway::Ports::claim();
    let listen = format!(
        "127.0.0.1:{}, 127.0.0.1:{} http2 ssl, 127.0.0.1:{} http2",
        ports.proxy.number(),
        ports.proxy_tls.number(),
        port.number()
    );
    let start = Start::kong(proxy_to(upstream)).ports(ports).env("KONG_PROXY_LISTEN", &listen);
    let gateway = start.go();
    assert!(wait::holds(wait::SOON, || accepts(port.number())), "{}", gateway.said());
    (gateway, port)
}

fn uri(target: &str) -> String {
    format!("http://a.test{target}")
}

fn post(target: &str, body: Vec<u8>) -> (Request<()>, Vec<u8>) {
    (Request::post(uri(target)).body(()).unwrap(), body)
}

#[test]
fn over_tls_by_alpn() {
    let upstream = Upstream::echo();
    let (gateway, _) = cleartext(&upstream);
    let tls = credulous_client(&["h2", "http/1.1"]);
    let mut client = http2::Client::connect_tls(gateway.proxy_tls(), "a.test", &tls).unwrap();
    let response = client.get("https://a.test/x?y=1").unwrap();
    assert_eq!(response.status, 200);
    assert!(
        response.header("via").is_some_and(|via| via.starts_with("1.1 ") || via.starts_with("2 "))
    );
    assert!(response.header("connection").is_none());
    let seen = &upstream.journal().seen()[0];
    assert_eq!((seen.target.as_str(), seen.version.as_str()), ("/x?y=1", "HTTP/1.1"));
    assert_eq!(seen.header("x-forwarded-host"), Some("a.test"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    assert_eq!(client.get("https://a.test/?_status=404").unwrap().status, 404);
}

#[test]
fn in_plain_text_with_prior_knowledge() {
    let upstream = Upstream::echo();
    let (_gateway, port) = cleartext(&upstream);
    let mut client = http2::Client::connect(port.number()).unwrap();
    assert_eq!(client.get(&uri("/x")).unwrap().json()["target"], "/x");
    let mut plain = Client::connect(port.number()).unwrap();
    assert_eq!(
        plain.exchange("GET", "/", &[]).unwrap().status,
        200,
        "HTTP/1.1 is spoken there too"
    );
}

#[test]
fn many_streams_at_once() {
    let upstream = Upstream::echo();
    let (gateway, port) = cleartext(&upstream);
    let mut client = http2::Client::connect(port.number()).unwrap();
    let requests =
        (0..90).map(|n| post(&format!("/{n}?_delay=20"), format!("body {n}").into_bytes()));
    for (n, response) in client.exchange_all(requests.collect()).into_iter().enumerate() {
        let echoed = response.unwrap().json();
        assert_eq!(echoed["target"], format!("/{n}?_delay=20"));
        assert_eq!(echoed["body"], format!("body {n}"));
    }
    drop(gateway);
}

#[test]
fn bodies_larger_than_a_window_pass_both_ways() {
    let upstream = Upstream::echo();
    let (_gateway, port) = cleartext(&upstream);
    let mut client = http2::Client::connect(port.number()).unwrap();
    let (request, body) = post("/?_size=3000000", vec![b'u'; 3_000_000]);
    let response = client.exchange(request, &body).unwrap();
    assert_eq!(response.body.len(), 3_000_000);
    assert_eq!(upstream.journal().seen()[0].body.len(), 3_000_000);
}

#[test]
fn trailers_and_heads_without_bodies() {
    let upstream = Upstream::echo();
    let (_gateway, port) = cleartext(&upstream);
    let mut client = http2::Client::connect(port.number()).unwrap();
    let trailing = Request::get(uri("/?_chunked=1&_b=abc&_trailer=X-Sum:7"));
    let trailing = trailing.header("te", "trailers").body(()).unwrap();
    let response = client.exchange(trailing, b"").unwrap();
    assert_eq!(response.body, b"abc");
    assert_eq!(response.trailers.unwrap()["x-sum"], "7");
    let head = Request::head(uri("/?_size=1000")).body(()).unwrap();
    let response = client.exchange(head, b"").unwrap();
    assert_eq!((response.header("content-length"), response.body.len()), (Some("1000"), 0));
    assert_eq!(client.get(&uri("/?_status=204")).unwrap().status, 204);
}

/// What becomes of a stream.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// RST_STREAM, GOAWAY or the end of the connection.
    Refused,
    Status(u16),
}

/// Frames of RFC 9113 section 6, as bytes.
struct Frames {
    client: Client,
}

impl Frames {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const GOAWAY: u8 = 7;
    const CONTINUATION: u8 = 9;
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;

    fn connect(port: &Port) -> Self {
        let mut client = Client::connect(port.number()).unwrap();
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut frames = Self { client };
        frames.send(Self::SETTINGS, 0, 0, &[]);
        frames
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.client.send(frame).is_ok()
    }

    /// A field section of literals that enter no table (RFC 7541 section 6.2.2).
    fn section(fields: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, value) in fields {
            bytes.push(0);
            for text in [name, value] {
                assert!(text.len() < 127, "a length of one byte");
                bytes.push(text.len() as u8);
                bytes.extend(text.bytes());
            }
        }
        bytes
    }

    /// The outcome of stream 1.
    fn outcome(&mut self) -> Outcome {
        loop {
            let Ok(head) = self.client.wire().read_exact(9) else { return Outcome::Refused };
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let Ok(payload) = self.client.wire().read_exact(length) else {
                return Outcome::Refused;
            };
            match head[3] {
                Self::RST_STREAM | Self::GOAWAY => return Outcome::Refused,
                Self::HEADERS => return Outcome::Status(status(&payload)),
                _ => {}
            }
        }
    }
}

/// `:status` from the static table (RFC 7541 appendix A), or as a literal of three digits.
fn status(section: &[u8]) -> u16 {
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    // Changes of the table's size come first.
    let section: Vec<u8> = section.iter().copied().skip_while(|b| b & 0xe0 == 0x20).collect();
    match section.first() {
        Some(byte @ 0x88..=0x8e) => INDEXED[usize::from(byte - 0x88)],
        _ => {
            let digits: String = section[2..5].iter().map(|b| *b as char).collect();
            digits.parse().unwrap_or(0)
        }
    }
}

const REQUEST: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/a"), (":authority", "a.test")];

/// The request with one of its pseudo-header fields replaced, and with further fields.
fn request(
    replaced: (&'static str, &'static str),
    more: &[(&'static str, &'static str)],
) -> Vec<(&'static str, &'static str)> {
    let mut fields: Vec<_> = REQUEST.to_vec();
    for field in &mut fields {
        if field.0 == replaced.0 {
            *field = replaced;
        }
    }
    fields.extend(more);
    fields
}

/// Sends a request of these fields; what came of it, and what the upstream received.
fn ask(
    port: &Port,
    upstream: &Upstream,
    fields: &[(&str, &str)],
    body: Option<&[u8]>,
) -> (Outcome, usize) {
    upstream.journal().clear();
    let mut frames = Frames::connect(port);
    let end = if body.is_none() { Frames::END_STREAM } else { 0 };
    frames.send(Frames::HEADERS, Frames::END_HEADERS | end, 1, &Frames::section(fields));
    if let Some(body) = body {
        frames.send(Frames::DATA, Frames::END_STREAM, 1, body);
    }
    let outcome = frames.outcome();
    let faults = upstream.journal().faults();
    assert!(faults.iter().all(|f| !f.contains("malformed")), "{faults:?}");
    (outcome, upstream.journal().seen().len())
}

#[test]
fn frames_of_this_test_are_understood() {
    let upstream = Upstream::echo();
    let (_gateway, port) = cleartext(&upstream);
    assert_eq!(ask(&port, &upstream, &REQUEST, None), (Outcome::Status(200), 1));
    let post = request((":method", "POST"), &[("content-length", "5")]);
    assert_eq!(ask(&port, &upstream, &post, Some(b"hello")), (Outcome::Status(200), 1));
}

#[test]
fn messages_that_http1_could_not_carry_are_refused() {
    let upstream = Upstream::echo();
    let (_gateway, port) = cleartext(&upstream);
    let plain = (":none", "");
    let smuggled = &b"GET /smuggled HTTP/1.1\r\n\r\n1234"[..];
    let attacks: Vec<(&str, Vec<_>, Option<&[u8]>)> = vec![
        ("sec_029", request((":method", "POST"), &[("content-length", "3")]), Some(smuggled)),
        ("sec_030", request(plain, &[("transfer-encoding", "chunked")]), None),
        ("sec_030", request(plain, &[("connection", "close")]), None),
        ("sec_030", request(plain, &[("te", "gzip")]), None),
        ("sec_031", request(plain, &[("x", "a\r\nX-Evil: 1")]), None),
        ("sec_031", request(plain, &[("x", "a\0b")]), None),
        ("sec_032", request(plain, &[("x:y", "1")]), None),
        ("sec_032", request(plain, &[("x y", "1")]), None),
        ("sec_032", request(plain, &[("X-Upper", "1")]), None),
        ("sec_032", request(plain, &[("", "1")]), None),
        ("sec_033", request((":path", "/a HTTP/1.1\r\nX: y"), &[]), None),
        ("sec_033", request((":path", "/a b"), &[]), None),
        ("sec_034", request((":method", "GET /admin HTTP/1.1"), &[]), None),
        ("sec_034", request((":method", ""), &[]), None),
        ("sec_036", request((":scheme", "http://evil/"), &[]), None),
        ("sec_037", request((":path", ""), &[]), None),
        ("sec_037", request((":path", "a"), &[]), None),
        ("two paths", request(plain, &[(":path", "/b")]), None),
        ("an unknown pseudo-header field", request(plain, &[(":evil", "b")]), None),
    ];
    for (id, fields, body) in attacks {
        let (outcome, seen) = ask(&port, &upstream, &fields, body);
        assert!(
            matches!(outcome, Outcome::Refused | Outcome::Status(400)) && seen == 0,
            "{id}: {fields:?} came to {outcome:?}, and the upstream received {seen} requests: {:?}",
            upstream.journal().seen()
        );
    }
    assert_eq!(ask(&port, &upstream, &REQUEST, None), (Outcome::Status(200), 1));
}

/// A body that should not be there ends its stream. The request without it may have been sent on.
#[test]
fn sec_029_a_body_of_no_length_reaches_nobody() {
    let upstream = Upstream::echo();
    let (_gateway, port) = cleartext(&upstream);
    let post = request((":method", "POST"), &[("content-length", "0")]);
    let (outcome, _) = ask(&port, &upstream, &post, Some(b"GET /smuggled HTTP/1.1\r\n\r\n1234"));
    assert!(matches!(outcome, Outcome::Refused | Outcome::Status(200 | 400)), "{outcome:?}");
    assert_eq!(ask(&port, &upstream, &REQUEST, None).0, Outcome::Status(200));
    for seen in upstream.journal().seen() {
        assert_eq!((seen.target.as_str(), seen.body.len()), ("/a", 0));
    }
}

#[test]
fn sec_035_two_names_for_the_host() {
    let upstream = Upstream::echo();
    let (_gateway, port) = cleartext(&upstream);
    let (outcome, _) = ask(&port, &upstream, &request((":none", ""), &[("host", "b.test")]), None);
    if outcome == Outcome::Status(200) {
        let seen = &upstream.journal().seen()[0];
        let head = String::from_utf8_lossy(&seen.head).into_owned();
        assert_eq!(head.contains("a.test"), !head.contains("b.test"), "{head}");
    }
}

#[test]
fn sec_038_a_body_that_is_cut_off_is_no_body() {
    let upstream = Upstream::echo();
    let (_gateway, port) = cleartext(&upstream);
    let mut frames = Frames::connect(&port);
    let post = request((":method", "POST"), &[]);
    frames.send(Frames::HEADERS, Frames::END_HEADERS, 1, &Frames::section(&post));
    for _ in 0..3 {
        frames.send(Frames::DATA, 0, 1, &[b'x'; 16_000]);
    }
    frames.send(Frames::RST_STREAM, 0, 1, &8_u32.to_be_bytes());
    frames.send(Frames::HEADERS, 5, 3, &Frames::section(&REQUEST));
    assert_eq!(frames.outcome(), Outcome::Status(200));
    let seen = upstream.journal().seen();
    assert_eq!(seen.iter().map(|s| s.method.as_str()).collect::<Vec<_>>(), ["GET"]);
}

#[test]
fn sec_041_streams_opened_and_reset_at_once_end_the_connection() {
    let upstream = Upstream::echo();
    let (_gateway, port) = cleartext(&upstream);
    let mut frames = Frames::connect(&port);
    let section = Frames::section(&REQUEST);
    let refused = (0..20_000_u32).any(|n| {
        let stream = 2 * n + 1;
        let sent = frames.send(Frames::HEADERS, 5, stream, &section);
        !(sent && frames.send(Frames::RST_STREAM, 0, stream, &8_u32.to_be_bytes()))
    });
    assert!(refused || wait::holds(wait::SOON, || frames.outcome() == Outcome::Refused));
    let mut client = http2::Client::connect(port.number()).unwrap();
    assert_eq!(client.get(&uri("/")).unwrap().status, 200);
}

#[test]
fn sec_042_a_head_does_not_go_on_for_ever() {
    let upstream = Upstream::echo();
    let (gateway, port) = cleartext(&upstream);
    let before = gateway.resident();
    let mut frames = Frames::connect(&port);
    frames.send(Frames::HEADERS, Frames::END_STREAM, 1, &Frames::section(&REQUEST));
    let more = Frames::section(&[("x-more", "0123456789")]).repeat(100);
    let refused = (0..10_000).any(|_| !frames.send(Frames::CONTINUATION, 0, 1, &more));
    assert!(refused || frames.outcome() == Outcome::Refused);
    assert!(gateway.resident() < before + (10 << 20));
    assert_eq!(upstream.journal().seen().len(), 0);
}

#[test]
fn sec_140_no_tunnel_by_a_protocol_that_was_not_offered() {
    let upstream = Upstream::echo();
    let (_gateway, port) = cleartext(&upstream);
    let connect = request((":method", "CONNECT"), &[]);
    let mut fields = vec![(":protocol", "websocket")];
    fields.extend(connect);
    let (outcome, seen) = ask(&port, &upstream, &fields, None);
    assert!(
        matches!(outcome, Outcome::Refused | Outcome::Status(400 | 404 | 405 | 501)),
        "{outcome:?}"
    );
    assert_eq!(seen, 0);
}
