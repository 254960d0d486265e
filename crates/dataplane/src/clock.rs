//! The time, read once per event and cheap to read.

use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use filter::{Clock, Now};

/// A worker's clock: monotonic time from the system, calendar time from an offset that is taken
/// anew every tenth of a second.
pub(crate) struct SystemClock {
    origin: Instant,
    /// Calendar time at `origin`, in microseconds.
    offset_us: Cell<u64>,
    /// Monotonic time at which the offset was taken.
    taken_us: Cell<u64>,
    /// The monotonic time that was read last.
    recent_us: Cell<u64>,
}

impl SystemClock {
    /// A clock whose monotonic time starts at `origin`, which all workers share.
    pub(crate) fn new(origin: Instant) -> Self {
        let clock = Self {
            origin,
            offset_us: Cell::new(0),
            taken_us: Cell::new(0),
            recent_us: Cell::new(0),
        };
        clock.take_offset(clock.mono_us());
        clock
    }

    /// Microseconds since the origin.
    pub(crate) fn mono_us(&self) -> u64 {
        let elapsed = self.origin.elapsed();
        // For 584,000 years.
        let us = elapsed.as_secs() * 1_000_000 + u64::from(elapsed.subsec_micros());
        self.recent_us.set(us);
        us
    }

    /// The moment that was read last: for a task that has just read the clock, as good as now.
    pub(crate) fn recent(&self) -> Now {
        let mono_us = self.recent_us.get();
        Now { unix_ms: (self.offset_us.get() + mono_us) / 1000, mono_us }
    }

    fn take_offset(&self, mono_us: u64) {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_us = u64::try_from(unix.as_micros()).unwrap_or(u64::MAX);
        self.offset_us.set(unix_us.saturating_sub(mono_us));
        self.taken_us.set(mono_us);
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let mono_us = self.mono_us();
        if mono_us - self.taken_us.get() > OFFSET_AGE_US {
            self.take_offset(mono_us);
        }
        Now { unix_ms: (self.offset_us.get() + mono_us) / 1000, mono_us }
    }
}

/// How long calendar time may be behind a step of the system's clock.
const OFFSET_AGE_US: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_time_starts_at_the_origin_and_calendar_time_follows_it() {
        let clock = SystemClock::new(Instant::now());
        let (first, second) = (clock.now(), clock.now());
        assert!(first.mono_us <= second.mono_us && first.unix_ms <= second.unix_ms);
        // The offset is the calendar's: the moment lies behind the day this was written.
        assert!(first.unix_seconds() > 1_764_000_000);
    }

    #[test]
    fn an_old_offset_is_taken_anew() {
        let clock = SystemClock::new(Instant::now() - std::time::Duration::from_secs(1));
        clock.offset_us.set(0);
        clock.taken_us.set(0);
        assert!(clock.now().unix_seconds() > 1_764_000_000);
    }
}
