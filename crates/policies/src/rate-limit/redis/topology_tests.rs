//! Clusters and sentinels.

use serde_json::{Value, json};

use super::testing::{Server, run, until};
use super::tests::{at, store, take, with};
use super::*;
use crate::testing::{Gateway, NOON};

/// A server that is a node of a cluster, by itself yet.
fn member(slots: &str) -> Server {
    let server = lone();
    let mut command = vec!["CLUSTER", "ADDSLOTSRANGE"];
    command.extend(slots.split(' '));
    server.command::<()>(&command);
    server
}

/// A node that holds nothing. Only replicas that have heard of their master are told of, so masters
/// speak up every second.
fn lone() -> Server {
    let bus = super::testing::free_port().to_string();
    let cluster = ["--cluster-enabled", "yes", "--repl-ping-replica-period", "1"];
    Server::start(&[&cluster[..], &["--cluster-port", &bus]].concat())
}

fn bus(server: &Server) -> String {
    let nodes = server.command::<String>(&["CLUSTER", "NODES"]);
    let (_, rest) = nodes.split_once('@').unwrap();
    rest.split([',', ' ']).next().unwrap().to_owned()
}

/// Waits until a node thinks that the cluster can be used.
async fn whole(server: &Server) {
    until("the cluster is whole", async || {
        server.command::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
    })
    .await;
}

fn id(server: &Server) -> String {
    server.command(&["CLUSTER", "MYID"])
}

/// Two nodes that know each other, with half the slots each.
async fn pair() -> [Server; 2] {
    let pair = [member("0 8191"), member("8192 16383")];
    let port = pair[1].port.to_string();
    pair[0].command::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus(&pair[1])]);
    for server in &pair {
        whole(server).await;
    }
    pair
}

fn cluster(server: &Server) -> Value {
    with(at(server.port), json!({"mode": "cluster"}))
}

/// How many counters a node has.
fn size(server: &Server) -> u64 {
    server.command(&["DBSIZE"])
}

#[test]
fn one_node_is_a_cluster() {
    let server = member("0 16383");
    run(async {
        whole(&server).await;
        let store = store(&Gateway::new(), cluster(&server));
        for (admitted, used) in [(true, 1), (true, 2), (true, 3), (false, 3)] {
            assert_eq!(take(&store, "a", NOON).await, Ok((admitted, vec![used, used])));
        }
    });
    let key = format!("ratelimit:{{r:s:a}}:{NOON}:minute");
    assert_eq!(server.command::<u64>(&["GET", &key]), 3);
}

#[test]
fn every_node_of_a_cluster_counts_what_it_holds() {
    run(async {
        let pair = pair().await;
        let store = store(&Gateway::new(), cluster(&pair[0]));
        for caller in 0..20 {
            let counted = take(&store, &caller.to_string(), NOON).await;
            assert_eq!(counted, Ok((true, vec![1, 1])));
        }
        assert!(size(&pair[0]) > 0 && size(&pair[1]) > 0);
        assert_eq!(size(&pair[0]) + size(&pair[1]), 40);
    });
}

/// Moves the slot of a caller's counters, step by step as `redis-cli --cluster reshard` does.
#[test]
fn counters_are_found_where_their_slot_moves() {
    run(async {
        let pair = pair().await;
        let store = store(&Gateway::new(), cluster(&pair[1]));
        let key = format!("ratelimit:{{r:s:a}}:{NOON}:minute");
        let slot: u64 = pair[0].command(&["CLUSTER", "KEYSLOT", &key]);
        let (from, to) = if slot < 8_192 { (&pair[0], &pair[1]) } else { (&pair[1], &pair[0]) };
        let slot = slot.to_string();
        assert_eq!(take(&store, "a", NOON).await, Ok((true, vec![1, 1])));

        to.command::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(from)]);
        from.command::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(to)]);
        let keys: Vec<String> = from.command(&["CLUSTER", "GETKEYSINSLOT", &slot, "10"]);
        assert_eq!(keys.len(), 2);
        let port = to.port.to_string();
        let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        migrate.extend(keys.iter().map(String::as_str));
        from.command::<()>(&migrate);
        assert_eq!(take(&store, "a", NOON).await, Ok((true, vec![2, 2])), "ASK");

        for server in [to, from] {
            server.command::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &id(to)]);
        }
        assert_eq!(take(&store, "a", NOON).await, Ok((true, vec![3, 3])), "MOVED");
        assert_eq!(take(&store, "a", NOON).await, Ok((false, vec![3, 3])));
    });
}

#[test]
fn a_clusters_replica_counts_once_it_has_taken_over() {
    run(async {
        let master = member("0 16383");
        let replica = lone();
        whole(&master).await;
        let port = replica.port.to_string();
        master.command::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus(&replica)]);
        let id = id(&master);
        until("the replica knows its master", async || {
            let nodes = replica.command::<String>(&["CLUSTER", "NODES"]);
            nodes.contains(&id) && !nodes.contains("handshake")
        })
        .await;
        replica.command::<()>(&["CLUSTER", "REPLICATE", &id]);
        until("the replica is up to date", async || {
            let role = format!("{:?}", replica.command::<Vec<redis::Value>>(&["ROLE"]));
            let slots = format!("{:?}", master.command::<redis::Value>(&["CLUSTER", "SLOTS"]));
            role.contains("connected") && slots.contains(&port)
        })
        .await;
        let store = store(&Gateway::new(), cluster(&master));
        assert_eq!(take(&store, "a", NOON).await, Ok((true, vec![1, 1])));
        until("the replica has the counters", async || size(&replica) == 2).await;
        drop(master);
        assert!(take(&store, "a", NOON).await.is_err());
        replica.command::<()>(&["CLUSTER", "FAILOVER", "TAKEOVER"]);
        until("it counts", async || {
            take(&store, "a", NOON).await.is_ok_and(|(_, used)| used[0] >= 2)
        })
        .await;
    });
}

#[test]
fn a_clusters_keys_may_not_be_spread_by_the_configuration() {
    let config = with(at(1), json!({"kind": "redis", "mode": "cluster", "prefix": "{p}"}));
    let mut problems = Vec::new();
    RedisStore::prepare(&serde_json::from_value(config).unwrap(), "{s}", &mut problems);
    let places: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(places, ["/store/prefix", "/scope"]);
}

#[test]
fn sentinels_tell_the_master_and_its_successor() {
    let master = Server::start(&["--requirepass", "p", "--masterauth", "p"]);
    let port = master.port.to_string();
    let replica = Server::start(&[
        "--replicaof", "127.0.0.1", &port, "--requirepass", "p", "--masterauth", "p",
    ]);
    let sentinel = Server::start_sentinel(
        master.port,
        "sentinel auth-pass m p\nsentinel down-after-milliseconds m 500\nrequirepass s",
    );
    run(async {
        let config = with(at(sentinel.port), json!({
            "mode": "sentinel", "password": "p", "sentinel": {"master": "m", "password": "s"},
        }));
        let store = store(&Gateway::new(), config.clone());
        assert_eq!(take(&store, "a", NOON).await, Ok((true, vec![1, 1])));
        let known = |server: &mut Server, password: &str| {
            server.log_in(password);
        };
        let (mut replica, mut sentinel) = (replica, sentinel);
        known(&mut replica, "p");
        known(&mut sentinel, "s");
        until("the replica is known and has the counters", async || {
            let replicas: Vec<redis::Value> = sentinel.command(&["SENTINEL", "REPLICAS", "m"]);
            replicas.len() == 1 && size(&replica) == 2
        })
        .await;
        drop(master);
        until("the replica is the master and counts", async || take(&store, "b", NOON).await.is_ok())
            .await;
        assert_eq!(take(&store, "a", NOON).await, Ok((true, vec![2, 2])));

        let unknown = with(config, json!({"sentinel": {"master": "other", "password": "s"}}));
        let store = super::tests::store(&Gateway::new(), unknown);
        assert!(take(&store, "a", NOON).await.is_err());
    });
}
