//! A worker's upstream: whom it chooses from, and its idle connections.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use filter::Exchange;
use model::{Balance, Pool};

use super::balance::Selection;
use super::state::Outcome;
use super::{CompiledUpstream, Dns, Key, Member, Resolvers};
use crate::http1::conn::Conn;
use crate::router::Found;

/// A worker's upstream.
pub(crate) struct LiveUpstream {
    pub(crate) compiled: Arc<CompiledUpstream>,
    pub(crate) dns: Rc<Dns>,
    /// Where turns stand.
    turn: Cell<usize>,
    /// What `set` was made of.
    version: Cell<u64>,
    set: RefCell<Set>,
}

/// Members, and how one of them is chosen.
struct Set {
    members: Vec<Rc<LiveMember>>,
    selection: Selection,
}

/// A worker's member.
pub(crate) struct LiveMember {
    pub(crate) member: Arc<Member>,
    idle: RefCell<Vec<Idle>>,
}

/// A member, for as long as a request is sent to it and answered.
pub(crate) struct Lease {
    live: Rc<LiveMember>,
    counted: bool,
}

/// A connection that waits for its next request.
struct Idle {
    link: Link,
    since_us: u64,
}

/// A connection to an endpoint.
pub(crate) struct Link {
    pub(crate) conn: Box<Conn>,
    /// The endpoint's address.
    pub(crate) address: SocketAddr,
    /// The TLS server name that it was opened for.
    pub(crate) server_name: Option<Rc<str>>,
    /// Requests sent on it so far.
    pub(crate) requests: u64,
}

impl LiveUpstream {
    /// Starts an upstream on a worker. Workers start their turns at different endpoints.
    pub(crate) fn new(
        compiled: Arc<CompiledUpstream>,
        worker: usize,
        resolvers: &Resolvers,
    ) -> Rc<Self> {
        let dns = resolvers.of(&compiled.resolver);
        let set = Set { members: Vec::new(), selection: Selection::Nobody };
        let (turn, version) = (Cell::new(worker), Cell::new(compiled.group.version()));
        let live = Self { compiled, dns, turn, version, set: RefCell::new(set) };
        live.refresh();
        Rc::new(live)
    }

    /// What decides which member answers a request.
    pub(crate) fn key(
        &self,
        x: &Exchange,
        found: &Found<'_>,
        random: impl FnOnce() -> u128,
    ) -> Key {
        match &self.compiled.balance {
            Balance::Hash(hash) => Key::of(&hash.keys, x, found, random),
            _ => Key::default(),
        }
    }

    /// The member that a request goes to; `None` if there is none that takes requests. Those that
    /// it was sent to in vain are left out, unless there are no others.
    pub(crate) fn pick(&self, key: &Key, tried: &[Rc<LiveMember>]) -> Option<Lease> {
        let version = self.compiled.group.version();
        if self.version.get() != version {
            self.version.set(version);
            self.refresh();
        }
        let set = self.set.borrow();
        let index = set.selection.pick(&set.members, key.hash, &self.turn, tried)?;
        Some(self.lease(&set.members[index as usize]))
    }

    fn lease(&self, live: &Rc<LiveMember>) -> Lease {
        let counted = self.compiled.counts_requests();
        if counted {
            live.member.state.begin();
        }
        Lease { live: Rc::clone(live), counted }
    }

    /// Looks anew who the members are and which of them are fit. Members that were there before
    /// keep their connections.
    fn refresh(&self) {
        let before = std::mem::take(&mut self.set.borrow_mut().members);
        let live = |member: &Arc<Member>| {
            let known = before.iter().find(|live| Arc::ptr_eq(&live.member, member));
            known.map_or_else(|| Rc::new(LiveMember::new(Arc::clone(member))), Rc::clone)
        };
        let roster = self.compiled.roster.members();
        let members: Vec<_> = roster.iter().map(live).collect();
        let usable = self.compiled.is_usable(&roster);
        let fit: Vec<_> = members
            .iter()
            .map(|live| (Rc::clone(live), usable && self.compiled.is_fit(&live.member)))
            .collect();
        let selection =
            Selection::new(&self.compiled.balance, self.compiled.roster.endpoints.len(), &fit);
        self.set.replace(Set { members, selection });
    }

    /// Takes note of what became of a try, if the upstream learns from that.
    pub(crate) fn note(&self, member: &Member, outcome: Outcome) {
        let Some(rules) = &self.compiled.passive else { return };
        if member.state.note(rules, outcome) {
            self.compiled.verdict_changed(member, "requests");
        }
    }

    /// Takes note of how long a member took to answer, if that counts.
    pub(crate) fn note_latency(&self, member: &Member, latency_us: u64, now_us: u64) {
        if self.compiled.balance == Balance::Latency {
            member.state.add_latency(latency_us, now_us);
        }
    }

    /// An idle connection to a member that is fit for use.
    pub(crate) fn take(
        &self,
        member: &LiveMember,
        server_name: Option<&str>,
        now_us: u64,
    ) -> Option<Link> {
        let mut idle = member.idle.borrow_mut();
        // The youngest first: it is the least likely to be closed by the other side.
        let mut at = idle.len();
        while at > 0 {
            at -= 1;
            if idle[at].link.server_name.as_deref() != server_name {
                continue;
            }
            let mut found = idle.remove(at);
            let expired = is_past(found.since_us, self.pool().idle_timeout, now_us);
            if !expired && !found.link.conn.socket.is_disturbed() {
                return Some(found.link);
            }
        }
        None
    }

    /// Keeps a connection for the next request, if it may be.
    pub(crate) fn put(&self, member: &LiveMember, link: Link, now_us: u64) {
        let pool = self.pool();
        let worn = pool.max_requests > 0 && link.requests >= pool.max_requests;
        let mut idle = member.idle.borrow_mut();
        if worn || pool.max_idle == 0 {
            return;
        }
        if idle.len() >= pool.max_idle {
            idle.remove(0);
        }
        idle.push(Idle { link, since_us: now_us });
    }

    /// Closes connections that were idle for too long, or that the other side has closed.
    pub(crate) fn sweep(&self, now_us: u64) {
        for member in &self.set.borrow().members {
            member.idle.borrow_mut().retain_mut(|idle| {
                !is_past(idle.since_us, self.pool().idle_timeout, now_us)
                    && !idle.link.conn.socket.is_disturbed()
            });
        }
    }

    fn pool(&self) -> &Pool {
        &self.compiled.pool
    }
}

impl LiveMember {
    pub(super) fn new(member: Arc<Member>) -> Self {
        Self { member, idle: RefCell::default() }
    }
}

impl Lease {
    /// The member, beyond the lease.
    pub(crate) fn member(&self) -> Rc<LiveMember> {
        Rc::clone(&self.live)
    }
}

impl Deref for Lease {
    type Target = LiveMember;

    fn deref(&self) -> &LiveMember {
        &self.live
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.counted {
            self.live.member.state.end();
        }
    }
}

fn is_past(since_us: u64, limit: Duration, now_us: u64) -> bool {
    !limit.is_zero() && u128::from(now_us.saturating_sub(since_us)) >= limit.as_micros()
}
