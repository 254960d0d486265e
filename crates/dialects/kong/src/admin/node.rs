//! What a node says of itself.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hyper::StatusCode;
use model::UpstreamId;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::api::Snapshot;
use super::entities::find;
use super::failure::Failure;
use super::request::Request;
use super::resources::WASM;
use crate::settings::LogLevel;
use crate::tables::text;
use crate::translate;
use crate::voice::VERSION;

/// The process around the API.
pub trait Node: Send + Sync {
    /// Connections and requests of the proxy's clients at this moment.
    fn connections(&self) -> Connections;

    /// How the targets of an upstream are, by the upstream's name in the model; `None` if it is not
    /// served.
    fn balancer(&self, upstream: &UpstreamId) -> Option<Balancer>;

    /// Decides whether a target, by host and port, or one address of it, is healthy.
    ///
    /// # Errors
    /// Why that cannot be decided.
    fn set_health(
        &self,
        upstream: &UpstreamId,
        target: (&str, u16),
        address: Option<(IpAddr, u16)>,
        healthy: bool,
    ) -> Result<(), Undecided>;
}

/// How the targets of an upstream are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balancer {
    /// Whether there are health checks.
    pub checked: bool,
    /// Whether requests are served at all.
    pub healthy: bool,
    /// In the order in which they were configured.
    pub targets: Vec<BalancerTarget>,
}

/// How a target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalancerTarget {
    /// Name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its addresses; none if its name could not be resolved.
    pub addresses: Vec<BalancerAddress>,
}

/// How an address of a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalancerAddress {
    /// The address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// Its share.
    pub weight: u32,
    /// Whether requests are sent to it.
    pub healthy: bool,
}

/// Why nothing could be decided about a target's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undecided {
    /// There is no such target or address.
    Unknown,
    /// The upstream has no health checks.
    Unchecked,
}

/// Connections and requests of clients, of all workers together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    /// Connections accepted since the start.
    pub accepted: u64,
    /// Connections served since the start; those that were refused are missing.
    pub handled: u64,
    /// Connections open now.
    pub active: u64,
    /// Open connections on which a request is being read.
    pub reading: u64,
    /// Open connections on which a response is being written.
    pub writing: u64,
    /// Open connections that wait for a request.
    pub waiting: u64,
    /// Requests since the start.
    pub requests: u64,
}

/// `GET /`
pub(super) fn information(
    snapshot: &Snapshot<'_>,
    _: &Request,
    _: &[&str],
) -> Result<Answer, Failure> {
    let plugins = snapshot.tables().table("plugins").into_iter().flat_map(|table| table.rows());
    let used: BTreeSet<String> =
        plugins.filter_map(|row| text(&row, "name").map(str::to_owned)).collect();
    let available: Map<String, Value> = runnable(snapshot)
        .into_iter()
        .filter_map(|name| Some((name, snapshot.api.catalogue.plugin(name)?.priority)))
        .map(|(name, priority)| {
            (name.to_owned(), json!({"version": VERSION, "priority": priority}))
        })
        .collect();
    let process = std::process::id();
    Ok(Answer::ok(json!({
        "tagline": "Welcome to kong",
        "version": VERSION,
        "edition": "community",
        "hostname": hostname(),
        "node_id": snapshot.api.node_id,
        "timers": {"running": 0, "pending": 0},
        "plugins": {"available_on_server": available, "enabled_in_cluster": used},
        "configuration": snapshot.api.kong.settings().effective(),
        "pids": {"master": process, "workers": [process]},
    })))
}

/// `GET /status`. There is no Lua whose memory could be told.
pub(super) fn status(
    snapshot: &Snapshot<'_>,
    request: &Request,
    _: &[&str],
) -> Result<Answer, Failure> {
    if let Some(unit) = request.argument("unit")
        && !matches!(unit, "b" | "B" | "k" | "K" | "m" | "M" | "g" | "G")
    {
        let said = format!("invalid unit '{unit}' (expected 'k/K', 'm/M', or 'g/G')");
        return Err(Failure::BadRequest(said));
    }
    if let Some(scale) = request.argument("scale")
        && scale.parse::<u32>().is_err()
    {
        let said = format!("invalid scale '{scale}' (expected a whole number from 0)");
        return Err(Failure::BadRequest(said));
    }
    let now = snapshot.api.node.connections();
    Ok(Answer::ok(json!({
        "memory": {"workers_lua_vms": [], "lua_shared_dicts": {}},
        "server": {
            "connections_accepted": now.accepted,
            "connections_handled": now.handled,
            "connections_active": now.active,
            "connections_reading": now.reading,
            "connections_writing": now.writing,
            "connections_waiting": now.waiting,
            "total_requests": now.requests,
        },
        "configuration_hash": snapshot.configuration.hash,
    })))
}

/// `GET /status/dns`, which tells of a resolver that is not here.
pub(super) fn dns(_: &Snapshot<'_>, _: &Request, _: &[&str]) -> Result<Answer, Failure> {
    let said = "not implemented with the legacy DNS client";
    Ok(Answer::message(StatusCode::NOT_IMPLEMENTED, said))
}

/// `GET /timers`: there are none of Lua's.
pub(super) fn timers(_: &Snapshot<'_>, _: &Request, _: &[&str]) -> Result<Answer, Failure> {
    Ok(Answer::ok(json!({
        "worker": {"id": 0, "count": 1},
        "stats": {
            "sys": {"total": 0, "runs": 0, "running": 0, "pending": 0, "waiting": 0},
            "timers": {},
        },
    })))
}

/// `DELETE /cache`: entities are not cached, so nothing is left of them.
pub(super) fn purge(_: &Snapshot<'_>, _: &Request, _: &[&str]) -> Result<Answer, Failure> {
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// `/cache/{key}`: the same of one key.
pub(super) fn cached(_: &Snapshot<'_>, request: &Request, _: &[&str]) -> Result<Answer, Failure> {
    if request.method == hyper::Method::DELETE {
        return Ok(Answer::empty(StatusCode::NO_CONTENT));
    }
    Err(Failure::NotFound)
}

/// `/clustering/…`: no control plane is here.
pub(super) fn clustering(_: &Snapshot<'_>, _: &Request, _: &[&str]) -> Result<Answer, Failure> {
    let said = "this endpoint is only available when Kong is configured to run as Control Plane \
                for the cluster";
    Err(Failure::BadRequest(said.into()))
}

/// `GET /debug/node/log-level`
pub(super) fn log_level(
    snapshot: &Snapshot<'_>,
    _: &Request,
    _: &[&str],
) -> Result<Answer, Failure> {
    let level = match snapshot.api.kong.settings().log_level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Notice => "notice",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    Ok(Answer::message(StatusCode::OK, format!("log level: {level}")))
}

/// `PUT /debug/…/log-level/{level}`, which Kong refuses without a database.
pub(super) fn set_log_level(_: &Snapshot<'_>, _: &Request, _: &[&str]) -> Result<Answer, Failure> {
    let said = "cannot change log level when not using a database";
    Ok(Answer::message(StatusCode::METHOD_NOT_ALLOWED, said))
}

/// `GET /plugins/enabled`
pub(super) fn enabled_plugins(
    snapshot: &Snapshot<'_>,
    _: &Request,
    _: &[&str],
) -> Result<Answer, Failure> {
    Ok(Answer::ok(json!({ "enabled_plugins": runnable(snapshot) })))
}

/// What only means something with Wasm.
pub(super) fn wasm(
    snapshot: &Snapshot<'_>,
    _: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    let routes = snapshot.api.catalogue.entity("routes").ok_or(Failure::NotFound)?;
    let key = captures.first().copied().unwrap_or_default();
    find(snapshot, routes, key, None).ok_or(Failure::NotFound)?;
    Err(Failure::BadRequest(WASM.into()))
}

/// The plugins that can run here, by name.
fn runnable<'a>(snapshot: &Snapshot<'a>) -> BTreeSet<&'a str> {
    snapshot.api.catalogue.plugin_names().filter(|name| translate::is_offered(name)).collect()
}

fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}
