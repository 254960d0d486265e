//! Asking Redis for each request.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

use super::super::limit::{Current, Verdict};
use super::key::Keys;
use super::link::Pooled;
use super::node::Unavailable;
use super::script::{self, Run};
use super::settings::Settings;

/// Asks Redis for each request.
pub(crate) struct Asking {
    keys: Keys,
    budget: Duration,
    link: Pooled,
}

impl Asking {
    pub(super) fn new(settings: &Settings, keys: &Keys, link: Pooled) -> Self {
        Self { keys: keys.clone(), budget: settings.budget, link }
    }

    /// The question whether an identifier may send a request, unless it is known that nobody
    /// would answer.
    pub(crate) fn question(
        &self,
        identifier: &[u8],
        currents: &[Current],
        unix_ms: u64,
    ) -> Result<Run, Unavailable> {
        let key = |it: &Current| self.keys.key(identifier, it.limit.period, it.window.start);
        let run = Run::count(currents.iter().map(key).collect(), currents, unix_ms);
        if self.link.is_down(run.key()) { Err(Unavailable::Down) } else { Ok(run) }
    }

    /// Counts a request unless a limit is reached, and says how much is used. Waits no longer than
    /// a request may.
    pub(crate) async fn take(
        &self,
        question: &Run,
        currents: &mut [Current],
    ) -> Result<Verdict, Unavailable> {
        let deadline = Instant::now() + self.budget;
        let ask = async |connection: &mut MultiplexedConnection, asking| {
            question.on(connection, asking).await
        };
        let answer = self.link.ask(deadline, question.key(), ask).await?;
        Ok(script::read(&answer, currents)?)
    }
}
