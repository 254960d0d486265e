//! TLS towards clients and towards upstreams.

use std::time::Duration;

use tripylon_e2e::certificates::{Pair, credulous_client};
use tripylon_e2e::upstream::Behaviour;
use tripylon_e2e::{Authority, Client, Gateway, Start, Upstream, wait};

use crate::setup::proxy_to;

fn indented(pem: &str, depth: usize) -> String {
    pem.lines().map(|line| format!("{}{line}\n", " ".repeat(depth))).collect()
}

/// Certificates as a document has them, each for its names.
fn certificates(pairs: &[(&Pair, &[&str])]) -> String {
    let one = |(pair, names): &(&Pair, &[&str])| {
        let snis: String = names.iter().map(|name| format!("  - name: '{name}'\n")).collect();
        format!(
            "- cert: |\n{}  key: |\n{}  snis:\n{snis}",
            indented(&pair.certificate, 4),
            indented(&pair.key, 4)
        )
    };
    format!("certificates:\n{}", pairs.iter().map(one).collect::<String>())
}

fn connects(gateway: &Gateway, name: &str, authority: &Authority) -> bool {
    let client = Client::connect_tls(gateway.proxy_tls(), Some(name), &authority.client(&[]));
    client.is_ok_and(|mut client| client.exchange("GET", "/", &[]).is_ok_and(|r| r.status == 200))
}

#[test]
fn sec_094_names_choose_the_certificate_in_any_case() {
    let upstream = Upstream::echo();
    let [one, two, suffix] = [Authority::new(), Authority::new(), Authority::new()];
    let document = proxy_to(&upstream)
        + &certificates(&[
            (&one.issue(&["a.test"]), &["a.test"]),
            (&two.issue(&["b.test"]), &["b.test"]),
            (&suffix.issue(&["*.c.test"]), &["*.c.test"]),
        ]);
    let gateway = Start::kong(document).go();
    assert!(connects(&gateway, "a.test", &one));
    assert!(connects(&gateway, "A.Test", &one));
    assert!(connects(&gateway, "b.test", &two));
    assert!(connects(&gateway, "x.c.test", &suffix));
    assert!(!connects(&gateway, "b.test", &one));
    assert!(!connects(&gateway, "c.test", &suffix));
}

#[test]
fn other_names_get_the_fallback_certificate() {
    let upstream = Upstream::echo();
    let authority = Authority::new();
    let document =
        proxy_to(&upstream) + &certificates(&[(&authority.issue(&["a.test"]), &["a.test"])]);
    let gateway = Start::kong(document).go();
    assert!(!connects(&gateway, "other.test", &authority));
    for name in [Some("other.test"), None] {
        let tls = credulous_client(&["http/1.1"]);
        let mut client = Client::connect_tls(gateway.proxy_tls(), name, &tls).unwrap();
        assert_eq!(client.exchange("GET", "/", &[]).unwrap().status, 200);
    }
}

#[test]
fn sec_153_certificates_change_without_a_failed_handshake() {
    let upstream = Upstream::echo();
    let [old, new] = [Authority::new(), Authority::new()];
    let document = |authority: &Authority| {
        proxy_to(&upstream) + &certificates(&[(&authority.issue(&["a.test"]), &["a.test"])])
    };
    let gateway = Start::kong(document(&old)).go();
    let mut kept =
        Client::connect_tls(gateway.proxy_tls(), Some("a.test"), &old.client(&[])).unwrap();
    assert!(connects(&gateway, "a.test", &old));
    gateway.rewrite(&document(&new));
    let changed = wait::holds(wait::SOON, || {
        let by_new = connects(&gateway, "a.test", &new);
        assert!(by_new || connects(&gateway, "a.test", &old) || connects(&gateway, "a.test", &new));
        by_new
    });
    assert!(changed);
    assert_eq!(kept.exchange("GET", "/", &[]).unwrap().status, 200);
}

/// A ClientHello (RFC 5246 section 7.4.1.2) of this version with these cipher suites.
fn hello(version: [u8; 2], suites: &[u16]) -> Vec<u8> {
    let groups_and_signatures =
        [&[0, 10, 0, 4, 0, 2, 0, 23][..], &[0, 11, 0, 2, 1, 0], &[0, 13, 0, 6, 0, 4, 4, 1, 4, 3]]
            .concat();
    let mut body = version.to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend((suites.len() as u16 * 2).to_be_bytes());
    body.extend(suites.iter().flat_map(|suite| suite.to_be_bytes()));
    body.extend([1, 0]);
    body.extend((groups_and_signatures.len() as u16).to_be_bytes());
    body.extend(groups_and_signatures);
    let mut handshake = vec![1];
    handshake.extend(&(body.len() as u32).to_be_bytes()[1..]);
    handshake.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend((handshake.len() as u16).to_be_bytes());
    record.extend(handshake);
    record
}

/// The description of the fatal alert with which a hello is answered.
fn alert(gateway: &Gateway, hello: &[u8]) -> Option<u8> {
    let mut client = Client::connect(gateway.proxy_tls()).unwrap();
    client.send(hello).unwrap();
    let answer = client.wire().read_exact(7).ok()?;
    (answer[0] == 21).then(|| answer[6])
}

const PROTOCOL_VERSION: u8 = 70;
const HANDSHAKE_FAILURE: u8 = 40;
/// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 and its RSA sister.
const SOUND: &[u16] = &[0xc02b, 0xc02f];

#[test]
fn sec_147_old_versions_are_refused() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(proxy_to(&upstream)).go();
    assert_eq!(alert(&gateway, &hello([3, 3], SOUND)), None, "a hello of TLS 1.2 is answered");
    for version in [[3, 0], [3, 1], [3, 2]] {
        assert_eq!(alert(&gateway, &hello(version, SOUND)), Some(PROTOCOL_VERSION), "{version:?}");
    }
}

#[test]
fn sec_148_weak_suites_are_refused() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(proxy_to(&upstream)).go();
    let weak = [
        ("RC4", 0x0005),
        ("3DES", 0x000a),
        ("NULL", 0x0002),
        ("EXPORT", 0x0003),
        ("anonymous", 0x0034),
        ("CBC", 0x002f),
    ];
    for (name, suite) in weak {
        assert_eq!(alert(&gateway, &hello([3, 3], &[suite])), Some(HANDSHAKE_FAILURE), "{name}");
    }
}

#[test]
fn sec_150_protocols_that_are_not_spoken_are_refused() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(proxy_to(&upstream)).go();
    let connect = |alpn: &[&str]| {
        Client::connect_tls(gateway.proxy_tls(), Some("a.test"), &credulous_client(alpn))
    };
    assert!(connect(&["spdy/3"]).is_err());
    let mut client = connect(&["http/1.1"]).unwrap();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let answer = client.receive("GET").map(|r| r.status);
    assert!(matches!(answer, Ok(400 | 505) | Err(_)), "{answer:?}");
}

#[test]
fn sec_152_plain_text_on_a_tls_port_is_refused() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(proxy_to(&upstream)).go();
    let mut client = Client::connect(gateway.proxy_tls()).unwrap();
    assert_eq!(client.exchange("GET", "/", &[]).unwrap().status, 400);
    assert!(client.ends_within(wait::SOON));
    assert!(upstream.journal().seen().is_empty());
}

#[test]
fn sec_066_and_sec_067_handshakes_that_stop_end() {
    let upstream = Upstream::echo();
    let gateway =
        Start::kong(proxy_to(&upstream)).env("KONG_NGINX_HTTP_CLIENT_HEADER_TIMEOUT", "1s").go();
    let hello = hello([3, 3], SOUND);
    for cut in [1, 5, 6, 20, hello.len() - 1] {
        let mut client = Client::connect(gateway.proxy_tls()).unwrap();
        client.send(&hello[..cut]).unwrap();
    }
    let mut halves: Vec<Client> =
        (0..200).map(|_| Client::connect(gateway.proxy_tls()).unwrap()).collect();
    for client in &mut halves {
        client.send(&hello[..20]).unwrap();
    }
    let tls = credulous_client(&[]);
    let mut other = Client::connect_tls(gateway.proxy_tls(), None, &tls).unwrap();
    assert_eq!(other.exchange("GET", "/", &[]).unwrap().status, 200);
    for client in &mut halves {
        client.set_patience(Duration::from_secs(12)).unwrap();
        assert!(client.wire().read_to_end().is_ok(), "the handshake may not take for ever");
    }
}

#[test]
fn sec_151_upstreams_are_who_they_should_be_where_that_is_verified() {
    let authority = Authority::new();
    let status = |names: &[&str], issuer: &Authority, verify: bool| {
        let upstream = Upstream::start_tls(Behaviour::Echo, issuer.server(names));
        let document = format!(
            "_format_version: '3.0'\nservices:\n- url: https://www.up.test:443\n  tls_verify: {verify}\n  \
             ca_certificates: [11111111-1111-4111-8111-111111111111]\n  routes:\n  - paths: [/]\n\
             ca_certificates:\n- id: 11111111-1111-4111-8111-111111111111\n  cert: |\n{}",
            indented(authority.pem(), 4)
        );
        let connect = format!("www.up.test:443:{}", upstream.address());
        let gateway = Start::kong(document).arguments(&["--connect-to", &connect]).go();
        Client::connect(gateway.proxy()).unwrap().exchange("GET", "/", &[]).unwrap().status
    };
    assert_eq!(status(&["www.up.test"], &authority, true), 200);
    assert_eq!(status(&["other.test"], &authority, true), 502);
    assert_eq!(status(&["*.up.test"], &authority, true), 200);
    assert_eq!(status(&["*.test"], &authority, true), 502);
    assert_eq!(status(&["127.0.0.1"], &authority, true), 502);
    let stranger = Authority::new();
    assert_eq!(status(&["www.up.test"], &stranger, true), 502);
    assert_eq!(status(&["www.up.test"], &stranger, false), 200);
}

#[test]
fn upstreams_that_ask_are_shown_the_services_certificate() {
    let authority = Authority::new();
    let upstream =
        Upstream::start_tls(Behaviour::Echo, authority.server_for_known_clients(&["up.test"]));
    let pair = authority.issue(&["gateway.test"]);
    let document = |extra: &str| {
        format!(
            "_format_version: '3.0'\nservices:\n- url: https://up.test:443\n  retries: 0\n{extra}  routes:\n  - paths: [/]\n\
             certificates:\n- id: 22222222-2222-4222-8222-222222222222\n  cert: |\n{}  key: |\n{}",
            indented(&pair.certificate, 4),
            indented(&pair.key, 4)
        )
    };
    let connect = format!("up.test:443:{}", upstream.address());
    let status = |extra: &str| {
        let gateway = Start::kong(document(extra)).arguments(&["--connect-to", &connect]).go();
        Client::connect(gateway.proxy()).unwrap().exchange("GET", "/", &[]).unwrap().status
    };
    assert_eq!(status("  client_certificate: 22222222-2222-4222-8222-222222222222\n"), 200);
    assert_eq!(status(""), 502);
}

#[test]
fn the_fallback_certificate_can_be_ones_own() {
    let upstream = Upstream::echo();
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let pair = authority.issue(&["fallback.test"]);
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::write(&certificate, &pair.certificate).unwrap();
    std::fs::write(&key, &pair.key).unwrap();
    let gateway = Start::kong(proxy_to(&upstream))
        .env("KONG_SSL_CERT", certificate.to_str().unwrap())
        .env("KONG_SSL_CERT_KEY", key.to_str().unwrap())
        .go();
    assert!(connects(&gateway, "fallback.test", &authority));
    // A new certificate in the same files is taken with the next reload.
    let other = Authority::new();
    let renewed = other.issue(&["fallback.test"]);
    std::fs::write(&certificate, &renewed.certificate).unwrap();
    std::fs::write(&key, &renewed.key).unwrap();
    gateway.signal(libc::SIGHUP);
    assert!(wait::holds(wait::SOON, || connects(&gateway, "fallback.test", &other)));
}
