//! Waiting for a condition.

use std::time::{Duration, Instant};

/// How long a condition may take that should hold soon: generous, for busy machines.
pub const SOON: Duration = Duration::from_secs(10);

/// What `probe` finds, asked again and again; `None` when the time is over.
pub fn until<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        nap(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(50));
    }
}

/// Whether `probe` holds within the time.
pub fn holds(limit: Duration, mut probe: impl FnMut() -> bool) -> bool {
    until(limit, || probe().then_some(())).is_some()
}

/// Does nothing for a while: for peers that are slow by script, and between two looks.
#[expect(clippy::disallowed_methods, reason = "a test's own thread may sleep")]
pub fn nap(time: Duration) {
    std::thread::sleep(time);
}
