//! Where a request's time went.

use filter::{Exchange, Now};

/// How long an exchange and its parts took, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Durations {
    /// From the request's first byte to the response's last.
    pub(super) total: u64,
    /// What the gateway took before it asked an upstream: reading the head (and the body, if it is
    /// buffered), routing, policies. All of it if no upstream was asked.
    pub(super) gateway: u64,
    /// From the first byte sent to an upstream to the end of its response's head, all tries
    /// included; `None` if no upstream was asked.
    pub(super) upstream: Option<u64>,
    /// The same to the response's last byte.
    pub(super) upstream_response: Option<u64>,
}

impl Durations {
    /// The durations of an exchange that has ended at the latest now.
    pub(super) fn of(x: &Exchange, now: Now) -> Self {
        let (start, timings) = (x.now.mono_us, &x.timings);
        let end = if timings.end == 0 { now.mono_us } else { timings.end };
        let total = end.saturating_sub(start);
        if timings.upstream_start == 0 {
            return Self { total, gateway: total, upstream: None, upstream_response: None };
        }
        let head = if timings.upstream_head == 0 { end } else { timings.upstream_head };
        Self {
            total,
            gateway: timings.upstream_start.saturating_sub(start),
            upstream: Some(head.saturating_sub(timings.upstream_start)),
            upstream_response: Some(end.saturating_sub(timings.upstream_start)),
        }
    }
}
