//! Lines that a server is told.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::timeout;

use super::{NAME, packets};
use crate::testing::{Gateway, run};

fn metrics() -> Value {
    json!([
        {"name": {"constant": "a.count"}, "value": {"constant": 1}, "type": "c", "rate": 0.5,
         "tags": [["status", {"fact": "status"}], ["who", {"fact": "principal_name"}], ["", {"constant": "x:y"}]]},
        {"name": {"constant": "a.latency"}, "value": {"fact": "total_latency"}, "type": "ms", "rate": 1},
        {"name": {"constant": "a.users"}, "value": {"fact": "principal_name"}, "type": "s"},
    ])
}

fn config(port: u16, more: Value) -> Value {
    let mut config = json!({
        "host": "127.0.0.1", "port": port, "metrics": metrics(),
        "queue": {"max_coalescing_delay": 0},
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

async fn receive(socket: &UdpSocket) -> String {
    let mut datagram = [0; 500];
    let received = timeout(Duration::from_secs(20), socket.recv(&mut datagram)).await;
    String::from_utf8_lossy(&datagram[..received.unwrap().unwrap()]).into_owned()
}

#[test]
fn each_style_of_tags_has_its_place() {
    run(async {
        let mut gateway = Gateway::new();
        let alice = gateway.principal("al|ice");
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let mut exchange = gateway.exchange();
        exchange.response.status = 200;
        exchange.timings.end = exchange.now.mono_us + 7_000;
        let caller = ::filter::Caller { principal: alice, credential: None, anonymous: true };
        exchange.caller = Some(caller);
        let styles = [
            (json!(null), "a.count:1|c|@0.5"),
            (json!("dogstatsd"), "a.count:1|c|@0.5|#status:200,who:al_ice,x:y"),
            (json!("influxdb"), "a.count,status=200,who=al_ice,x:y:1|c|@0.5"),
            (json!("librato"), "a.count#status=200,who=al_ice,x:y:1|c|@0.5"),
            (json!("signalfx"), "a.count[status=200,who=al_ice,x:y]:1|c|@0.5"),
        ];
        for (style, line) in styles {
            gateway.start(NAME, config(port, json!({"tag_style": style}))).log(&exchange);
            let lines = [receive(&socket).await, receive(&socket).await, receive(&socket).await];
            assert_eq!(lines, [line, "a.latency:7|ms", "a.users:al_ice|s"]);
        }
        let together = config(port, json!({"packet_size": 1000, "statuses": [[200, 299]]}));
        let filter = gateway.start(NAME, together);
        exchange.response.status = 300;
        filter.log(&exchange);
        (exchange.response.status, exchange.caller) = (299, None);
        filter.log(&exchange);
        assert_eq!(receive(&socket).await, "a.count:1|c|@0.5\na.latency:7|ms");
    });
}

#[test]
fn over_tcp_each_line_has_its_end() {
    run(async {
        let gateway = Gateway::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let filter = gateway.start(NAME, config(port, json!({"transport": "tcp"})));
        filter.log(&gateway.exchange());
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut lines = [0; 32];
        timeout(Duration::from_secs(20), stream.read_exact(&mut lines)).await.unwrap().unwrap();
        assert_eq!(std::str::from_utf8(&lines), Ok("a.count:1|c|@0.5\na.latency:0|ms\n"));
    });
}

#[test]
fn packets_are_filled() {
    let batch = [b"aa\nbb\n".to_vec(), b"cc\n".to_vec(), b"longer than that\n".to_vec()];
    let packets = |size| packets(&batch, size).iter().map(|p| p.len()).collect::<Vec<_>>();
    assert_eq!(packets(0), [2, 2, 2, 16]);
    assert_eq!(packets(5), [5, 2, 16]);
    assert_eq!(packets(1000), [25]);
}

#[test]
fn configurations_are_checked() {
    let metrics = json!([{"name": {"constant": "a"}, "value": {"constant": 1}, "type": "x", "rate": 0}]);
    let problems = Gateway::new().problems(NAME, config(1, json!({"metrics": metrics})));
    let pointers: Vec<_> = problems.into_iter().map(|problem| problem.pointer).collect();
    assert_eq!(pointers, ["/metrics/0/type", "/metrics/0/rate"]);
}
