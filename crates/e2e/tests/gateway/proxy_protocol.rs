//! Load balancers in front that say who the client is.

use tripylon_e2e::gateway::Ports;
use tripylon_e2e::{Client, Fault, Gateway, Start, Upstream};

use crate::setup::proxy_to;

fn behind_a_balancer(upstream: &Upstream, trusted: &str) -> Gateway {
    let ports = Ports::claim();
    let listen = format!(
        "127.0.0.1:{} proxy_protocol, 127.0.0.1:{} ssl",
        ports.proxy.number(),
        ports.proxy_tls.number()
    );
    Start::kong(proxy_to(upstream))
        .ports(ports)
        .env("KONG_PROXY_LISTEN", &listen)
        .env("KONG_REAL_IP_HEADER", "proxy_protocol")
        .env("KONG_TRUSTED_IPS", trusted)
        .go()
}

fn ask(gateway: &Gateway, preamble: &[u8]) -> Result<u16, Fault> {
    let mut client = Client::connect(gateway.proxy())?;
    let request = tripylon_e2e::http1::request("GET", "/", &[]);
    client.send([preamble, request.as_bytes()].concat())?;
    Ok(client.receive("GET")?.status)
}

fn client_of(upstream: &Upstream) -> String {
    let seen = upstream.journal().seen();
    seen.last().and_then(|s| s.header("x-real-ip")).unwrap_or_default().to_owned()
}

const V1: &[u8] = b"PROXY TCP4 203.0.113.7 192.0.2.1 51000 443\r\n";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let length = (addresses.len() as u16).to_be_bytes();
    [SIGNATURE, &[0x20 | command, family], &length, addresses].concat()
}

#[test]
fn versions_one_and_two_name_the_client() {
    let upstream = Upstream::echo();
    let gateway = behind_a_balancer(&upstream, "127.0.0.1");
    assert_eq!(ask(&gateway, V1), Ok(200));
    assert_eq!(client_of(&upstream), "203.0.113.7");
    let v4 = v2(1, 0x11, &[203, 0, 113, 8, 192, 0, 2, 1, 0xc7, 0x38, 1, 0xbb]);
    assert_eq!(ask(&gateway, &v4), Ok(200));
    assert_eq!(client_of(&upstream), "203.0.113.8");
    let mut addresses = [0; 36];
    addresses[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
    addresses[15] = 9;
    assert_eq!(ask(&gateway, &v2(1, 0x21, &addresses)), Ok(200));
    assert_eq!(client_of(&upstream), "2001:db8::9");
    assert_eq!(ask(&gateway, &v2(0, 0, &[])), Ok(200), "a balancer's own check");
    assert_eq!(client_of(&upstream), "127.0.0.1");
    assert_eq!(ask(&gateway, b"PROXY UNKNOWN\r\n"), Ok(200));
    assert_eq!(client_of(&upstream), "127.0.0.1");
}

#[test]
fn sec_103_the_protocol_is_spoken_where_it_is_configured_and_by_whom_it_may() {
    let upstream = Upstream::echo();
    let plain = Start::kong(proxy_to(&upstream)).go();
    assert!(matches!(ask(&plain, V1), Ok(400) | Err(_)));
    let gateway = behind_a_balancer(&upstream, "127.0.0.1");
    for preamble in [
        &b""[..],
        b"PROXY TCP4 x y 1 2\r\n",
        b"PROXY TCP4 203.0.113.7",
        b"\r\n\r\n\0\r\nQUIT\n\x31",
    ] {
        assert!(matches!(ask(&gateway, preamble), Ok(400) | Err(_)), "{preamble:?}");
    }
    assert!(upstream.journal().seen().is_empty());
    let distrustful = behind_a_balancer(&upstream, "10.0.0.0/8");
    if ask(&distrustful, V1).is_ok_and(|status| status == 200) {
        assert_eq!(client_of(&upstream), "127.0.0.1");
    }
}
