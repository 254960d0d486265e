//! Waiting for what other processes do.

use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is looked at: there is nothing that would tell.
const TICK: Duration = Duration::from_millis(5);

/// Waits until `done` says something, for as long as `limit`.
pub(super) fn wait<T>(limit: Duration, mut done: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        let found = done();
        if found.is_some() || Instant::now() >= end {
            return found;
        }
        pause(TICK);
    }
}

/// Does nothing for a while.
#[expect(
    clippy::disallowed_methods,
    reason = "no request is served in the process of this command"
)]
pub(super) fn pause(time: Duration) {
    thread::sleep(time);
}
