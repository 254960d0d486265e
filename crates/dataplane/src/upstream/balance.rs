//! Which member a request goes to.

use std::cell::Cell;
use std::rc::Rc;

use model::{Balance, HashRing};

use super::live::LiveMember;
use super::ring;

/// How members are chosen, and those that may be: made anew whenever that changes, so that a
/// request finds everything decided.
pub(super) enum Selection {
    /// Nobody.
    Nobody,
    /// Always this one.
    One(u32),
    /// In turn. Each index stands as often as its share demands.
    Wheel(Vec<u32>),
    /// The one of these that has the least to do.
    LeastRequests(Vec<u32>),
    /// The one of these that is likely to be the fastest.
    Latency(Vec<u32>),
    /// The one on the slot of a key.
    Ring(Vec<u32>),
}

impl Selection {
    /// The selection among members; for each whether it is fit for use. `endpoints` is the number
    /// of endpoints that they belong to.
    pub(super) fn new(
        balance: &Balance,
        endpoints: usize,
        members: &[(Rc<LiveMember>, bool)],
    ) -> Self {
        if let Balance::Hash(hash) = balance {
            return Self::ring(hash.ring, endpoints, members);
        }
        let weight = |(member, fit): &(Rc<LiveMember>, bool)| {
            if *fit { member.member.weight } else { 0 }
        };
        let weights: Vec<u32> = members.iter().map(weight).collect();
        let fit: Vec<u32> =
            (0..).zip(&weights).filter(|(_, w)| **w > 0).map(|(ix, _)| ix).collect();
        match (balance, &fit[..]) {
            (_, []) => Self::Nobody,
            (_, [one]) => Self::One(*one),
            (Balance::LeastRequests, _) => Self::LeastRequests(fit),
            (Balance::Latency, _) => Self::Latency(fit),
            (Balance::RoundRobin | Balance::Hash(_), _) => Self::Wheel(wheel(&weights)),
        }
    }

    fn ring(ring: HashRing, endpoints: usize, members: &[(Rc<LiveMember>, bool)]) -> Self {
        let members: Vec<_> = members.iter().map(|(live, fit)| (&*live.member, *fit)).collect();
        match ring::lay_out(ring, endpoints, &members) {
            slots if slots.is_empty() => Self::Nobody,
            slots => Self::Ring(slots),
        }
    }

    /// The member for a request. Those that it was sent to in vain are left out, unless there are
    /// no others.
    pub(super) fn pick(
        &self,
        members: &[Rc<LiveMember>],
        hash: u32,
        turn: &Cell<usize>,
        tried: &[Rc<LiveMember>],
    ) -> Option<u32> {
        let is_new = |index: &u32| {
            let member = &members[*index as usize];
            !tried.iter().any(|tried| Rc::ptr_eq(tried, member))
        };
        match self {
            Self::Nobody => None,
            Self::One(index) => Some(*index),
            Self::Wheel(wheel) => {
                let at = || {
                    let at = turn.get();
                    turn.set(at.wrapping_add(1));
                    wheel[at % wheel.len()]
                };
                let first = at();
                if tried.is_empty() || is_new(&first) {
                    return Some(first);
                }
                (1..wheel.len()).map(|_| at()).find(is_new).or(Some(first))
            }
            Self::LeastRequests(fit) => {
                let load = |index: u32| {
                    let member = &members[index as usize].member;
                    (f64::from(member.state.active()) + 1.0) / f64::from(member.weight)
                };
                least(fit, turn, is_new, load)
            }
            Self::Latency(fit) => {
                let known = |index: &u32| members[*index as usize].member.state.latency();
                let (sum, count) = fit
                    .iter()
                    .filter_map(known)
                    .fold((0.0, 0.0f32), |(sum, count), latency| (sum + latency, count + 1.0));
                // A member of which nothing is known counts as an average one.
                let average = if count > 0.0 { sum / count } else { 1.0 };
                let cost = |index: u32| {
                    let member = &members[index as usize].member;
                    let latency = f64::from(member.state.latency().unwrap_or(average));
                    latency * (f64::from(member.state.active()) + 1.0) / f64::from(member.weight)
                };
                least(fit, turn, is_new, cost)
            }
            Self::Ring(slots) => {
                let first = hash as usize % slots.len();
                if tried.is_empty() || is_new(&slots[first]) {
                    return Some(slots[first]);
                }
                let below = slots[..first].iter().rev().chain(slots[first..].iter().rev());
                below.copied().find(is_new).or(Some(slots[first]))
            }
        }
    }
}

/// The member with the least cost. Of equal ones another comes first each time.
fn least(
    fit: &[u32],
    turn: &Cell<usize>,
    is_new: impl Fn(&u32) -> bool,
    cost: impl Fn(u32) -> f64,
) -> Option<u32> {
    let start = turn.get() % fit.len();
    turn.set(turn.get().wrapping_add(1));
    let rotated = || fit[start..].iter().chain(&fit[..start]).copied();
    let cheapest = |members: &mut dyn Iterator<Item = u32>| {
        members.map(|index| (cost(index), index)).reduce(|a, b| if b.0 < a.0 { b } else { a })
    };
    let best = cheapest(&mut rotated().filter(is_new)).or_else(|| cheapest(&mut rotated()));
    best.map(|(_, index)| index)
}

/// A sequence in which each index stands as often as its weight demands, as evenly spread as can
/// be (smooth weighted round-robin).
pub(super) fn wheel(weights: &[u32]) -> Vec<u32> {
    let divisor = weights.iter().copied().filter(|w| *w > 0).fold(0, gcd);
    if divisor == 0 {
        return Vec::new();
    }
    let mut shares: Vec<i64> = weights.iter().map(|weight| i64::from(weight / divisor)).collect();
    let mut total: i64 = shares.iter().sum();
    // Very uneven weights are rounded so that the wheel stays small.
    if total > MAX_WHEEL {
        for share in shares.iter_mut().filter(|share| **share > 0) {
            *share = (*share * MAX_WHEEL / total).max(1);
        }
        total = shares.iter().sum();
    }
    let mut credit = vec![0i64; shares.len()];
    let mut wheel = Vec::new();
    for _ in 0..total {
        for (credit, share) in credit.iter_mut().zip(&shares) {
            *credit += share;
        }
        let best = (0..credit.len()).rev().max_by_key(|ix| credit[*ix]).unwrap_or(0);
        credit[best] -= total;
        wheel.push(u32::try_from(best).expect("fewer than 2^32 members"));
    }
    wheel
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Places on a wheel at the most.
const MAX_WHEEL: i64 = 10_000;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::HashBalance;

    use super::super::testing::member;
    use super::*;

    #[test]
    fn a_wheel_spreads_by_weight() {
        assert_eq!(wheel(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(wheel(&[100, 100]), [0, 1]);
        assert_eq!(wheel(&[0, 3]), [1]);
        assert_eq!(wheel(&[0, 0]), [0u32; 0]);
        assert_eq!(wheel(&[]), [0u32; 0]);
        assert!(wheel(&[1, 1_000_000_007]).len() <= 10_001);
    }

    /// Members of one address each, with these weights, and who is chosen of them.
    struct Choice {
        members: Vec<Rc<LiveMember>>,
        balance: Balance,
        turn: Cell<usize>,
    }

    impl Choice {
        fn new(balance: Balance, weights: &[u32]) -> Self {
            let members = weights.iter().zip(1u16..).map(|(weight, port)| {
                Rc::new(LiveMember::new(Arc::new(member("10.0.0.1", port, *weight))))
            });
            Self { members: members.collect(), balance, turn: Cell::new(0) }
        }

        fn pick(&self, hash: u32, tried: &[u32], unfit: &[u32]) -> Option<u32> {
            let fit = (0..).zip(&self.members);
            let fit: Vec<_> = fit.map(|(ix, m)| (Rc::clone(m), !unfit.contains(&ix))).collect();
            let selection = Selection::new(&self.balance, fit.len(), &fit);
            let tried: Vec<_> =
                tried.iter().map(|ix| Rc::clone(&self.members[*ix as usize])).collect();
            selection.pick(&self.members, hash, &self.turn, &tried)
        }

        fn picks(&self, count: usize) -> Vec<u32> {
            (0..count).filter_map(|_| self.pick(0, &[], &[])).collect()
        }
    }

    #[test]
    fn turns_leave_out_who_is_unfit_or_was_tried() {
        let choice = Choice::new(Balance::RoundRobin, &[1, 1, 1, 0]);
        assert_eq!(choice.picks(4), [0, 1, 2, 0]);
        assert_eq!(choice.pick(0, &[1], &[]), Some(2));
        assert_eq!(choice.pick(0, &[], &[0, 1]), Some(2));
        assert_eq!(choice.pick(0, &[2], &[0, 1]), Some(2));
        assert_eq!(choice.pick(0, &[], &[0, 1, 2]), None);
    }

    #[test]
    fn the_least_busy_is_chosen_by_weight() {
        let choice = Choice::new(Balance::LeastRequests, &[1, 2]);
        let state = |ix: usize| &choice.members[ix].member.state;
        assert_eq!(choice.pick(0, &[], &[]), Some(1));
        state(1).begin();
        state(1).begin();
        assert_eq!(choice.pick(0, &[], &[]), Some(0));
        assert_eq!(choice.pick(0, &[0], &[]), Some(1));
        assert_eq!(choice.pick(0, &[0, 1], &[]), Some(0));
        state(1).end();
        state(0).begin();
        assert_eq!(choice.pick(0, &[], &[]), Some(1));
    }

    #[test]
    fn equals_take_turns() {
        for balance in [Balance::LeastRequests, Balance::Latency] {
            assert_eq!(Choice::new(balance, &[1, 1, 1]).picks(4), [0, 1, 2, 0]);
        }
    }

    #[test]
    fn the_fastest_is_chosen_and_the_unknown_is_average() {
        let choice = Choice::new(Balance::Latency, &[1, 1, 1]);
        let state = |ix: usize| &choice.members[ix].member.state;
        state(0).add_latency(1_000, 0);
        state(1).add_latency(3_000, 0);
        assert_eq!(choice.pick(0, &[], &[]), Some(0));
        assert_eq!(choice.pick(0, &[0], &[]), Some(2));
        // Twice the requests, twice the cost: 2 ms against an average of 2 ms and 3 ms.
        state(0).begin();
        state(0).begin();
        assert_eq!(choice.pick(0, &[], &[]), Some(2));
    }

    #[test]
    fn a_key_goes_elsewhere_after_a_failure() {
        let ring = HashRing::Slots(1000);
        let choice = Choice::new(Balance::Hash(HashBalance { ring, keys: vec![] }), &[1, 1, 1]);
        for hash in [0, 7, 999, u32::MAX] {
            let first = choice.pick(hash, &[], &[]).expect("all are fit");
            assert_eq!(choice.pick(hash, &[], &[]), Some(first));
            let second = choice.pick(hash, &[first], &[]).expect("two are fit");
            assert_ne!(first, second);
            assert_eq!(choice.pick(hash, &[], &[first]), Some(second));
            assert_eq!(choice.pick(hash, &[0, 1, 2], &[]), Some(first));
        }
    }
}
