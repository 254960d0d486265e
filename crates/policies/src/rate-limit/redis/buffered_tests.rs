//! Counting in memory, with counts exchanged.

use std::rc::Rc;

use ::filter::Filter;
use serde_json::{Value, json};

use super::super::NAME;
use super::testing::{Server, free_port, run, until};
use crate::testing::{Gateway, NOON, answer};

fn config(store: Value) -> Value {
    let mut config = json!({"limits": [{"period": "hour", "limit": 10}], "store": store});
    config["store"]["kind"] = json!("redis");
    config["store"]["sync_rate"] = json!(0.02);
    config
}

fn at(port: u16) -> Value {
    json!({"nodes": [{"host": "127.0.0.1", "port": port}]})
}

/// How many requests the limit still lets through; none if it did not let this one.
fn send(gateway: &Gateway, filter: &Rc<dyn Filter>) -> Option<u64> {
    let mut exchange = gateway.exchange();
    let refused = answer(filter, &mut exchange).is_some();
    let remaining = exchange.reply_headers.get_str("RateLimit-Remaining").unwrap();
    (!refused).then(|| remaining.parse().unwrap())
}

fn key() -> String {
    format!("ratelimit::192.0.2.1:{NOON}:hour")
}

#[test]
fn nodes_learn_from_each_other_what_is_used() {
    let server = Server::start(&[]);
    run(async {
        let gateways = [(); 2].map(|()| Gateway::new());
        let filters = gateways.each_ref().map(|it| it.start(NAME, config(at(server.port))));
        assert_eq!([(); 3].map(|()| send(&gateways[0], &filters[0])), [Some(9), Some(8), Some(7)]);
        let told = async |count: u64| server.command::<Option<u64>>(&["GET", &key()]) == Some(count);
        until("Redis is told", async || told(3).await).await;
        assert_eq!(send(&gateways[1], &filters[1]), Some(9), "not learnt yet");
        until("Redis is told", async || told(4).await).await;
        until("the other is learnt of", async || {
            let remaining = send(&gateways[1], &filters[1]);
            remaining.is_none_or(|remaining| remaining < 5)
        })
        .await;
        let lives = server.command::<u64>(&["TTL", &key()]);
        assert!((3_500..=3_605).contains(&lives), "{lives}");
    });
}

#[test]
fn workers_of_a_node_count_together_and_nothing_is_told_twice() {
    let server = Server::start(&[]);
    run(async {
        let gateway = Gateway::new();
        let filters = [0, 1].map(|worker| gateway.start_on(worker, NAME, config(at(server.port))));
        let sent = (0..12).map(|n| send(&gateway, &filters[n % 2]));
        assert_eq!(sent.flatten().collect::<Vec<_>>(), (0..10).rev().collect::<Vec<_>>());
        let told = async || server.command::<Option<u64>>(&["GET", &key()]) == Some(10);
        until("Redis is told", told).await;
        let mut other = gateway.exchange();
        other.client.address = [192, 0, 2, 2].into();
        assert!(answer(&filters[0], &mut other).is_none());
        let other = key().replace("192.0.2.1", "192.0.2.2");
        until("Redis is told of the other", async || {
            server.command::<Option<u64>>(&["GET", &other]) == Some(1)
        })
        .await;
        assert!(told().await);
        drop(filters);
        until("nobody is connected", async || server.clients() == 0).await;
    });
}

#[test]
fn nothing_is_forgotten_while_redis_is_away() {
    let port = free_port();
    run(async {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, config(at(port)));
        assert_eq!([send(&gateway, &filter), send(&gateway, &filter)], [Some(9), Some(8)]);
        until("Redis is missed", async || gateway.counted("rate_limit_breaker_opened") > 0).await;
        assert_eq!(send(&gateway, &filter), Some(7));
        let server = Server::start_on(port, &[]);
        until("Redis is told", async || {
            server.command::<Option<u64>>(&["GET", &key()]) == Some(3)
        })
        .await;
    });
}
