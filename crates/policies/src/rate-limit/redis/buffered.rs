//! Counting in memory, and exchanging counts with Redis now and then.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ::filter::{Clock, WorkerCx};
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::super::counters::{Counters, Untold};
use super::super::limit::{Current, Verdict};
use super::key::Keys;
use super::link::Pooled;
use super::node::Unavailable;
use super::script::Run;
use super::settings::Settings;

/// Counts in the memory of the node, and tells Redis now and then how many requests came, whereby
/// it learns how many came to others.
///
/// No request waits. Between two exchanges, nodes let through what they would without each other.
/// What was not told when the last policy with the counters goes is lost.
pub(crate) struct Buffered {
    buffer: Arc<Buffer>,
    /// The task ends when this goes.
    _alive: oneshot::Sender<Infallible>,
}

/// What the workers of a node share.
struct Buffer {
    counters: Counters,
    /// When counts are to be exchanged next. All workers look, one does it.
    due: Mutex<Instant>,
}

/// The task of one worker.
struct Teller {
    buffer: Arc<Buffer>,
    keys: Keys,
    every: Duration,
    /// How long an answer may take; no request waits for it.
    patience: Duration,
    link: Pooled,
    clock: Rc<dyn Clock>,
}

/// How many identifiers are told at the same time.
const AT_ONCE: usize = 64;

impl Buffered {
    pub(super) fn start(
        settings: &Settings,
        keys: &Keys,
        every: Duration,
        link: Pooled,
        cx: &WorkerCx,
    ) -> Self {
        let Settings { database, connect_timeout, .. } = settings;
        let name = format!("rate-limit/redis/{}/{database}/{}", settings.name(), keys.name());
        let make = || Buffer { counters: Counters::new(), due: Mutex::new(Instant::now()) };
        let buffer = cx.shared.get_or_make(&name, make);
        let teller = Teller {
            buffer: Arc::clone(&buffer),
            keys: keys.clone(),
            every,
            patience: *connect_timeout,
            link,
            clock: Rc::clone(&cx.clock),
        };
        let (alive, dropped) = oneshot::channel();
        (cx.spawn)(Box::pin(async move {
            tokio::select! {
                _ = dropped => {}
                () = teller.run() => {}
            }
        }));
        Self { buffer, _alive: alive }
    }

    /// Counts a request, unless a limit is reached as far as is known here.
    pub(crate) fn take(
        &self,
        identifier: &[u8],
        currents: &mut [Current],
        unix_ms: u64,
    ) -> Verdict {
        self.buffer.counters.take(identifier, currents, unix_ms)
    }
}

impl Buffer {
    /// Whether it is time, and nobody else's turn.
    fn is_due(&self, every: Duration) -> bool {
        let now = Instant::now();
        let mut due = self.due.lock();
        let is_due = *due <= now;
        if is_due {
            // Half: the worker that did it is to find itself due when it wakes again.
            *due = now + every / 2;
        }
        is_due
    }
}

impl Teller {
    async fn run(&self) {
        loop {
            sleep(self.every).await;
            if !self.buffer.is_due(self.every) {
                continue;
            }
            for untold in self.buffer.counters.untold() {
                for untold in untold.chunks(AT_ONCE) {
                    join_all(untold.iter().map(|untold| self.tell(untold))).await;
                }
            }
        }
    }

    /// Tells what one identifier has used, and learns what it has used everywhere.
    async fn tell(&self, untold: &Untold) {
        let totals = self.totals(untold).await.ok();
        self.buffer.counters.told(untold, totals.as_deref());
    }

    async fn totals(&self, untold: &Untold) -> Result<Vec<u64>, Unavailable> {
        let now = self.clock.now().unix_ms;
        let counts = untold.counts.iter();
        let (keys, requests) = counts
            .map(|count| {
                let key = self.keys.key(&untold.identifier, count.period, count.start);
                let lifetime = count.period.window(count.start).lifetime(now);
                (key, (count.requests, lifetime))
            })
            .unzip();
        let run = Run::add(keys, requests);
        let deadline = Instant::now() + self.patience;
        let tell = async |connection: &mut MultiplexedConnection, asking| {
            run.on(connection, asking).await
        };
        self.link.ask(deadline, run.key(), tell).await
    }
}

/// Waits for all, at the same time.
pub(super) async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    let mut outputs = Vec::with_capacity(waiting.len());
    std::future::poll_fn(move |context| {
        waiting.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(output) => {
                outputs.push(output);
                false
            }
        });
        if waiting.is_empty() { Poll::Ready(std::mem::take(&mut outputs)) } else { Poll::Pending }
    })
    .await
}
