//! TLS towards clients, and what the access log tells of them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dataplane::{AccessLogSettings, Gateway, LogFormat, LogTarget, Settings};
use filter::Kinds;
use model::{Certificate, Model, Origin, Secret};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::model_of::{Build, service};
use crate::peer::{Peer, Upstream};

/// A certificate for `api.test`, and a client's belief in it.
fn certificate() -> (Certificate, CertificateDer<'static>) {
    let key = KeyPair::generate().expect("keys can be generated");
    let params = CertificateParams::new(["api.test".to_owned()]).expect("the name is valid");
    let made = params.self_signed(&key).expect("the parameters are valid");
    let certificate = Certificate {
        id: "c".into(),
        snis: vec!["api.test".into()],
        pairs: vec![(made.pem(), Secret::new(key.serialize_pem()))],
        default: false,
        origin: Origin::default(),
    };
    (certificate, made.der().clone())
}

fn client(believed: &CertificateDer<'static>, alpn: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(believed.clone()).expect("the certificate is valid");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    Arc::new(config)
}

fn model(upstream: &Upstream, certificate: Certificate) -> Model {
    let mut model = Build::new().service(service("/a", upstream.port())).model();
    model.listeners[0].tls = true;
    model.certificates.push(certificate);
    model
}

fn start(model: &Model, log: Option<&Path>) -> Gateway {
    let target = log.map_or(LogTarget::Off, |path| LogTarget::File(path.into()));
    let access_log = AccessLogSettings { target, format: LogFormat::Json };
    let settings = Settings { workers: 1, access_log, ..Settings::default() };
    let gateway = Gateway::start(settings, Kinds::default()).expect("threads are to be had");
    gateway.publish(model, 1).expect("the model can be served");
    gateway
}

fn port(gateway: &Gateway) -> u16 {
    gateway.addresses()[0].1.port()
}

fn upstream() -> Upstream {
    Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into())
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

fn connect(port: u16, config: &Arc<ClientConfig>, name: &str) -> Stream {
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the gateway listens");
    tcp.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout is set");
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    StreamOwned::new(ClientConnection::new(Arc::clone(config), name).expect("a client"), tcp)
}

/// The response to a request after which the connection is closed.
fn ask(stream: &mut Stream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the gateway reads");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("the gateway ends the session");
    response
}

#[test]
fn requests_over_tls_are_served_and_logged() {
    let (upstream, folder) = (upstream(), tempfile::tempdir().expect("a folder"));
    let (certificate, believed) = certificate();
    let log = folder.path().join("access.log");
    let gateway = start(&model(&upstream, certificate), Some(&log));
    let config = client(&believed, "http/1.1");
    let response = ask(&mut connect(port(&gateway), &config, "api.test"), "/a?token=secret");
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("\r\n\r\nok"));
    assert!(ask(&mut connect(port(&gateway), &config, "api.test"), "/b").contains(" 404 "));
    assert!(gateway.drain(Duration::from_secs(10)));
    let log = std::fs::read_to_string(&log).expect("the log was flushed");
    assert!(!log.contains("secret"));
    let lines: Vec<Value> = log.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["sent_bytes"], response.len());
    for (field, value) in [
        ("client", Value::from("127.0.0.1")),
        ("scheme", "https".into()),
        ("sni", "api.test".into()),
        ("path", "/a".into()),
        ("status", 200.into()),
        ("upstream_status", 200.into()),
        ("upstream_tries", 1.into()),
    ] {
        assert_eq!(lines[0][field], value, "{field}");
    }
    assert_eq!((&lines[1]["status"], lines[1].get("upstream_ms")), (&404.into(), None));
}

#[test]
fn sessions_are_resumed_after_a_reload() {
    let upstream = upstream();
    let (first, believed) = certificate();
    let gateway = start(&model(&upstream, first.clone()), None);
    let config = client(&believed, "http/1.1");
    let kind = || {
        let mut stream = connect(port(&gateway), &config, "api.test");
        ask(&mut stream, "/a");
        stream.conn.handshake_kind().expect("the handshake is done")
    };
    assert_ne!(kind(), HandshakeKind::Resumed);
    assert_eq!(kind(), HandshakeKind::Resumed);
    let mut reloaded = model(&upstream, first);
    reloaded.certificates[0].snis.push("other.test".into());
    gateway.publish(&reloaded, 2).expect("the model can be served");
    assert_eq!(kind(), HandshakeKind::Resumed);
}

#[test]
fn plain_text_where_tls_is_spoken_is_told_so() {
    let upstream = upstream();
    let gateway = start(&model(&upstream, certificate().0), None);
    let mut peer = Peer::connect(port(&gateway));
    assert_eq!(peer.ask("GET /a HTTP/1.1\r\nHost: api.test\r\n\r\n").status, 400);
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_with_its_reason() {
    let upstream = upstream();
    let mut broken = certificate().0;
    broken.pairs[0].1 = Secret::new("hunter2");
    let settings = Settings { workers: 1, ..Settings::default() };
    let gateway = Gateway::start(settings, Kinds::default()).expect("threads are to be had");
    let rejections = gateway.publish(&model(&upstream, broken), 1).expect_err("it has no key");
    assert_eq!(rejections.len(), 1);
    assert!(rejections[0].message.contains("private key: it is not PEM"), "{rejections:?}");
    assert!(!format!("{rejections:?}").contains("hunter2"));
}

#[test]
fn http2_is_chosen_by_alpn() {
    let upstream = upstream();
    let (certificate, believed) = certificate();
    let gateway = start(&model(&upstream, certificate), None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let tcp = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port(&gateway))).await;
        let connector = tokio_rustls::TlsConnector::from(client(&believed, "h2"));
        let name = ServerName::try_from("api.test").expect("a name");
        let stream = connector.connect(name, tcp.expect("the gateway listens")).await;
        let stream = stream.expect("the certificate is believed");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (send, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        let request = http::Request::get("https://api.test/a").body(()).expect("valid");
        let mut send = send.ready().await.expect("a stream may be opened");
        let (response, _) = send.send_request(request, true).expect("it is sent");
        assert_eq!(response.await.expect("a response comes").status(), 200);
    });
}
