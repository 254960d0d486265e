//! Counters in the memory of the node.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::limit::{Current, Verdict};
use super::period::Period;

/// The counters of one scope, which all workers of the node count in.
///
/// Memory is bounded: at most [`MOST`] identifiers are known. Counters whose windows are past go
/// as new identifiers come. Where there is no room, the one with the fewest requests of a handful
/// goes: whoever sends many different identifiers drives out their own kind, not those who are
/// close to a limit.
pub(super) struct Counters {
    shards: Box<[Shard]>,
    hasher: RandomState,
}

/// The most identifiers that a scope knows, which is about 32 MB.
#[cfg(test)]
const MOST: usize = SHARDS * MOST_OF_SHARD;
const SHARDS: usize = 16;
const MOST_OF_SHARD: usize = 8_192;

/// How many known identifiers are looked at when a new one comes.
const LOOKED_AT: usize = 8;

/// On a cache line of its own: workers that take different locks do not wait for each other.
#[repr(align(64))]
struct Shard(Mutex<Known>);

#[derive(Default)]
struct Known {
    by_identifier: IndexMap<Box<[u8]>, Counter, RandomState>,
    /// The next index to look at when there is need for room.
    hand: usize,
}

/// What one identifier has used, by period.
#[derive(Debug, Default, Clone, Copy)]
struct Counter([Count; Period::COUNT]);

/// Requests in one window.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    /// When the window began.
    start: u64,
    used: u64,
    /// How many of these are not known outside of the node.
    untold: u64,
}

/// What one identifier has used since it was last told outside of the node.
#[derive(Debug)]
pub(super) struct Untold {
    pub(super) identifier: Box<[u8]>,
    pub(super) counts: SmallVec<[UntoldCount; 2]>,
}

/// The same, in one window.
#[derive(Debug, Clone, Copy)]
pub(super) struct UntoldCount {
    pub(super) period: Period,
    /// When the window began.
    pub(super) start: u64,
    pub(super) requests: u64,
}

impl Counters {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Shard(Mutex::default())).collect();
        Self { shards, hasher: RandomState::default() }
    }

    /// Counts a request of an identifier, unless a limit is reached, and says how much is used.
    pub(super) fn take(
        &self,
        identifier: &[u8],
        currents: &mut [Current],
        unix_ms: u64,
    ) -> Verdict {
        self.shard(identifier).lock().counter(identifier, unix_ms).take(currents)
    }

    /// Takes out what has not been told outside of the node, a shard at a time so that no lock is
    /// held for long.
    pub(super) fn untold(&self) -> impl Iterator<Item = Vec<Untold>> {
        self.shards.iter().map(|shard| shard.0.lock().untold())
    }

    /// Learns how much is used in all windows of what was told, in the order of its counts; or, if
    /// there was nobody to tell, keeps it for the next time.
    pub(super) fn told(&self, told: &Untold, totals: Option<&[u64]>) {
        let mut known = self.shard(&told.identifier).lock();
        let Some(counter) = known.by_identifier.get_mut(&told.identifier) else { return };
        for (ix, it) in told.counts.iter().enumerate() {
            let count = &mut counter.0[it.period as usize];
            if count.start != it.start {
                continue;
            }
            match totals.and_then(|totals| totals.get(ix)) {
                Some(total) => count.used = total + count.untold,
                None => count.untold += it.requests,
            }
        }
    }

    fn shard(&self, identifier: &[u8]) -> &Mutex<Known> {
        &self.shards[self.hasher.hash_one(identifier) as usize % SHARDS].0
    }
}

impl Known {
    /// The counter of an identifier.
    fn counter(&mut self, identifier: &[u8], unix_ms: u64) -> &mut Counter {
        let index = match self.by_identifier.get_index_of(identifier) {
            Some(index) => index,
            None => {
                self.make_room(unix_ms);
                self.by_identifier.insert_full(identifier.into(), Counter::default()).0
            }
        };
        &mut self.by_identifier[index]
    }

    /// Forgets what is past among the next few, and if there is no room yet, the least used.
    fn make_room(&mut self, unix_ms: u64) {
        let past = Past::at(unix_ms);
        let mut least: Option<(u64, usize)> = None;
        for _ in 0..LOOKED_AT.min(self.by_identifier.len()) {
            if self.hand >= self.by_identifier.len() {
                self.hand = 0;
            }
            let used = self.by_identifier[self.hand].most_used(&past);
            if used == 0 {
                self.by_identifier.swap_remove_index(self.hand);
            } else {
                if least.is_none_or(|(fewest, _)| used < fewest) {
                    least = Some((used, self.hand));
                }
                self.hand += 1;
            }
        }
        if self.by_identifier.len() >= MOST_OF_SHARD
            && let Some((_, index)) = least
        {
            // Nothing was removed above, so the index still is that of the least used.
            self.by_identifier.swap_remove_index(index);
        }
    }
}

impl Known {
    fn untold(&mut self) -> Vec<Untold> {
        let counters = self.by_identifier.iter_mut();
        let untold = counters.map(|(identifier, counter)| (identifier, counter.untold()));
        untold
            .filter(|(_, counts)| !counts.is_empty())
            .map(|(identifier, counts)| Untold { identifier: identifier.clone(), counts })
            .collect()
    }
}

impl Counter {
    fn untold(&mut self) -> SmallVec<[UntoldCount; 2]> {
        let counts = Period::ALL.into_iter().zip(&mut self.0);
        let untold = counts.filter(|(_, count)| count.untold > 0).map(|(period, count)| {
            let requests = std::mem::take(&mut count.untold);
            UntoldCount { period, start: count.start, requests }
        });
        untold.collect()
    }

    fn take(&mut self, currents: &mut [Current]) -> Verdict {
        let mut verdict = Verdict::Admitted;
        for current in &mut *currents {
            current.used = self.count(current).used;
            if current.used >= current.limit.max {
                verdict = Verdict::Refused;
            }
        }
        if verdict == Verdict::Admitted {
            for current in currents {
                current.used += 1;
                let count = &mut self.0[current.limit.period as usize];
                count.used = current.used;
                count.untold += 1;
            }
        }
        verdict
    }

    /// The count in the window of a request.
    fn count(&mut self, current: &Current) -> &mut Count {
        let count = &mut self.0[current.limit.period as usize];
        // A request that came just before a window and is counted just after its beginning counts
        // there. If the clock was set back further, time begins anew.
        let set_back = count.start > current.window.end;
        if count.start < current.window.start || set_back {
            *count = Count { start: current.window.start, ..Count::default() };
        }
        count
    }

    /// The most that is used of any window that is not past; 0 if all are.
    fn most_used(&self, past: &Past) -> u64 {
        let current = self.0.iter().zip(past.0).filter(|(count, start)| count.start >= *start);
        current.map(|(count, _)| count.used).max().unwrap_or(0)
    }
}

/// When the present windows began; all that began before is past.
struct Past([u64; Period::COUNT]);

impl Past {
    fn at(unix_ms: u64) -> Self {
        Self(Period::ALL.map(|period| period.window(unix_ms).start))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::limit::{Limit, currents};
    use super::*;
    use crate::testing::NOON;

    const MINUTE: u64 = 60_000;

    fn limits(limits: &[(Period, u64)]) -> Vec<Limit> {
        limits.iter().map(|&(period, max)| Limit { period, max }).collect()
    }

    fn take(counters: &Counters, who: &str, limits: &[Limit], at: u64) -> (Verdict, Vec<u64>) {
        let mut currents = currents(limits, at);
        let verdict = counters.take(who.as_bytes(), &mut currents, at);
        (verdict, currents.iter().map(|current| current.used).collect())
    }

    fn known(counters: &Counters) -> usize {
        counters.shards.iter().map(|shard| shard.0.lock().by_identifier.len()).sum()
    }

    #[test]
    fn a_refused_request_counts_against_no_limit() {
        let counters = Counters::new();
        let limits = limits(&[(Period::Second, 1), (Period::Minute, 3)]);
        assert_eq!(take(&counters, "a", &limits, NOON), (Verdict::Admitted, vec![1, 1]));
        assert_eq!(take(&counters, "a", &limits, NOON), (Verdict::Refused, vec![1, 1]));
        assert_eq!(take(&counters, "a", &limits, NOON + 1_000), (Verdict::Admitted, vec![1, 2]));
        assert_eq!(take(&counters, "b", &limits, NOON), (Verdict::Admitted, vec![1, 1]));
    }

    #[test]
    fn a_window_ends_for_good() {
        let counters = Counters::new();
        let limits = limits(&[(Period::Minute, 1)]);
        let verdict = |at| take(&counters, "a", &limits, at).0;
        assert_eq!(verdict(NOON + MINUTE - 1), Verdict::Admitted);
        assert_eq!(verdict(NOON + MINUTE), Verdict::Admitted);
        assert_eq!(verdict(NOON + MINUTE - 1), Verdict::Refused, "a latecomer counts in the next");
        assert_eq!(verdict(NOON + MINUTE), Verdict::Refused);
        assert_eq!(verdict(NOON - MINUTE), Verdict::Admitted, "the clock was set back");
    }

    /// A hundred requests a worker, a hundred in all.
    #[test]
    fn workers_count_together() {
        let counters = Arc::new(Counters::new());
        let workers = (0..4).map(|_| {
            let counters = Arc::clone(&counters);
            std::thread::spawn(move || {
                let limits = limits(&[(Period::Minute, 100), (Period::Day, 1_000)]);
                (0..100).filter(|_| take(&counters, "a", &limits, NOON).0 == Verdict::Admitted).count()
            })
        });
        let workers: Vec<_> = workers.collect();
        let admitted: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
        assert_eq!(admitted, 100);
    }

    #[test]
    fn a_flood_of_identifiers_neither_fills_memory_nor_frees_who_is_limited() {
        let counters = Counters::new();
        let limits = limits(&[(Period::Hour, 3)]);
        for _ in 0..3 {
            assert_eq!(take(&counters, "limited", &limits, NOON).0, Verdict::Admitted);
        }
        for n in 0..MOST * 2 {
            take(&counters, &format!("flood {n}"), &limits, NOON);
        }
        assert!(known(&counters) <= MOST, "{}", known(&counters));
        assert_eq!(take(&counters, "limited", &limits, NOON).0, Verdict::Refused);
    }

    #[test]
    fn what_is_past_goes_as_others_come() {
        let counters = Counters::new();
        let limits = limits(&[(Period::Second, 3)]);
        for n in 0..10_000 {
            take(&counters, &format!("old {n}"), &limits, NOON);
        }
        for n in 0..10_000 {
            take(&counters, &format!("new {n}"), &limits, NOON + 2_000);
        }
        assert!(known(&counters) < 11_000, "{}", known(&counters));
    }

    #[test]
    fn what_was_told_is_told_once_and_what_others_used_is_learnt() {
        let counters = Counters::new();
        let limits = limits(&[(Period::Minute, 10), (Period::Day, 100)]);
        let untold = || counters.untold().flatten().collect::<Vec<_>>();
        let requests = |told: &Untold| told.counts.iter().map(|it| it.requests).collect::<Vec<_>>();
        take(&counters, "a", &limits, NOON);
        take(&counters, "a", &limits, NOON);
        let first = untold().pop().unwrap();
        assert_eq!(requests(&first), [2, 2]);
        assert!(untold().is_empty());

        take(&counters, "a", &limits, NOON);
        counters.told(&first, None);
        let second = untold().pop().unwrap();
        assert_eq!(requests(&second), [3, 3], "with what could not be told");

        take(&counters, "a", &limits, NOON);
        counters.told(&second, Some(&[8, 13]));
        assert_eq!(take(&counters, "a", &limits, NOON), (Verdict::Admitted, vec![10, 15]));
        assert_eq!(take(&counters, "a", &limits, NOON).0, Verdict::Refused);

        // What is learnt of a window that is past is of no use.
        take(&counters, "a", &limits, NOON + MINUTE);
        counters.told(&second, Some(&[100, 18]));
        assert_eq!(take(&counters, "a", &limits, NOON + MINUTE), (Verdict::Admitted, vec![2, 22]));
    }

    proptest! {
        /// However requests come, a window never lets more through than its limit, and never
        /// refuses one while all limits have room.
        #[test]
        fn limits_hold(
            steps in prop::collection::vec((0..3_u8, 0..400_u64), 1..200),
            seconds in 1..4_u64,
            minutes in 1..9_u64,
        ) {
            let counters = Counters::new();
            let limits = limits(&[(Period::Second, seconds), (Period::Minute, minutes)]);
            let mut at = NOON;
            let mut admitted: Vec<(u8, u64)> = Vec::new();
            for (who, pause) in steps {
                at += pause;
                let used = |period: Period| {
                    let start = period.window(at).start;
                    admitted.iter().filter(|it| it.0 == who && it.1 >= start).count() as u64
                };
                let room = used(Period::Second) < seconds && used(Period::Minute) < minutes;
                let verdict = take(&counters, &who.to_string(), &limits, at).0;
                prop_assert_eq!(verdict == Verdict::Admitted, room);
                if room {
                    admitted.push((who, at));
                }
            }
        }
    }
}
