//! A model, compiled: everything that workers share, whole and unchanging.

mod shared;

use std::any::Any;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use filter::{
    CredentialIx, Identities, Kinds, KnownCredential, Phases, Prepared, PrincipalIx, Problem,
};
use foldhash::{HashMap, HashMapExt};
use model::{
    Action, ClientAddress, Credential, CredentialData, Fingerprint, HttpSettings, Labels,
    ListenerId, Model, Origin, PolicyId, Probe, Protocol, ProxyProtocol, Requirement, Resolver,
    TableId, UpstreamId, fingerprint,
};

pub(crate) use shared::CompiledForward;

use crate::chain::{CompiledChain, Names, PrincipalMaps, identities, principal_indices};
use crate::router::Router;
use crate::settings::{ConnectTo, Settings};
use crate::tls::{ClientTls, ServerTls};
use crate::upstream::{CompiledCheck, CompiledUpstream, Group, Prepared as PreparedUpstream};
use crate::voice::{Text, Voice};
use shared::Shared;

/// A compiled model.
pub(crate) struct Snapshot {
    pub(crate) listeners: Vec<CompiledListener>,
    pub(crate) routes: Vec<CompiledRoute>,
    pub(crate) chains: Vec<CompiledChain>,
    pub(crate) policies: Vec<CompiledPolicy>,
    pub(crate) upstreams: Vec<Arc<CompiledUpstream>>,
    groups: HashMap<UpstreamId, Arc<Group>>,
    pub(crate) voices: Vec<Arc<Voice>>,
    pub(crate) identities: Identities,
    /// Of the credentials, in the order of `identities`.
    credentials: Vec<Fingerprint>,
    server_tls: ServerTls,
    client_tls: ClientTls,
}

/// A listener of a snapshot.
pub(crate) struct CompiledListener {
    pub(crate) id: ListenerId,
    /// What its sockets are known by: they stay open from snapshot to snapshot.
    pub(crate) key: String,
    pub(crate) bind: SocketAddr,
    pub(crate) origin: Origin,
    pub(crate) backlog: u32,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) proxy_protocol: ProxyProtocol,
    pub(crate) http: HttpSettings,
    pub(crate) router: Arc<Router>,
    pub(crate) voice: u32,
    pub(crate) client_address: ClientAddress,
    /// The port that clients know it by.
    pub(crate) public_port: u16,
    /// The chain for requests that no route took.
    pub(crate) unrouted: u32,
}

/// A route of a snapshot.
pub(crate) struct CompiledRoute {
    pub(crate) chain: u32,
    pub(crate) voice: u32,
    pub(crate) requirements: Box<[Requirement]>,
    pub(crate) action: CompiledAction,
    pub(crate) labels: Labels,
}

/// What a route does.
pub(crate) enum CompiledAction {
    /// Routes that forward alike share how.
    Forward(Arc<CompiledForward>),
    Redirect {
        status: u16,
        location: Box<Text>,
    },
    /// The gateway answers for this reason.
    Reply(Box<str>),
}

/// A policy of a snapshot.
pub(crate) struct CompiledPolicy {
    fingerprint: Fingerprint,
    pub(crate) kind: String,
    pub(crate) prepared: Arc<dyn Prepared>,
}

/// Why a model cannot be run: something about one of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What kind of reason it is.
    pub kind: RejectionKind,
    /// The value.
    pub origin: Origin,
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The other place, of a conflict.
    pub other: Option<Origin>,
}

/// Kinds of reasons why a model cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionKind {
    /// A value makes no sense.
    Refused,
    /// An address cannot be listened on.
    CannotListen,
}

impl Rejection {
    fn new(origin: &Origin, message: impl Into<String>) -> Self {
        Self {
            kind: RejectionKind::Refused,
            origin: origin.clone(),
            message: message.into(),
            help: None,
            other: None,
        }
    }

    /// A rejection because an address cannot be listened on.
    pub(crate) fn cannot_listen(origin: &Origin, message: String, help: &str) -> Self {
        let refused = Self::new(origin, message);
        Self { kind: RejectionKind::CannotListen, help: Some(help.to_owned()), ..refused }
    }
}

impl Snapshot {
    /// What is served before anything is published: nothing.
    pub(crate) fn empty() -> Self {
        Self {
            listeners: Vec::new(),
            routes: Vec::new(),
            chains: Vec::new(),
            policies: Vec::new(),
            upstreams: Vec::new(),
            groups: HashMap::new(),
            voices: Vec::new(),
            identities: Identities::default(),
            credentials: Vec::new(),
            server_tls: ServerTls::compile(&[], None).0,
            client_tls: ClientTls::new(&[], None),
        }
    }

    /// Compiles a model. What is the same in the previous snapshot is taken over from it.
    pub(crate) fn compile(
        model: &Model,
        kinds: &Kinds,
        settings: &Settings,
        previous: Option<&Snapshot>,
    ) -> Result<Self, Vec<Rejection>> {
        let mut rejections: Vec<Rejection> = model::check(model)
            .into_iter()
            .map(|defect| Rejection {
                other: defect.other,
                ..Rejection::new(&defect.origin, defect.message)
            })
            .collect();
        if !rejections.is_empty() {
            return Err(rejections);
        }
        let mut compiler = Compiler { model, kinds, previous, rejections: &mut rejections };
        let policies = compiler.policies();
        let (identities, credentials) = compiler.identities();
        let voices = compiler.voices();
        let client_tls = compiler.client_tls();
        let groups = compiler.groups();
        let upstreams = compiler.upstreams(&groups, &client_tls, &settings.connect_to);
        let server_tls = compiler.server_tls();
        if !rejections.is_empty() {
            return Err(rejections);
        }
        let mut compiler = Compiler { model, kinds, previous, rejections: &mut rejections };
        let chains = compiler.chains(&policies);
        let routes = compiler.routes(&chains.by_address);
        let listeners = compiler.listeners(&chains, &server_tls, settings);
        if !rejections.is_empty() {
            return Err(rejections);
        }
        Ok(Self {
            listeners,
            routes,
            chains: chains.compiled,
            policies,
            upstreams,
            groups,
            voices,
            identities,
            credentials,
            server_tls,
            client_tls,
        })
    }
}

impl Snapshot {
    fn known_credentials(&self) -> HashMap<Fingerprint, &Arc<dyn Any + Send + Sync>> {
        let credentials = (0..).map(|ix| self.identities.credential(CredentialIx(ix)));
        let prepared = credentials.map(|known| &known.prepared);
        self.credentials.iter().copied().zip(prepared).collect()
    }
}

impl CompiledPolicy {
    /// The digest of its configuration.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

struct Compiler<'a> {
    model: &'a Model,
    kinds: &'a Kinds,
    previous: Option<&'a Snapshot>,
    rejections: &'a mut Vec<Rejection>,
}

struct Chains {
    compiled: Vec<CompiledChain>,
    /// Index by the address of the model's chain: routes share chains.
    by_address: HashMap<usize, u32>,
}

impl Compiler<'_> {
    fn policies(&mut self) -> Vec<CompiledPolicy> {
        let known: HashMap<Fingerprint, &Arc<dyn Prepared>> = self
            .previous
            .iter()
            .flat_map(|snapshot| &snapshot.policies)
            .map(|policy| (policy.fingerprint, &policy.prepared))
            .collect();
        let mut compiled = Vec::with_capacity(self.model.policies.len());
        for policy in &self.model.policies {
            // Equal ids and configurations are the same policy; origins do not count.
            let fingerprint = fingerprint(&(&policy.id, &policy.kind, &policy.config));
            let prepared = match known.get(&fingerprint) {
                Some(prepared) => Arc::clone(prepared),
                None => match self.prepare(policy) {
                    Some(prepared) => prepared,
                    None => continue,
                },
            };
            let kind = policy.kind.clone();
            compiled.push(CompiledPolicy { fingerprint, kind, prepared });
        }
        compiled
    }

    fn prepare(&mut self, policy: &model::Policy) -> Option<Arc<dyn Prepared>> {
        let Some(kind) = self.kinds.get(&policy.kind) else {
            let message = format!("there is no policy of kind `{}`", policy.kind);
            let known: Vec<_> = self.kinds.names().collect();
            let mut rejection = Rejection::new(&policy.origin, message);
            rejection.help = Some(format!("the kinds are {}", known.join(", ")));
            self.rejections.push(rejection);
            return None;
        };
        match kind.prepare(policy) {
            Ok(prepared) => Some(prepared),
            Err(problems) => {
                for problem in problems {
                    let origin = nearest(&policy.origins, &problem.pointer, &policy.origin);
                    let name = &policy.name;
                    self.reject(origin, problem, &format!("policy `{name}`"));
                }
                None
            }
        }
    }

    fn identities(&mut self) -> (Identities, Vec<Fingerprint>) {
        let indices = principal_indices(self.model);
        let mut identities = identities(self.model);
        let known = self.previous.map(Snapshot::known_credentials).unwrap_or_default();
        let mut kept = Vec::with_capacity(self.model.credentials.len());
        for credential in &self.model.credentials {
            let kind = self.kinds.get(&credential.kind);
            let Some((kind, index)) = kind.zip(self.kinds.credential_kind(&credential.kind)) else {
                let message = format!("there is no policy of kind `{}`", credential.kind);
                self.rejections.push(Rejection::new(&credential.origin, message));
                continue;
            };
            let fingerprint = fingerprint(&(&credential.kind, &credential.key, &credential.data));
            let same = known.get(&fingerprint).map(|same| Arc::clone(same));
            let prepared = match same.map_or_else(|| kind.prepare_credential(credential), Ok) {
                Ok(prepared) => prepared,
                Err(problems) => {
                    for problem in problems {
                        let what = format!("{} credential", credential.kind);
                        self.reject(&credential.origin, problem, &what);
                    }
                    continue;
                }
            };
            kept.push(fingerprint);
            let principal = PrincipalIx(indices[&credential.principal]);
            let credential = Arc::new(without_data(credential));
            identities.add_credential(index, KnownCredential { credential, principal, prepared });
        }
        (identities, kept)
    }

    fn voices(&mut self) -> Vec<Arc<Voice>> {
        let mut voices = Vec::with_capacity(self.model.voices.len());
        for voice in &self.model.voices {
            match Voice::compile(voice) {
                Ok(voice) => voices.push(Arc::new(voice)),
                Err(problems) => {
                    for problem in problems {
                        self.reject(&voice.origin, problem, "voice");
                    }
                }
            }
        }
        voices
    }

    fn client_tls(&mut self) -> ClientTls {
        ClientTls::new(&self.model.authorities, self.previous.map(|p| &p.client_tls))
    }

    /// What upstreams know of their members outlives the snapshot.
    fn groups(&self) -> HashMap<UpstreamId, Arc<Group>> {
        let known = |id: &UpstreamId| self.previous?.groups.get(id).cloned();
        let ids = self.model.upstreams.iter().map(group_of);
        ids.map(|id| (id.clone(), known(id).unwrap_or_default())).collect()
    }

    fn upstreams(
        &mut self,
        groups: &HashMap<UpstreamId, Arc<Group>>,
        client_tls: &ClientTls,
        detours: &[ConnectTo],
    ) -> Vec<Arc<CompiledUpstream>> {
        let known: HashMap<Fingerprint, &Arc<CompiledUpstream>> = self
            .previous
            .iter()
            .flat_map(|snapshot| &snapshot.upstreams)
            .map(|upstream| (upstream.fingerprint, upstream))
            .collect();
        let before = self.previous.iter().flat_map(|snapshot| &snapshot.upstreams);
        let before: HashMap<&UpstreamId, &CompiledUpstream> =
            before.map(|upstream| (&upstream.id, &**upstream)).collect();
        let mut compiled = Vec::with_capacity(self.model.upstreams.len());
        for upstream in &self.model.upstreams {
            let fingerprint = upstream_fingerprint(self.model, upstream);
            if let Some(same) = known.get(&fingerprint) {
                compiled.push(Arc::clone(same));
                continue;
            }
            let (tls, check) = match prepare_upstream(upstream, client_tls) {
                Ok(prepared) => prepared,
                Err(problem) => {
                    let what = format!("upstream `{}`", upstream.name);
                    self.reject(&upstream.origin, problem, &what);
                    continue;
                }
            };
            let prepared = PreparedUpstream {
                fingerprint,
                group: Arc::clone(&groups[group_of(upstream)]),
                resolver: resolver_of(self.model, upstream),
                tls,
                check,
                detours,
                before: before.get(&upstream.id).copied(),
            };
            compiled.push(Arc::new(CompiledUpstream::compile(upstream, prepared)));
        }
        compiled
    }

    fn server_tls(&mut self) -> ServerTls {
        let previous = self.previous.map(|p| &p.server_tls);
        let (tls, problems) = ServerTls::compile(&self.model.certificates, previous);
        for (id, problem) in problems {
            let found = self.model.certificates.iter().find(|certificate| certificate.id == id);
            let origin = found.map(|found| found.origin.clone()).unwrap_or_default();
            self.reject(&origin, problem, "certificate");
        }
        tls
    }

    fn chains(&mut self, policies: &[CompiledPolicy]) -> Chains {
        let phases: Vec<Phases> = policies.iter().map(|policy| policy.prepared.phases()).collect();
        let ids: HashMap<&PolicyId, u32> =
            self.model.policies.iter().map(|policy| &policy.id).zip(0..).collect();
        let principals = principal_indices(self.model);
        let mut maps = PrincipalMaps::new();
        let mut names =
            Names { policies: &ids, phases: &phases, principals: &principals, maps: &mut maps };
        // Chain 0 is empty, for tables without one of their own.
        let mut chains =
            Chains { compiled: vec![CompiledChain::default()], by_address: HashMap::new() };
        let routes = self.model.routes.iter().map(|route| &route.chain);
        for chain in routes.chain(self.model.unrouted.iter().map(|unrouted| &unrouted.chain)) {
            let next = u32::try_from(chains.compiled.len()).expect("fewer than 2^32 chains");
            let at = chains.by_address.entry(Arc::as_ptr(chain) as usize).or_insert(next);
            if *at == next {
                chains.compiled.push(CompiledChain::compile(chain, &mut names));
            }
        }
        chains
    }

    fn routes(&mut self, chains: &HashMap<usize, u32>) -> Vec<CompiledRoute> {
        let voices: HashMap<_, u32> = self.model.voices.iter().map(|v| &v.id).zip(0..).collect();
        let upstreams: HashMap<&UpstreamId, u32> =
            self.model.upstreams.iter().map(|upstream| &upstream.id).zip(0..).collect();
        let mut shared = Shared::new(upstreams);
        let mut compiled = Vec::with_capacity(self.model.routes.len());
        for route in &self.model.routes {
            compiled.push(CompiledRoute {
                chain: chains[&(Arc::as_ptr(&route.chain) as usize)],
                voice: voices[&route.voice],
                requirements: route.requirements.as_slice().into(),
                action: self.action(route, &mut shared),
                labels: shared.labels(&route.labels),
            });
        }
        compiled
    }

    fn action(&mut self, route: &model::Route, shared: &mut Shared<'_>) -> CompiledAction {
        match &route.action {
            Action::Forward(forward) => CompiledAction::Forward(shared.forward(forward)),
            Action::Reply(reason) => CompiledAction::Reply(reason.as_str().into()),
            Action::Redirect(redirect) => {
                let mut problems = Vec::new();
                let location = Text::compile(&redirect.location, "/location", &mut problems);
                for problem in problems {
                    self.reject(&route.origin, problem, "redirect");
                }
                let (status, location) = (redirect.status, Box::new(location));
                CompiledAction::Redirect { status, location }
            }
        }
    }

    fn listeners(
        &mut self,
        chains: &Chains,
        tls: &ServerTls,
        settings: &Settings,
    ) -> Vec<CompiledListener> {
        let voices: HashMap<_, u32> = self.model.voices.iter().map(|v| &v.id).zip(0..).collect();
        // Listeners with the same tables share a router.
        let mut routers: BTreeMap<Vec<TableId>, Arc<Router>> = BTreeMap::new();
        let mut compiled = Vec::with_capacity(self.model.listeners.len());
        for listener in &self.model.listeners {
            let Protocol::Http(http) = &listener.protocol;
            let mut tables = listener.tables.clone();
            tables.sort();
            let router = match routers.get(&tables) {
                Some(router) => Arc::clone(router),
                None => {
                    let router = Arc::new(self.router(&tables));
                    routers.insert(tables, Arc::clone(&router));
                    router
                }
            };
            let unrouted = self.model.unrouted.iter();
            let unrouted = unrouted.filter(|unrouted| listener.tables.contains(&unrouted.table));
            let unrouted = unrouted.map(|u| chains.by_address[&(Arc::as_ptr(&u.chain) as usize)]);
            let mut bind = listener.bind;
            if let Some(address) = settings.bind {
                bind.set_ip(address);
            }
            let tls = match listener.tls.then(|| tls.config(http.http2, &listener.tls_settings)) {
                None => None,
                Some(Ok(config)) => Some(config),
                Some(Err(problem)) => {
                    self.reject(&listener.origin, problem, "listener");
                    continue;
                }
            };
            // Port 0 asks for any free port: two such listeners are told apart by name.
            let key = if bind.port() == 0 { listener.id.to_string() } else { bind.to_string() };
            compiled.push(CompiledListener {
                id: listener.id.clone(),
                key,
                bind,
                origin: listener.origin.clone(),
                public_port: listener.public_port.unwrap_or(bind.port()),
                backlog: listener.backlog,
                tls,
                proxy_protocol: listener.proxy_protocol,
                http: http.clone(),
                router,
                voice: voices[&listener.voice],
                client_address: listener.client_address.clone(),
                unrouted: unrouted.into_iter().next().unwrap_or(0),
            });
        }
        self.distinct(&compiled);
        compiled
    }

    /// Listeners that were told apart by the addresses that the settings replace.
    fn distinct(&mut self, listeners: &[CompiledListener]) {
        let mut seen: HashMap<&str, &Origin> = HashMap::new();
        for listener in listeners {
            if let Some(other) = seen.insert(&listener.key, &listener.origin) {
                let message = format!("two listeners want the address {}", listener.bind);
                let other = Some(other.clone());
                self.rejections
                    .push(Rejection { other, ..Rejection::new(&listener.origin, message) });
            }
        }
    }

    fn router(&mut self, tables: &[TableId]) -> Router {
        let routes: Vec<(u32, &model::Route)> = (0..)
            .zip(&self.model.routes)
            .filter(|(_, route)| tables.contains(&route.table))
            .collect();
        let (router, problems) = Router::compile(&routes);
        for problem in problems {
            let origin = self.model.routes[problem.route as usize].origin.clone();
            self.reject(&origin, Problem::new(problem.part, problem.reason), "route");
        }
        router
    }

    fn reject(&mut self, origin: &Origin, problem: Problem, what: &str) {
        let place = match problem.pointer.as_str() {
            "" => String::new(),
            pointer => format!(" at `{pointer}`"),
        };
        let mut rejection = Rejection::new(origin, format!("{what}{place}: {}", problem.message));
        rejection.help = problem.help;
        self.rejections.push(rejection);
    }
}

/// A credential for policies that run, which see what its data became.
fn without_data(credential: &Credential) -> Credential {
    let Credential { id, public_id, kind, key, display, principal, data: _, origin } = credential;
    Credential {
        id: id.clone(),
        public_id: public_id.clone(),
        kind: kind.clone(),
        key: key.clone(),
        display: display.clone(),
        principal: principal.clone(),
        data: CredentialData(serde_json::Value::Null),
        origin: origin.clone(),
    }
}

/// The TLS and the probes of an upstream.
fn prepare_upstream(
    upstream: &model::Upstream,
    client_tls: &ClientTls,
) -> Result<(Option<Arc<rustls::ClientConfig>>, Option<CompiledCheck>), Problem> {
    let tls = upstream.tls.as_ref().map(|tls| client_tls.config(tls, false)).transpose()?;
    let Some(check) = &upstream.health.active else { return Ok((tls, None)) };
    let http2 = matches!(check.probe, Probe::Grpc { .. });
    let of_probe = check.probe.tls().map(|probe| client_tls.config(&probe.tls, http2));
    let check = CompiledCheck::compile(check, upstream, of_probe.transpose()?);
    Ok((tls, Some(check)))
}

fn group_of(upstream: &model::Upstream) -> &UpstreamId {
    upstream.group.as_ref().unwrap_or(&upstream.id)
}

fn resolver_of(model: &Model, upstream: &model::Upstream) -> Resolver {
    let id = upstream.resolver.as_ref();
    let named = id.and_then(|id| model.resolvers.iter().find(|resolver| resolver.id == *id));
    named
        .cloned()
        .map_or_else(Resolver::default, |named| Resolver { origin: Origin::default(), ..named })
}

/// An upstream is the same if its own value, and the authorities and the resolver that it names are.
fn upstream_fingerprint(model: &Model, upstream: &model::Upstream) -> Fingerprint {
    let mut same = upstream.clone();
    same.origin = Origin::default();
    for endpoint in &mut same.endpoints {
        endpoint.origin = Origin::default();
    }
    let probe = upstream.health.active.as_ref().and_then(|check| check.probe.tls());
    let tls = upstream.tls.iter().chain(probe.map(|probe| &probe.tls));
    let named = tls.flat_map(|tls| &tls.authorities);
    let authorities: Vec<&str> = named
        .filter_map(|id| model.authorities.iter().find(|authority| authority.id == *id))
        .map(|authority| authority.pem.as_str())
        .collect();
    fingerprint(&(same, authorities, resolver_of(model, upstream)))
}

/// The origin of the value at a pointer, or of the nearest value around it.
fn nearest<'a>(
    origins: &'a BTreeMap<String, Origin>,
    pointer: &str,
    whole: &'a Origin,
) -> &'a Origin {
    let mut pointer = pointer;
    loop {
        if let Some(origin) = origins.get(pointer) {
            return origin;
        }
        match pointer.rsplit_once('/') {
            Some((parent, _)) => pointer = parent,
            None => return whole,
        }
    }
}
