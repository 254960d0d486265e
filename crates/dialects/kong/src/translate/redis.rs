//! The Redis of a plugin.

use config::Finding;
use serde_json::{Map, Value, json};

use super::codes;
use super::plugins::Reader;
use crate::dialect::RedisDefault;

/// The store of counters that a plugin's `redis` names, or that of the gateway if it names none.
pub(super) fn store(reader: &mut Reader<'_, '_>) -> Value {
    let timeout = json!(number(reader, "timeout").unwrap_or(2000));
    let mut store = Map::from_iter([
        ("kind".to_owned(), json!("redis")),
        ("prefix".to_owned(), json!("ratelimit")),
    ]);
    for (field, to, value) in [
        ("redis/username", "username", json!(reader.secret("redis/username"))),
        ("redis/password", "password", json!(reader.secret("redis/password"))),
        ("redis/database", "database", json!(number(reader, "database").unwrap_or(0))),
        ("redis/ssl", "tls", json!(reader.is_on("redis/ssl"))),
        ("redis/ssl_verify", "tls_verify", json!(reader.is_on("redis/ssl_verify"))),
        ("redis/server_name", "server_name", json!(reader.text("redis/server_name"))),
        ("redis/timeout", "connect_timeout_ms", timeout.clone()),
        ("redis/timeout", "timeout_ms", timeout),
        ("sync_rate", "sync_rate", reader.get("sync_rate").cloned().unwrap_or(json!(-1))),
    ] {
        reader.stands(field, &format!("store/{to}"));
        store.insert(to.to_owned(), value);
    }
    if let Some(authorities) = authorities(reader) {
        store.insert("authorities".to_owned(), authorities);
    }
    place(reader, &mut store);
    Value::Object(store)
}

/// The authorities of `lua_ssl_trusted_certificate`; `None` for the system's alone. A file that
/// could not be read has a finding of its own.
pub(super) fn authorities(reader: &Reader<'_, '_>) -> Option<Value> {
    let settings = &reader.context.settings.upstream_tls;
    if settings.trusted.is_empty() {
        return None;
    }
    let system = settings.trust_system.then_some("system");
    let files = settings.trusted.iter().filter_map(|source| source.text());
    Some(system.into_iter().chain(files).collect())
}

/// Where it is: a cluster, what sentinels name, one server, or the gateway's.
fn place(reader: &mut Reader<'_, '_>, store: &mut Map<String, Value>) {
    for field in ["cluster_nodes", "sentinel_nodes", "host"] {
        reader.stands(&format!("redis/{field}"), "store/nodes");
    }
    let (mode, nodes) = if let Some(nodes) = nodes(reader, "cluster_nodes", "ip") {
        ("cluster", nodes)
    } else if let Some(nodes) = nodes(reader, "sentinel_nodes", "host") {
        store.insert("sentinel".into(), sentinel(reader));
        ("sentinel", nodes)
    } else if let Some(host) = reader.text("redis/host") {
        let port = number(reader, "port").unwrap_or(6379);
        ("single", json!([{ "host": host, "port": port }]))
    } else if let Some(default) = reader.context.redis.clone() {
        say_default(reader, &default);
        take(reader, store, &default);
        ("single", json!([{ "host": default.redis.host, "port": default.redis.port }]))
    } else {
        // The schema has refused it.
        ("single", json!([]))
    };
    store.insert("mode".into(), mode.into());
    store.insert("nodes".into(), nodes);
}

/// The elements of a list of addresses; `None` if there is none.
fn nodes(reader: &Reader<'_, '_>, field: &str, host: &str) -> Option<Value> {
    let nodes = reader.get(&format!("redis/{field}"))?.as_array()?;
    Some(nodes.iter().map(|node| json!({ "host": node[host], "port": node["port"] })).collect())
}

fn sentinel(reader: &mut Reader<'_, '_>) -> Value {
    let master = reader.text("redis/sentinel_master");
    if master.is_none() {
        let message = "`redis`: `sentinel_nodes` need `sentinel_master`".to_owned();
        let help = "write the name by which the sentinels know the master";
        reader.unsupported("redis/sentinel_nodes", message, help);
    }
    json!({
        "master": master.unwrap_or_default(),
        "role": reader.text("redis/sentinel_role").unwrap_or("master"),
        "username": reader.secret("redis/sentinel_username"),
        "password": reader.secret("redis/sentinel_password"),
    })
}

/// Takes what the plugin does not say itself from the gateway's Redis.
fn take(reader: &mut Reader<'_, '_>, store: &mut Map<String, Value>, default: &RedisDefault) {
    let redis = &default.redis;
    let password = redis.password.as_ref().map(model::Secret::expose);
    let said = [
        ("username", "username", json!(redis.username)),
        ("password", "password", json!(password)),
        ("database", "database", json!(redis.database)),
        ("ssl", "tls", json!(redis.tls)),
    ];
    for (field, to, value) in said {
        if !reader.is_written(&format!("redis/{field}")) {
            if !value.is_null() {
                reader.stands_at(&default.source, &format!("store/{to}"));
            }
            store.insert(to.to_owned(), value);
        }
    }
    reader.stands_at(&default.source, "store/nodes");
}

fn number(reader: &Reader<'_, '_>, field: &str) -> Option<u64> {
    reader.get(&format!("redis/{field}"))?.as_u64()
}

fn say_default(reader: &mut Reader<'_, '_>, RedisDefault { redis, source }: &RedisDefault) {
    let (plugin, host, port) = (&reader.plugin.name, &redis.host, redis.port);
    let message = format!("`{plugin}` names no Redis; it uses {host}:{port}, from {source}");
    let finding = Finding::new(&codes::DEFAULT_REDIS, message);
    let help = "write `redis: {host: …}` into its `config` to run it elsewhere";
    reader.context.findings.push(finding.at(reader.origin("policy")).help(help));
}
