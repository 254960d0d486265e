//! Lines that a log is told.

use std::rc::Rc;
use std::time::Duration;

use ::filter::Filter;
use serde_json::{Value, json};
use tokio::net::{UdpSocket, UnixDatagram};
use tokio::time::timeout;

use super::NAME;
use crate::testing::{Gateway, run, until};

fn start(gateway: &Gateway, more: Value) -> Rc<dyn Filter> {
    let mut config = json!({"ident": "gate", "record": {"fact": "status"}});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    gateway.start(NAME, config)
}

fn log(gateway: &Gateway, filter: &Rc<dyn Filter>, status: u16) {
    let mut exchange = gateway.exchange();
    exchange.response.status = status;
    filter.log(&exchange);
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), work).await.expect("in time")
}

#[test]
fn a_log_of_this_machine_is_told_by_its_socket() {
    run(async {
        let gateway = Gateway::new();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let socket = UnixDatagram::bind(&path).unwrap();
        let filter = start(
            &gateway,
            json!({
                "to": {"unix": {"path": path}}, "facility": "local7", "threshold": "warning",
                "success": "debug", "client_error": "warning", "server_error": "crit",
            }),
        );
        for status in [200, 404, 503] {
            log(&gateway, &filter, status);
        }
        let mut line = [0; 200];
        for (priority, status) in [(23 * 8 + 4, 404), (23 * 8 + 2, 503)] {
            let length = soon(socket.recv(&mut line)).await.unwrap();
            let line = std::str::from_utf8(&line[..length]).unwrap();
            let pid = std::process::id();
            let (start, end) = (format!("<{priority}>Nov 2"), format!(" gate[{pid}]: {status}"));
            assert!(line.starts_with(&start) && line.ends_with(&end), "{line}");
        }
        // The log is gone.
        drop(socket);
        std::fs::remove_file(&path).unwrap();
        log(&gateway, &filter, 500);
        until("it is lost", || gateway.counted("log_entries_dropped") == 1).await;
        assert_eq!(gateway.counted("log_entries_sent"), 2);
    });
}

#[test]
fn a_server_is_told_as_rfc_5424_says() {
    run(async {
        let gateway = Gateway::new();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = json!({"udp": {"host": "127.0.0.1", "port": socket.local_addr().unwrap().port()}});
        let data = "[k@41058 tag=\"a\"]";
        let config = json!({"to": to, "format": "rfc5424", "structured_data": data});
        log(&gateway, &start(&gateway, config), 200);
        let mut line = [0; 200];
        let length = soon(socket.recv(&mut line)).await.unwrap();
        let line = String::from_utf8_lossy(&line[..length]).into_owned();
        let mut words = line.splitn(4, ' ');
        assert_eq!((words.next(), words.next()), (Some("<14>1"), Some("2026-11-25T12:00:00Z")));
        assert!(!words.next().unwrap().is_empty());
        assert_eq!(words.next(), Some("gate - - [k@41058 tag=\"a\"] 200"));
    });
}

#[test]
fn configurations_are_checked() {
    let config = json!({
        "ident": "a b", "facility": "x", "structured_data": "\n", "record": {"constant": 1},
    });
    let problems = Gateway::new().problems(NAME, config).into_iter();
    let pointers: Vec<_> = problems.map(|problem| problem.pointer).collect();
    assert_eq!(pointers, ["/facility", "/ident", "/structured_data"]);
}
