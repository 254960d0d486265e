//! Routes: what they ask of a request, and what becomes of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use config::Finding;
use foldhash::{HashMap, HashMapExt};
use model::{
    Action, Buffering, Forward, HostRule, Labels, PathJoin, PathRewrite, Requirement,
    RequirementKind, Retry, Timeouts, Unmet, Weighted, reason,
};
use serde_json::json;

use super::chains::Chains;
use super::predicate::predicate;
use super::rank::{parts, rank};
use super::upstreams::Upstreams;
use super::{Context, by_id, codes, logging, named, table};
use crate::entities::{Id, Protocol, Route, Service};
use crate::voice;

/// All routes that take HTTP requests.
pub(super) fn routes<'c>(
    context: &mut Context<'c>,
    chains: &mut Chains<'c>,
    upstreams: &Upstreams,
) -> Vec<model::Route> {
    let services = by_id(&context.entities.services, |service| &service.id);
    let mut descriptions = Descriptions::new();
    let mut routes = Vec::new();
    for route in &context.entities.routes {
        if !route.protocols.iter().any(|protocol| is_http(*protocol)) {
            not_http(context, route);
            continue;
        }
        let service = service_of(route, &services);
        if service.is_none_or(|service| service.enabled) {
            add(context, chains, upstreams, &mut descriptions, route, service, &mut routes);
        }
    }
    routes
}

/// Whether requests of the protocol are HTTP requests.
pub(super) fn is_http(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Http | Protocol::Https | Protocol::Grpc | Protocol::Grpcs)
}

fn service_of<'e>(route: &Route, services: &HashMap<&Id, &'e Service>) -> Option<&'e Service> {
    route.service.as_ref().and_then(|service| services.get(&service.id).copied())
}

/// What log records show of services, which many routes may have in common.
type Descriptions<'c> = HashMap<&'c Id, Arc<str>>;

/// Adds the routes of the model that a route becomes.
fn add<'c>(
    context: &Context<'_>,
    chains: &mut Chains<'c>,
    upstreams: &Upstreams,
    descriptions: &mut Descriptions<'c>,
    route: &'c Route,
    service: Option<&'c Service>,
    routes: &mut Vec<model::Route>,
) {
    let parts = parts(route);
    let is_split = parts.len() > 1;
    let mut labels = labels(route, service);
    if context.writes_records {
        labels.described = described(descriptions, route, service);
    }
    let labels = Arc::new(labels);
    let chain = chains.of(route, service);
    for part in &parts {
        let id = match is_split {
            true => format!("kong:route:{}:{}", route.id, part.id),
            false => named("route", &route.id),
        };
        routes.push(model::Route {
            id: id.into(),
            table: table(),
            when: predicate(route, &part.paths),
            rank: rank(route, part),
            requirements: requirements(route),
            chain: Arc::clone(&chain),
            action: action(context, upstreams, route, service),
            voice: voice::id(),
            labels: Arc::clone(&labels),
            origin: route.origins.entity().clone(),
        });
    }
}

fn labels(route: &Route, service: Option<&Service>) -> Labels {
    let service_id = service.map_or("", |service| service.id.as_str());
    let service_name = service.and_then(|service| service.name.as_deref());
    Labels {
        route: route.name.as_deref().unwrap_or(route.id.as_str()).into(),
        route_id: route.id.as_str().into(),
        service: service_name.unwrap_or(service_id).into(),
        service_id: service_id.into(),
        described: BTreeMap::new(),
    }
}

fn described<'c>(
    descriptions: &mut Descriptions<'c>,
    route: &Route,
    service: Option<&'c Service>,
) -> BTreeMap<String, Arc<str>> {
    let mut described =
        BTreeMap::from([("route".to_owned(), logging::describe_in_workspace(route))]);
    described.insert("route_id".to_owned(), json!(route.id.as_str()).to_string().into());
    if let Some(service) = service {
        let text = descriptions
            .entry(&service.id)
            .or_insert_with(|| logging::describe_in_workspace(service));
        described.insert("service".to_owned(), Arc::clone(text));
        describe_service(service, &mut described);
    }
    described
}

/// What a service may be called in metrics.
fn describe_service(service: &Service, described: &mut BTreeMap<String, Arc<str>>) {
    let names = [
        ("service_id", Some(service.id.as_str())),
        ("service_name", service.name.as_deref()),
        ("service_host", Some(service.host.as_str())),
        ("service_name_or_host", service.name.as_deref().or(Some(&service.host))),
    ];
    for (name, text) in names {
        if let Some(text) = text {
            described.insert(name.to_owned(), json!(text).to_string().into());
        }
    }
}

/// What Kong asks of a request once its route is found, in this order.
fn requirements(route: &Route) -> Vec<Requirement> {
    let accepts = |protocol| route.protocols.contains(&protocol);
    let is_grpc = accepts(Protocol::Grpc) || accepts(Protocol::Grpcs);
    let mut requirements = Vec::new();
    if accepts(Protocol::Https) && !accepts(Protocol::Http) {
        let unmet = match route.https_redirect_status_code {
            426 => Unmet::Reply(reason::TLS_REQUIRED.into()),
            status => Unmet::RedirectToHttps(status),
        };
        requirements.push(Requirement { kind: RequirementKind::Tls, unmet });
    }
    let mut ask = |kind, reason: &str| {
        requirements.push(Requirement { kind, unmet: Unmet::Reply(reason.into()) });
    };
    if is_grpc {
        ask(RequirementKind::GrpcContentType, reason::GRPC_REQUIRED);
        ask(RequirementKind::Http2, reason::HTTP2_REQUIRED);
        if !accepts(Protocol::Grpc) {
            ask(RequirementKind::Tls, voice::GRPC_TLS_REQUIRED);
        }
    }
    requirements
}

fn action(
    context: &Context<'_>,
    upstreams: &Upstreams,
    route: &Route,
    service: Option<&Service>,
) -> Action {
    let Some((service, upstream)) =
        service.and_then(|service| Some((service, upstreams.of(&service.id)?)))
    else {
        return Action::Reply(reason::NO_SERVICE.into());
    };
    Action::Forward(Forward {
        upstreams: vec![Weighted { value: upstream.clone(), weight: 1 }],
        path: PathRewrite {
            base: service.path.clone().unwrap_or_else(|| "/".into()),
            strip: route.strip_path,
            join: PathJoin::Segments,
        },
        host: if route.preserve_host { HostRule::Client } else { HostRule::Endpoint },
        timeouts: timeouts(service),
        retry: Retry { tries: service.retries.unwrap_or(5) },
        buffering: Buffering {
            request: if route.request_buffering { context.settings.http.body_buffer } else { 0 },
        },
    })
}

fn timeouts(service: &Service) -> Timeouts {
    let milliseconds =
        |given: Option<u32>| Duration::from_millis(u64::from(given.unwrap_or(60_000)));
    Timeouts {
        connect: milliseconds(service.connect_timeout),
        send: milliseconds(service.write_timeout),
        read: milliseconds(service.read_timeout),
    }
}

fn not_http(context: &mut Context<'_>, route: &Route) {
    let name = route.name.as_deref().unwrap_or(route.id.as_str());
    let message = format!("the route `{name}` takes no requests: only HTTP is listened for");
    context.findings.push(
        Finding::new(&codes::STREAM_ROUTE, message)
            .at(route.origins.at("/protocols"))
            .help("give it a protocol of `http`, `https`, `grpc` and `grpcs`, or remove it"),
    );
}
