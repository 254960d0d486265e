//! A cluster: which node holds which keys.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use filter::LocalFuture;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::super::config::Address;
use super::alarm::{Alarm, Alarms};
use super::dial::{DialError, Dialer};
use super::journal::Journal;
use super::key::Key;
use super::node::{Node, Target, Unavailable};

pub(super) type Spawn = Rc<dyn Fn(LocalFuture<'static, ()>)>;

/// The nodes of a cluster, each with a connection and a breaker of its own.
pub(super) struct Cluster {
    state: Arc<Shared>,
    /// The task ends when this goes.
    _alive: oneshot::Sender<Infallible>,
}

/// What the task and the requests share.
struct Shared {
    dialer: Arc<Dialer>,
    known: watch::Sender<Known>,
    /// Something showed that what is known may be wrong.
    stale: Notify,
    journal: Journal,
    alarms: Alarms,
    alarm: Alarm,
}

#[derive(Clone)]
enum Known {
    /// The nodes are being asked; it may be worth waiting for.
    Asking,
    Slots(Arc<Slots>),
    /// No node tells.
    Nothing,
}

/// Who holds what: ranges of slots, sorted.
#[derive(Default)]
struct Slots {
    ranges: Vec<Range>,
    nodes: HashMap<Address, Arc<Node>>,
    /// They count nothing, but one may become the master.
    replicas: HashSet<Address>,
}

struct Range {
    first: u16,
    last: u16,
    node: Arc<Node>,
}

/// How often what is known is asked for again: if nothing is amiss, and while a node is down,
/// whose place another may take.
const EVERY: (Duration, Duration) = (Duration::from_secs(30), Duration::from_millis(500));
/// How soon after the last time it is asked for if something showed that it is wrong.
const SOONEST: Duration = Duration::from_millis(100);

/// How often a request is sent on from one node to another.
const REDIRECTS: usize = 3;

impl Cluster {
    /// A cluster, and the task that keeps up what is known of it.
    pub(super) fn new(
        dialer: Arc<Dialer>,
        alarms: Alarms,
        spawn: Spawn,
    ) -> (Self, LocalFuture<'static, ()>) {
        let (alive, dropped) = oneshot::channel();
        let journal = Journal::new(dialer.settings.name());
        let known = watch::Sender::new(Known::Asking);
        let alarm = alarms.alarm("cluster");
        let stale = Notify::new();
        let state = Arc::new(Shared { dialer, known, stale, journal, alarms, alarm });
        let kept_up = Arc::clone(&state);
        let task = Box::pin(async move {
            tokio::select! {
                _ = dropped => {}
                () = kept_up.keep_up(&spawn) => {}
                () = kept_up.alarm.on_raised(|| { kept_up.stop_waiting(); }) => {}
            }
        });
        (Self { state, _alive: alive }, task)
    }

    /// Whether the node that holds a key is known not to answer.
    pub(super) fn is_down(&self, key: &Key) -> bool {
        match &*self.state.known.borrow() {
            Known::Asking => false,
            Known::Nothing => true,
            Known::Slots(slots) => slots.holder(key.slot()).is_none_or(|node| node.is_down()),
        }
    }

    /// Asks the node that holds a key, or the one that it names.
    pub(super) async fn ask<T>(
        &self,
        deadline: Instant,
        key: &Key,
        question: impl AsyncFn(&mut redis::aio::MultiplexedConnection, bool) -> RedisResult<T>,
    ) -> Result<T, Unavailable> {
        let slots = self.state.slots(deadline).await?;
        let mut node = slots.holder(key.slot());
        let mut asking = false;
        for _ in 0..=REDIRECTS {
            let Some(holder) = node else { break };
            let answered = holder
                .ask(deadline, async |connection| question(connection, asking).await)
                .await;
            let Err(Unavailable::Redis(error)) = &answered else {
                if answered.is_err() {
                    self.state.stale.notify_one();
                }
                return answered;
            };
            let Some(address) = redirection(error, holder) else { return answered };
            asking = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
            if !asking {
                self.state.stale.notify_one();
            }
            node = slots.nodes.get(&address);
        }
        self.state.stale.notify_one();
        Err(Unavailable::NoNode)
    }
}

impl Shared {
    async fn slots(&self, deadline: Instant) -> Result<Arc<Slots>, Unavailable> {
        let mut known = self.known.subscribe();
        let settled = known.wait_for(|known| !matches!(known, Known::Asking));
        match timeout_at(deadline, settled).await {
            Ok(Ok(known)) => match &*known {
                Known::Slots(slots) => Ok(Arc::clone(slots)),
                _ => Err(Unavailable::Down),
            },
            Ok(Err(_)) => Err(Unavailable::Down),
            Err(_) => {
                if self.stop_waiting() {
                    self.alarm.raise();
                }
                Err(Unavailable::Timeout)
            }
        }
    }

    /// Nobody has told in time who holds what: requests are answered at once. Says whether they
    /// were not before.
    fn stop_waiting(&self) -> bool {
        self.known.send_if_modified(|known| {
            let asking = matches!(known, Known::Asking);
            if asking {
                *known = Known::Nothing;
            }
            asking
        })
    }

    /// Asks for the slots, waits until there is reason to ask again, and again.
    async fn keep_up(&self, spawn: &Spawn) {
        let mut previous = Arc::new(Slots::default());
        loop {
            match self.discover(&previous).await {
                Ok(entries) => {
                    previous = Arc::new(self.adopt(entries, &previous, spawn));
                    self.known.send_replace(Known::Slots(Arc::clone(&previous)));
                    self.journal.found();
                    sleep(SOONEST).await;
                    let down = previous.nodes.values().any(|node| node.is_down());
                    let wait = if down { EVERY.1 } else { EVERY.0 };
                    let _ = timeout(wait, self.stale.notified()).await;
                }
                Err(error) => {
                    // Nodes that were known may still answer, though none tells.
                    if previous.ranges.is_empty() {
                        self.known.send_replace(Known::Nothing);
                    }
                    self.journal.lost(&error);
                    sleep(EVERY.1).await;
                }
            }
        }
    }

    /// Who holds what, by the first node that tells: those that are known and answer, those that
    /// may take their place, then the configured.
    async fn discover(&self, previous: &Slots) -> Result<Vec<Entry>, DialError> {
        let mut failure = DialError::NoNode;
        let answering = previous.nodes.iter().filter(|(_, node)| !node.is_down());
        let known = answering.map(|(address, _)| address).chain(&previous.replicas);
        for address in known.chain(&self.dialer.settings.nodes) {
            match self.ask_slots(address).await {
                Ok(entries) if !entries.is_empty() => return Ok(entries),
                Ok(_) => {}
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn ask_slots(&self, address: &Address) -> Result<Vec<Entry>, DialError> {
        let mut dialed = self.dialer.any(address).await?;
        let asked = self.dialer.ask(&mut dialed, |mut connection| async move {
            let mut command = redis::cmd("CLUSTER");
            command.arg("SLOTS").query_async::<Vec<Vec<Value>>>(&mut connection).await
        });
        let limit = self.dialer.settings.connect_timeout;
        let answered = timeout(limit, asked)
            .await
            .map_err(|_| DialError::Timeout(address.clone(), limit.as_millis()))??;
        let entries = answered.into_iter().map(|entry| read(entry, address));
        entries.collect::<RedisResult<_>>().map_err(|error| DialError::Redis(address.clone(), error))
    }

    /// Keeps the nodes that still hold something, starts those that are new.
    fn adopt(
        &self,
        entries: Vec<Entry>,
        previous: &Slots,
        spawn: &Spawn,
    ) -> Slots {
        let mut slots = Slots::default();
        for Entry { first, last, master, replicas } in entries {
            let node = slots.nodes.entry(master).or_insert_with_key(|address| {
                previous.nodes.get(address).cloned().unwrap_or_else(|| {
                    let (target, dialer) =
                        (Target::Member(address.clone()), Arc::clone(&self.dialer));
                    let (node, task) = Node::new(target, dialer, &self.alarms);
                    spawn(task);
                    Arc::new(node)
                })
            });
            slots.ranges.push(Range { first, last, node: Arc::clone(node) });
            slots.replicas.extend(replicas);
        }
        slots.ranges.sort_by_key(|range| range.first);
        slots
    }
}

impl Slots {
    fn holder(&self, slot: u16) -> Option<&Arc<Node>> {
        let after = self.ranges.partition_point(|range| range.first <= slot);
        let range = self.ranges[..after].last()?;
        (slot <= range.last).then_some(&range.node)
    }
}

/// The node that an error names as the one to ask. Without a host it is that of the node asked.
fn redirection(error: &RedisError, asked: &Node) -> Option<Address> {
    let (address, _slot) = error.redirect_node()?;
    let (host, port) = address.rsplit_once(':')?;
    let host = if host.is_empty() { asked.host() } else { host };
    Some(Address { host: host.to_owned(), port: port.parse().ok()? })
}

/// One entry of the answer to `CLUSTER SLOTS`.
struct Entry {
    first: u16,
    last: u16,
    master: Address,
    replicas: Vec<Address>,
}

/// Reads an entry: first slot, last slot, master, replicas.
fn read(entry: Vec<Value>, asked: &Address) -> RedisResult<Entry> {
    let mut entry = entry.into_iter();
    let mut number = || redis::from_redis_value(entry.next().unwrap_or(Value::Nil));
    let (first, last) = (number()?, number()?);
    let mut nodes = entry.map(|node| address(node, asked));
    let unexpected = (ErrorKind::UnexpectedReturnType, "slots without a master");
    let master = nodes.next().ok_or(unexpected)??;
    // A replica without an address cannot take anybody's place.
    Ok(Entry { first, last, master, replicas: nodes.flatten().collect() })
}

/// Reads a node: host, port, and more. A node that does not know by what name it is reached leaves
/// its own out.
fn address(node: Value, asked: &Address) -> RedisResult<Address> {
    let mut node = redis::from_redis_value::<Vec<Value>>(node)?.into_iter();
    let host: Option<String> = redis::from_redis_value(node.next().unwrap_or(Value::Nil))?;
    let port = redis::from_redis_value(node.next().unwrap_or(Value::Nil))?;
    let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| asked.host.clone());
    Ok(Address { host, port })
}
