//! What is known of a member, by all workers together: whether it is fit for use, how much it has
//! to do, how fast it is.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use model::HealthRules;

/// What is known of a member. Everything is a number of its own: whoever reads it waits for nobody.
#[derive(Debug, Default)]
pub(crate) struct MemberState {
    health: AtomicU64,
    /// Requests under way; counted only where the balance asks for it.
    active: AtomicU32,
    latency: AtomicU64,
}

/// What became of a try or a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An answer with this status.
    Status(u16),
    /// An answer that says that all is well, or a connection where nothing else was asked for.
    Well,
    /// An answer that says that all is not.
    Unwell,
    /// No connection, or one that broke.
    Broken,
    /// Nothing in time.
    Timeout,
}

/// The counters and the verdict, as they stand in one word.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Health {
    successes: u8,
    http_failures: u8,
    tcp_failures: u8,
    timeouts: u8,
    unfit: bool,
}

impl MemberState {
    /// Whether it is fit for use.
    pub(crate) fn is_fit(&self) -> bool {
        !Health::unpack(self.health.load(Ordering::Relaxed)).unfit
    }

    /// Takes note of what became of a try. Says whether the verdict has changed.
    pub(crate) fn note(&self, rules: &HealthRules, outcome: Outcome) -> bool {
        let mut changed = false;
        let next = |word| {
            let before = Health::unpack(word);
            let after = before.after(rules, outcome);
            changed = before.unfit != after.unfit;
            (before != after).then(|| after.pack())
        };
        // Fails if nothing is to change.
        let _ = self.health.fetch_update(Ordering::AcqRel, Ordering::Relaxed, next);
        changed
    }

    /// Decides by command. Says whether the verdict has changed.
    pub(crate) fn decide(&self, fit: bool) -> bool {
        let decided = Health { unfit: !fit, ..Health::unpack(0) };
        let before = self.health.swap(decided.pack(), Ordering::AcqRel);
        Health::unpack(before).unfit == fit
    }

    /// Requests under way.
    pub(crate) fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
    }

    /// A request begins.
    pub(crate) fn begin(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    /// A request has ended.
    pub(crate) fn end(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// The average latency in microseconds; `None` if nothing is known of it.
    pub(crate) fn latency(&self) -> Option<f32> {
        match self.latency.load(Ordering::Relaxed) {
            0 => None,
            word => Some(average(word)),
        }
    }

    /// Adds a latency to the average, in which older ones fade. One that is longer than the average
    /// replaces it: what became slow is known at once, what became fast bit by bit.
    pub(crate) fn add_latency(&self, latency_us: u64, now_us: u64) {
        let sample = (latency_us as f32).max(1.0);
        let now_ms = u32::try_from(now_us / 1000 % (1 << 32)).expect("less than 2^32");
        let next = |word: u64| {
            let before = average(word);
            let after = match word {
                0 => sample,
                _ if sample >= before => sample,
                _ => {
                    let since = now_ms.wrapping_sub((word >> 32) as u32);
                    let kept = (-(since as f32) / FADING.as_millis() as f32).exp();
                    before * kept + sample * (1.0 - kept)
                }
            };
            Some(u64::from(now_ms) << 32 | u64::from(after.to_bits()))
        };
        // Never fails.
        let _ = self.latency.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }
}

fn average(word: u64) -> f32 {
    f32::from_bits((word & u64::from(u32::MAX)) as u32)
}

impl Health {
    fn unpack(word: u64) -> Self {
        let [successes, http_failures, tcp_failures, timeouts, unfit, ..] = word.to_le_bytes();
        Self { successes, http_failures, tcp_failures, timeouts, unfit: unfit != 0 }
    }

    fn pack(self) -> u64 {
        let Self { successes, http_failures, tcp_failures, timeouts, unfit } = self;
        let counters = [successes, http_failures, tcp_failures, timeouts, u8::from(unfit)];
        let [a, b, c, d, e] = counters;
        u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])
    }

    fn after(self, rules: &HealthRules, outcome: Outcome) -> Self {
        match outcome {
            Outcome::Status(status) if rules.healthy_statuses.contains(&status) => {
                self.success(rules)
            }
            Outcome::Status(status) if rules.unhealthy_statuses.contains(&status) => {
                self.after(rules, Outcome::Unwell)
            }
            Outcome::Well => self.success(rules),
            Outcome::Unwell => {
                self.failure(rules.http_failures, |health| &mut health.http_failures)
            }
            // It says nothing about the member.
            Outcome::Status(_) => self,
            Outcome::Broken => self.failure(rules.tcp_failures, |health| &mut health.tcp_failures),
            Outcome::Timeout => self.failure(rules.timeouts, |health| &mut health.timeouts),
        }
    }

    fn success(self, rules: &HealthRules) -> Self {
        let fine =
            !self.unfit && (self.http_failures, self.tcp_failures, self.timeouts) == (0, 0, 0);
        if rules.successes == 0 || fine {
            return self;
        }
        let successes = self.successes.saturating_add(1);
        if successes >= rules.successes {
            return Self::unpack(0);
        }
        Self { successes, unfit: self.unfit, ..Self::unpack(0) }
    }

    fn failure(mut self, limit: u8, counter: impl Fn(&mut Self) -> &mut u8) -> Self {
        if limit == 0 || self.unfit {
            // A member that is unfit starts over with its successes.
            return if limit == 0 { self } else { Self { successes: 0, ..self } };
        }
        self.successes = 0;
        let count = counter(&mut self);
        *count = count.saturating_add(1);
        if *count >= limit {
            return Self { unfit: true, ..Self::unpack(0) };
        }
        self
    }
}

/// After this time a latency counts for a third of what it did.
const FADING: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> HealthRules {
        HealthRules {
            healthy_statuses: vec![200, 302],
            unhealthy_statuses: vec![429, 500],
            successes: 2,
            http_failures: 3,
            tcp_failures: 2,
            timeouts: 1,
        }
    }

    fn after(outcomes: &[Outcome]) -> bool {
        let state = MemberState::default();
        for outcome in outcomes {
            state.note(&rules(), *outcome);
        }
        state.is_fit()
    }

    use Outcome::{Broken, Status, Timeout};

    #[test]
    fn failures_in_a_row_make_it_unfit() {
        assert!(after(&[Status(500), Status(429)]));
        assert!(!after(&[Status(500), Status(429), Status(500)]));
        assert!(after(&[Broken]) && !after(&[Broken, Broken]) && !after(&[Timeout]));
        // Each kind of failure is counted apart; statuses of neither list say nothing.
        assert!(after(&[Status(500), Broken, Status(404), Status(500)]));
        assert!(!after(&[Status(500), Status(404), Status(500), Status(500)]));
    }

    #[test]
    fn a_success_sets_failures_back_and_a_failure_successes() {
        assert!(after(&[Status(500), Status(500), Status(200), Status(500), Status(500)]));
        assert!(!after(&[Timeout, Status(200), Status(500), Status(200)]));
        assert!(after(&[Timeout, Status(200), Status(302)]));
    }

    #[test]
    fn a_count_of_zero_never_changes_anything() {
        let state = MemberState::default();
        let never = HealthRules { healthy_statuses: vec![200], ..HealthRules::default() };
        for _ in 0..300 {
            assert!(!state.note(&never, Broken) && !state.note(&never, Timeout));
        }
        assert!(state.decide(false) && !state.decide(false));
        for _ in 0..300 {
            assert!(!state.note(&never, Status(200)));
        }
        assert!(!state.is_fit());
        assert!(state.decide(true));
    }

    #[test]
    fn the_verdict_changes_once() {
        let state = MemberState::default();
        let changes = [Broken, Broken, Broken, Status(200), Status(200), Status(200)]
            .map(|outcome| state.note(&rules(), outcome));
        assert_eq!(changes, [false, true, false, false, true, false]);
    }

    #[test]
    fn latency_rises_at_once_and_falls_bit_by_bit() {
        let state = MemberState::default();
        assert_eq!(state.latency(), None);
        state.add_latency(1000, 0);
        state.add_latency(9000, 1_000_000);
        assert_eq!(state.latency(), Some(9000.0));
        state.add_latency(1000, 11_000_000);
        let faded = state.latency().expect("it is known");
        assert!((3900.0..3990.0).contains(&faded), "{faded}");
    }
}
