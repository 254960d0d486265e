//! A running gateway: its workers, and what they are given to serve.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use filter::{Counters, Kinds, Shared};
use model::{ListenerId, Model, UpstreamId};

use crate::admission::Admission;
use crate::listen;
use crate::release::Release;
use crate::settings::{ConnectTo, Settings};
use crate::snapshot::{CompiledListener, Rejection, Snapshot};
use crate::telemetry::status::{self, StatusServer};
use crate::telemetry::{Telemetry, Traffic, Watched};
use crate::upstream::{CompiledUpstream, UndecidedHealth, Upkeep, UpstreamHealth};
use crate::watchdog::{Pulse, Watchdog};
use crate::worker::{Command, Common, Handle};

/// A running gateway.
pub struct Gateway {
    settings: Settings,
    common: Common,
    workers: Vec<Handle>,
    published: Mutex<Published>,
    /// Frees what workers have served.
    release: Release<Snapshot>,
    /// Answers as long as the gateway lives.
    status: Option<StatusServer>,
    /// Probes as long as the gateway lives.
    upkeep: Upkeep,
    /// Watches as long as the gateway lives.
    _watchdog: Watchdog,
}

/// What is served, and where.
struct Published {
    snapshot: Arc<Snapshot>,
    /// Where each listener of the snapshot really is, by its key.
    open: HashMap<String, SocketAddr>,
    ids: Vec<(ListenerId, SocketAddr)>,
}

impl Gateway {
    /// Starts the workers and the status listener. Nothing is served before something is
    /// published.
    ///
    /// # Errors
    /// If the system gives no threads, if the log file cannot be opened, or if the status address
    /// cannot be listened on.
    pub fn start(settings: Settings, kinds: Kinds) -> io::Result<Self> {
        let counters = Arc::new(Counters::default());
        let telemetry = Telemetry::new(&settings.access_log, Arc::clone(&counters))?;
        let inherited = &settings.inherited;
        let serve = |address| match inherited.take(address).pop() {
            Some(listener) => status::inherit(listener, Arc::clone(&telemetry)),
            None => status::serve(listen_for_status(address)?, Arc::clone(&telemetry)),
        };
        let status = settings.status_listen.map(serve).transpose()?;
        let common = Common {
            kinds: Arc::new(kinds),
            shared: Arc::new(Shared::default()),
            counters,
            telemetry,
            admission: Admission::new(settings.connections),
            origin: Instant::now(),
        };
        let workers = match settings.workers {
            0 => std::thread::available_parallelism()?.get(),
            workers => workers,
        };
        let pulses: Vec<_> = (0..workers).map(|_| Arc::<Pulse>::default()).collect();
        let workers = pulses.iter().enumerate();
        let workers = workers
            .map(|(number, pulse)| Handle::start(number, common.clone(), Arc::clone(pulse)))
            .collect::<io::Result<_>>()?;
        let watchdog = Watchdog::start(pulses, Arc::clone(&common.telemetry))?;
        let published = Published {
            snapshot: Arc::new(Snapshot::empty()),
            open: HashMap::new(),
            ids: Vec::new(),
        };
        let published = Mutex::new(published);
        let upkeep = Upkeep::start()?;
        let release = Release::start()?;
        let _watchdog = watchdog;
        Ok(Self { settings, common, workers, published, upkeep, release, status, _watchdog })
    }

    /// Compiles a model and brings it to all workers; returns when every one of them serves it.
    /// The revision, from 1, is what status and metrics call it.
    ///
    /// # Errors
    /// What about the model cannot be served. Nothing has changed then.
    pub fn publish(&self, model: &Model, revision: u64) -> Result<(), Vec<Rejection>> {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = Arc::clone(&published.snapshot);
        let (kinds, settings) = (&self.common.kinds, &self.settings);
        let started = Instant::now();
        let snapshot = Snapshot::compile(model, kinds, settings, Some(&previous))?;
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(revision, ms, "snapshot compiled");
        let (open, sockets) = self.open(&snapshot, &published.open)?;
        let snapshot = Arc::new(snapshot);
        self.upkeep.keep(&snapshot.upstreams);
        let watched = snapshot.upstreams.iter().filter(|upstream| upstream.is_watched());
        let watched = watched.map(|upstream| Arc::clone(upstream) as Arc<dyn Watched>);
        self.common.telemetry.watch(watched.collect());
        self.adopt(&snapshot, sockets);
        published.ids = ids(&snapshot, &open);
        published.open = open;
        published.snapshot = snapshot;
        self.release.take(previous);
        self.common.shared.sweep();
        let routes = published.snapshot.routes.iter().map(|route| &route.labels);
        self.common.telemetry.serving(revision, routes);
        self.common.telemetry.set_ready(true);
        if let Some(status) = &self.status {
            status.begin();
        }
        Ok(())
    }

    /// Where the listeners are: each with the address that clients reach it at.
    pub fn addresses(&self) -> Vec<(ListenerId, SocketAddr)> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).ids.clone()
    }

    /// Opens the access log's file anew, after it was renamed.
    pub fn reopen_logs(&self) {
        self.common.telemetry.reopen();
    }

    /// Takes note that a configuration was applied or refused, for the numbers.
    pub fn reloaded(&self, applied: bool) {
        self.common.telemetry.reloaded(applied);
    }

    /// Connections and requests of clients until now.
    pub fn traffic(&self) -> Traffic {
        self.common.telemetry.traffic()
    }

    /// How the members of an upstream are; `None` if there is no such upstream.
    pub fn health(&self, upstream: &UpstreamId) -> Option<UpstreamHealth> {
        Some(self.upstream(upstream)?.health())
    }

    /// Decides whether an endpoint, by its host and port in the model, or one address of it, is fit
    /// for use. It holds until checks find out otherwise.
    ///
    /// # Errors
    /// If there is no such endpoint, or its upstream has no health checks.
    pub fn decide_health(
        &self,
        upstream: &UpstreamId,
        endpoint: (&str, u16),
        address: Option<(IpAddr, u16)>,
        fit: bool,
    ) -> Result<(), UndecidedHealth> {
        let upstream = self.upstream(upstream).ok_or(UndecidedHealth::Unknown)?;
        upstream.decide(endpoint, address, fit)
    }

    fn upstream(&self, id: &UpstreamId) -> Option<Arc<CompiledUpstream>> {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.snapshot.upstreams.iter().find(|upstream| upstream.id == *id).cloned()
    }

    /// Copies of all sockets on which this gateway listens, for the status listener too: for a
    /// process that takes over. Both accept from them until this one drains.
    ///
    /// # Errors
    /// If the process may not have so many files open.
    pub fn listening_sockets(&self) -> io::Result<Vec<OwnedFd>> {
        let (sockets, shared) = mpsc::channel();
        for worker in &self.workers {
            worker.tell(Command::Share { sockets: sockets.clone() });
        }
        drop(sockets);
        let mut all =
            self.status.iter().map(StatusServer::socket).collect::<io::Result<Vec<_>>>()?;
        for sockets in shared {
            all.extend(sockets?);
        }
        Ok(all)
    }

    /// Leaves the status listener to the process that takes over.
    pub fn leave_status(&self) {
        if let Some(status) = &self.status {
            status.leave();
        }
    }

    /// Takes no more connections and waits until those there are have ended, or until the time
    /// is over. Says whether all have.
    pub fn drain(&self, limit: Duration) -> bool {
        // Whoever still asks this process after another has taken over means that one.
        let succeeded = self.status.as_ref().is_some_and(StatusServer::has_left);
        self.common.telemetry.set_ready(succeeded);
        let (done, drained) = mpsc::channel();
        for worker in &self.workers {
            worker.tell(Command::Drain { done: done.clone() });
        }
        drop(done);
        let end = Instant::now() + limit;
        let all = self
            .workers
            .iter()
            .all(|_| drained.recv_timeout(end.saturating_duration_since(Instant::now())).is_ok());
        self.common.telemetry.flush();
        all
    }

    /// Opens sockets for the listeners that have none yet.
    #[expect(clippy::type_complexity, reason = "a map, and per worker a list, of sockets")]
    fn open(
        &self,
        snapshot: &Snapshot,
        before: &HashMap<String, SocketAddr>,
    ) -> Result<(HashMap<String, SocketAddr>, Vec<Vec<(u32, TcpListener)>>), Vec<Rejection>> {
        let mut open = HashMap::new();
        let mut sockets: Vec<Vec<_>> = self.workers.iter().map(|_| Vec::new()).collect();
        let mut rejections = Vec::new();
        for (ix, listener) in (0..).zip(&snapshot.listeners) {
            if let Some(address) = before.get(&listener.key) {
                open.insert(listener.key.clone(), *address);
                continue;
            }
            let (bind, backlog) = (listener.bind, listener.backlog);
            match listen::open(bind, backlog, self.workers.len(), &self.settings.inherited) {
                Ok((address, opened)) => {
                    open.insert(listener.key.clone(), address);
                    for (sockets, own) in sockets.iter_mut().zip(opened) {
                        sockets.extend(own.into_iter().map(|socket| (ix, socket)));
                    }
                }
                Err(error) => rejections.push(cannot_listen(listener, &error)),
            }
        }
        if rejections.is_empty() { Ok((open, sockets)) } else { Err(rejections) }
    }

    fn adopt(&self, snapshot: &Arc<Snapshot>, sockets: Vec<Vec<(u32, TcpListener)>>) {
        let (done, adopted) = mpsc::channel();
        for (worker, sockets) in self.workers.iter().zip(sockets) {
            let (snapshot, done) = (Arc::clone(snapshot), done.clone());
            worker.tell(Command::Adopt { snapshot, sockets, done });
        }
        drop(done);
        // Ends when all have answered, or are gone.
        adopted.iter().for_each(drop);
    }
}

/// Compiles a model as [`Gateway::publish`] does and opens nothing: what about it could not be
/// served.
pub fn compile_check(model: &Model, kinds: &Kinds, connect_to: &[ConnectTo]) -> Vec<Rejection> {
    let settings = Settings { connect_to: connect_to.to_vec(), ..Settings::default() };
    Snapshot::compile(model, kinds, &settings, None).err().unwrap_or_default()
}

fn listen_for_status(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        io::Error::new(error.kind(), format!("the status address {address}: {error}"))
    })
}

fn ids(snapshot: &Snapshot, open: &HashMap<String, SocketAddr>) -> Vec<(ListenerId, SocketAddr)> {
    let place =
        |listener: &CompiledListener| Some((listener.id.clone(), *open.get(&listener.key)?));
    snapshot.listeners.iter().filter_map(place).collect()
}

fn cannot_listen(listener: &CompiledListener, error: &io::Error) -> Rejection {
    let address = listener.bind;
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => "another process listens there: end it, or choose another port",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE): grant it, or choose another"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address: choose one of its own"
        }
        _ => "choose another address",
    };
    let message = format!("cannot listen on {address}: {error}");
    Rejection::cannot_listen(&listener.origin, message, help)
}
