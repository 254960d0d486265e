//! Which target is chosen, and how it is found out which are healthy.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tripylon_e2e::port::Port;
use tripylon_e2e::upstream::{Act, Behaviour, Script};
use tripylon_e2e::{Authority, Client, Gateway, Response, Start, Upstream, wait};

use crate::grpc_health::{self, Says};

/// A service without retries over an upstream with these targets and further lines.
fn document(targets: &[u16], upstream: &str) -> String {
    let mut text = String::from(
        "_format_version: '3.0'\nservices:\n- name: s\n  host: up.test\n  retries: 0\n  routes:\n  - paths: [/]\nupstreams:\n- name: up.test\n  targets:\n",
    );
    for port in targets {
        writeln!(text, "  - target: 127.0.0.1:{port}").expect("a text grows");
    }
    text + upstream
}

fn get(gateway: &Gateway, headers: &[(&str, &str)]) -> Response {
    let mut client = Client::connect(gateway.proxy()).unwrap();
    client.exchange("GET", "/", headers).unwrap()
}

/// The port that each of so many requests reached, with how many did.
fn spread(gateway: &Gateway, requests: usize) -> BTreeMap<u64, usize> {
    let mut spread = BTreeMap::new();
    for _ in 0..requests {
        let port = get(gateway, &[]).json()["port"].as_u64().expect("an echo says its port");
        *spread.entry(port).or_default() += 1;
    }
    spread
}

/// The health of each target, by its port.
fn health(gateway: &Gateway) -> BTreeMap<u16, String> {
    let mut client = Client::connect(gateway.admin()).unwrap();
    let answer = client.exchange("GET", "/upstreams/up.test/health", &[]).unwrap().json();
    let targets = answer["data"].as_array().expect("a list of targets").iter();
    let entry = |target: &serde_json::Value| {
        let (_, port) = target["target"].as_str()?.rsplit_once(':')?;
        Some((port.parse().ok()?, target["health"].as_str()?.to_owned()))
    };
    targets.filter_map(entry).collect()
}

fn becomes(gateway: &Gateway, port: u16, wanted: &str) {
    let became =
        wait::holds(wait::SOON, || health(gateway).get(&port).is_some_and(|h| h == wanted));
    assert!(became, "{port} never becomes {wanted}: {:?}\n{}", health(gateway), gateway.said());
}

const PROBES: &str = "  healthchecks:\n    active:\n      http_path: /up\n      headers: {X-Probe: [a]}\n      healthy: {interval: 0.1, successes: 1}\n      unhealthy: {interval: 0.1, tcp_failures: 1, http_failures: 1, timeouts: 1}\n      timeout: 0.5\n";

#[test]
fn a_target_that_is_down_is_left_out_until_it_is_up_again() {
    let up = Upstream::echo();
    let port = Port::claim();
    let down = port.number();
    let gateway = Start::kong(document(&[up.port(), down], PROBES)).go();
    becomes(&gateway, down, "UNHEALTHY");
    becomes(&gateway, up.port(), "HEALTHY");
    assert_eq!(spread(&gateway, 10), BTreeMap::from([(up.port().into(), 10)]));
    let probe = &up.journal().seen()[0];
    assert_eq!((probe.target.as_str(), probe.header("x-probe")), ("/up", Some("a")));
    assert_eq!(probe.header("host"), Some("127.0.0.1"));
    let _revived = Upstream::start_on(port, Behaviour::Echo, Arc::default());
    becomes(&gateway, down, "HEALTHY");
    assert_eq!(spread(&gateway, 10), BTreeMap::from([(up.port().into(), 5), (down.into(), 5)]));
}

/// An upstream that answers probes as it is told, and everything else with 200.
fn told(well: &Arc<AtomicBool>) -> Upstream {
    let well = Arc::clone(well);
    Upstream::custom(move |wire| {
        while let Ok(Some(request)) = wire.read_request() {
            let unwell = request.target == "/up" && !well.load(Ordering::Relaxed);
            let status = if unwell { "503 Unwell" } else { "200 OK" };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            if wire.write(head.as_bytes()).is_err() {
                return;
            }
        }
    })
}

#[test]
fn a_target_that_says_it_is_unwell_is_left_out() {
    let well = Arc::new(AtomicBool::new(false));
    let upstream = told(&well);
    let gateway = Start::kong(document(&[upstream.port()], PROBES)).go();
    becomes(&gateway, upstream.port(), "UNHEALTHY");
    let answer = get(&gateway, &[]);
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("failure to get a peer from the ring-balancer"));
    well.store(true, Ordering::Relaxed);
    becomes(&gateway, upstream.port(), "HEALTHY");
    assert_eq!(get(&gateway, &[]).status, 200);
}

#[test]
fn a_target_that_is_silent_is_left_out() {
    let upstream = Upstream::start(Behaviour::Silent, Default::default());
    let gateway = Start::kong(document(&[upstream.port()], PROBES)).go();
    becomes(&gateway, upstream.port(), "UNHEALTHY");
}

#[test]
fn probes_may_only_connect() {
    let silent = Upstream::start(Behaviour::Silent, Default::default());
    let dead = Port::claim().number();
    let checks = PROBES.replace("    active:\n", "    active:\n      type: tcp\n");
    let gateway = Start::kong(document(&[silent.port(), dead], &checks)).go();
    becomes(&gateway, dead, "UNHEALTHY");
    becomes(&gateway, silent.port(), "HEALTHY");
}

#[test]
fn probes_over_tls_verify_the_name_that_they_ask_for() {
    let authority = Authority::new();
    let upstream = Upstream::start_tls(Behaviour::Echo, authority.server(&["probe.test"]));
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("ca.pem");
    std::fs::write(&trusted, authority.pem()).unwrap();
    let start = |sni: &str, verify: bool| {
        let wants = format!(
            "    active:\n      type: https\n      https_sni: {sni}\n      https_verify_certificate: {verify}\n"
        );
        let checks = PROBES.replace("    active:\n", &wants);
        Start::kong(document(&[upstream.port()], &checks))
            .env("KONG_LUA_SSL_TRUSTED_CERTIFICATE", trusted.to_str().unwrap())
            .go()
    };
    becomes(&start("other.test", true), upstream.port(), "UNHEALTHY");
    assert_eq!(upstream.journal().seen().len(), 0);
    for (sni, verify) in [("other.test", false), ("probe.test", true)] {
        let seen = upstream.journal().seen().len();
        let gateway = start(sni, verify);
        assert!(wait::holds(wait::SOON, || upstream.journal().seen().len() > seen + 2));
        becomes(&gateway, upstream.port(), "HEALTHY");
    }
}

#[test]
fn probes_ask_grpc_servers_for_their_health() {
    let server = grpc_health::Server::start(Says::NotServing);
    let checks = PROBES.replace("    active:\n", "    active:\n      type: grpc\n");
    let gateway = Start::kong(document(&[server.port()], &checks)).go();
    becomes(&gateway, server.port(), "UNHEALTHY");
    server.set(Says::Serving);
    becomes(&gateway, server.port(), "HEALTHY");
    server.set(Says::NotServing);
    becomes(&gateway, server.port(), "UNHEALTHY");
    server.set(Says::Unimplemented);
    becomes(&gateway, server.port(), "HEALTHY");
}

const WATCHES: &str = "  healthchecks:\n    passive:\n      unhealthy: {http_failures: 1, http_statuses: [500], tcp_failures: 1, timeouts: 1}\n";

/// What one worker finds out all of them know, and reloads do not change it.
#[test]
fn what_requests_find_out_is_known_to_all_and_survives_reloads() {
    let (good, bad) = (
        Upstream::echo(),
        Upstream::scripted(vec![Script::answering(
            "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n",
        )]),
    );
    let document = document(&[good.port(), bad.port()], WATCHES);
    let gateway = Start::kong(&document).arguments(&["--workers", "4"]).go();
    let found = wait::holds(wait::SOON, || get(&gateway, &[]).status == 500);
    assert!(found, "the bad target has its turn");
    becomes(&gateway, bad.port(), "UNHEALTHY");
    assert_eq!(spread(&gateway, 20), BTreeMap::from([(good.port().into(), 20)]));
    let more = Upstream::echo();
    gateway.rewrite(
        &document.replace(
            "  targets:\n",
            &format!("  targets:\n  - target: 127.0.0.1:{}\n", more.port()),
        ),
    );
    becomes(&gateway, more.port(), "HEALTHY");
    assert_eq!(health(&gateway)[&bad.port()], "UNHEALTHY");
    assert!(!spread(&gateway, 20).contains_key(&bad.port().into()));
}

#[test]
fn connections_that_fail_count_for_the_target_they_were_made_to() {
    let good = Upstream::echo();
    let dead = Port::claim().number();
    let document = document(&[good.port(), dead], WATCHES).replace("retries: 0", "retries: 1");
    let gateway = Start::kong(document).go();
    for _ in 0..4 {
        assert_eq!(get(&gateway, &[]).status, 200);
    }
    becomes(&gateway, dead, "UNHEALTHY");
    assert_eq!(health(&gateway)[&good.port()], "HEALTHY");
}

#[test]
fn health_is_set_by_command() {
    let (one, two) = (Upstream::echo(), Upstream::echo());
    let gateway = Start::kong(document(&[one.port(), two.port()], WATCHES)).go();
    let put = |what: &str| {
        let mut client = Client::connect(gateway.admin()).unwrap();
        let target = format!("/upstreams/up.test/targets/127.0.0.1:{}/{what}", one.port());
        client.exchange("PUT", &target, &[]).unwrap().status
    };
    assert_eq!(put("unhealthy"), 204);
    assert_eq!(spread(&gateway, 6), BTreeMap::from([(two.port().into(), 6)]));
    assert_eq!(put(&format!("127.0.0.1:{}/healthy", two.port())), 404);
    assert_eq!(put(&format!("127.0.0.1:{}/healthy", one.port())), 204);
    assert_eq!(spread(&gateway, 6).len(), 2);
}

/// Kong's `threshold`: below it the upstream as a whole is unhealthy.
#[test]
fn too_little_that_is_healthy_is_nothing() {
    let (up, down) = (Upstream::echo(), Port::claim().number());
    let checks = PROBES.replace("healthchecks:\n", "healthchecks:\n    threshold: 60\n");
    let gateway = Start::kong(document(&[up.port(), down], &checks)).go();
    becomes(&gateway, down, "UNHEALTHY");
    assert_eq!(get(&gateway, &[]).status, 503);
    let mut client = Client::connect(gateway.admin()).unwrap();
    let path = "/upstreams/up.test/health?balancer_health=1";
    let answer = client.exchange("GET", path, &[]).unwrap().json();
    assert_eq!(answer["data"]["balancer_health"], "UNHEALTHY");
    assert_eq!(answer["data"]["details"]["weight"]["available"], 100);
}

/// A target that holds its requests gets no more while another is free.
#[test]
fn the_target_with_the_fewest_requests_is_chosen() {
    let slow =
        Upstream::scripted(vec![Script::new([Act::Read, Act::Wait(Duration::from_secs(8))])]);
    let fast = Upstream::echo();
    let document = document(&[slow.port(), fast.port()], "  algorithm: least-connections\n");
    // With one worker a request has ended before the next one begins.
    let gateway = Start::kong(document).arguments(&["--workers", "1"]).go();
    let mut held = Client::connect(gateway.proxy()).unwrap();
    let hold = || slow.journal().seen().len() == 1;
    // Equals take turns, so that one of two requests is held.
    while !hold() {
        held = Client::connect(gateway.proxy()).unwrap();
        held.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n").unwrap();
        let is_answered = || fast.journal().seen().len();
        let before = is_answered();
        assert!(wait::holds(wait::SOON, || hold() || is_answered() > before));
    }
    assert_eq!(spread(&gateway, 10), BTreeMap::from([(fast.port().into(), 10)]));
    drop(held);
}
