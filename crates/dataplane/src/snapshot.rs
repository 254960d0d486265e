//! A model, compiled: everything that workers share, whole and unchanging.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use filter::{Identities, Kinds, KnownCredential, Phases, Prepared, PrincipalIx, Problem};
use model::{
    Action, ClientAddress, Fingerprint, Forward, HttpSettings, Labels, Model, Origin, PolicyId,
    Protocol, Requirement, TableId, UpstreamId, fingerprint,
};

use crate::chain::{CompiledChain, Names, PrincipalMaps, identities, principal_indices};
use crate::router::Router;
use crate::settings::ConnectTo;
use crate::tls::{ClientTls, ServerTls};
use crate::upstream::CompiledUpstream;
use crate::voice::Voice;

/// A compiled model.
pub(crate) struct Snapshot {
    pub(crate) revision: u64,
    pub(crate) listeners: Vec<CompiledListener>,
    pub(crate) routes: Vec<CompiledRoute>,
    pub(crate) chains: Vec<CompiledChain>,
    pub(crate) policies: Vec<CompiledPolicy>,
    pub(crate) upstreams: Vec<Arc<CompiledUpstream>>,
    pub(crate) voices: Vec<Arc<Voice>>,
    pub(crate) identities: Identities,
    credentials: HashMap<Fingerprint, Arc<dyn std::any::Any + Send + Sync>>,
    server_tls: ServerTls,
    client_tls: ClientTls,
}

/// A listener of a snapshot.
pub(crate) struct CompiledListener {
    pub(crate) bind: SocketAddr,
    pub(crate) backlog: u32,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) proxy_protocol: bool,
    pub(crate) http: HttpSettings,
    pub(crate) router: Arc<Router>,
    pub(crate) voice: u32,
    pub(crate) client_address: ClientAddress,
    /// The chain for requests that no route took.
    pub(crate) unrouted: u32,
}

/// A route of a snapshot.
pub(crate) struct CompiledRoute {
    pub(crate) chain: u32,
    pub(crate) voice: u32,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) action: CompiledAction,
    pub(crate) labels: Arc<Labels>,
}

/// What a route does.
pub(crate) enum CompiledAction {
    Forward(Box<CompiledForward>),
    Other(Action),
}

/// How a route forwards.
pub(crate) struct CompiledForward {
    pub(crate) forward: Forward,
    /// Indices of upstreams, by weight.
    pub(crate) upstreams: Vec<(u32, u32)>,
    pub(crate) weights: u32,
}

/// A policy of a snapshot.
pub(crate) struct CompiledPolicy {
    fingerprint: Fingerprint,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) prepared: Arc<dyn Prepared>,
}

/// Why a model cannot be run: something about one of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The value.
    pub origin: Origin,
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The other place, of a conflict.
    pub other: Option<Origin>,
}

impl Rejection {
    fn new(origin: &Origin, message: impl Into<String>) -> Self {
        Self { origin: origin.clone(), message: message.into(), help: None, other: None }
    }
}

impl Snapshot {
    /// Compiles a model. What is the same in the previous snapshot is taken over from it.
    pub(crate) fn compile(
        model: &Model,
        revision: u64,
        kinds: &Kinds,
        detours: &[ConnectTo],
        previous: Option<&Snapshot>,
    ) -> Result<Self, Vec<Rejection>> {
        let mut rejections: Vec<Rejection> = model::check(model)
            .into_iter()
            .map(|defect| Rejection {
                origin: defect.origin,
                message: defect.message,
                help: None,
                other: defect.other,
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
        let upstreams = compiler.upstreams(&client_tls, detours);
        let server_tls = compiler.server_tls();
        if !rejections.is_empty() {
            return Err(rejections);
        }
        let mut compiler = Compiler { model, kinds, previous, rejections: &mut rejections };
        let mut chains = compiler.chains(&policies);
        let routes = compiler.routes(&chains.by_address);
        let listeners = compiler.listeners(&mut chains, &server_tls);
        if !rejections.is_empty() {
            return Err(rejections);
        }
        Ok(Self {
            revision,
            listeners,
            routes,
            chains: chains.compiled,
            policies,
            upstreams,
            voices,
            identities,
            credentials,
            server_tls,
            client_tls,
        })
    }

    /// The prepared policy by a fingerprint.
    fn policy(&self, fingerprint: Fingerprint) -> Option<&Arc<dyn Prepared>> {
        let found = self.policies.iter().find(|policy| policy.fingerprint == fingerprint);
        found.map(|policy| &policy.prepared)
    }
}

impl CompiledPolicy {
    /// Whether two snapshots' policies are one and the same.
    pub(crate) fn is_same(&self, other: &CompiledPolicy) -> bool {
        self.fingerprint == other.fingerprint
    }

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
            let (kind, name) = (policy.kind.clone(), policy.name.clone());
            compiled.push(CompiledPolicy { fingerprint, kind, name, prepared });
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

    fn identities(
        &mut self,
    ) -> (Identities, HashMap<Fingerprint, Arc<dyn std::any::Any + Send + Sync>>) {
        let indices = principal_indices(self.model);
        let mut identities = identities(self.model);
        let mut kept = HashMap::with_capacity(self.model.credentials.len());
        for credential in &self.model.credentials {
            let kind = self.kinds.get(&credential.kind);
            let Some((kind, index)) = kind.zip(self.kinds.credential_kind(&credential.kind)) else {
                let message = format!("there is no policy of kind `{}`", credential.kind);
                self.rejections.push(Rejection::new(&credential.origin, message));
                continue;
            };
            let fingerprint = fingerprint(&(&credential.kind, &credential.key, &credential.data));
            let known = self.previous.and_then(|p| p.credentials.get(&fingerprint).cloned());
            let prepared = match known.map_or_else(|| kind.prepare_credential(credential), Ok) {
                Ok(prepared) => prepared,
                Err(problems) => {
                    for problem in problems {
                        let what = format!("{} credential", credential.kind);
                        self.reject(&credential.origin, problem, &what);
                    }
                    continue;
                }
            };
            kept.insert(fingerprint, Arc::clone(&prepared));
            let principal = PrincipalIx(indices[&credential.principal]);
            let credential = Arc::new(credential.clone());
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

    fn upstreams(
        &mut self,
        client_tls: &ClientTls,
        detours: &[ConnectTo],
    ) -> Vec<Arc<CompiledUpstream>> {
        let known: HashMap<Fingerprint, &Arc<CompiledUpstream>> = self
            .previous
            .iter()
            .flat_map(|snapshot| &snapshot.upstreams)
            .map(|upstream| (upstream.fingerprint, upstream))
            .collect();
        let mut compiled = Vec::with_capacity(self.model.upstreams.len());
        for upstream in &self.model.upstreams {
            let fingerprint = upstream_fingerprint(self.model, upstream);
            if let Some(same) = known.get(&fingerprint) {
                compiled.push(Arc::clone(same));
                continue;
            }
            let tls = match upstream.tls.as_ref().map(|tls| client_tls.config(tls)).transpose() {
                Ok(tls) => tls,
                Err(problem) => {
                    let what = format!("upstream `{}`", upstream.name);
                    self.reject(&upstream.origin, problem, &what);
                    continue;
                }
            };
            let upstream = CompiledUpstream::compile(upstream, fingerprint, tls, detours);
            compiled.push(Arc::new(upstream));
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
        let mut chains = Chains {
            compiled: vec![CompiledChain::default()],
            by_address: HashMap::new(),
        };
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
        let routes = self.model.routes.iter().map(|route| CompiledRoute {
            chain: chains[&(Arc::as_ptr(&route.chain) as usize)],
            voice: voices[&route.voice],
            requirements: route.requirements.clone(),
            action: compile_action(&route.action, &upstreams),
            labels: Arc::clone(&route.labels),
        });
        routes.collect()
    }

    fn listeners(&mut self, chains: &mut Chains, tls: &ServerTls) -> Vec<CompiledListener> {
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
            compiled.push(CompiledListener {
                bind: listener.bind,
                backlog: listener.backlog,
                tls: listener.tls.then(|| tls.config(http.http2)),
                proxy_protocol: listener.proxy_protocol,
                http: http.clone(),
                router,
                voice: voices[&listener.voice],
                client_address: listener.client_address.clone(),
                unrouted: unrouted.into_iter().next().unwrap_or(0),
            });
        }
        compiled
    }

    fn router(&mut self, tables: &[TableId]) -> Router {
        let routes: Vec<(u32, &model::Route)> = (0..)
            .zip(&self.model.routes)
            .filter(|(_, route)| tables.contains(&route.table))
            .collect();
        let (router, problems) = Router::compile(&routes);
        for problem in problems {
            let origin = self.model.routes[problem.route as usize].origin.clone();
            self.reject(&origin, Problem::new("", problem.message), "route");
        }
        router
    }

    fn reject(&mut self, origin: &Origin, problem: Problem, what: &str) {
        let place = match problem.pointer.as_str() {
            "" => String::new(),
            pointer => format!(" at `{pointer}`"),
        };
        let mut rejection =
            Rejection::new(origin, format!("{what}{place}: {}", problem.message));
        rejection.help = problem.help;
        self.rejections.push(rejection);
    }
}

fn compile_action(action: &Action, upstreams: &HashMap<&UpstreamId, u32>) -> CompiledAction {
    let Action::Forward(forward) = action else { return CompiledAction::Other(action.clone()) };
    let targets: Vec<(u32, u32)> =
        forward.upstreams.iter().map(|u| (upstreams[&u.value], u.weight)).collect();
    let weights = targets.iter().map(|(_, weight)| weight).sum();
    CompiledAction::Forward(Box::new(CompiledForward {
        forward: forward.clone(),
        upstreams: targets,
        weights,
    }))
}

/// An upstream is the same if its own value and the authorities that it names are.
fn upstream_fingerprint(model: &Model, upstream: &model::Upstream) -> Fingerprint {
    let mut same = upstream.clone();
    same.origin = Origin::default();
    for endpoint in &mut same.endpoints {
        endpoint.origin = Origin::default();
    }
    let named = upstream.tls.iter().flat_map(|tls| &tls.authorities);
    let authorities: Vec<&str> = named
        .filter_map(|id| model.authorities.iter().find(|authority| authority.id == *id))
        .map(|authority| authority.pem.as_str())
        .collect();
    fingerprint(&(same, authorities))
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
