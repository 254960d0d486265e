//! What one worker finds out about a server, for the others.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use filter::{Counter, Shared, WorkerCx};
use tokio::sync::watch;

use super::settings::Settings;

/// The alarms of a store, by server.
#[derive(Clone)]
pub(super) struct Alarms {
    shared: Arc<Shared>,
    store: u64,
    opened: Counter,
}

/// Tells the workers of a node that a server does not answer, so that they need not find out one
/// by one, each at the expense of a request that waits in vain.
pub(super) struct Alarm {
    raised: Arc<watch::Sender<()>>,
    opened: Counter,
}

impl Alarms {
    pub(super) fn of(settings: &Settings, cx: &WorkerCx) -> Self {
        let help = "Times that a store of rate limits stopped being asked because it did not answer";
        let opened = cx.counter("rate_limit_breaker_opened", help, &[]);
        // Fixed keys: all workers come to the same.
        let mut hasher = DefaultHasher::new();
        settings.hash(&mut hasher);
        Self { shared: Arc::clone(&cx.shared), store: hasher.finish(), opened }
    }

    /// The alarm for a server or a whole cluster.
    pub(super) fn alarm(&self, name: &str) -> Alarm {
        let name = format!("rate-limit/alarm/{:x}/{name}", self.store);
        let raised = self.shared.get_or_make(&name, || watch::Sender::new(()));
        Alarm { raised, opened: self.opened.clone() }
    }
}

impl Alarm {
    /// This worker asks no longer, for a reason that others find out without waiting.
    pub(super) fn count(&self) {
        self.opened.add(1);
    }

    /// This worker asks no longer, because it has waited in vain.
    pub(super) fn raise(&self) {
        self.opened.add(1);
        self.raised.send_replace(());
    }

    /// Calls `act` whenever any worker has raised it.
    pub(super) async fn on_raised(&self, mut act: impl FnMut()) {
        let mut raised = self.raised.subscribe();
        while raised.changed().await.is_ok() {
            act();
        }
    }
}
