//! Limits, and what has been counted against them.

use filter::Problem;
use smallvec::SmallVec;

use super::config::LimitConfig;
use super::period::{Period, Window};

/// A number of requests in each window of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) period: Period,
    /// At least 1.
    pub(super) max: u64,
}

/// A limit in the window of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Current {
    pub(super) limit: Limit,
    pub(super) window: Window,
    /// Requests that were let through in the window, this one included. Zero until counted.
    pub(super) used: u64,
}

/// All limits of a policy in the windows of a request, from the shortest to the longest period.
/// Never on the heap: there are six periods.
pub(super) type Currents = SmallVec<[Current; Period::COUNT]>;

/// What a store says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request is counted against every limit.
    Admitted,
    /// At least one limit was reached; the request is counted against none.
    Refused,
}

/// Reads limits, sorted by period.
pub(super) fn limits(config: &[LimitConfig], problems: &mut Vec<Problem>) -> Vec<Limit> {
    if config.is_empty() {
        problems.push(
            Problem::new("/limits", "without a limit nothing is limited")
                .help("give at least one, such as {\"period\": \"minute\", \"limit\": 60}"),
        );
    }
    let mut limits: Vec<Limit> = Vec::new();
    for (ix, LimitConfig { period, limit: max }) in config.iter().copied().enumerate() {
        if max == 0 {
            let problem = Problem::new(format!("/limits/{ix}/limit"), "a limit of 0 lets nothing through");
            problems.push(problem.help("give at least 1; to refuse all requests, take the route away"));
        }
        if limits.iter().any(|limit| limit.period == period) {
            let message = format!("there are two limits per {}", period.as_str());
            let problem = Problem::new(format!("/limits/{ix}/period"), message);
            problems.push(problem.help("keep the smaller"));
        }
        limits.push(Limit { period, max });
    }
    limits.sort_by_key(|limit| limit.period);
    limits
}

/// The limits in the windows that hold a moment.
pub(super) fn currents(limits: &[Limit], unix_ms: u64) -> Currents {
    let current =
        |limit: &Limit| Current { limit: *limit, window: limit.period.window(unix_ms), used: 0 };
    limits.iter().map(current).collect()
}

impl Current {
    /// Requests that the limit still lets through in this window.
    pub(super) fn remaining(&self) -> u64 {
        self.limit.max.saturating_sub(self.used)
    }
}

/// The limit that is closest to being reached; of equals, the one with the longest period.
pub(super) fn closest(currents: &[Current]) -> Option<&Current> {
    currents.iter().rev().min_by_key(|current| current.remaining())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NOON;

    fn config(limits: &[(Period, u64)]) -> Vec<LimitConfig> {
        limits.iter().map(|&(period, limit)| LimitConfig { period, limit }).collect()
    }

    #[test]
    fn limits_are_sorted_and_sound() {
        let mut problems = Vec::new();
        let sorted = limits(&config(&[(Period::Hour, 9), (Period::Second, 1)]), &mut problems);
        assert_eq!(sorted.iter().map(|limit| limit.max).collect::<Vec<_>>(), [1, 9]);
        assert_eq!(problems, []);
        limits(&config(&[(Period::Day, 0), (Period::Day, 1)]), &mut problems);
        limits(&[], &mut problems);
        let places: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(places, ["/limits/0/limit", "/limits/1/period", "/limits"]);
    }

    #[test]
    fn the_closest_limit_is_that_with_the_fewest_left_and_of_equals_the_longest() {
        let limits = limits(
            &config(&[(Period::Second, 3), (Period::Minute, 4), (Period::Hour, 5)]),
            &mut Vec::new(),
        );
        let mut currents = currents(&limits, NOON);
        let closest = |currents: &Currents| super::closest(currents).unwrap().limit.period;
        assert_eq!(closest(&currents), Period::Second);
        currents[1].used = 1;
        assert_eq!(closest(&currents), Period::Minute);
        currents[2].used = 5;
        assert_eq!(closest(&currents), Period::Hour);
        assert!(super::closest(&[]).is_none());
    }
}
