//! A ring of slots on which members are laid out by hash, so that a key finds the same member as
//! long as it is there.

use std::fmt::{self, Write};
use std::hash::Hasher;

use model::HashRing;
use twox_hash::XxHash32;

use super::Member;

/// XXH32 of what is written.
pub(super) struct Hash(XxHash32);

impl Hash {
    pub(super) fn new() -> Self {
        Self(XxHash32::with_seed(0))
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    pub(super) fn value(&self) -> u32 {
        self.0.finish_32()
    }
}

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

/// For every slot the member that stands there or, if that is not fit for use, on the nearest one
/// below that is. Empty if no member is fit.
pub(super) fn lay_out(ring: HashRing, endpoints: usize, members: &[(&Member, bool)]) -> Vec<u32> {
    let HashRing::Slots(slots) = ring;
    let mut places = places(slots as usize, endpoints, members);
    let is_fit = |place: &Option<u32>| place.filter(|index| members[*index as usize].1);
    let Some(mut below) = places.iter().rev().find_map(is_fit) else { return Vec::new() };
    for place in &mut places {
        match is_fit(place) {
            Some(index) => below = index,
            None => *place = Some(below),
        }
    }
    places.into_iter().flatten().collect()
}

/// Who stands on each slot.
fn places(slots: usize, endpoints: usize, members: &[(&Member, bool)]) -> Vec<Option<u32>> {
    let mut places = vec![None; slots];
    let mut order: Vec<u32> = (0..).take(members.len()).collect();
    let member = |index: u32| members[index as usize].0;
    order.retain(|index| member(*index).weight > 0);
    order.sort_by(|a, b| member(*a).ring_order().cmp(&member(*b).ring_order()));
    let total: u64 = order.iter().map(|index| u64::from(member(*index).weight)).sum();
    // A ring that is too small for all of them is shared.
    let all = (endpoints * PER_ENDPOINT).min(slots * 3 / 4) as u64;
    let mut free = slots;
    for index in order {
        let wanted = (u64::from(member(index).weight) * all / total).max(1);
        let (mut taken, mut number) = (0, 1u64);
        while taken < wanted && free > 0 {
            let mut hash = Hash::new();
            let place = &member(index).ring_place;
            // Writing into a hash never fails.
            let _ = write!(hash, "{place} {number}");
            let place = &mut places[hash.value() as usize % slots];
            if place.is_none() {
                *place = Some(index);
                taken += 1;
                free -= 1;
            }
            number += 1;
        }
    }
    places
}

/// Slots of an endpoint with an average weight.
const PER_ENDPOINT: usize = 160;

#[cfg(test)]
mod tests {
    use super::super::testing::member;
    use super::*;

    fn find(ring: &[u32], key: &str) -> u32 {
        let mut hash = Hash::new();
        hash.add(key.as_bytes());
        ring[hash.value() as usize % ring.len()]
    }

    /// Members, and which of them are fit.
    fn ring(slots: u32, members: &[(Member, bool)]) -> Vec<u32> {
        let members: Vec<_> = members.iter().map(|(member, fit)| (member, *fit)).collect();
        lay_out(HashRing::Slots(slots), members.len(), &members)
    }

    fn three(fit: [bool; 3]) -> Vec<u32> {
        let members = [16080, 16081, 16082].map(|port| member("127.0.0.1", port, 100));
        ring(10_000, &members.into_iter().zip(fit).collect::<Vec<_>>())
    }

    /// Where a gateway was seen to send these keys.
    #[test]
    fn keys_find_the_members_that_they_were_seen_to_find() {
        let ring = three([true; 3]);
        let users = [2, 2, 0, 1, 2, 0];
        for (number, member) in users.into_iter().enumerate() {
            assert_eq!(find(&ring, &format!("user-{number}")), member, "user-{number}");
        }
        assert_eq!(["0", "1", "2", "3"].map(|key| find(&ring, key)), [0, 2, 1, 1]);
        assert_eq!(find(&ring, ""), 0);
        assert_eq!(["one", "two"].map(|key| find(&ring, key)), [0, 2]);
        // Both values of `?u=2&u=1`.
        assert_eq!(find(&ring, "1,2"), 2);
    }

    #[test]
    fn only_keys_of_an_unfit_member_move() {
        let (all, two) = (three([true; 3]), three([true, false, true]));
        for (before, after) in all.iter().zip(&two) {
            assert!(before == after || *before == 1);
            assert_ne!(*after, 1);
        }
        assert_eq!(three([false; 3]), [0u32; 0]);
    }

    #[test]
    fn slots_follow_weights_and_every_member_has_one() {
        let members: Vec<_> = [1, 100, 300, 0]
            .map(|weight| (member("10.0.0.1", 1000 + weight as u16, weight), true))
            .into();
        let ring = ring(1000, &members);
        let count = |index: u32| ring.iter().filter(|slot| **slot == index).count();
        assert!(count(0) > 0 && count(0) < count(1) && count(1) < count(2));
        assert_eq!(count(3), 0);
    }

    #[test]
    fn a_ring_may_be_smaller_than_the_number_of_members() {
        let members: Vec<_> = (0..50).map(|n| (member("10.0.0.1", 1000 + n, 100), true)).collect();
        assert_eq!(ring(10, &members).len(), 10);
    }
}
