//! Names of upstreams, and where they lead.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tripylon_e2e::dns::{Leads, NameServer};
use tripylon_e2e::{Client, Gateway, Response, Start, Upstream, wait};

const HERE: Leads = Leads::To(Ipv4Addr::LOCALHOST);

fn server(weight: u16, port: u16, name: &'static str) -> Leads {
    Leads::ToServer { priority: 1, weight, port, name }
}

/// A gateway that forwards to an upstream with this target, and asks this name server.
fn balanced(names: &NameServer, target: &str, upstream: &str) -> Start {
    let document = format!(
        "_format_version: '3.0'\nservices:\n- name: s\n  host: up.test\n  retries: 0\n  routes:\n  - paths: [/]\nupstreams:\n- name: up.test\n  targets:\n  - target: {target}\n{upstream}"
    );
    Start::kong(document).env("KONG_DNS_RESOLVER", &names.address())
}

/// The same with a service that has no upstream.
fn direct(names: &NameServer, url: &str) -> Start {
    let document = format!(
        "_format_version: '3.0'\nservices:\n- name: s\n  url: {url}\n  retries: 0\n  routes:\n  - paths: [/]\n"
    );
    Start::kong(document).env("KONG_DNS_RESOLVER", &names.address())
}

fn get(gateway: &Gateway) -> Response {
    Client::connect(gateway.proxy()).unwrap().exchange("GET", "/", &[]).unwrap()
}

fn spread(gateway: &Gateway, requests: usize) -> BTreeMap<u64, usize> {
    let mut spread = BTreeMap::new();
    for _ in 0..requests {
        *spread.entry(get(gateway).json()["port"].as_u64().unwrap_or(0)).or_default() += 1;
    }
    spread
}

fn target(gateway: &Gateway) -> Value {
    let mut client = Client::connect(gateway.admin()).unwrap();
    let answer = client.exchange("GET", "/upstreams/up.test/health", &[]).unwrap().json();
    answer["data"][0].clone()
}

fn addresses(gateway: &Gateway) -> Vec<String> {
    let show = |address: &Value| format!("{}:{}", address["ip"].as_str().unwrap(), address["port"]);
    target(gateway)["data"]["addresses"].as_array().unwrap().iter().map(show).collect()
}

#[test]
fn srv_records_give_ports_and_weights() {
    let (light, heavy, spare) = (Upstream::echo(), Upstream::echo(), Upstream::echo());
    let names = NameServer::start();
    let reserve = Leads::ToServer { priority: 2, weight: 9, port: spare.port(), name: "a.test" };
    names.set(
        "orders.test",
        60,
        &[server(0, light.port(), "a.test"), server(3, heavy.port(), "b.test"), reserve],
    );
    names.set("a.test", 60, &[HERE]);
    names.set("b.test", 60, &[HERE]);
    let gateway = balanced(&names, "orders.test", "").arguments(&["--workers", "1"]).go();
    // A weight of 0 counts as 1; the target's own does not count.
    let expected = BTreeMap::from([(light.port().into(), 4), (heavy.port().into(), 12)]);
    assert_eq!(spread(&gateway, 16), expected);
    let host = format!("orders.test:{}", light.port());
    assert_eq!(light.journal().seen()[0].header("host"), Some(host.as_str()));
    let target = target(&gateway);
    assert_eq!(
        (&target["data"]["dns"], &target["data"]["weight"]["total"]),
        (&"SRV".into(), &4.into())
    );
    let named = balanced(&names, "orders.test", "  use_srv_name: true\n").go();
    assert_eq!(get(&named).status, 200);
    let seen = [light.journal().seen(), heavy.journal().seen()].concat();
    let last = |host: &str| {
        seen.iter().any(|seen| seen.header("host").is_some_and(|h| h.starts_with(host)))
    };
    assert!(last("a.test:") || last("b.test:"));
}

#[test]
fn addresses_follow_the_records_when_their_time_is_over() {
    let (old, new) = (Upstream::echo(), Upstream::echo());
    let names = NameServer::start();
    names.set("node.test", 60, &[HERE]);
    names.set("orders.test", 1, &[server(1, old.port(), "node.test")]);
    let gateway = balanced(&names, "orders.test", "").go();
    assert_eq!(spread(&gateway, 4), BTreeMap::from([(old.port().into(), 4)]));
    names.set(
        "orders.test",
        1,
        &[server(1, old.port(), "node.test"), server(1, new.port(), "node.test")],
    );
    assert!(wait::holds(wait::SOON, || addresses(&gateway).len() == 2));
    assert_eq!(spread(&gateway, 16).len(), 2);
    names.set("orders.test", 1, &[server(1, new.port(), "node.test")]);
    assert!(wait::holds(wait::SOON, || addresses(&gateway).len() == 1));
    assert_eq!(spread(&gateway, 4), BTreeMap::from([(new.port().into(), 4)]));
}

#[test]
fn while_name_servers_fail_the_last_addresses_are_used() {
    let upstream = Upstream::echo();
    let names = NameServer::start();
    names.set("orders.test", 1, &[HERE]);
    let gateway = balanced(&names, &format!("orders.test:{}", upstream.port()), "").go();
    assert_eq!(get(&gateway).status, 200);
    names.set_broken(true);
    let asked = names.asked("orders.test");
    assert!(wait::holds(wait::SOON, || names.asked("orders.test") > asked + 6));
    assert_eq!(get(&gateway).status, 200);
}

#[test]
fn a_name_that_is_gone_is_believed_when_it_stays_so_and_comes_back() {
    let upstream = Upstream::echo();
    let names = NameServer::start();
    names.set("orders.test", 1, &[HERE]);
    let gateway = balanced(&names, &format!("orders.test:{}", upstream.port()), "")
        .env("KONG_DNS_NOT_FOUND_TTL", "2")
        .go();
    assert_eq!(get(&gateway).status, 200);
    names.remove("orders.test");
    let asked = names.asked("orders.test");
    // The first of these answers are not believed.
    assert!(wait::holds(wait::SOON, || names.asked("orders.test") > asked));
    assert_eq!(get(&gateway).status, 200);
    assert!(wait::holds(wait::SOON, || get(&gateway).status == 503));
    assert_eq!(target(&gateway)["health"], "DNS_ERROR");
    names.set("orders.test", 1, &[HERE]);
    assert!(wait::holds(wait::SOON, || get(&gateway).status == 200));
}

#[test]
fn the_first_request_waits_for_the_first_answer() {
    let upstream = Upstream::echo();
    let names = NameServer::start();
    names.set("orders.test", 60, &[HERE]);
    names.set_delay(Duration::from_millis(300));
    let start = balanced(&names, &format!("orders.test:{}", upstream.port()), "");
    let gateway = start.env("KONG_DNS_ORDER", "A").go();
    assert_eq!(get(&gateway).status, 200);
}

#[test]
fn services_without_upstream_follow_srv_records_too() {
    let upstream = Upstream::echo();
    let names = NameServer::start();
    names.set("orders.test", 60, &[server(1, upstream.port(), "node.test")]);
    names.set("node.test", 60, &[HERE]);
    let gateway = direct(&names, "http://orders.test").go();
    assert_eq!(get(&gateway).status, 200);
    // With addresses alone there is none.
    let without = direct(&names, "http://orders.test").env("KONG_DNS_ORDER", "A").go();
    let answer = get(&without);
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("name resolution failed"), "{}", answer.text());
}

#[test]
fn the_hosts_file_comes_first() {
    let upstream = Upstream::echo();
    let names = NameServer::start();
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.1 Orders.test other.test # not asked for\n").unwrap();
    let url = format!("http://orders.test:{}", upstream.port());
    let gateway = direct(&names, &url).env("KONG_DNS_HOSTSFILE", hosts.to_str().unwrap()).go();
    assert_eq!(get(&gateway).status, 200);
    assert_eq!(names.asked("orders.test"), 0);
}

#[test]
fn the_new_client_asks_services_for_srv_records_only() {
    let upstream = Upstream::echo();
    let names = NameServer::start();
    names.set("_http._tcp.test", 60, &[server(1, upstream.port(), "node.test")]);
    names.set("node.test", 60, &[HERE]);
    let start = balanced(&names, "_http._tcp.test", "").env("KONG_NEW_DNS_CLIENT", "on");
    let gateway = start.env("KONG_RESOLVER_ADDRESS", &names.address()).go();
    assert_eq!(get(&gateway).status, 200);
    assert_eq!(names.asked("_http._tcp.test"), 1);
}

/// The record's time to live can be overridden: nobody asks again in time.
#[test]
fn a_time_to_live_of_ones_own_counts() {
    let upstream = Upstream::echo();
    let names = NameServer::start();
    names.set("orders.test", 1, &[HERE]);
    let url = format!("http://orders.test:{}", upstream.port());
    let gateway = direct(&names, &url)
        .env("KONG_DNS_VALID_TTL", "60")
        .env("KONG_DNS_ORDER", "A")
        .arguments(&["--workers", "1"])
        .go();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1500) {
        // Each on a connection of its own: the name is looked up for each.
        let mut client = Client::connect(gateway.proxy()).unwrap();
        let response = client.exchange("GET", "/?_h=Connection:close", &[]).unwrap();
        assert_eq!(response.status, 200);
    }
    assert_eq!(names.asked("orders.test"), 1);
}
