//! Log records on their way out of a gateway.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;

use serde_json::Value;
use tripylon_e2e::upstream::Behaviour;
use tripylon_e2e::{Client, Gateway, Start, Upstream, wait};

use crate::setup::service;

/// A gateway that forwards everything to an upstream and has these plugins, as YAML of one line
/// each.
fn start(upstream: &Upstream, plugins: &[String]) -> Gateway {
    let plugins: String = plugins.iter().map(|plugin| format!("  - {plugin}\n")).collect();
    Start::kong(service(upstream.port(), &format!("  plugins:\n{plugins}"), "")).go()
}

fn get(gateway: &Gateway, target: &str) -> u16 {
    Client::connect(gateway.proxy()).unwrap().exchange("GET", target, &[]).unwrap().status
}

#[test]
fn records_reach_files_and_servers() {
    let upstream = Upstream::echo();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(wait::SOON)).unwrap();
    let port = |address: std::net::SocketAddr| address.port();
    let gateway = start(
        &upstream,
        &[
            format!("{{name: file-log, config: {{path: {}}}}}", file.display()),
            format!(
                "{{name: tcp-log, config: {{host: 127.0.0.1, port: {}}}}}",
                port(tcp.local_addr().unwrap())
            ),
            format!(
                "{{name: udp-log, config: {{host: 127.0.0.1, port: {}}}}}",
                port(udp.local_addr().unwrap())
            ),
        ],
    );
    assert_eq!(get(&gateway, "/a?b=1"), 200);
    let (stream, _) = tcp.accept().unwrap();
    stream.set_read_timeout(Some(wait::SOON)).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    let mut datagram = vec![0; 70_000];
    let length = udp.recv(&mut datagram).unwrap();
    let written = wait::until(wait::SOON, || {
        fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n'))
    });
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["request"]["uri"], "/a?b=1");
    assert_eq!(record["tries"][0]["port"], upstream.port());
    assert_eq!(serde_json::from_slice::<Value>(&datagram[..length]).unwrap(), record);
    let written = written.expect("a line in the file");
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), record);
}

#[test]
fn a_sink_that_hangs_slows_no_request_and_the_end_little() {
    let upstream = Upstream::echo();
    let sink = Upstream::start(Behaviour::Silent, Arc::default());
    let plugin = format!(
        "{{name: http-log, config: {{http_endpoint: 'http://{}/', queue: {{max_entries: 2}}}}}}",
        sink.address()
    );
    let mut gateway = start(&upstream, &[plugin]);
    for _ in 0..50 {
        assert_eq!(get(&gateway, "/"), 200);
    }
    assert!(wait::holds(wait::SOON, || sink.accepted() > 0));
    gateway.wait_to_say("the queue is full");
    gateway.signal(libc::SIGTERM);
    assert!(gateway.ended(wait::SOON).is_some(), "{}", gateway.said());
}

#[test]
fn what_waits_is_sent_before_the_end() {
    let upstream = Upstream::echo();
    let sink = Upstream::echo();
    let queue = "{max_batch_size: 100, max_coalescing_delay: 3000}";
    let plugin = format!(
        "{{name: http-log, config: {{http_endpoint: 'http://{}/', queue: {queue}}}}}",
        sink.address()
    );
    let mut gateway = start(&upstream, &[plugin]);
    assert_eq!(get(&gateway, "/"), 200);
    gateway.signal(libc::SIGTERM);
    assert!(gateway.ended(wait::SOON).is_some(), "{}", gateway.said());
    let seen = sink.journal().seen();
    let records: Vec<Value> = seen
        .iter()
        .flat_map(|seen| serde_json::from_slice::<Vec<Value>>(&seen.body).unwrap())
        .collect();
    assert_eq!(records.len(), 1, "{}", gateway.said());
}
