//! Servers that take lines, in plain text and over TLS, and close.

use std::rc::Rc;
use std::sync::Arc;

use ::filter::Filter;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::NAME;
use crate::testing::{Gateway, run, until};

fn start(gateway: &Gateway, port: u16, more: Value) -> Rc<dyn Filter> {
    let mut config = json!({
        "host": "127.0.0.1", "port": port,
        "record": {"object": [["status", {"fact": "status"}]]},
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    gateway.start(NAME, config)
}

fn log(gateway: &Gateway, filter: &Rc<dyn Filter>, status: u16) {
    let mut exchange = gateway.exchange();
    exchange.response.status = status;
    filter.log(&exchange);
}

#[test]
fn lines_go_out_on_one_connection_until_it_is_closed() {
    run(async {
        let gateway = Gateway::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let filter = start(&gateway, listener.local_addr().unwrap().port(), json!({}));
        log(&gateway, &filter, 200);
        log(&gateway, &filter, 201);
        let (stream, _) = listener.accept().await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "{\"status\":200}");
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "{\"status\":201}");
        until("both are sent", || gateway.counted("log_entries_sent") == 2).await;
        log(&gateway, &filter, 202);
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "{\"status\":202}");
        until("it is sent", || gateway.counted("log_entries_sent") == 3).await;
        drop(lines);
        log(&gateway, &filter, 203);
        let (stream, _) = listener.accept().await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "{\"status\":203}");
    });
}

#[test]
fn over_tls_certificates_are_verified_unless_that_is_off() {
    run(async {
        let gateway = Gateway::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = rcgen::generate_simple_self_signed(vec!["logs.test".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server));

        let tls = json!({"server_name": "logs.test", "verify": false});
        let filter = start(&gateway, port, json!({"tls": tls}));
        log(&gateway, &filter, 200);
        let (stream, _) = listener.accept().await.unwrap();
        let stream = acceptor.accept(stream).await.unwrap();
        assert_eq!(stream.get_ref().1.server_name(), Some("logs.test"));
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "{\"status\":200}");

        let never = json!({"tls": {}, "queue": {"max_retry_time": -1}});
        let filter = start(&gateway, port, never);
        log(&gateway, &filter, 200);
        let (stream, _) = listener.accept().await.unwrap();
        assert!(acceptor.accept(stream).await.is_err());
        until("it is given up", || gateway.counted("log_entries_dropped") == 1).await;
    });
}

#[test]
fn names_of_servers_are_checked() {
    let config = json!({
        "host": "h", "port": 1, "tls": {"server_name": "a b"}, "record": {"constant": 1},
    });
    assert_eq!(Gateway::new().problems(NAME, config)[0].pointer, "/tls/server_name");
}
