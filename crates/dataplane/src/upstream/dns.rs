//! Addresses of names, as a thread knows them.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use model::{Fingerprint, Resolver, fingerprint};
use tokio::sync::Notify;

use super::balance::wheel;
use super::known::Known;
use super::names::{Answer, Found, Names, NoAnswer};

/// The resolvers of a thread: one for each set of rules.
#[derive(Default)]
pub(crate) struct Resolvers(RefCell<HashMap<Fingerprint, Weak<Dns>>>);

impl Resolvers {
    /// The resolver by these rules; the same one as long as anybody holds it.
    pub(crate) fn of(&self, rules: &Resolver) -> Rc<Dns> {
        let mut all = self.0.borrow_mut();
        let key = fingerprint(&Resolver { origin: Default::default(), ..rules.clone() });
        if let Some(dns) = all.get(&key).and_then(Weak::upgrade) {
            return dns;
        }
        all.retain(|_, dns| dns.strong_count() > 0);
        let dns = Rc::new(Dns::new(rules.clone()));
        all.insert(key, Rc::downgrade(&dns));
        dns
    }
}

/// A resolver. Answers are kept for their time to live and then served stale while they are asked
/// for again, so that a slow name server delays no request but the first.
pub(crate) struct Dns {
    pub(super) rules: Resolver,
    /// Made when first needed: most threads need none.
    servers: OnceCell<Names>,
    names: RefCell<HashMap<Rc<str>, Entry>>,
}

struct Entry {
    known: Known,
    /// Indices of what is known, each as often as its weight demands.
    wheel: Rc<[u32]>,
    turn: Cell<usize>,
    /// Why nothing is known.
    why: Rc<str>,
    ask_at: Instant,
    asking: bool,
    /// Told when the first answer is there.
    answered: Rc<Notify>,
}

/// A name for which there is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unresolved(Rc<str>);

impl Dns {
    fn new(rules: Resolver) -> Self {
        Self { rules, servers: OnceCell::new(), names: RefCell::default() }
    }

    /// Asks the name servers, whatever is known.
    pub(super) async fn ask(&self, name: &str) -> Result<Answer, NoAnswer> {
        self.servers.get_or_init(|| Names::new(&self.rules)).ask(name).await
    }

    /// An address of a name, each time the next one, and the port if the name has one.
    pub(crate) async fn lookup(
        self: &Rc<Self>,
        name: &str,
    ) -> Result<(IpAddr, Option<u16>), Unresolved> {
        loop {
            let waiting = match self.cached(name) {
                Cached::Answer(answer) => return answer,
                Cached::Wait(answered) => answered,
            };
            // The answer may come between the look and the wait; `notify_waiters` would be
            // missed, but nothing else runs on this thread in between.
            waiting.notified().await;
        }
    }

    fn cached(self: &Rc<Self>, name: &str) -> Cached {
        let now = Instant::now();
        let mut names = self.names.borrow_mut();
        if names.len() > MAX_NAMES {
            names.retain(|_, entry| entry.asking || entry.ask_at + MAX_IDLE > now);
        }
        if !names.contains_key(name) {
            names.insert(name.into(), Entry::new(now));
        }
        let entry = names.get_mut(name).expect("it was there, or has been added");
        let is_due = now >= entry.ask_at;
        if is_due && !entry.asking {
            entry.asking = true;
            self.ask_again(name.into());
        }
        match entry.next().filter(|_| entry.known.is_good(now)) {
            Some(address) => Cached::Answer(Ok(address)),
            None if is_due => Cached::Wait(Rc::clone(&entry.answered)),
            None => Cached::Answer(Err(Unresolved(Rc::clone(&entry.why)))),
        }
    }

    fn ask_again(self: &Rc<Self>, name: Rc<str>) {
        let dns = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let answer = dns.ask(&name).await;
            let mut names = dns.names.borrow_mut();
            if let Some(entry) = names.get_mut(&name) {
                entry.learn(&answer, &dns.rules, Instant::now());
            }
        });
    }
}

impl Entry {
    fn new(now: Instant) -> Self {
        Self {
            known: Known::nothing(now),
            wheel: Rc::new([]),
            turn: Cell::new(0),
            why: "".into(),
            ask_at: now,
            asking: false,
            answered: Rc::new(Notify::new()),
        }
    }

    fn next(&self) -> Option<(IpAddr, Option<u16>)> {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        let index = *self.wheel.get(turn.checked_rem(self.wheel.len())?)?;
        let found = self.known.found.get(index as usize)?;
        Some((found.address, found.srv.as_ref().map(|srv| srv.port)))
    }

    fn learn(&mut self, answer: &Result<Answer, NoAnswer>, rules: &Resolver, now: Instant) {
        self.asking = false;
        self.ask_at = now + self.known.learn(answer, rules, now);
        if let Err(error) = answer {
            self.why = error.to_string().into();
        }
        let weight = |found: &Found| found.srv.as_ref().map_or(1, |srv| srv.weight);
        self.wheel = wheel(&self.known.found.iter().map(weight).collect::<Vec<_>>()).into();
        self.answered.notify_waiters();
    }
}

enum Cached {
    Answer(Result<(IpAddr, Option<u16>), Unresolved>),
    Wait(Rc<Notify>),
}

/// Names that are kept before those that nobody asks for are swept.
const MAX_NAMES: usize = 10_000;
/// Nobody has asked for a name whose answer is out of date for so long.
const MAX_IDLE: Duration = Duration::from_secs(60);
