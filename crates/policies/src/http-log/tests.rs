//! The policy as a whole, before endpoints that behave, fail, close and hang.

use std::rc::Rc;
use std::time::Duration;

use ::filter::Filter;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::NAME;
use crate::testing::{Gateway, run};

/// An HTTP server that plays one answer after the other, the last for ever, and tells what it was
/// sent: how many connections there were, head and body.
struct Endpoint {
    port: u16,
    requests: mpsc::UnboundedReceiver<(usize, String, Value)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Status(u16),
    Close,
    Hang,
}

impl Endpoint {
    async fn start(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, requests) = mpsc::unbounded_channel();
        tokio::task::spawn_local(async move {
            let (mut connections, mut answers) = (0, answers.iter().copied().peekable());
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                connections += 1;
                while let Some((head, body)) = read(&mut stream).await {
                    tell.send((connections, head, body)).unwrap();
                    // The last answer stays.
                    let answer = *answers.peek().unwrap();
                    if answers.len() > 1 {
                        answers.next();
                    }
                    match answer {
                        Answer::Status(status) => {
                            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok");
                            stream.write_all(answer.as_bytes()).await.unwrap();
                        }
                        Answer::Close => break,
                        Answer::Hang => std::future::pending().await,
                    }
                }
            }
        });
        Self { port, requests }
    }
}

/// The next request of a connection; none if it ended.
async fn read(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, serde_json::from_slice(&body).unwrap()))
}

fn start(gateway: &Gateway, port: u16, more: Value) -> Rc<dyn Filter> {
    let mut config = json!({
        "url": format!("http://us:pw@127.0.0.1:{port}/log?a=1"),
        "headers": {"X-Log": "yes"},
        "record": {"object": [["status", {"fact": "status"}]]},
        "queue": {"max_coalescing_delay": 0},
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    gateway.start(NAME, config)
}

fn log(gateway: &Gateway, filter: &Rc<dyn Filter>, status: u16) {
    let mut exchange = gateway.exchange();
    exchange.response.status = status;
    filter.log(&exchange);
}

async fn next<T>(requests: &mut mpsc::UnboundedReceiver<T>) -> T {
    timeout(Duration::from_secs(20), requests.recv()).await.expect("in time").expect("a request")
}

#[test]
fn records_are_posted_on_one_connection() {
    run(async {
        let gateway = Gateway::new();
        let mut endpoint = Endpoint::start(&[Answer::Status(200)]).await;
        let filter = start(&gateway, endpoint.port, json!({}));
        log(&gateway, &filter, 201);
        log(&gateway, &filter, 202);
        let (connection, head, body) = next(&mut endpoint.requests).await;
        assert_eq!((connection, body), (1, json!({"status": 201})));
        let mut lines: Vec<_> = head.trim_end().lines().collect();
        assert_eq!(lines.remove(0), "POST /log?a=1 HTTP/1.1");
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "Authorization: Basic dXM6cHc=",
                "Content-Length: 14",
                "Content-Type: application/json",
                &format!("Host: 127.0.0.1:{}", endpoint.port),
                "X-Log: yes",
            ]
        );
        let (connection, _, body) = next(&mut endpoint.requests).await;
        assert_eq!((connection, body), (1, json!({"status": 202})));
    });
}

#[test]
fn batches_are_lists_even_of_one() {
    run(async {
        let gateway = Gateway::new();
        let mut endpoint = Endpoint::start(&[Answer::Status(204)]).await;
        let queue = json!({"max_batch_size": 2, "max_coalescing_delay": 0.02});
        let filter = start(&gateway, endpoint.port, json!({"queue": queue, "method": "PUT"}));
        for status in [201, 202, 203] {
            log(&gateway, &filter, status);
        }
        let (_, head, body) = next(&mut endpoint.requests).await;
        assert!(head.starts_with("PUT "));
        assert_eq!(body, json!([{"status": 201}, {"status": 202}]));
        assert_eq!(next(&mut endpoint.requests).await.2, json!([{"status": 203}]));
    });
}

#[test]
fn what_an_endpoint_does_not_take_is_sent_again() {
    run(async {
        let gateway = Gateway::new();
        let answers = &[Answer::Status(500), Answer::Close, Answer::Status(301), Answer::Hang];
        let mut endpoint = Endpoint::start(answers).await;
        let filter = start(&gateway, endpoint.port, json!({"timeout_ms": 1_000}));
        log(&gateway, &filter, 200);
        let mut sent = Vec::new();
        for _ in 0..4 {
            sent.push(next(&mut endpoint.requests).await.2);
        }
        assert_eq!(sent, vec![json!({"status": 200}); 4]);
        assert_eq!(gateway.counted("log_entries_sent"), 0);
    });
}

/// The endpoint never answers; requests do not wait, and the end waits only so long.
#[test]
fn an_endpoint_that_hangs_slows_nobody() {
    run(async {
        let gateway = Gateway::new();
        let mut endpoint = Endpoint::start(&[Answer::Hang]).await;
        let queue = json!({"max_coalescing_delay": 0, "max_entries": 10, "max_retry_time": -1});
        let filter = start(&gateway, endpoint.port, json!({"queue": queue, "timeout_ms": 50}));
        log(&gateway, &filter, 200);
        next(&mut endpoint.requests).await;
        for _ in 0..1000 {
            log(&gateway, &filter, 200);
        }
        assert_eq!(gateway.counted_with("log_entries_dropped", ("reason", "full")), 990);
    });
}

#[test]
fn configurations_are_checked() {
    let gateway = Gateway::new();
    let problems = |config: Value| {
        let problems = gateway.problems(NAME, config).into_iter();
        problems.map(|problem| problem.pointer).collect::<Vec<_>>()
    };
    let record = json!({"constant": 1});
    let wrong = json!({
        "url": "ftp://a", "method": "GET", "content_type": "\n", "record": record,
        "headers": {"a b": "c", "d": "\n"}, "queue": {"max_batch_size": 0},
    });
    assert_eq!(
        problems(wrong),
        ["/url", "/method", "/content_type", "/headers/a b", "/headers/d", "/queue/max_batch_size"]
    );
    assert_eq!(problems(json!({"url": "http://a", "record": record, "x": 1})), ["/x"]);
}
