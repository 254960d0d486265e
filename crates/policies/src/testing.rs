//! A gateway around a single policy, for tests: identities, a clock that is set, exchanges.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use filter::{
    Client, Clock, Counters, CredentialIx, CredentialKind, Exchange, Filter, Flow, Identities,
    Kinds, KnownCredential, LocalFuture, LocalReply, Now, Phases, PrincipalIx, Problem, Shared,
    Step, View, WorkerCx,
};
use model::{Credential, CredentialData, Labels, Origin, Policy, Principal, Scheme};

/// A node with its identities and its state.
pub(crate) struct Gateway {
    pub(crate) identities: Rc<Identities>,
    pub(crate) clock: Rc<TestClock>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) labels: Rc<Labels>,
    kinds: Arc<Kinds>,
    counters: Arc<Counters>,
}

/// A clock that shows what it is set to.
#[derive(Default)]
pub(crate) struct TestClock(Cell<Now>);

impl TestClock {
    /// Sets the wall clock and lets the monotonic one follow if time goes on.
    pub(crate) fn set(&self, unix_ms: u64) {
        let now = self.0.get();
        let mono_us = now.mono_us + unix_ms.saturating_sub(now.unix_ms) * 1000;
        self.0.set(Now { unix_ms, mono_us });
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, ms: u64) {
        self.set(self.0.get().unix_ms + ms);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Now {
        self.0.get()
    }
}

/// 2026-11-25 12:00:00 UTC, where every test begins.
pub(crate) const NOON: u64 = 1_795_608_000_000;

impl Gateway {
    pub(crate) fn new() -> Self {
        let clock = Rc::new(TestClock::default());
        clock.set(NOON);
        let labels = Labels {
            route: "r".into(),
            route_id: "r-id".into(),
            service: "s".into(),
            service_id: "s-id".into(),
            described: Default::default(),
        };
        Self {
            identities: Rc::default(),
            clock,
            shared: Arc::default(),
            labels: Rc::new(labels),
            kinds: Arc::new(crate::kinds()),
            counters: Arc::default(),
        }
    }

    /// Adds a principal by this name, whose public id is `id-` and the name.
    pub(crate) fn principal(&mut self, name: &str) -> PrincipalIx {
        self.principal_in(name, &[])
    }

    /// The same, in groups.
    pub(crate) fn principal_in(&mut self, name: &str, groups: &[&str]) -> PrincipalIx {
        self.identities_mut().add_principal(Arc::new(Principal {
            id: name.into(),
            public_id: format!("id-{name}"),
            name: Some(name.to_owned()),
            external_id: None,
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            described: Some(format!("{{\"id\":\"id-{name}\"}}").into()),
            origin: Origin::default(),
        }))
    }

    /// Adds a credential by this key, whose public id and display is `id-` and the key.
    ///
    /// # Panics
    /// If it has problems.
    pub(crate) fn credential(
        &mut self,
        kind: &str,
        key: &str,
        principal: PrincipalIx,
        data: serde_json::Value,
    ) -> CredentialIx {
        let credential = Arc::new(credential(kind, key, data));
        let prepared = self.kind(kind).prepare_credential(&credential).expect("a sound credential");
        let kind = self.credential_kind(kind);
        self.identities_mut()
            .add_credential(kind, KnownCredential { credential, principal, prepared })
    }

    /// What is wrong with a credential.
    pub(crate) fn credential_problems(&self, kind: &str, data: serde_json::Value) -> Vec<Problem> {
        self.kind(kind).prepare_credential(&credential(kind, "k", data)).err().unwrap_or_default()
    }

    /// Starts a policy as the first worker would.
    ///
    /// # Panics
    /// If its configuration has problems.
    pub(crate) fn start(&self, kind: &str, config: serde_json::Value) -> Rc<dyn Filter> {
        self.start_on(0, kind, config)
    }

    /// Starts a policy as a worker would.
    pub(crate) fn start_on(
        &self,
        worker: usize,
        kind: &str,
        config: serde_json::Value,
    ) -> Rc<dyn Filter> {
        let prepared = match self.kind(kind).prepare(&policy(kind, config)) {
            Ok(prepared) => prepared,
            Err(problems) => panic!("{problems:#?}"),
        };
        assert_ne!(prepared.phases(), Phases::default());
        prepared.start(&self.worker(worker))
    }

    /// What is wrong with a configuration.
    pub(crate) fn problems(&self, kind: &str, config: serde_json::Value) -> Vec<Problem> {
        self.kind(kind).prepare(&policy(kind, config)).err().unwrap_or_default()
    }

    /// A `GET /` of 192.0.2.1 on the only route.
    pub(crate) fn exchange(&self) -> Exchange {
        let peer = SocketAddr::from(([192, 0, 2, 1], 1234));
        let view = Rc::new(Configured {
            identities: Rc::clone(&self.identities),
            labels: Rc::clone(&self.labels),
        });
        let mut exchange = Exchange::new(
            view,
            Client {
                connection: 1,
                address: peer.ip(),
                peer,
                local: SocketAddr::from(([127, 0, 0, 1], 8000)),
                trusted: false,
                scheme: Scheme::Http,
                sni: None,
                tls: None,
            },
        );
        exchange.request.set_target("/", "/");
        exchange.now = self.clock.now();
        exchange.route = Some(0);
        exchange
    }

    /// What the numbers by this name have come to, of those that bear a label.
    pub(crate) fn counted_with(&self, name: &str, label: (&'static str, &str)) -> u64 {
        let samples = self.counters.samples().into_iter().filter(|sample| sample.name == name);
        let labelled = samples.filter(|sample| {
            sample.labels.iter().any(|(name, value)| (*name, value.as_str()) == label)
        });
        labelled.map(|sample| sample.value).sum()
    }

    /// What the number by this name has come to.
    pub(crate) fn counted(&self, name: &str) -> u64 {
        let samples = self.counters.samples().into_iter();
        samples.filter(|sample| sample.name == name).map(|sample| sample.value).sum()
    }

    /// The index of a kind's credentials.
    pub(crate) fn credential_kind(&self, kind: &str) -> CredentialKind {
        self.kinds.credential_kind(kind).expect("a kind")
    }

    /// What a worker gives the policies that it starts.
    pub(crate) fn worker(&self, worker: usize) -> WorkerCx {
        WorkerCx {
            worker,
            shared: Arc::clone(&self.shared),
            kinds: Arc::clone(&self.kinds),
            clock: Rc::clone(&self.clock) as Rc<dyn Clock>,
            counters: Arc::clone(&self.counters),
            spawn: Rc::new(|future: LocalFuture<'static, ()>| {
                tokio::task::spawn_local(future);
            }),
        }
    }

    fn kind(&self, name: &str) -> Arc<dyn filter::PolicyKind> {
        Arc::clone(self.kinds.get(name).expect("a kind"))
    }

    fn identities_mut(&mut self) -> &mut Identities {
        Rc::get_mut(&mut self.identities).expect("identities are added before exchanges begin")
    }
}

/// The answer of a filter that does not wait; none if the exchange goes on.
pub(crate) fn answer(filter: &Rc<dyn Filter>, exchange: &mut Exchange) -> Option<Box<LocalReply>> {
    match filter.request(exchange) {
        Step::Done(flow) => reply(flow),
        Step::Wait(_) => panic!("it waits"),
    }
}

/// Runs a test that spawns.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    tokio::task::LocalSet::new().block_on(&runtime.expect("a runtime"), test)
}

/// Runs a test that spawns; time passes only when nothing else is to be done.
pub(crate) fn run_paused<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build();
    tokio::task::LocalSet::new().block_on(&runtime.expect("a runtime"), test)
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed() < std::time::Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

fn reply(flow: Flow) -> Option<Box<LocalReply>> {
    match flow {
        Flow::Continue => None,
        Flow::Reply(reply) => Some(reply),
    }
}

fn policy(kind: &str, config: serde_json::Value) -> Policy {
    Policy {
        id: "policy".into(),
        kind: kind.to_owned(),
        name: format!("{kind}-policy"),
        config,
        origins: Default::default(),
        origin: Origin::default(),
    }
}

fn credential(kind: &str, key: &str, data: serde_json::Value) -> Credential {
    Credential {
        id: key.into(),
        public_id: format!("id-{key}"),
        kind: kind.to_owned(),
        key: key.to_owned(),
        display: format!("id-{key}"),
        principal: "p".into(),
        data: CredentialData(data),
        origin: Origin::default(),
    }
}

struct Configured {
    identities: Rc<Identities>,
    labels: Rc<Labels>,
}

impl View for Configured {
    fn identities(&self) -> &Identities {
        &self.identities
    }

    fn labels(&self, _route: u32) -> &Labels {
        &self.labels
    }
}
