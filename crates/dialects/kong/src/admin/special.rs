//! Resources that are no entities.

use hyper::Method;

use super::answer::Answer;
use super::api::Snapshot;
use super::failure::Failure;
use super::request::Request;
use super::{health, node, schemas, tags};

/// Answers a request; the texts are what stands in the path's open places.
type Here = fn(&Snapshot<'_>, &Request, &[&str]) -> Result<Answer, Failure>;

/// Who answers.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// A function that never waits.
    Here(Here),
    /// `/config`, where documents are read and taken.
    Documents,
}

/// A resource and how the path names it.
pub(super) struct Found<'r> {
    pub(super) methods: &'static [Method],
    pub(super) handler: Handler,
    pub(super) captures: Vec<&'r str>,
}

const READ: &[Method] = &[Method::GET, Method::HEAD, Method::OPTIONS];
const TAKE: &[Method] = &[Method::GET, Method::HEAD, Method::OPTIONS, Method::POST];
const POST: &[Method] = &[Method::OPTIONS, Method::POST];
const PUT: &[Method] = &[Method::OPTIONS, Method::PUT];
const PURGE: &[Method] = &[Method::DELETE, Method::OPTIONS];
const PROBE: &[Method] = &[Method::DELETE, Method::GET, Method::HEAD, Method::OPTIONS];

/// All of them. Of two that fit a path the first counts.
const SPECIAL: &[(&str, &[Method], Handler)] = &[
    ("/", READ, Handler::Here(node::information)),
    ("/cache", PURGE, Handler::Here(node::purge)),
    ("/cache/{key}", PROBE, Handler::Here(node::cached)),
    ("/clustering/data-planes", READ, Handler::Here(node::clustering)),
    ("/clustering/status", READ, Handler::Here(node::clustering)),
    ("/config", TAKE, Handler::Documents),
    ("/debug/cluster/log-level/{log_level}", PUT, Handler::Here(node::set_log_level)),
    ("/debug/node/log-level", READ, Handler::Here(node::log_level)),
    ("/debug/node/log-level/{log_level}", PUT, Handler::Here(node::set_log_level)),
    ("/endpoints", READ, Handler::Here(endpoints)),
    ("/plugins/enabled", READ, Handler::Here(node::enabled_plugins)),
    ("/plugins/schema/{name}", READ, Handler::Here(schemas::plugin_config)),
    ("/routes/{routes}/filters/all", READ, Handler::Here(node::wasm)),
    ("/routes/{routes}/filters/disabled", READ, Handler::Here(node::wasm)),
    ("/routes/{routes}/filters/enabled", READ, Handler::Here(node::wasm)),
    ("/schemas/filters/{name}", READ, Handler::Here(schemas::filter)),
    ("/schemas/plugins/validate", POST, Handler::Here(schemas::validate_plugin)),
    ("/schemas/plugins/{name}", READ, Handler::Here(schemas::plugin)),
    ("/schemas/vaults/validate", POST, Handler::Here(schemas::validate_vault)),
    ("/schemas/vaults/{name}", READ, Handler::Here(schemas::vault)),
    ("/schemas/{name}", READ, Handler::Here(schemas::entity)),
    ("/schemas/{name}/validate", POST, Handler::Here(schemas::validate)),
    ("/status", READ, Handler::Here(node::status)),
    ("/status/dns", READ, Handler::Here(node::dns)),
    ("/tags", READ, Handler::Here(tags::all)),
    ("/tags/{tags}", READ, Handler::Here(tags::one)),
    ("/timers", READ, Handler::Here(node::timers)),
    ("/upstreams/{upstreams}/health", READ, Handler::Here(health::of_upstream)),
    ("/upstreams/{upstreams}/targets/all", READ, Handler::Here(health::all_targets)),
    ("/upstreams/{upstreams}/targets/{targets}/healthy", PUT, Handler::Here(health::set_healthy)),
    (
        "/upstreams/{upstreams}/targets/{targets}/unhealthy",
        PUT,
        Handler::Here(health::set_unhealthy),
    ),
    (
        "/upstreams/{upstreams}/targets/{targets}/{address}/healthy",
        PUT,
        Handler::Here(health::set_healthy),
    ),
    (
        "/upstreams/{upstreams}/targets/{targets}/{address}/unhealthy",
        PUT,
        Handler::Here(health::set_unhealthy),
    ),
];

/// The resource of a path.
pub(super) fn find(segments: &[String]) -> Option<Found<'_>> {
    SPECIAL.iter().find_map(|(path, methods, handler)| {
        let captures = captures(path, segments)?;
        Some(Found { methods, handler: *handler, captures })
    })
}

fn captures<'r>(path: &str, segments: &'r [String]) -> Option<Vec<&'r str>> {
    let expected: Vec<&str> = path.split('/').skip(1).filter(|part| !part.is_empty()).collect();
    if expected.len() != segments.len() {
        return None;
    }
    let mut captures = Vec::new();
    for (expected, segment) in expected.iter().zip(segments) {
        match expected.starts_with('{') {
            true => captures.push(segment.as_str()),
            false if expected == segment => {}
            false => return None,
        }
    }
    Some(captures)
}

/// `GET /endpoints`: the paths of all resources.
fn endpoints(snapshot: &Snapshot<'_>, _: &Request, _: &[&str]) -> Result<Answer, Failure> {
    let special = SPECIAL.iter().map(|(path, ..)| (*path).to_owned());
    let entities = super::resources::Resource::paths(snapshot.api.catalogue);
    let mut paths: Vec<String> = special.chain(entities).collect();
    paths.sort_by(|a, b| a.split('/').cmp(b.split('/')));
    Ok(Answer::ok(serde_json::json!({ "data": paths })))
}
