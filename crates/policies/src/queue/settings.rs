//! How much a queue holds, and how patient it is.

use std::time::Duration;

use filter::Problem;
use serde::Deserialize;

/// The `queue` of a policy's configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Entries that are sent together at most.
    max_batch_size: usize,
    /// Seconds that the first entry of a batch waits for others.
    max_coalescing_delay: f64,
    /// Entries that wait at most; a batch that is being sent does not count.
    max_entries: usize,
    /// Bytes of the entries that wait at most.
    max_bytes: Option<usize>,
    /// Seconds before a batch is tried a second time; the pause doubles with each further try.
    initial_retry_delay: f64,
    /// The longest pause, in seconds.
    max_retry_delay: f64,
    /// Seconds after which a batch that failed is given up; none is tried again if negative.
    max_retry_time: f64,
    /// 1: one batch at a time. -1: each entry at once, by itself, at most `max_entries` of them.
    concurrency_limit: i8,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_batch_size: 1,
            max_coalescing_delay: 1.0,
            max_entries: 10_000,
            max_bytes: None,
            initial_retry_delay: 0.01,
            max_retry_delay: 60.0,
            max_retry_time: 60.0,
            concurrency_limit: 1,
        }
    }
}

/// The same for use.
pub(super) struct Limits {
    pub(super) batch: usize,
    pub(super) coalescing: Duration,
    pub(super) entries: usize,
    pub(super) bytes: Option<usize>,
    pub(super) first_pause: Duration,
    pub(super) longest_pause: Duration,
    /// None: nothing is tried again.
    pub(super) patience: Option<Duration>,
    pub(super) one_at_a_time: bool,
}

impl Settings {
    /// Whatever waits goes together, at once.
    pub(crate) fn prompt() -> Self {
        Self { max_batch_size: 1000, max_coalescing_delay: 0.0, ..Self::default() }
    }

    /// What waits goes one by one, at once, and never again.
    pub(crate) fn datagrams() -> Self {
        Self { max_coalescing_delay: 0.0, max_retry_time: -1.0, ..Self::default() }
    }

    /// How many entries are sent together at most.
    pub(crate) fn batch(&self) -> usize {
        self.max_batch_size
    }

    /// Adds what is wrong with the settings.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        let mut check = |holds: bool, name: &str, message: &str| {
            if !holds {
                problems.push(Problem::new(format!("/queue/{name}"), message));
            }
        };
        let seconds = |value: f64| (0.0..=LONGEST).contains(&value);
        check(self.max_batch_size > 0, "max_batch_size", "a batch has at least one entry");
        check(self.max_entries > 0, "max_entries", "a queue has room for at least one entry");
        check(self.max_bytes != Some(0), "max_bytes", "a queue has room for at least one byte");
        check(seconds(self.max_coalescing_delay), "max_coalescing_delay", SECONDS);
        check(seconds(self.initial_retry_delay), "initial_retry_delay", SECONDS);
        check(seconds(self.max_retry_delay), "max_retry_delay", SECONDS);
        let patience = self.max_retry_time;
        check(patience.is_finite() && patience <= LONGEST, "max_retry_time", SECONDS);
        check(matches!(self.concurrency_limit, -1 | 1), "concurrency_limit", "1 or -1");
    }

    pub(super) fn limits(&self) -> Limits {
        let first_pause = Duration::from_secs_f64(self.initial_retry_delay);
        Limits {
            batch: self.max_batch_size,
            coalescing: Duration::from_secs_f64(self.max_coalescing_delay),
            entries: self.max_entries,
            bytes: self.max_bytes,
            first_pause: first_pause.max(SHORTEST_PAUSE),
            longest_pause: Duration::from_secs_f64(self.max_retry_delay).max(SHORTEST_PAUSE),
            patience: Duration::try_from_secs_f64(self.max_retry_time).ok(),
            one_at_a_time: self.concurrency_limit == 1,
        }
    }
}

/// A sink that is gone is not asked more often, however it is configured.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// About three years.
const LONGEST: f64 = 1e8;
const SECONDS: &str = "not a number of seconds between 0 and 100,000,000";
