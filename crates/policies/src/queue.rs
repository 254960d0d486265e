//! What stands between a request and a sink of records that may be slow, or gone.
//!
//! A policy pushes entries and never waits. A task of its own on the worker takes them in batches
//! and tries each again, after growing pauses, until the sink has it or has had time enough. What
//! finds no room, or is given up, is counted.

mod settings;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use filter::{Counter, LocalFuture, WorkerCx};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use settings::Limits;
pub(crate) use settings::Settings;

/// One entry, as the sink sends it.
pub(crate) type Entry = Vec<u8>;

/// Where entries go.
pub(crate) trait Sink: 'static {
    /// Where that is, for messages; no secrets.
    fn place(&self) -> &str;

    /// Sends a batch, which is never empty. It sets itself a limit of time. An error says what
    /// failed; the batch is then sent again as a whole.
    fn send(&self, batch: &[Entry]) -> impl Future<Output = Result<(), String>>;
}

/// A queue in front of a sink, on one worker. What it holds when it is dropped is still sent.
pub(crate) struct Queue<S: Sink>(Rc<Inner<S>>);

struct Inner<S> {
    sink: S,
    limits: Limits,
    waiting: RefCell<Waiting>,
    /// Told when entries come, and when the end does.
    changed: Notify,
    /// Told when a task has nothing left to send.
    rested: Notify,
    /// How many tasks send, each a batch.
    sending: Cell<usize>,
    /// Nothing waits to be sent together any more: the queue, or its worker, ends.
    ending: Cell<bool>,
    counters: Counters,
    spawn: Rc<dyn Fn(LocalFuture<'static, ()>)>,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// When the first of them came.
    since: Option<Instant>,
    /// Whether there was no room for the last entry.
    full: bool,
}

struct Counters {
    sent: Counter,
    full: Counter,
    too_large: Counter,
    failed: Counter,
}

impl<S: Sink> Queue<S> {
    /// A queue for a policy of a kind. The task that sends starts with the first entry.
    pub(crate) fn new(kind: &'static str, settings: &Settings, sink: S, cx: &WorkerCx) -> Self {
        Self(Rc::new(Inner {
            sink,
            limits: settings.limits(),
            waiting: RefCell::default(),
            changed: Notify::new(),
            rested: Notify::new(),
            sending: Cell::new(0),
            ending: Cell::new(false),
            counters: Counters::new(kind, cx),
            spawn: Rc::clone(&cx.spawn),
        }))
    }

    /// Takes an entry. The oldest ones make room for it if there is none.
    pub(crate) fn push(&self, entry: Entry) {
        let inner = &self.0;
        if inner.limits.bytes.is_some_and(|most| entry.len() > most) {
            inner.counters.too_large.add(1);
            let (place, bytes) = (inner.sink.place(), entry.len());
            tracing::warn!(%place, bytes, "an entry is larger than its queue: dropped");
            return;
        }
        match inner.limits.one_at_a_time {
            true => self.wait_in_line(entry),
            false => self.send_at_once(entry),
        }
    }

    /// Sends what waits, for as long as a worker that ends may take.
    pub(crate) fn finish(&self) -> Option<LocalFuture<'_, ()>> {
        let inner = &*self.0;
        inner.end();
        if inner.sending.get() == 0 {
            return None;
        }
        Some(Box::pin(async move {
            let rest = async {
                while inner.sending.get() > 0 {
                    inner.rested.notified().await;
                }
            };
            if timeout(GRACE, rest).await.is_err() {
                let (place, left) = (inner.sink.place(), inner.waiting.borrow().entries.len());
                tracing::error!(%place, left, "the sink takes too long: entries are lost");
            }
        }))
    }

    fn wait_in_line(&self, entry: Entry) {
        let inner = &self.0;
        let dropped = inner.waiting.borrow_mut().add(entry, &inner.limits);
        inner.note_dropped(dropped);
        inner.changed.notify_one();
        if inner.sending.get() == 0 {
            inner.sending.set(1);
            let inner = Rc::clone(inner);
            (self.0.spawn)(Box::pin(async move {
                while let Some(batch) = inner.batch().await {
                    inner.deliver(&batch).await;
                }
                inner.rest();
            }));
        }
    }

    fn send_at_once(&self, entry: Entry) {
        let inner = &self.0;
        if inner.sending.get() >= inner.limits.entries {
            inner.note_dropped(1);
            return;
        }
        inner.waiting.borrow_mut().full = false;
        inner.sending.set(inner.sending.get() + 1);
        let inner = Rc::clone(inner);
        (self.0.spawn)(Box::pin(async move {
            inner.deliver(&[entry]).await;
            inner.rest();
        }));
    }
}

impl<S: Sink> Drop for Queue<S> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl<S: Sink> Inner<S> {
    fn end(&self) {
        self.ending.set(true);
        self.changed.notify_one();
    }

    fn rest(&self) {
        self.sending.set(self.sending.get() - 1);
        self.rested.notify_one();
    }

    /// The next batch: it is full, or its first entry has waited long enough. None if nothing
    /// waits: the task ends, and the next entry starts another.
    async fn batch(&self) -> Option<Vec<Entry>> {
        let since = self.waiting.borrow().since?;
        let due = since + self.limits.coalescing;
        let ready =
            || self.ending.get() || self.waiting.borrow().entries.len() >= self.limits.batch;
        while !ready() && timeout_at(due, self.changed.notified()).await.is_ok() {}
        Some(self.waiting.borrow_mut().take(self.limits.batch))
    }

    /// Sends a batch until the sink has it or has had time enough.
    async fn deliver(&self, batch: &[Entry]) {
        let began = Instant::now();
        let mut pause = self.limits.first_pause;
        let entries = batch.len() as u64;
        let mut tries = 0u64;
        loop {
            tries += 1;
            let Err(error) = self.sink.send(batch).await else {
                self.counters.sent.add(entries);
                return;
            };
            let place = self.sink.place();
            if self.limits.patience.is_none_or(|patience| began.elapsed() > patience) {
                self.counters.failed.add(entries);
                tracing::error!(%place, %error, tries, lost = entries, "entries could not be sent");
                return;
            }
            if tries == 1 {
                tracing::warn!(%place, %error, "entries could not be sent; they are tried again");
            }
            sleep(pause).await;
            pause = (pause * 2).min(self.limits.longest_pause);
        }
    }

    fn note_dropped(&self, dropped: u64) {
        let was_full = std::mem::replace(&mut self.waiting.borrow_mut().full, dropped > 0);
        if dropped == 0 {
            return;
        }
        self.counters.full.add(dropped);
        if !was_full {
            let place = self.sink.place();
            tracing::error!(%place, "the queue is full: the oldest entries are dropped");
        }
    }
}

impl Waiting {
    /// Adds an entry; says how many had to make room.
    fn add(&mut self, entry: Entry, limits: &Limits) -> u64 {
        let most = limits.bytes.unwrap_or(usize::MAX);
        let mut dropped = 0;
        while self.entries.len() >= limits.entries || self.bytes + entry.len() > most {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.len();
            dropped += 1;
        }
        self.since.get_or_insert_with(Instant::now);
        self.bytes += entry.len();
        self.entries.push_back(entry);
        dropped
    }

    fn take(&mut self, most: usize) -> Vec<Entry> {
        let count = most.min(self.entries.len());
        let batch: Vec<_> = self.entries.drain(..count).collect();
        self.bytes -= batch.iter().map(Vec::len).sum::<usize>();
        self.since = (!self.entries.is_empty()).then(Instant::now);
        batch
    }
}

impl Counters {
    fn new(kind: &'static str, cx: &WorkerCx) -> Self {
        let help = "Entries of logging policies that their sinks have taken";
        let sent = cx.counter("log_entries_sent", help, &[("policy", kind)]);
        let help = "Entries of logging policies that are lost: the queue was full, the entry was \
                    larger than the queue, or the sink did not take it in time";
        let dropped = |reason| {
            cx.counter("log_entries_dropped", help, &[("policy", kind), ("reason", reason)])
        };
        let (full, too_large) = (dropped("full"), dropped("too_large"));
        Self { sent, full, too_large, failed: dropped("failed") }
    }
}

/// How long a worker that ends waits for a sink.
const GRACE: Duration = Duration::from_secs(3);
