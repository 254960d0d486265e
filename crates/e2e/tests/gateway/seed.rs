//! The sample that the project started from, unchanged, with a Redis.

use std::time::{Duration, Instant};

use serde_json::json;
use tripylon_e2e::{Client, Gateway, Redis, Response, Start, Upstream, jwt, wait};

use crate::setup::service;

const SEED: &str = include_str!("../../data/seed.yml");

/// Beside it: somebody who may come in.
const CONSUMERS: &str = "\
_format_version: '3.0'
consumers:
- username: alice
  jwt_secrets:
  - key: alice-key
    secret: alice-secret
    algorithm: HS256
- username: bob
  jwt_secrets:
  - key: bob-key
    secret: bob-secret
    algorithm: HS256
";

fn seed(upstream: &Upstream, redis: &Redis) -> Gateway {
    Start::kong(SEED)
        .file("consumers.yml", CONSUMERS)
        .arguments(&["--connect-to", &format!("user-service:8080:127.0.0.1:{}", upstream.port())])
        .arguments(&["--redis", &format!("redis://127.0.0.1:{}", redis.port())])
        .go()
}

fn token_of(name: &str) -> String {
    jwt::hs256(&json!({"iss": format!("{name}-key")}), format!("{name}-secret").as_bytes())
}

fn call(client: &mut Client, token: &str) -> Response {
    let bearer = format!("Bearer {token}");
    client.exchange("GET", "/api/v1/users/42", &[("Authorization", &bearer)]).unwrap()
}

fn calls(gateway: &Gateway, name: &str, count: usize) -> Vec<u16> {
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let token = token_of(name);
    (0..count).map(|_| call(&mut client, &token).status).collect()
}

#[test]
fn no_token_is_refused_and_a_token_goes_through() {
    let (upstream, redis) = (Upstream::echo(), Redis::start());
    let gateway = seed(&upstream, &redis);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    assert_eq!(client.exchange("GET", "/api/v1/users/42", &[]).unwrap().status, 401);
    let response = call(&mut client, &token_of("alice"));
    assert_eq!(response.status, 200);
    assert_eq!(response.header("x-ratelimit-limit-minute"), Some("100"));
    assert_eq!(response.header("x-ratelimit-remaining-minute"), Some("99"));
    assert_eq!(response.header("ratelimit-limit"), Some("100"));
    assert_eq!(response.json()["target"], "/42");
    assert_eq!(upstream.journal().seen()[0].header("host"), Some("user-service:8080"));
    let by_query = format!("/api/v1/users?jwt={}", token_of("alice"));
    assert_eq!(client.exchange("GET", &by_query, &[]).unwrap().status, 200);
    assert!(gateway.said().contains("redis"), "that a Redis is assumed is said");
}

#[test]
fn the_hundred_and_first_request_of_a_minute_is_refused() {
    let (upstream, redis) = (Upstream::echo(), Redis::start());
    let gateway = seed(&upstream, &redis);
    wait::for_quiet_minute();
    assert_eq!(calls(&gateway, "alice", 100), vec![200; 100]);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let refused = call(&mut client, &token_of("alice"));
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("x-ratelimit-remaining-minute"), Some("0"));
    let until: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&until));
    assert_eq!(call(&mut client, &token_of("bob")).status, 200);
    assert_eq!(upstream.journal().seen().len(), 101);
}

#[test]
fn two_gateways_share_the_count() {
    let (upstream, redis) = (Upstream::echo(), Redis::start());
    let gateways = [seed(&upstream, &redis), seed(&upstream, &redis)];
    wait::for_quiet_minute();
    let mut statuses = calls(&gateways[0], "alice", 60);
    statuses.extend(calls(&gateways[1], "alice", 60));
    let passed = statuses.iter().filter(|s| **s == 200).count();
    assert_eq!(passed, 100);
    assert_eq!(statuses[..100], [200; 100]);
}

#[test]
fn sec_133_many_connections_at_once_share_one_limit() {
    let (upstream, redis) = (Upstream::echo(), Redis::start());
    let gateway = seed(&upstream, &redis);
    wait::for_quiet_minute();
    let passed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..10).map(|_| scope.spawn(|| calls(&gateway, "alice", 20))).collect();
        let statuses = threads.into_iter().flat_map(|t| t.join().unwrap());
        statuses.filter(|s| *s == 200).count()
    });
    assert_eq!(passed, 100);
}

#[test]
fn sec_134_untrusted_addresses_get_no_counters_of_their_own() {
    let upstream = Upstream::echo();
    let limited = "  plugins:\n  - name: rate-limiting\n    config: {minute: 3, policy: local, limit_by: ip}\n";
    let gateway = Start::kong(service(upstream.port(), limited, "")).go();
    wait::for_quiet_minute();
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let statuses: Vec<u16> = (0..5)
        .map(|n| {
            let address = format!("10.0.0.{n}");
            let fields = [("X-Forwarded-For", address.as_str()), ("X-Real-IP", address.as_str())];
            client.exchange("GET", "/", &fields).unwrap().status
        })
        .collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
}

/// A request waits at most 50 ms for a store; the rest is for a machine that has much to do.
const FIRST_WAIT: Duration = Duration::from_millis(400);
const AT_ONCE: Duration = Duration::from_millis(40);

#[test]
fn sec_135_a_hanging_redis_delays_little_and_then_nothing() {
    let (upstream, redis) = (Upstream::echo(), Redis::start());
    let gateway = seed(&upstream, &redis);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let token = token_of("alice");
    let counted = |response: &Response| response.header("x-ratelimit-limit-minute").is_some();
    assert!(counted(&call(&mut client, &token)));
    redis.freeze();
    let mut times = Vec::new();
    for _ in 0..40 {
        let began = Instant::now();
        let response = call(&mut client, &token);
        times.push(began.elapsed());
        assert_eq!(response.status, 200, "faults of the store are tolerated");
    }
    assert!(times.iter().all(|time| *time < FIRST_WAIT), "{times:?}");
    times.sort_unstable();
    assert!(times[20] < AT_ONCE, "{times:?}");
    redis.thaw();
    let back = wait::holds(wait::SOON, || counted(&call(&mut client, &token)));
    assert!(back, "the store is asked again once it answers");
}

#[test]
fn a_redis_that_is_gone_is_an_error_where_faults_are_not_tolerated() {
    let upstream = Upstream::echo();
    let port = tripylon_e2e::port::Port::claim();
    let limited = format!(
        "  plugins:\n  - name: rate-limiting\n    config:\n      minute: 3\n      policy: redis\n      \
         fault_tolerant: false\n      redis: {{host: 127.0.0.1, port: {}}}\n",
        port.number()
    );
    let gateway = Start::kong(service(upstream.port(), &limited, "")).go();
    let mut client = Client::connect(gateway.proxy()).unwrap();
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(client.exchange("GET", "/", &[]).unwrap().status, 500);
        assert!(began.elapsed() < FIRST_WAIT);
    }
    let _redis = Redis::start_on(port, &[]);
    let back = wait::holds(wait::SOON, || client.exchange("GET", "/", &[]).unwrap().status == 200);
    assert!(back, "the store is used once it is there");
}
