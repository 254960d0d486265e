//! What runs, and what became of the last changes. In memory: the files are the truth.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use config::{Findings, Sources};
use model::{Fingerprint, Listener};
use tokio::sync::watch;

use crate::files::Text;
use crate::{Outcome, Report, View};

/// How many outcomes are remembered.
pub const HISTORY: usize = 32;

/// What runs at one moment. A state never changes; the next change makes a new one.
#[derive(Clone, Default)]
pub struct State {
    /// Counts the models that were applied; 0 before the first.
    pub revision: u64,
    /// What tells what runs from everything else.
    pub fingerprint: Fingerprint,
    /// The sockets of what runs.
    pub listeners: Vec<Listener>,
    /// How many routes it has.
    pub routes: usize,
    /// The views of the dialects on what runs, by name.
    pub views: BTreeMap<&'static str, View>,
    /// What was read for it, in order, by label.
    pub documents: Vec<Arc<str>>,
    /// What was posted to management APIs, by the name of the dialect.
    pub posted: BTreeMap<&'static str, Text>,
    /// What was said about it: warnings and notes.
    pub findings: Arc<Findings>,
    /// The texts that the findings point into.
    pub sources: Arc<Sources>,
    /// What became of the last changes, the newest first, at most [`HISTORY`].
    pub history: VecDeque<Arc<Outcome>>,
}

/// What is kept of a build once it runs.
pub(crate) struct Running {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) routes: usize,
    pub(crate) views: BTreeMap<&'static str, View>,
    pub(crate) documents: Vec<Arc<str>>,
    pub(crate) posted: BTreeMap<&'static str, Text>,
}

/// Keeps the state. Readers get it whole and at once, whatever is being changed meanwhile.
pub(crate) struct Store {
    state: watch::Sender<Arc<State>>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self { state: watch::Sender::new(Arc::default()) }
    }

    /// Sees every state from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<State>> {
        self.state.subscribe()
    }

    /// What runs now.
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.borrow())
    }

    /// Notes that what the build has given runs from now on. The model itself is not kept: who
    /// runs it has made something of its own from it.
    pub(crate) fn commit(&self, running: Running, report: &Report) {
        let history = self.remember(&report.outcome);
        let Running { fingerprint, listeners, routes, views, documents, posted } = running;
        self.state.send_replace(Arc::new(State {
            revision: report.outcome.revision,
            fingerprint,
            listeners,
            routes,
            views,
            documents,
            posted,
            findings: Arc::clone(&report.findings),
            sources: Arc::clone(&report.sources),
            history,
        }));
    }

    /// Notes an outcome that changed nothing.
    pub(crate) fn note(&self, outcome: &Arc<Outcome>) {
        let history = self.remember(outcome);
        let state = State { history, ..State::clone(&self.state()) };
        self.state.send_replace(Arc::new(state));
    }

    fn remember(&self, outcome: &Arc<Outcome>) -> VecDeque<Arc<Outcome>> {
        let mut history = self.state().history.clone();
        history.push_front(Arc::clone(outcome));
        history.truncate(HISTORY);
        history
    }
}
