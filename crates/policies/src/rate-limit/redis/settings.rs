//! What is needed to reach Redis.

use std::time::Duration;

use ::filter::Problem;
use rustls::pki_types::ServerName;

use super::super::config::{
    Address, Secret, SentinelConfig, SentinelRole, StoreConfig, StoreMode,
};
use crate::tls::{self, Trust};

/// What is needed to reach Redis. Policies with equal settings share a worker's connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Settings {
    /// At least one.
    pub(super) nodes: Vec<Address>,
    pub(super) topology: Topology,
    pub(super) login: Login,
    pub(super) database: u32,
    pub(super) tls: Option<Tls>,
    pub(super) connect_timeout: Duration,
    /// How long a request waits.
    pub(super) budget: Duration,
}

/// How the server for a key is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Topology {
    /// It is any of the nodes.
    Single,
    /// The nodes tell which of them holds which keys.
    Cluster,
    /// The nodes are sentinels and tell.
    Sentinel { master: String, login: Login },
}

/// What a server asks for first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Login {
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
}

/// How connections are protected.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Tls {
    /// By whom certificates must have been issued; none if any will do.
    pub(super) trust: Option<Trust>,
    /// In place of the host's name.
    pub(super) server_name: Option<ServerName<'static>>,
}

/// The longest that a request waits, whatever is configured.
const LONGEST_BUDGET: Duration = Duration::from_millis(50);
/// The least time between two exchanges of counts.
const LEAST_SYNC: f64 = 0.02;
/// The most, so that no window but a second's passes unseen.
const MOST_SYNC: f64 = 3_600.0;

impl Settings {
    pub(super) fn prepare(config: &StoreConfig, problems: &mut Vec<Problem>) -> Self {
        if config.nodes.is_empty() {
            let problem = Problem::new("/store/nodes", "without a node there is nothing to ask");
            problems.push(problem.help("give the host and port of a Redis server"));
        }
        for (ix, node) in config.nodes.iter().enumerate() {
            if node.host.is_empty() || node.port == 0 {
                let message = format!("`{node}` is no address of a server");
                problems.push(Problem::new(format!("/store/nodes/{ix}"), message));
            }
        }
        if config.mode == StoreMode::Cluster && config.database != 0 {
            let problem = Problem::new("/store/database", "a cluster has database 0 only");
            problems.push(problem.help("leave `database` out"));
        }
        for (field, ms) in
            [("connect_timeout_ms", config.connect_timeout_ms), ("timeout_ms", config.timeout_ms)]
        {
            if ms == 0 {
                let message = "within no time nothing is answered";
                problems.push(Problem::new(format!("/store/{field}"), message));
            }
        }
        Self {
            nodes: config.nodes.clone(),
            topology: topology(config, problems),
            login: Login::new(&config.username, &config.password),
            database: config.database,
            tls: tls(config, problems),
            connect_timeout: Duration::from_millis(config.connect_timeout_ms),
            budget: Duration::from_millis(config.timeout_ms).min(LONGEST_BUDGET),
        }
    }

    /// For logs and metrics: where it is, and no secret.
    pub(super) fn name(&self) -> String {
        let nodes: Vec<_> = self.nodes.iter().map(Address::to_string).collect();
        nodes.join(",")
    }
}

impl Login {
    fn new(username: &Option<String>, password: &Option<Secret>) -> Self {
        let some = |text: &String| !text.is_empty();
        Self {
            username: username.clone().filter(some),
            password: password.clone().filter(|Secret(text)| some(text)),
        }
    }
}

/// The time between two exchanges of counts; none if the store is asked for each request.
pub(super) fn sync_every(sync_rate: f64, problems: &mut Vec<Problem>) -> Option<Duration> {
    if sync_rate == -1.0 {
        return None;
    }
    if !(0.0..=MOST_SYNC).contains(&sync_rate) {
        let problem = Problem::new("/store/sync_rate", format!("{sync_rate} is no time to wait"));
        problems.push(problem.help("give -1 to ask for each request, or 0.02 to 3600 seconds"));
        return None;
    }
    Some(Duration::from_secs_f64(sync_rate.max(LEAST_SYNC)))
}

fn topology(config: &StoreConfig, problems: &mut Vec<Problem>) -> Topology {
    if config.sentinel.is_some() && config.mode != StoreMode::Sentinel {
        let problem = Problem::new("/store/sentinel", "sentinels are asked in mode `sentinel` only");
        problems.push(problem.help("leave `sentinel` out, or set `mode` to \"sentinel\""));
    }
    match (config.mode, &config.sentinel) {
        (StoreMode::Single, _) => Topology::Single,
        (StoreMode::Cluster, _) => Topology::Cluster,
        (StoreMode::Sentinel, Some(sentinel)) => sentinels(sentinel, problems),
        (StoreMode::Sentinel, None) => {
            let message = "the sentinels must be asked for a master by name";
            let problem = Problem::new("/store/sentinel", message);
            problems.push(problem.help("give `sentinel` with the name of the `master`"));
            Topology::Single
        }
    }
}

fn sentinels(config: &SentinelConfig, problems: &mut Vec<Problem>) -> Topology {
    if config.role == SentinelRole::Slave {
        let problem = Problem::new("/store/sentinel/role", "a replica cannot count: it takes no writes");
        problems.push(problem.help("set `role` to \"master\""));
    }
    if config.master.is_empty() {
        let problem = Problem::new("/store/sentinel/master", "the name of the master is empty");
        problems.push(problem.help("give the name by which the sentinels know it"));
    }
    let login = Login::new(&config.username, &config.password);
    Topology::Sentinel { master: config.master.clone(), login }
}

fn tls(config: &StoreConfig, problems: &mut Vec<Problem>) -> Option<Tls> {
    let name = config.server_name.as_deref().filter(|name| !name.is_empty());
    let server_name = name.and_then(|name| match ServerName::try_from(name.to_owned()) {
        Ok(name) => Some(name),
        Err(_) => {
            let message = format!("`{name}` cannot be the name of a server");
            problems.push(Problem::new("/store/server_name", message));
            None
        }
    });
    let trust = config.tls_verify.then(|| {
        tls::trust(&config.authorities, "/store/authorities", "`tls_verify`", problems)
    });
    config.tls.then_some(Tls { trust, server_name })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn prepare(config: Value) -> (Settings, Vec<String>) {
        let config: StoreConfig = serde_json::from_value(config).unwrap();
        let mut problems = Vec::new();
        let settings = Settings::prepare(&config, &mut problems);
        sync_every(config.sync_rate, &mut problems);
        (settings, problems.into_iter().map(|problem| problem.pointer).collect())
    }

    #[test]
    fn a_request_waits_50_ms_at_most() {
        let budget = |ms: u64| {
            prepare(json!({"nodes": [{"host": "a"}], "timeout_ms": ms})).0.budget.as_millis()
        };
        assert_eq!([budget(2_000), budget(10)], [50, 10]);
    }

    #[test]
    fn secrets_are_not_shown() {
        let (settings, _) = prepare(json!({
            "nodes": [{"host": "a"}], "mode": "sentinel", "username": "u", "password": "hidden",
            "sentinel": {"master": "m", "password": "hidden"},
        }));
        let shown = format!("{settings:?} {}", settings.name());
        assert!(!shown.contains("hidden"), "{shown}");
        assert!(shown.contains("Secret(…)") && shown.contains("a:6379"), "{shown}");
    }

    #[test]
    fn problems_say_where() {
        let places = |mut config: Value| {
            if config["nodes"].is_null() {
                config["nodes"] = json!([{"host": "a", "port": 1}]);
            }
            prepare(config).1
        };
        assert_eq!(places(json!({})), [""; 0]);
        assert_eq!(places(json!({"nodes": []})), ["/store/nodes"]);
        assert_eq!(places(json!({"nodes": [{"host": ""}]})), ["/store/nodes/0"]);
        assert_eq!(places(json!({"mode": "cluster", "database": 1})), ["/store/database"]);
        assert_eq!(places(json!({"timeout_ms": 0})), ["/store/timeout_ms"]);
        assert_eq!(places(json!({"authorities": []})), ["/store/authorities"]);
        let broken = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        let authorities = json!({"authorities": ["system", "no PEM", broken]});
        assert_eq!(places(authorities), ["/store/authorities/1", "/store/authorities/2"]);
        assert_eq!(places(json!({"server_name": "a b"})), ["/store/server_name"]);
        assert_eq!(places(json!({"mode": "sentinel"})), ["/store/sentinel"]);
        assert_eq!(places(json!({"sentinel": {"master": "m"}})), ["/store/sentinel"]);
        let sentinel = json!({"master": "", "role": "slave"});
        let expected = ["/store/sentinel/role", "/store/sentinel/master"];
        assert_eq!(places(json!({"mode": "sentinel", "sentinel": sentinel})), expected);
        assert_eq!(places(json!({"sync_rate": -2})), ["/store/sync_rate"]);
        assert_eq!(places(json!({"sync_rate": 0})), [""; 0]);
    }
}
