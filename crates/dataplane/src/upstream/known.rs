//! What is known of a name, and when to ask again.

use std::time::{Duration, Instant};

use model::Resolver;

use super::names::{Answer, Found, NoAnswer};

/// What is known of a name. An answer outlives its time as long as nothing newer is known; that the
/// name is gone is believed only when it stays so.
#[derive(Debug)]
pub(super) struct Known {
    /// Where it leads; none if nothing was ever known, or is no longer.
    pub(super) found: Vec<Found>,
    stale_until: Instant,
    missing_since: Option<Instant>,
}

impl Known {
    pub(super) fn nothing(now: Instant) -> Self {
        Self { found: Vec::new(), stale_until: now, missing_since: None }
    }

    /// Whether what is known may be used.
    pub(super) fn is_good(&self, now: Instant) -> bool {
        now < self.stale_until
    }

    /// Takes note of an answer. Returns after what time to ask again.
    pub(super) fn learn(
        &mut self,
        answer: &Result<Answer, NoAnswer>,
        rules: &Resolver,
        now: Instant,
    ) -> Duration {
        match answer {
            Ok(answer) => {
                self.found.clone_from(&answer.found);
                self.stale_until = now + answer.ttl + rules.stale;
                self.missing_since = None;
                answer.ttl
            }
            Err(NoAnswer::NotFound) => {
                let since = *self.missing_since.get_or_insert(now);
                if now.duration_since(since) >= rules.not_found || !self.is_good(now) {
                    self.found.clear();
                }
                // As long as the last answer is held on to, it is worth while to ask soon.
                if self.found.is_empty() { rules.not_found } else { rules.failed }.max(LEAST_PAUSE)
            }
            Err(NoAnswer::Failed(_)) => {
                if !self.is_good(now) {
                    self.found.clear();
                }
                rules.failed.max(LEAST_PAUSE)
            }
        }
    }
}

/// The least time between two questions about a name.
const LEAST_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rules() -> Resolver {
        Resolver {
            stale: 60 * SECOND,
            not_found: 30 * SECOND,
            failed: SECOND,
            ..Default::default()
        }
    }

    fn answer() -> Result<Answer, NoAnswer> {
        let found = vec![Found { address: [10, 0, 0, 1].into(), srv: None }];
        Ok(Answer { found, ttl: 5 * SECOND })
    }

    fn learn(known: &mut Known, what: Result<Answer, NoAnswer>, at: Instant) -> (usize, Duration) {
        let again = known.learn(&what, &rules(), at);
        (known.found.len(), again)
    }

    #[test]
    fn an_answer_outlives_its_time_while_there_is_no_newer_one() {
        let start = Instant::now();
        let known = &mut Known::nothing(start);
        let failed = || Err(NoAnswer::Failed("no".into()));
        assert_eq!(learn(known, failed(), start), (0, SECOND));
        assert_eq!(learn(known, answer(), start), (1, 5 * SECOND));
        assert_eq!(learn(known, failed(), start + 64 * SECOND), (1, SECOND));
        assert_eq!(learn(known, failed(), start + 65 * SECOND), (0, SECOND));
    }

    #[test]
    fn that_a_name_is_gone_is_believed_when_it_stays_so() {
        let start = Instant::now();
        let known = &mut Known::nothing(start);
        let gone = || Err(NoAnswer::NotFound);
        assert_eq!(learn(known, gone(), start), (0, 30 * SECOND));
        assert_eq!(learn(known, answer(), start), (1, 5 * SECOND));
        assert_eq!(learn(known, gone(), start + 5 * SECOND), (1, SECOND));
        assert_eq!(learn(known, answer(), start + 6 * SECOND), (1, 5 * SECOND));
        assert_eq!(learn(known, gone(), start + 11 * SECOND), (1, SECOND));
        assert_eq!(learn(known, gone(), start + 40 * SECOND), (1, SECOND));
        assert_eq!(learn(known, gone(), start + 41 * SECOND), (0, 30 * SECOND));
    }
}
