//! Upgraded connections.

use tripylon_e2e::upstream::{Act, Script};
use tripylon_e2e::{Client, Upstream, wait};

use crate::setup::gateway;

const UPGRADE: &[(&str, &str)] = &[
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
];

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

#[test]
fn bytes_pass_both_ways_until_one_side_ends() {
    let upstream =
        Upstream::scripted(vec![Script::new([Act::Read, Act::Send(SWITCHED.into()), Act::Mirror])]);
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let response = client.exchange("GET", "/chat?x=1", UPGRADE).unwrap();
    assert_eq!(response.status, 101);
    assert_eq!(response.header("upgrade"), Some("websocket"));
    assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    let seen = &upstream.journal().seen()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/chat?x=1"));
    assert_eq!(seen.header("upgrade"), Some("websocket"));
    assert_eq!(seen.header("sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    let message: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    for chunk in [&b"ping"[..], &message] {
        client.send(chunk).unwrap();
        assert!(client.wire().read_exact(chunk.len()).unwrap() == chunk);
    }
    client.finish().unwrap();
    assert!(client.ends_within(wait::SOON));
}

/// What comes in one packet with the 101 belongs to the tunnel.
#[test]
fn bytes_right_behind_the_heads_are_not_lost() {
    let switched = format!("{SWITCHED}hello");
    let upstream =
        Upstream::scripted(vec![Script::new([Act::Read, Act::Send(switched.into()), Act::Mirror])]);
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let request = tripylon_e2e::http1::request("GET", "/", UPGRADE);
    client.send(format!("{request}early")).unwrap();
    assert_eq!(client.receive("GET").unwrap().status, 101);
    let mut got = client.wire().read_exact(10).unwrap();
    got.sort_unstable();
    let mut wanted = b"helloearly".to_vec();
    wanted.sort_unstable();
    assert_eq!(got, wanted);
}

#[test]
fn a_reload_leaves_tunnels_alone() {
    let upstream =
        Upstream::scripted(vec![Script::new([Act::Read, Act::Send(SWITCHED.into()), Act::Mirror])]);
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    assert_eq!(client.exchange("GET", "/", UPGRADE).unwrap().status, 101);
    let other = Upstream::echo();
    gateway.rewrite(&crate::setup::proxy_to(&other));
    assert!(wait::holds(wait::SOON, || {
        Client::connect(gateway.proxy()).unwrap().exchange("GET", "/", &[]).unwrap().status == 200
    }));
    client.send("still").unwrap();
    assert_eq!(client.wire().read_exact(5).unwrap(), b"still");
}
