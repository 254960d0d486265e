//! Datagrams that arrive, that nobody takes, and that are too large.

use std::time::Duration;

use serde_json::json;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::NAME;
use crate::testing::{Gateway, run, until};

#[test]
fn each_record_is_a_datagram() {
    run(async {
        let gateway = Gateway::new();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let record = json!({"object": [["status", {"fact": "status"}]]});
        let filter = gateway.start(NAME, json!({"host": "127.0.0.1", "port": port, "record": record}));
        let mut exchange = gateway.exchange();
        for status in [200, 404] {
            exchange.response.status = status;
            filter.log(&exchange);
        }
        let mut datagram = [0; 100];
        for expected in ["{\"status\":200}", "{\"status\":404}"] {
            let received = socket.recv(&mut datagram);
            let length = timeout(Duration::from_secs(20), received).await.unwrap().unwrap();
            assert_eq!(&datagram[..length], expected.as_bytes());
        }
        // Nobody is told of what nobody takes.
        drop(socket);
        for sent in 3..6 {
            filter.log(&exchange);
            until("it is sent", || gateway.counted("log_entries_sent") == sent).await;
        }
        exchange.request.headers.push("X-Long", vec![b'a'; 70_000]);
        let config = json!({"host": "127.0.0.1", "port": port, "record": {"fact": "request_headers"}});
        gateway.start(NAME, config).log(&exchange);
        until("it is lost", || gateway.counted("log_entries_dropped") == 1).await;
    });
}
