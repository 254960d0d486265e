//! Addresses of endpoints that are given by name.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use tokio::sync::Notify;

/// A worker's resolver. Answers are kept for their time to live and then served stale while they
/// are asked for again, so that a slow name server delays no request but the first.
pub(crate) struct Dns {
    resolver: Option<TokioResolver>,
    names: RefCell<HashMap<Rc<str>, Entry>>,
    turn: Cell<usize>,
}

struct Entry {
    addresses: Result<Rc<[IpAddr]>, Unresolved>,
    fresh_until: Instant,
    stale_until: Instant,
    asking: bool,
    /// Told when the first answer is there.
    answered: Rc<Notify>,
}

/// A name for which there is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unresolved(Rc<str>);

impl Dns {
    /// A resolver with the system's configuration and hosts file.
    pub(crate) fn new() -> Rc<Self> {
        let built = TokioResolver::builder_tokio().and_then(|builder| builder.build());
        let resolver = match built {
            Ok(resolver) => Some(resolver),
            Err(error) => {
                tracing::warn!(%error, "no name server configuration; only addresses will work");
                None
            }
        };
        Rc::new(Self { resolver, names: RefCell::default(), turn: Cell::new(0) })
    }

    /// An address of a name: each time the next one.
    pub(crate) async fn lookup(self: &Rc<Self>, name: &str) -> Result<IpAddr, Unresolved> {
        loop {
            let waiting = match self.cached(name) {
                Cached::Answer(answer) => {
                    let addresses = answer?;
                    let turn = self.turn.get();
                    self.turn.set(turn.wrapping_add(1));
                    return Ok(addresses[turn % addresses.len()]);
                }
                Cached::Wait(answered) => answered,
            };
            // The answer may come between the look and the wait; `notify_waiters` would be
            // missed, but nothing else runs on this worker in between.
            waiting.notified().await;
        }
    }

    fn cached(self: &Rc<Self>, name: &str) -> Cached {
        let now = Instant::now();
        let mut names = self.names.borrow_mut();
        if names.len() > MAX_NAMES {
            names.retain(|_, entry| entry.asking || entry.stale_until > now);
        }
        if let Some(entry) = names.get_mut(name) {
            if now < entry.fresh_until {
                return Cached::Answer(entry.addresses.clone());
            }
            let usable = entry.addresses.is_ok() && now < entry.stale_until;
            if !entry.asking {
                entry.asking = true;
                self.ask(name.into());
            }
            if usable {
                return Cached::Answer(entry.addresses.clone());
            }
            return Cached::Wait(Rc::clone(&entry.answered));
        }
        let answered = Rc::new(Notify::new());
        let entry = Entry {
            addresses: Err(Unresolved("not asked yet".into())),
            fresh_until: now,
            stale_until: now,
            asking: true,
            answered: Rc::clone(&answered),
        };
        names.insert(name.into(), entry);
        self.ask(name.into());
        Cached::Wait(answered)
    }

    fn ask(self: &Rc<Self>, name: Rc<str>) {
        let dns = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let (answer, ttl) = dns.resolve(&name).await;
            let now = Instant::now();
            let mut names = dns.names.borrow_mut();
            let Some(entry) = names.get_mut(&name) else { return };
            entry.asking = false;
            entry.fresh_until = now + ttl;
            let failed = answer.is_err();
            // A failed refresh keeps the stale answer in use.
            if !(failed && entry.addresses.is_ok() && now < entry.stale_until) {
                entry.addresses = answer;
            }
            if !failed {
                entry.stale_until = now + ttl + STALE;
            }
            entry.answered.notify_waiters();
        });
    }

    async fn resolve(&self, name: &str) -> (Result<Rc<[IpAddr]>, Unresolved>, Duration) {
        let Some(resolver) = &self.resolver else {
            return (Err(Unresolved("no name server is configured".into())), NEGATIVE);
        };
        let lookup = tokio::time::timeout(PATIENCE, resolver.lookup_ip(name)).await;
        match lookup {
            Err(_) => (Err(Unresolved("the name servers do not answer".into())), NEGATIVE),
            Ok(Err(error)) => (Err(Unresolved(error.to_string().into())), NEGATIVE),
            Ok(Ok(found)) => {
                let addresses: Rc<[IpAddr]> = found.iter().collect();
                if addresses.is_empty() {
                    return (Err(Unresolved("the name has no address".into())), NEGATIVE);
                }
                let ttl = found.valid_until().saturating_duration_since(Instant::now());
                (Ok(addresses), ttl.max(NEGATIVE))
            }
        }
    }
}

enum Cached {
    Answer(Result<Rc<[IpAddr]>, Unresolved>),
    Wait(Rc<Notify>),
}

/// How long an answer may be used beyond its time to live while a new one is sought.
const STALE: Duration = Duration::from_secs(3600);
/// How long a failure is believed, and the least time an answer is.
const NEGATIVE: Duration = Duration::from_secs(1);
/// How long all name servers together may take.
const PATIENCE: Duration = Duration::from_secs(6);
/// Names that are kept before those out of date are swept.
const MAX_NAMES: usize = 10_000;
