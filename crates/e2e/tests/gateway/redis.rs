//! The stores that `policy: redis` may name.

use std::fs;

use tripylon_e2e::port::Port;
use tripylon_e2e::{Authority, Client, Gateway, Redis, Response, Start, Upstream, wait};

use crate::setup::service;

/// A gateway that lets three requests a minute through, counted in this Redis.
fn limited(upstream: &Upstream, redis: &str) -> Gateway {
    let plugin = format!(
        "  plugins:\n  - name: rate-limiting\n    config:\n      minute: 3\n      policy: redis\n      redis: {redis}\n"
    );
    Start::kong(service(upstream.port(), &plugin, "")).go()
}

fn get(gateway: &Gateway) -> Response {
    Client::connect(gateway.proxy()).unwrap().exchange("GET", "/", &[]).unwrap()
}

fn counts(gateway: &Gateway) {
    wait::for_quiet_minute();
    let statuses: Vec<u16> = (0..5).map(|_| get(gateway).status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429], "{}", gateway.said());
}

#[test]
fn with_a_password_and_a_database() {
    let upstream = Upstream::echo();
    let redis = Redis::start();
    redis.command("CONFIG SET requirepass secret");
    let config = |password: &str| {
        format!("{{host: 127.0.0.1, port: {}, password: {password}, database: 3}}", redis.port())
    };
    counts(&limited(&upstream, &config("secret")));
    // Faults are tolerated where nothing else is said, and a wrong password is one.
    let response = get(&limited(&upstream, &config("wrong")));
    assert_eq!((response.status, response.header("ratelimit-limit")), (200, None));
}

#[test]
fn with_a_user() {
    let upstream = Upstream::echo();
    let redis = Redis::start();
    redis.command("ACL SETUSER alice on >secret ~* +@all");
    let config =
        format!("{{host: 127.0.0.1, port: {}, username: alice, password: secret}}", redis.port());
    counts(&limited(&upstream, &config));
}

#[test]
fn over_tls() {
    let upstream = Upstream::echo();
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let pair = authority.issue(&["127.0.0.1"]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, text) in [("cert.pem", &pair.certificate), ("key.pem", &pair.key)] {
        fs::write(path(name), text).unwrap();
    }
    let tls = Port::claim();
    let arguments = ["--tls-port", &tls.number().to_string(), "--tls-auth-clients", "no"];
    let files = ["--tls-cert-file", &path("cert.pem"), "--tls-key-file", &path("key.pem")];
    let _redis = Redis::start_with(&[arguments, files].concat());
    let config = |verify: bool| {
        format!("{{host: 127.0.0.1, port: {}, ssl: true, ssl_verify: {verify}}}", tls.number())
    };
    counts(&limited(&upstream, &config(false)));
    // Nobody here vouches for the test's authority.
    let response = get(&limited(&upstream, &config(true)));
    assert_eq!((response.status, response.header("ratelimit-limit")), (200, None));
}

#[test]
fn counts_that_are_exchanged_now_and_then() {
    let (upstream, redis) = (Upstream::echo(), Redis::start());
    let plugin = format!(
        "  plugins:\n  - name: rate-limiting\n    config:\n      minute: 10\n      policy: redis\n      sync_rate: 0.1\n      \
         redis: {{host: 127.0.0.1, port: {}}}\n",
        redis.port()
    );
    let start = || Start::kong(service(upstream.port(), &plugin, "")).go();
    let (one, other) = (start(), start());
    wait::for_quiet_minute();
    assert_eq!((0..10).map(|_| get(&one).status).collect::<Vec<_>>(), [200; 10]);
    let told = wait::holds(wait::SOON, || get(&other).status == 429);
    assert!(told, "the other gateway hears of the ten requests");
}
