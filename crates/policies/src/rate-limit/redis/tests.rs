//! Against real servers.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::limit::{Limit, Verdict, currents};
use super::super::period::Period;
use super::dial::Dialer;
use super::testing::{Server, free_port, run, until};
use super::*;
use crate::testing::{Gateway, NOON};

/// A store with time enough for a busy machine.
pub(super) fn store(gateway: &Gateway, mut config: Value) -> Asking {
    config["kind"] = json!("redis");
    config["connect_timeout_ms"] = json!(10_000);
    let config: StoreConfig = serde_json::from_value(config).unwrap();
    let mut problems = Vec::new();
    let mut store = RedisStore::prepare(&config, "r:s", &mut problems);
    assert_eq!(problems, []);
    store.settings.budget = Duration::from_secs(10);
    let link = Pooled::start(&store.settings, &gateway.worker(0));
    Asking::new(&store.settings, &store.keys, link)
}

pub(super) fn at(port: u16) -> Value {
    json!({"nodes": [{"host": "127.0.0.1", "port": port}]})
}

pub(super) fn with(mut config: Value, more: Value) -> Value {
    for (field, value) in more.as_object().unwrap() {
        config[field] = value.clone();
    }
    config
}

const MINUTE: Limit = Limit { period: Period::Minute, max: 3 };
const DAY: Limit = Limit { period: Period::Day, max: 5 };

/// What comes of a request: whether it is admitted, and what is used.
pub(super) async fn take(store: &Asking, who: &str, unix_ms: u64) -> Result<(bool, Vec<u64>), String> {
    let mut currents = currents(&[MINUTE, DAY], unix_ms);
    let run = store.question(who.as_bytes(), &currents, unix_ms).map_err(|it| it.to_string())?;
    let verdict = store.take(&run, &mut currents).await.map_err(|it| it.to_string())?;
    let used = currents.iter().map(|current| current.used).collect();
    Ok((verdict == Verdict::Admitted, used))
}

#[test]
fn limits_are_checked_together_and_counted_together_or_not_at_all() {
    let server = Server::start(&[]);
    run(async {
        let store = store(&Gateway::new(), at(server.port));
        let expected = [(true, 1, 1), (true, 2, 2), (true, 3, 3), (false, 3, 3)];
        for (admitted, minute, day) in expected {
            assert_eq!(take(&store, "a", NOON).await, Ok((admitted, vec![minute, day])));
        }
        let next = NOON + 60_000;
        assert_eq!(take(&store, "a", next).await, Ok((true, vec![1, 4])));
        assert_eq!(take(&store, "a", next).await, Ok((true, vec![2, 5])));
        assert_eq!(take(&store, "a", next).await, Ok((false, vec![2, 5])));
        assert_eq!(take(&store, "b", next).await, Ok((true, vec![1, 1])));
    });
    let key = format!("ratelimit:r:s:a:{NOON}:minute");
    assert_eq!(server.command::<u64>(&["GET", &key]), 3);
    let lives = server.command::<u64>(&["PTTL", &key]);
    assert!((1..=65_000).contains(&lives), "{lives}");
    let day = server.command::<u64>(&["TTL", "ratelimit:r:s:a:1795564800000:day"]);
    assert!((12 * 3_600 - 30..=12 * 3_600 + 5).contains(&day), "{day}");
}

#[test]
fn gateways_share_counts() {
    let server = Server::start(&[]);
    run(async {
        let stores = [(); 2].map(|()| store(&Gateway::new(), at(server.port)));
        assert_eq!(take(&stores[0], "a", NOON).await, Ok((true, vec![1, 1])));
        assert_eq!(take(&stores[1], "a", NOON).await, Ok((true, vec![2, 2])));
        assert_eq!(take(&stores[0], "a", NOON).await, Ok((true, vec![3, 3])));
        assert_eq!(take(&stores[1], "a", NOON).await, Ok((false, vec![3, 3])));
    });
}

#[test]
fn requests_at_the_same_time_go_down_one_connection_and_are_counted_exactly() {
    let server = Server::start(&[]);
    run(async {
        let gateway = Gateway::new();
        let store = std::rc::Rc::new(store(&gateway, at(server.port)));
        let requests = (0..300).map(|_| {
            let store = std::rc::Rc::clone(&store);
            tokio::task::spawn_local(async move { take(&store, "a", NOON).await.unwrap().0 })
        });
        let mut admitted = 0;
        for request in requests.collect::<Vec<_>>() {
            admitted += u64::from(request.await.unwrap());
        }
        assert_eq!(admitted, 3);
        assert_eq!(server.clients(), 1);
    });
}

#[test]
fn a_server_that_has_forgotten_the_script_is_told_again() {
    let server = Server::start(&[]);
    run(async {
        let store = store(&Gateway::new(), at(server.port));
        assert_eq!(take(&store, "a", NOON).await, Ok((true, vec![1, 1])));
        server.command::<()>(&["SCRIPT", "FLUSH"]);
        assert_eq!(take(&store, "a", NOON).await, Ok((true, vec![2, 2])));
    });
}

#[test]
fn policies_share_a_connection_and_the_last_closes_it() {
    let server = Server::start(&[]);
    run(async {
        let gateway = Gateway::new();
        let first = store(&gateway, at(server.port));
        take(&first, "a", NOON).await.unwrap();
        let connection = server.command::<String>(&["CLIENT", "LIST"]);
        let second = store(&gateway, at(server.port));
        drop(first);
        gateway.shared.sweep();
        let third = store(&gateway, with(at(server.port), json!({"prefix": "other"})));
        drop(second);
        take(&third, "a", NOON).await.unwrap();
        assert_eq!(server.clients(), 1);
        let id = |list: &str| list.split(' ').next().unwrap().to_owned();
        assert_eq!(id(&server.command::<String>(&["CLIENT", "LIST"])), id(&connection));
        drop(third);
        until("nobody is connected", async || server.clients() == 0).await;
    });
}

#[test]
fn users_passwords_and_databases_are_those_configured() {
    let mut server = Server::start(&["--requirepass", "main"]);
    server.log_in("main");
    server.command::<()>(&["ACL", "SETUSER", "u", "on", ">pass", "~*", "+@all"]);
    run(async {
        for login in [
            json!({"password": "main", "database": 3}),
            json!({"username": "u", "password": "pass", "database": 3}),
        ] {
            let store = store(&Gateway::new(), with(at(server.port), login));
            assert!(take(&store, "a", NOON).await.unwrap().0);
        }
        for login in [json!({}), json!({"password": "wrong"})] {
            let store = store(&Gateway::new(), with(at(server.port), login));
            assert!(take(&store, "a", NOON).await.is_err());
        }
    });
    let keyspace = server.command::<String>(&["INFO", "keyspace"]);
    assert!(keyspace.contains("db3:keys=2"), "{keyspace}");
}

#[test]
fn what_goes_wrong_is_told_without_secrets() {
    let server = Server::start(&["--requirepass", "right"]);
    let login = json!({"password": "hidden-word", "nodes": [
        {"host": "127.0.0.1", "port": server.port}
    ]});
    let config: StoreConfig = serde_json::from_value(login).unwrap();
    let dialer = Dialer::new(Settings::prepare(&config, &mut Vec::new()));
    let why = run(dialer.server()).err().unwrap().to_string();
    assert!(why.contains(&format!("127.0.0.1:{}: ", server.port)), "{why}");
    assert!(why.contains("WRONGPASS") || why.contains("authentication"), "{why}");
    assert!(!why.contains("hidden-word"), "{why}");
}

#[test]
fn a_counter_that_is_no_number_is_an_error_and_no_outage() {
    let server = Server::start(&[]);
    run(async {
        let gateway = Gateway::new();
        let store = store(&gateway, at(server.port));
        for (value, counts) in [("many", false), ("-5", true)] {
            let key = format!("ratelimit:r:s:{value}:{NOON}:minute");
            server.command::<()>(&["SET", &key, value]);
            assert_eq!(take(&store, value, NOON).await.is_ok(), counts, "{value}");
        }
        assert!(take(&store, "a", NOON).await.is_ok());
        assert_eq!(gateway.counted("rate_limit_breaker_opened"), 0);
    });
}

#[test]
fn a_server_that_comes_back_is_asked_again() {
    let port = free_port();
    run(async {
        let gateway = Gateway::new();
        let store = store(&gateway, at(port));
        assert!(take(&store, "a", NOON).await.is_err());
        for _ in 0..2 {
            let server = Server::start_on(port, &[]);
            until("it is counted", async || take(&store, "a", NOON).await.is_ok()).await;
            drop(server);
            until("the breaker is open", async || {
                let currents = currents(&[MINUTE], NOON);
                store.question(b"a", &currents, NOON).is_err()
            })
            .await;
        }
        assert!(gateway.counted("rate_limit_breaker_opened") >= 3);
    });
}

#[test]
fn a_server_that_closes_idle_connections_is_asked_on_a_new_one() {
    let server = Server::start(&[]);
    run(async {
        let store = store(&Gateway::new(), at(server.port));
        assert_eq!(take(&store, "a", NOON).await, Ok((true, vec![1, 1])));
        server.command::<u64>(&["CLIENT", "KILL", "TYPE", "normal"]);
        until("there is a new connection", async || server.clients() == 1).await;
        until("it is counted", async || take(&store, "b", NOON).await.is_ok()).await;
    });
}

#[test]
fn the_next_node_is_used_if_the_first_does_not_answer() {
    let server = Server::start(&[]);
    run(async {
        let nodes = [free_port(), server.port];
        let nodes = nodes.map(|port| json!({"host": "localhost", "port": port}));
        let store = store(&Gateway::new(), json!({"nodes": nodes}));
        assert_eq!(take(&store, "a", NOON).await, Ok((true, vec![1, 1])));
    });
}

mod tls {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    use super::*;

    /// A server with a certificate for `redis.test`, and who issued that.
    fn server() -> (Server, String) {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["redis.test".to_owned()];
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &Issuer::new(authority, authority_key))
            .unwrap();
        (Server::start_tls(&certificate.pem(), &key.serialize_pem()), authority_certificate.pem())
    }

    #[test]
    fn certificates_are_verified_unless_they_need_not_be() {
        let (server, authority) = server();
        let outcome = |tls: Value| {
            let config = with(with(at(server.port), json!({"tls": true})), tls);
            run(async { take(&store(&Gateway::new(), config), "a", NOON).await.is_ok() })
        };
        let (named, trusted) = ("redis.test", json!(["system", authority]));
        assert!(outcome(json!({"server_name": named, "authorities": trusted})), "trusted");
        assert!(!outcome(json!({"authorities": trusted})), "trusted, by another name");
        assert!(!outcome(json!({"server_name": named})), "the system does not trust it");
        assert!(outcome(json!({"tls_verify": false})), "not verified");
        assert!(!outcome(json!({"tls": false})), "not TLS");
    }
}
