//! Waiting for a condition.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

/// Waits until the clock's minute is not about to end: windows that count begin with it.
pub fn for_quiet_minute() {
    let into = seconds_into(60.0);
    if into > 45.0 {
        nap(Duration::from_secs_f64(60.0 - into));
    }
}

/// Waits until the clock's second has just begun.
pub fn for_quiet_second() {
    let into = seconds_into(1.0);
    if into > 0.2 {
        nap(Duration::from_secs_f64(1.0 - into));
    }
}

fn seconds_into(period: f64) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs_f64() % period
}

/// Does nothing for a while: for peers that are slow by script, and between two looks.
#[expect(clippy::disallowed_methods, reason = "a test's own thread may sleep")]
pub fn nap(time: Duration) {
    std::thread::sleep(time);
}
