//! A worker's way to a store, and the pool of these.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use filter::WorkerCx;
use parking_lot::Mutex;
use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

use super::alarm::Alarms;
use super::cluster::Cluster;
use super::dial::Dialer;
use super::key::Key;
use super::node::{Node, Target, Unavailable};
use super::settings::{Settings, Topology};

/// A worker's way to the servers of a store.
pub(super) enum Link {
    Server(Node),
    Cluster(Cluster),
}

/// The link that policies of one worker with equal settings share, over reloads too. The last that
/// lets go of it closes it.
pub(super) struct Pooled {
    link: Arc<Link>,
    /// Stays where the next policy looks as long as a link of it is in use.
    _pool: Arc<Pool>,
}

/// The links of one worker.
#[derive(Default)]
struct Pool(Mutex<HashMap<Settings, Weak<Link>>>);

impl Pooled {
    /// The link of a worker by these settings.
    pub(super) fn start(settings: &Settings, cx: &WorkerCx) -> Self {
        let name = format!("rate-limit/links/{}", cx.worker);
        let pool = cx.shared.get_or_make(&name, Pool::default);
        Self { link: pool.link(settings, cx), _pool: pool }
    }
}

impl Deref for Pooled {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
    }
}

impl Pool {
    fn link(&self, settings: &Settings, cx: &WorkerCx) -> Arc<Link> {
        let mut links = self.0.lock();
        if let Some(link) = links.get(settings).and_then(Weak::upgrade) {
            return link;
        }
        links.retain(|_, link| link.strong_count() > 0);
        let link = Arc::new(Link::start(settings, cx));
        links.insert(settings.clone(), Arc::downgrade(&link));
        link
    }
}

impl Link {
    fn start(settings: &Settings, cx: &WorkerCx) -> Self {
        let alarms = Alarms::of(settings, cx);
        let dialer = Arc::new(Dialer::new(settings.clone()));
        let (link, task) = if settings.topology == Topology::Cluster {
            let (cluster, task) = Cluster::new(dialer, alarms, cx.spawn.clone());
            (Self::Cluster(cluster), task)
        } else {
            let (node, task) = Node::new(Target::Server, dialer, &alarms);
            (Self::Server(node), task)
        };
        (cx.spawn)(task);
        link
    }

    /// Whether asking for a key would fail at once.
    pub(super) fn is_down(&self, key: &Key) -> bool {
        match self {
            Self::Server(node) => node.is_down(),
            Self::Cluster(cluster) => cluster.is_down(key),
        }
    }

    /// Asks the server that holds a key, and waits until the deadline. In a cluster the question
    /// may be put twice, and the second time have to be preceded by `ASKING`.
    pub(super) async fn ask<T>(
        &self,
        deadline: Instant,
        key: &Key,
        question: impl AsyncFn(&mut MultiplexedConnection, bool) -> RedisResult<T>,
    ) -> Result<T, Unavailable> {
        match self {
            Self::Server(node) => {
                node.ask(deadline, async |connection| question(connection, false).await).await
            }
            Self::Cluster(cluster) => cluster.ask(deadline, key, question).await,
        }
    }
}
