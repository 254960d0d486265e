//! HTTP/2 with prior knowledge.

use std::net::Ipv4Addr;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, Response};

use crate::model_of::{Build, service};
use crate::peer::Upstream;

/// A response with its whole body.
struct Answer {
    head: http::response::Parts,
    body: Vec<u8>,
    trailers: Option<http::HeaderMap>,
}

fn with_client<T>(port: u16, test: impl AsyncFnOnce(&mut SendRequest<Bytes>) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
        let (send, connection) =
            h2::client::handshake(stream.expect("the gateway listens")).await.expect("HTTP/2");
        tokio::spawn(connection);
        let mut send = send.ready().await.expect("a stream may be opened");
        test(&mut send).await
    })
}

async fn ask(send: &mut SendRequest<Bytes>, request: Request<()>, body: &'static [u8]) -> Answer {
    let (response, mut stream) = send.send_request(request, body.is_empty()).expect("it is sent");
    if !body.is_empty() {
        stream.send_data(Bytes::from_static(body), true).expect("the window is open");
    }
    collect(response.await.expect("a response comes")).await
}

async fn collect(response: Response<h2::RecvStream>) -> Answer {
    let (head, mut stream) = response.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece.expect("the body is whole");
        stream.flow_control().release_capacity(piece.len()).expect("it was received");
        body.extend_from_slice(&piece);
    }
    let trailers = stream.trailers().await.expect("the body is whole");
    Answer { head, body, trailers }
}

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(format!("http://api.test{path}"))
}

#[test]
fn streams_are_exchanges() {
    let upstream = Upstream::start(|request| {
        let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nX-Up: 1\r\n\r\n{body}", body.len())
    });
    let gateway = Build::new().service(service("/a", upstream.port())).start();
    with_client(gateway.port(), async |send| {
        let get = request("GET", "/a?x").header("cookie", "a=1").header("cookie", "b=2");
        let answer = ask(send, get.body(()).expect("valid"), b"").await;
        assert_eq!((answer.head.status.as_u16(), answer.body), (200, vec![]));
        assert_eq!(answer.head.headers["x-up"], "1");
        let seen = upstream.next();
        assert!(seen.starts_with("GET /a?x HTTP/1.1\r\n"), "{seen}");
        assert!(seen.contains("\r\ncookie: a=1; b=2\r\n"), "{seen}");

        let post = request("POST", "/a").body(()).expect("valid");
        assert_eq!(ask(send, post, b"hello").await.body, b"hello");
        assert!(upstream.next().contains("\r\nContent-Length: 5\r\n"));

        let missed = ask(send, request("GET", "/b").body(()).expect("valid"), b"").await;
        assert_eq!((missed.head.status.as_u16(), missed.body.as_slice()), (404, &b"no-route"[..]));
        let head = ask(send, request("HEAD", "/b").body(()).expect("valid"), b"").await;
        assert_eq!(head.head.headers["content-length"], "8");
    });
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn trailers_pass_from_an_upstream_to_the_client() {
    let upstream = Upstream::start(|_| {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n"
            .into()
    });
    let gateway = Build::new().service(service("/", upstream.port())).start();
    with_client(gateway.port(), async |send| {
        let answer = ask(send, request("GET", "/").body(()).expect("valid"), b"").await;
        assert_eq!(answer.body, b"hi");
        assert_eq!(answer.trailers.expect("trailers")["x-t"], "1");
    });
}

#[test]
fn a_response_that_breaks_off_does_not_look_whole() {
    let upstream =
        Upstream::closing(|_| "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".into());
    let gateway = Build::new().service(service("/", upstream.port())).start();
    with_client(gateway.port(), async |send| {
        let request = request("GET", "/").body(()).expect("valid");
        let (response, _) = send.send_request(request, true).expect("it is sent");
        // The reset may overtake the head.
        let Ok(response) = response.await else { return };
        let mut body = response.into_body();
        let broken = loop {
            match body.data().await {
                Some(Ok(_)) => {}
                end => break end.is_some(),
            }
        };
        assert!(broken);
    });
}

#[test]
fn two_hosts_that_differ_are_refused() {
    let upstream = Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into());
    let gateway = Build::new().service(service("/", upstream.port())).start();
    with_client(gateway.port(), async |send| {
        let request = request("GET", "/").header("host", "other.test").body(()).expect("valid");
        assert_eq!(ask(send, request, b"").await.head.status.as_u16(), 400);
    });
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn large_bodies_pass_both_ways() {
    static BODY: [u8; 3 << 20] = [b'x'; 3 << 20];
    let upstream = Upstream::start(|request| {
        let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    });
    let gateway = Build::new().service(service("/", upstream.port())).start();
    with_client(gateway.port(), async |send| {
        let request =
            request("POST", "/").header("content-length", BODY.len()).body(()).expect("valid");
        let (response, mut stream) = send.send_request(request, false).expect("it is sent");
        let mut rest = &BODY[..];
        while !rest.is_empty() {
            stream.reserve_capacity(rest.len());
            let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
            let room = room.expect("the stream is open").expect("the stream is open");
            let (piece, left) = rest.split_at(room.min(rest.len()));
            stream.send_data(Bytes::from_static(piece), left.is_empty()).expect("there is room");
            rest = left;
        }
        assert_eq!(collect(response.await.expect("a response comes")).await.body.len(), BODY.len());
    });
}
