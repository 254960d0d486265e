//! What runs, and what became of the last changes. In memory: the files are the truth.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use config::{Findings, Sources};
use model::Model;
use tokio::sync::watch;

use crate::{Build, Outcome, Report, View};

/// How many outcomes are remembered.
pub const HISTORY: usize = 32;

/// What runs at one moment. A state never changes; the next change makes a new one.
#[derive(Clone, Default)]
pub struct State {
    /// Counts the models that were applied; 0 before the first.
    pub revision: u64,
    /// What runs.
    pub model: Arc<Model>,
    /// The views of the dialects on what runs, by name.
    pub views: BTreeMap<&'static str, View>,
    /// What was read for it, in order, by label.
    pub documents: Vec<Arc<str>>,
    /// What was said about it: warnings and notes.
    pub findings: Arc<Findings>,
    /// The texts that the findings point into.
    pub sources: Arc<Sources>,
    /// What became of the last changes, the newest first, at most [`HISTORY`].
    pub history: VecDeque<Arc<Outcome>>,
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

    /// Notes that a model runs from now on, which the build has given.
    pub(crate) fn commit(&self, model: Arc<Model>, build: Build, report: &Report) {
        let history = self.remember(&report.outcome);
        self.state.send_replace(Arc::new(State {
            revision: report.outcome.revision,
            model,
            views: build.views,
            documents: build.documents,
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
