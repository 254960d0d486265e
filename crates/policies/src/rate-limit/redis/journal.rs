//! What the log is told about a server.

use std::fmt::Display;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Tells the log when a server is lost and when it is back, and no more than that: one line at a
/// time, however many requests notice.
pub(super) struct Journal {
    name: String,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    lost: bool,
    at: Option<Instant>,
    /// How often it was lost since then.
    unsaid: u64,
}

/// The least time between two lines about the loss of a server.
const PAUSE: Duration = Duration::from_secs(10);

impl Journal {
    pub(super) fn new(name: String) -> Self {
        Self { name, written: Mutex::default() }
    }

    /// It does not answer.
    pub(super) fn lost(&self, why: &dyn Display) {
        let mut written = self.written.lock();
        if written.at.is_some_and(|at| at.elapsed() < PAUSE) {
            written.unsaid += 1;
            return;
        }
        let unsaid = std::mem::take(&mut written.unsaid);
        written.at = Some(Instant::now());
        written.lost = true;
        tracing::warn!(
            target: "rate_limit", store = %self.name, error = %why, unsaid,
            "the store of rate limits does not answer; it is tried in the background",
        );
    }

    /// It answers.
    pub(super) fn found(&self) {
        let mut written = self.written.lock();
        if std::mem::take(&mut written.lost) {
            tracing::info!(
                target: "rate_limit", store = %self.name,
                "the store of rate limits answers again",
            );
        }
    }
}
