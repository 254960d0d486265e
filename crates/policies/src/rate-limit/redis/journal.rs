//! What the log is told about a server.

use std::fmt::Display;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Tells the log when a server is lost, will not count, or is back: a line every now and then,
/// however many requests notice.
pub(super) struct Journal {
    name: String,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    lost: bool,
    at: Option<Instant>,
    /// How much there was to say since then.
    unsaid: u64,
}

/// The least time between two complaints about a server.
const PAUSE: Duration = Duration::from_secs(10);

impl Journal {
    pub(super) fn new(name: String) -> Self {
        Self { name, written: Mutex::default() }
    }

    /// It does not answer, or lets us do nothing: a password is wrong.
    pub(super) fn lost(&self, why: &dyn Display) {
        let mut written = self.written.lock();
        if let Some(unsaid) = written.turn() {
            written.lost = true;
            tracing::warn!(
                target: "rate_limit", store = %self.name, error = %why, unsaid,
                "the store of rate limits cannot be used; it is tried in the background",
            );
        }
    }

    /// It answers, but will not do what it is asked for.
    pub(super) fn refused(&self, why: &dyn Display) {
        if let Some(unsaid) = self.written.lock().turn() {
            tracing::warn!(
                target: "rate_limit", store = %self.name, error = %why, unsaid,
                "the store of rate limits will not count",
            );
        }
    }

    /// It can be used.
    pub(super) fn found(&self) {
        let mut written = self.written.lock();
        if std::mem::take(&mut written.lost) {
            tracing::info!(
                target: "rate_limit", store = %self.name,
                "the store of rate limits can be used again",
            );
        }
    }
}

impl Written {
    /// Whether it is time for a complaint, and how many were not made before.
    fn turn(&mut self) -> Option<u64> {
        if self.at.is_some_and(|at| at.elapsed() < PAUSE) {
            self.unsaid += 1;
            return None;
        }
        self.at = Some(Instant::now());
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex as StdMutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<StdMutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What the log was told, a line each.
    fn logged(journal: impl FnOnce(&Journal)) -> Vec<String> {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .without_time()
            .finish();
        let tell = || journal(&Journal::new("redis.test:6379".to_owned()));
        tracing::subscriber::with_default(subscriber, tell);
        let bytes = log.0.lock().unwrap();
        String::from_utf8_lossy(&bytes).lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn a_thousand_failures_are_one_line() {
        let lines = logged(|journal| {
            for _ in 0..1_000 {
                journal.lost(&"connection refused");
            }
            journal.found();
            journal.refused(&"out of memory");
        });
        assert_eq!(lines.len(), 2, "{lines:#?}");
        assert!(lines[0].starts_with("WARN rate_limit: the store of rate limits cannot be used"));
        assert!(lines[0].contains("store=redis.test:6379 error=connection refused unsaid=0"));
        assert!(lines[1].starts_with("INFO rate_limit: the store of rate limits can be used again"));
    }

    #[test]
    fn what_was_never_missed_is_not_welcomed() {
        assert_eq!(logged(Journal::found), [""; 0]);
        let lines = logged(|journal| journal.refused(&"out of memory"));
        assert!(lines[0].starts_with("WARN rate_limit: the store of rate limits will not count"));
    }
}
