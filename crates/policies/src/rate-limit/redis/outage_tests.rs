//! What requests see of a store that does not answer.

use std::net::TcpListener;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ::filter::{Exchange, Filter, Flow, LocalReply, Step};
use serde_json::{Value, json};

use super::super::NAME;
use super::buffered::join_all;
use super::testing::{Server, free_port, run, until};
use crate::testing::Gateway;

/// The most that a request waits, and what a busy machine adds.
const BUDGET: Duration = Duration::from_millis(50);
const BUSY: Duration = Duration::from_millis(450);

/// What a request saw.
struct Seen {
    reply: Option<Box<LocalReply>>,
    headers: usize,
    waited: bool,
    took: Duration,
}

async fn send(gateway: &Gateway, filter: &Rc<dyn Filter>) -> Seen {
    let mut exchange: Exchange = gateway.exchange();
    let start = Instant::now();
    let (flow, waited) = match filter.request(&mut exchange) {
        Step::Done(flow) => (flow, false),
        Step::Wait(later) => (later.await, true),
    };
    let took = start.elapsed();
    let reply = match flow {
        Flow::Continue => None,
        Flow::Reply(reply) => Some(reply),
    };
    Seen { reply, headers: exchange.reply_headers.len(), waited, took }
}

fn config(port: u16, fault_tolerant: bool) -> Value {
    json!({
        "limits": [{"period": "day", "limit": 1_000_000}],
        "store": {"kind": "redis", "nodes": [{"host": "127.0.0.1", "port": port}]},
        "fault_tolerant": fault_tolerant,
    })
}

/// Nobody is asked, nobody waits, and the request goes on, or does not.
async fn is_answered_at_once(gateway: &Gateway, filter: &Rc<dyn Filter>, reason: Option<&str>) {
    let seen = send(gateway, filter).await;
    assert!(!seen.waited);
    assert_eq!(seen.headers, 0);
    assert_eq!(seen.reply.as_ref().map(|reply| &*reply.reason), reason);
}

#[test]
fn a_server_that_never_answers_is_waited_for_once() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for (fault_tolerant, reason) in [(true, None), (false, Some("rate-limit/store"))] {
        run(async {
            let gateway = Gateway::new();
            let filter = gateway.start(NAME, config(port, fault_tolerant));
            let first = send(&gateway, &filter).await;
            assert!(first.waited);
            assert!((BUDGET..BUDGET + BUSY).contains(&first.took), "{:?}", first.took);
            assert_eq!(first.reply.as_ref().map(|reply| &*reply.reason), reason);
            assert_eq!(first.reply.map(|reply| reply.status), reason.map(|_| 500));
            for _ in 0..10 {
                is_answered_at_once(&gateway, &filter, reason).await;
            }
            assert_eq!(gateway.counted("rate_limit_store_failures"), 11);
            assert_eq!(gateway.counted("rate_limit_breaker_opened"), 1);
        });
    }
}

/// A second worker neither waits nor counts as having found out.
#[test]
fn workers_tell_each_other_of_a_server_that_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let single = config(silent.local_addr().unwrap().port(), true);
    let mut cluster = single.clone();
    cluster["store"]["mode"] = json!("cluster");
    for config in [single, cluster] {
        run(async {
            let gateway = Gateway::new();
            let workers = [0, 1, 2].map(|worker| gateway.start_on(worker, NAME, config.clone()));
            assert!(send(&gateway, &workers[0]).await.waited);
            for worker in &workers[1..] {
                until("it knows", async || !send(&gateway, worker).await.waited).await;
            }
            assert_eq!(gateway.counted("rate_limit_breaker_opened"), 1);
        });
    }
}

#[test]
fn a_server_that_is_not_there_is_not_waited_for() {
    run(async {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, config(free_port(), true));
        let first = send(&gateway, &filter).await;
        assert!(first.reply.is_none() && first.took < BUDGET + BUSY);
        is_answered_at_once(&gateway, &filter, None).await;
    });
}

#[test]
fn a_server_that_hangs_is_waited_for_once_and_asked_again_when_it_is_back() {
    let server = Server::start(&[]);
    run(async {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, config(server.port, false));
        let counts = async || send(&gateway, &filter).await.headers > 0;
        until("it counts", counts).await;
        server.freeze();
        let waiting = (0..20).map(|_| send(&gateway, &filter));
        for seen in join_all(waiting).await {
            assert!(seen.took < BUDGET + BUSY, "{:?}", seen.took);
            assert_eq!(seen.reply.unwrap().reason, "rate-limit/store");
        }
        for _ in 0..10 {
            is_answered_at_once(&gateway, &filter, Some("rate-limit/store")).await;
        }
        server.thaw();
        until("it counts again", counts).await;
    });
}
