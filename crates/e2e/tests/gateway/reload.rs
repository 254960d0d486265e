//! New configurations under way.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tripylon_e2e::{Client, Gateway, Start, Upstream, wait};

use crate::setup::proxy_to;

/// The same service with a path that shows which version answers.
fn version(upstream: &Upstream, version: usize) -> String {
    format!(
        "_format_version: '3.0'\nservices:\n- name: s\n  url: http://{}/v{version}\n  routes:\n  - paths: [/]\n",
        upstream.address()
    )
}

fn served(gateway: &Gateway) -> String {
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let response = client.exchange("GET", "/x", &[]).unwrap();
    assert_eq!(response.status, 200);
    response.json()["target"].as_str().unwrap().to_owned()
}

fn comes_to_serve(gateway: &Gateway, target: &str) {
    let served = wait::holds(wait::SOON, || served(gateway) == target);
    assert!(served, "{target} is never served; the gateway said:\n{}", gateway.said());
}

#[test]
fn a_changed_file_is_served() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(version(&upstream, 1)).go();
    assert_eq!(served(&gateway), "/v1/x");
    gateway.rewrite(&version(&upstream, 2));
    comes_to_serve(&gateway, "/v2/x");
    std::fs::write(gateway.document(), version(&upstream, 3)).unwrap();
    comes_to_serve(&gateway, "/v3/x");
}

#[test]
fn a_bad_file_leaves_the_old_configuration_and_says_why() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(version(&upstream, 1)).go();
    gateway.rewrite(&version(&upstream, 2).replace("routes:", "rootes:"));
    gateway.wait_to_say("rootes");
    assert_eq!(served(&gateway), "/v1/x");
    gateway.rewrite("_format_version: [\n");
    let mut client = Client::connect(gateway.proxy()).unwrap();
    assert_eq!(client.exchange("GET", "/x", &[]).unwrap().status, 200);
    gateway.rewrite(&version(&upstream, 3));
    comes_to_serve(&gateway, "/v3/x");
}

#[test]
fn hangup_reads_the_files_again() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(version(&upstream, 1)).arguments(&["--no-watch"]).go();
    gateway.rewrite(&version(&upstream, 2));
    gateway.signal(libc::SIGHUP);
    comes_to_serve(&gateway, "/v2/x");
}

#[test]
fn without_watching_files_are_left_alone() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(version(&upstream, 1)).arguments(&["--no-watch"]).go();
    gateway.rewrite(&version(&upstream, 2));
    let watched = Start::kong(version(&upstream, 1)).go();
    watched.rewrite(&version(&upstream, 2));
    comes_to_serve(&watched, "/v2/x");
    assert_eq!(served(&gateway), "/v1/x");
}

#[test]
fn listeners_come_and_go() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(proxy_to(&upstream)).go();
    let mut client = Client::connect(gateway.proxy()).unwrap();
    gateway.rewrite(&version(&upstream, 2));
    comes_to_serve(&gateway, "/v2/x");
    let response = client.exchange("GET", "/x", &[]).unwrap();
    assert_eq!(response.json()["target"], "/v2/x", "a connection from before gets what is new");
}

const CLIENTS: usize = 6;
const RELOADS: usize = 20;
const BETWEEN: Duration = Duration::from_millis(200);

/// Keepalive clients, and clients that connect anew each time, while the file changes five times
/// a second: no request fails, no connection is closed, and old and new are both served.
#[test]
fn reloads_under_load_lose_nothing() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(version(&upstream, 0))
        .env("KONG_NGINX_HTTP_KEEPALIVE_REQUESTS", "1000000000")
        .go();
    let stop = AtomicBool::new(false);
    let requests = AtomicUsize::new(0);
    let mut failures = std::thread::scope(|scope| {
        let keeping = (0..CLIENTS).map(|_| scope.spawn(|| keep_asking(&gateway, &stop, &requests)));
        let keeping: Vec<_> = keeping.collect();
        let connecting = scope.spawn(|| connect_anew(&gateway, &stop, &requests));
        for n in 1..=RELOADS {
            wait::nap(BETWEEN);
            gateway.rewrite(&version(&upstream, n));
        }
        comes_to_serve(&gateway, &format!("/v{RELOADS}/x"));
        stop.store(true, Ordering::Relaxed);
        let mut failures: Vec<String> =
            keeping.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        failures.extend(connecting.join().unwrap());
        failures
    });
    failures.truncate(10);
    let count = requests.load(Ordering::Relaxed);
    assert!(failures.is_empty(), "of {count} requests failed: {failures:#?}");
    assert!(count > 1000, "only {count} requests: no load to speak of");
}

fn keep_asking(gateway: &Gateway, stop: &AtomicBool, requests: &AtomicUsize) -> Vec<String> {
    let mut failures = Vec::new();
    let mut client = Client::connect(gateway.proxy()).unwrap();
    while !stop.load(Ordering::Relaxed) && failures.len() < 3 {
        requests.fetch_add(1, Ordering::Relaxed);
        match client.exchange("GET", "/x", &[]) {
            Ok(response)
                if response.status == 200 && response.header("connection") != Some("close") => {}
            Ok(response) => failures.push(format!("{} {:?}", response.status, response.fields)),
            Err(fault) => {
                failures.push(fault.to_string());
                client = Client::connect(gateway.proxy()).unwrap();
            }
        }
    }
    failures
}

fn connect_anew(gateway: &Gateway, stop: &AtomicBool, requests: &AtomicUsize) -> Vec<String> {
    let mut failures = Vec::new();
    while !stop.load(Ordering::Relaxed) && failures.len() < 3 {
        requests.fetch_add(1, Ordering::Relaxed);
        let answer =
            Client::connect(gateway.proxy()).and_then(|mut c| c.exchange("GET", "/x", &[]));
        match answer {
            Ok(response) if response.status == 200 => {}
            Ok(response) => failures.push(format!("new connection: {}", response.status)),
            Err(fault) => failures.push(format!("new connection: {fault}")),
        }
    }
    failures
}

/// A document of so many routes beside the one that is asked for.
fn crowd(upstream: &Upstream, version: usize, routes: usize) -> String {
    let mut text = self::version(upstream, version);
    for number in 0..routes {
        text.push_str(&match number % 4 {
            0 => format!("  - hosts: [h{number}.test]\n    paths: [/a{}/b]\n", number % 97),
            1 => format!("  - paths: [/p{number}]\n    methods: [GET, POST]\n"),
            2 => format!("  - hosts: ['*.w{number}.test']\n"),
            _ => format!("  - hosts: [x{}.test]\n    paths: ['~/x{number}/\\d+$']\n", number % 50),
        });
    }
    text
}

/// What many routes take in memory, they take once: not for each time that they are read. No
/// request fails while they change, and no connection is closed.
#[test]
fn many_routes_change_under_load_and_leave_nothing_behind() {
    const ROUTES: usize = 10_000;
    const CHANGES: usize = 4;
    /// Reading so many takes a busy machine with an unoptimised gateway a while.
    const LIMIT: Duration = Duration::from_secs(120);
    let upstream = Upstream::echo();
    let gateway = Start::kong(version(&upstream, 0))
        .arguments(&["--no-watch"])
        .env("KONG_NGINX_HTTP_KEEPALIVE_REQUESTS", "1000000000")
        .go();
    assert_eq!(served(&gateway), "/v0/x");
    let most = gateway.resident() + (4 << 10) * ROUTES as u64;
    let (stop, requests) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| keep_asking(&gateway, &stop, &requests));
        let changed = (1..=CHANGES).all(|number| {
            gateway.rewrite(&crowd(&upstream, number, ROUTES));
            gateway.signal(libc::SIGHUP);
            let target = format!("/v{number}/x");
            wait::holds(LIMIT, || served(&gateway) == target)
        });
        stop.store(true, Ordering::Relaxed);
        let failures = asking.join().unwrap();
        assert!(changed, "not every change is served; the gateway said:\n{}", gateway.said());
        let count = requests.load(Ordering::Relaxed);
        assert!(failures.is_empty(), "of {count} requests failed: {failures:#?}");
    });
    let is_small = wait::holds(LIMIT, || gateway.resident() < most);
    assert!(is_small, "{} bytes and not {most} after {CHANGES} changes", gateway.resident());
}

/// Files, signals and the admin API, all at once: each change is whole, and none gets stuck.
#[test]
fn changes_from_all_sides_lose_nothing() {
    const CHANGES: usize = 30;
    let upstream = Upstream::echo();
    let gateway = Start::kong(version(&upstream, 0))
        .env("KONG_NGINX_HTTP_KEEPALIVE_REQUESTS", "1000000000")
        .go();
    let stop = AtomicBool::new(false);
    let requests = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| keep_asking(&gateway, &stop, &requests));
        let posting = scope.spawn(|| {
            (0..CHANGES)
                .for_each(|n| assert_eq!(post(&gateway, &version(&upstream, 1000 + n)), 201));
        });
        let signalling = scope.spawn(|| {
            (0..CHANGES).for_each(|_| {
                gateway.signal(libc::SIGHUP);
                wait::nap(Duration::from_millis(7));
            });
        });
        for n in 1..CHANGES {
            gateway.rewrite(&version(&upstream, n));
            wait::nap(Duration::from_millis(11));
        }
        posting.join().unwrap();
        signalling.join().unwrap();
        gateway.rewrite(&version(&upstream, 9999));
        comes_to_serve(&gateway, "/v9999/x");
        stop.store(true, Ordering::Relaxed);
        let failures = asking.join().unwrap();
        assert!(failures.is_empty(), "{failures:#?}");
    });
}

/// Sends a document to the admin API.
fn post(gateway: &Gateway, document: &str) -> u16 {
    let body = serde_json::json!({ "config": document }).to_string();
    let mut client = Client::connect(gateway.admin()).unwrap();
    let head = format!(
        "POST /config HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.send(head + &body).unwrap();
    client.receive("POST").unwrap().status
}
