//! What would become of a request.

use dataplane::path;
use dataplane::router::{self, Candidate as RouteCandidate, RouteQuery, Verdict};
use filter::Kinds;
use model::{
    Action, Candidate, Forward, HostRule, Listener, Model, Origin, Policy, PolicyId, Principal,
    Protocol, RequirementKind, Route, Scheme, Unmet, Upstream,
};
use serde::Serialize;

use super::address::Ask;
use super::balancing;
use super::config::{self, Setting};
use crate::output::Usage;
use crate::words;

/// What would become of a request.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) listener: ListenerView,
    /// The path that routes are compared with.
    pub(super) path: String,
    /// Why the request is refused before any route is looked at.
    pub(super) refused: Option<String>,
    /// Routes that would take the request or nearly would, greatest rank first.
    pub(super) candidates: Vec<CandidateView>,
    /// How many other routes were looked at, which come less near.
    pub(super) others: usize,
    /// What the route that won asks of the request besides, if that is not so.
    pub(super) unmet: Option<String>,
    /// The policies that run, in the order of the request.
    pub(super) policies: Vec<PolicyView>,
    /// What happens after them; `None` if no route takes the request.
    pub(super) action: Option<ActionView>,
}

/// Where the request arrives.
#[derive(Debug, Serialize)]
pub(super) struct ListenerView {
    pub(super) address: String,
    pub(super) origin: Origin,
}

/// A route that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct CandidateView {
    pub(super) route: String,
    pub(super) outcome: Outcome,
    /// In words: by what it won, or everything that kept it from winning.
    pub(super) because: Vec<String>,
    pub(super) origin: Origin,
}

/// How a route fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Won,
    Outranked,
    Lost,
    Broken,
}

/// A policy that runs.
#[derive(Debug, Serialize)]
pub(super) struct PolicyView {
    pub(super) name: String,
    pub(super) kind: String,
    /// For whom it runs, if not for everybody.
    pub(super) callers: Option<String>,
    pub(super) settings: Vec<Setting>,
    pub(super) origin: Origin,
}

/// What happens to a request that passed all policies.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum ActionView {
    /// It is sent to one of these.
    Forward { upstreams: Vec<UpstreamView>, timeouts: String, retries: u32 },
    /// The client is sent elsewhere.
    Redirect { status: u16, location: String },
    /// The gateway answers for this reason.
    Reply { reason: String },
}

/// A group of endpoints.
#[derive(Debug, Serialize)]
pub(super) struct UpstreamView {
    pub(super) name: String,
    /// The share of requests in percent.
    pub(super) share: f64,
    pub(super) endpoints: Vec<EndpointView>,
    /// How one of them is chosen, if there are several.
    pub(super) chosen: Option<String>,
    /// How it is found out which are fit for use.
    pub(super) checks: Vec<String>,
    pub(super) origin: Origin,
}

/// What is sent to one endpoint.
#[derive(Debug, Serialize)]
pub(super) struct EndpointView {
    pub(super) url: String,
    /// The `Host` that it is told.
    pub(super) host: String,
    /// Where the connection really goes, if a detour says so.
    pub(super) connects_to: Option<String>,
    /// The share of the group's requests in percent.
    pub(super) share: f64,
    pub(super) origin: Origin,
}

impl Answer {
    /// Whether a route takes the request, whatever it then does with it.
    pub(super) fn is_taken(&self) -> bool {
        self.action.is_some()
    }
}

/// Works out what would become of the request.
///
/// # Errors
/// [`Usage`] if no listener speaks the URL's scheme, or there is no such caller.
pub(super) fn answer(model: &Model, ask: &Ask, caller: Option<&str>) -> anyhow::Result<Answer> {
    let caller = caller.map(|name| find_caller(model, name)).transpose()?;
    let listener = find_listener(model, ask)?;
    let Protocol::Http(http) = &listener.protocol;
    let mut answer = Answer {
        method: ask.method.as_str().to_owned(),
        url: url(ask),
        listener: ListenerView {
            address: listener.bind.to_string(),
            origin: listener.origin.clone(),
        },
        path: String::new(),
        refused: None,
        candidates: Vec::new(),
        others: 0,
        unmet: None,
        policies: Vec::new(),
        action: None,
    };
    if let Err(refused) = path::normalise(&ask.path, http.paths, &mut answer.path) {
        answer.refused = Some(refused.to_string());
        return Ok(answer);
    }
    answer.route(model, ask, listener, caller);
    Ok(answer)
}

impl Answer {
    fn route(&mut self, model: &Model, ask: &Ask, listener: &Listener, caller: Option<&Principal>) {
        let query = RouteQuery {
            host: &ask.host,
            port: ask.host_port.unwrap_or_else(|| client_port(listener)),
            path: &self.path,
            method: &ask.method,
            headers: &ask.headers,
            query: ask.query.as_deref(),
            sni: ask.sni.as_deref(),
            scheme: ask.scheme,
            client: ask.client,
        };
        let competing = model.routes.iter().zip(0..);
        let competing = competing.filter(|(route, _)| listener.tables.contains(&route.table));
        let competing: Vec<(u32, &Route)> =
            competing.map(|(route, index)| (index, route)).collect();
        let found = router::explain(&competing, &query);
        let winner = found.iter().find_map(|candidate| match candidate.verdict {
            Verdict::Won { matched } => Some((&model.routes[candidate.route as usize], matched)),
            _ => None,
        });
        let winning = winner.map(|(route, _)| route);
        self.candidates =
            found.iter().map(|candidate| view(candidate, model, winning, &self.path)).collect();
        self.others = competing.len() - found.len();
        let Some((route, matched)) = winner else { return };
        self.unmet = route.requirements.iter().find_map(|requirement| {
            unmet(requirement.kind, ask).then(|| consequence(requirement.kind, &requirement.unmet))
        });
        self.policies = policies(route, model, caller);
        self.action = Some(action(&route.action, model, ask, &self.path, matched));
    }
}

fn find_caller<'m>(model: &'m Model, name: &str) -> anyhow::Result<&'m Principal> {
    let is_called = |principal: &&Principal| {
        principal.public_id == name
            || principal.name.as_deref() == Some(name)
            || principal.external_id.as_deref() == Some(name)
    };
    model.principals.iter().find(is_called).ok_or_else(|| {
        let names = model.principals.iter().filter_map(|principal| principal.name.as_deref());
        let help = config_names(name, names);
        Usage::error(format!("no caller is called `{name}`{help}"))
    })
}

fn config_names<'n>(name: &str, names: impl Iterator<Item = &'n str> + Clone) -> String {
    match ::config::did_you_mean(name, names) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    }
}

/// The listener that speaks the scheme: the one on the URL's port, or the first.
fn find_listener<'m>(model: &'m Model, ask: &Ask) -> anyhow::Result<&'m Listener> {
    let tls = ask.scheme == Scheme::Https;
    let mut speaking = model.listeners.iter().filter(|listener| listener.tls == tls);
    let on_port = |listener: &&Listener| {
        ask.port.is_some_and(|port| port == client_port(listener) || port == listener.bind.port())
    };
    speaking.clone().find(on_port).or_else(|| speaking.next()).ok_or_else(|| {
        Usage::error(format!("no listener speaks {}", words::scheme_name(ask.scheme)))
    })
}

fn client_port(listener: &Listener) -> u16 {
    listener.public_port.unwrap_or(listener.bind.port())
}

fn url(ask: &Ask) -> String {
    let scheme = words::scheme_name(ask.scheme);
    let host = &ask.host;
    let port = ask.host_port.map(|port| format!(":{port}")).unwrap_or_default();
    let query = ask.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    match host.is_empty() {
        true => format!("{}{query}", ask.path),
        false => format!("{scheme}://{host}{port}{}{query}", ask.path),
    }
}

fn view(
    candidate: &RouteCandidate,
    model: &Model,
    winner: Option<&Route>,
    path: &str,
) -> CandidateView {
    let route = &model.routes[candidate.route as usize];
    let (outcome, because) = match &candidate.verdict {
        Verdict::Won { matched } => {
            let part = path.get(..*matched).unwrap_or(path);
            (Outcome::Won, vec![format!("matches `{part}`")])
        }
        Verdict::Outranked => {
            let by = winner.map_or("another", |winner| &winner.labels.route);
            (Outcome::Outranked, vec![format!("would take it, but `{by}` ranks higher")])
        }
        Verdict::Lost(misses) => (Outcome::Lost, misses.iter().map(ToString::to_string).collect()),
        Verdict::Broken(reason) => (Outcome::Broken, vec![reason.clone()]),
    };
    let (route, origin) = (route.labels.route.clone(), route.origin.clone());
    CandidateView { route: route.to_string(), outcome, because, origin }
}

fn unmet(kind: RequirementKind, ask: &Ask) -> bool {
    match kind {
        RequirementKind::Tls => ask.scheme == Scheme::Http,
        RequirementKind::GrpcContentType => {
            let field = ask.headers.get_str("content-type").unwrap_or_default();
            !field.starts_with("application/grpc")
        }
        // A URL does not say the version; a client that speaks gRPC speaks HTTP/2.
        RequirementKind::Http2 => false,
    }
}

fn consequence(kind: RequirementKind, unmet: &Unmet) -> String {
    let what = match kind {
        RequirementKind::Tls => "TLS",
        RequirementKind::GrpcContentType => "Content-Type: application/grpc",
        RequirementKind::Http2 => "HTTP/2",
    };
    match unmet {
        Unmet::Reply(reason) => format!("the route asks for {what}; the gateway answers {reason}"),
        Unmet::RedirectToHttps(status) => {
            format!("the route asks for {what}; the gateway redirects to https with {status}")
        }
    }
}

/// The policies of the route's chain; where the choice depends on the caller and none was named,
/// all that may be chosen.
fn policies(route: &Route, model: &Model, caller: Option<&Principal>) -> Vec<PolicyView> {
    let kinds = policies::kinds();
    let mut views = Vec::new();
    for slot in words::visited(&route.chain) {
        let before = views.len();
        for candidate in &slot.candidates {
            match (candidate, caller) {
                (Candidate::Always(id), _) => {
                    let others = (views.len() > before).then(|| "everybody else".to_owned());
                    views.extend(policy(model, id, others, &kinds));
                    break;
                }
                (Candidate::ByPrincipal(map), Some(caller)) => {
                    let Some(id) = map.get(&caller.id) else { continue };
                    views.extend(policy(model, id, Some(caller_name(caller)), &kinds));
                    break;
                }
                (Candidate::ByPrincipal(map), None) => {
                    let named = map.iter().filter_map(|(principal, id)| {
                        let caller = model.principals.iter().find(|p| p.id == *principal)?;
                        policy(model, id, Some(caller_name(caller)), &kinds)
                    });
                    views.extend(named);
                }
            }
        }
    }
    views
}

fn policy(
    model: &Model,
    id: &PolicyId,
    callers: Option<String>,
    kinds: &Kinds,
) -> Option<PolicyView> {
    let policy: &Policy = model.policies.iter().find(|policy| policy.id == *id)?;
    Some(PolicyView {
        name: policy.name.clone(),
        kind: policy.kind.clone(),
        callers,
        settings: config::settings(policy, kinds),
        origin: policy.origin.clone(),
    })
}

fn caller_name(caller: &Principal) -> String {
    let name = caller.name.as_ref().unwrap_or(&caller.public_id);
    format!("the caller {}", ::config::quote(name))
}

fn action(action: &Action, model: &Model, ask: &Ask, path: &str, matched: usize) -> ActionView {
    match action {
        Action::Forward(forward) => {
            let timeouts = &forward.timeouts;
            let limits =
                [("connect", timeouts.connect), ("send", timeouts.send), ("read", timeouts.read)];
            let limit = |(name, limit): (&str, std::time::Duration)| match limit.is_zero() {
                true => format!("{name} without limit"),
                false => format!("{name} {limit:?}"),
            };
            ActionView::Forward {
                upstreams: upstreams(forward, model, ask, path, matched),
                timeouts: limits.map(limit).join(", "),
                retries: forward.retry.tries,
            }
        }
        Action::Redirect(redirect) => ActionView::Redirect {
            status: redirect.status,
            location: words::template(&redirect.location),
        },
        Action::Reply(reason) => ActionView::Reply { reason: reason.clone() },
    }
}

fn upstreams(
    forward: &Forward,
    model: &Model,
    ask: &Ask,
    path: &str,
    matched: usize,
) -> Vec<UpstreamView> {
    let mut target = String::new();
    path::join(&forward.path, path, matched, &mut target);
    if let Some(query) = &ask.query {
        target = format!("{target}?{query}");
    }
    let all: u32 = forward.upstreams.iter().map(|weighted| weighted.weight).sum();
    let known = forward.upstreams.iter().filter_map(|weighted| {
        let upstream = words::upstream(model, &weighted.value)?;
        Some(UpstreamView {
            name: upstream.name.clone(),
            share: share(weighted.weight, all),
            endpoints: endpoints(upstream, forward, ask, &target),
            chosen: (upstream.endpoints.len() > 1).then(|| balancing::chosen(&upstream.balance)),
            checks: balancing::checks(&upstream.health),
            origin: upstream.origin.clone(),
        })
    });
    known.collect()
}

fn endpoints(upstream: &Upstream, forward: &Forward, ask: &Ask, target: &str) -> Vec<EndpointView> {
    let scheme = if upstream.tls.is_some() { "https" } else { "http" };
    let all: u32 = upstream.endpoints.iter().map(|endpoint| endpoint.weight).sum();
    let view = |endpoint: &model::Endpoint| {
        let authority = words::authority(&endpoint.host, endpoint.port);
        let host = match &forward.host {
            HostRule::Fixed(host) => host.clone(),
            HostRule::Client => ask.headers.get_str("host").unwrap_or_default().to_owned(),
            HostRule::Endpoint => upstream.host_of(&endpoint.host, endpoint.port),
        };
        EndpointView {
            url: format!("{scheme}://{authority}{target}"),
            host,
            connects_to: ask.connect_to.iter().find_map(|detour| {
                let (host, port) = detour.apply(&endpoint.host, endpoint.port)?;
                Some(words::authority(&host, port))
            }),
            share: share(endpoint.weight, all),
            origin: endpoint.origin.clone(),
        }
    };
    upstream.endpoints.iter().map(view).collect()
}

fn share(weight: u32, all: u32) -> f64 {
    if all == 0 { 0.0 } else { f64::from(weight) * 100.0 / f64::from(all) }
}
