//! A set of addresses, asked once per request.

use std::net::IpAddr;

use ipnet::IpNet;

/// A set of addresses: for each family, ranges that are sorted and do not touch, so that a lookup
/// is a binary search.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AddressSet {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl AddressSet {
    /// The addresses of networks.
    pub(super) fn new(networks: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match network {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        Self {
            v4: joined(v4, |last| last.checked_add(1)),
            v6: joined(v6, |last| last.checked_add(1)),
        }
    }

    /// Whether it holds an address. An IPv4 address that is written as an IPv6 one
    /// (`::ffff:192.0.2.1`) is the IPv4 address.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => holds(&self.v4, address.to_bits()),
            IpAddr::V6(address) => holds(&self.v6, address.to_bits()),
        }
    }
}

/// A network, or a single address. Bits behind the prefix do not matter.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: IpAddr| address.into()))
}

/// The same ranges, sorted, with those joined that overlap or follow each other.
fn joined<T: Ord + Copy>(
    mut ranges: Vec<(T, T)>,
    next: impl Fn(T) -> Option<T>,
) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut joined: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(before) if next(before.1).is_none_or(|next| first <= next) => {
                before.1 = before.1.max(last);
            }
            _ => joined.push((first, last)),
        }
    }
    joined
}

fn holds<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let behind = ranges.partition_point(|(first, _)| *first <= address);
    behind > 0 && address <= ranges[behind - 1].1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(networks: &[&str]) -> AddressSet {
        let networks: Vec<_> = networks.iter().map(|text| network(text).unwrap()).collect();
        AddressSet::new(&networks)
    }

    #[test]
    fn networks_hold_their_first_and_last_address() {
        let set = set(&["10.0.0.9/8", "192.0.2.7", "2001:db8::/32"]);
        for inside in ["10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8:ffff::", "::ffff:10.1.1.1"] {
            assert!(set.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["9.255.255.255", "11.0.0.0", "192.0.2.8", "2001:db9::", "::a00:1"] {
            assert!(!set.contains(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn ranges_that_touch_are_one() {
        assert_eq!(set(&["10.0.1.0/24", "10.0.0.0/24", "10.0.0.4"]), set(&["10.0.0.0/23"]));
        assert_eq!(set(&["0.0.0.0/0", "255.255.255.255"]), set(&["0.0.0.0/0"]));
        assert_eq!(set(&[]), AddressSet::default());
        assert_eq!(network("10.0.0.0/33"), None);
        assert_eq!(network("host"), None);
    }

    proptest! {
        /// The set agrees with asking every network.
        #[test]
        fn agrees_with_the_networks(
            networks in prop::collection::vec((0u32..64, 24u8..=32), 0..12),
            address in 0u32..64,
        ) {
            // Close together, so that they meet.
            let place = |n: u32| IpAddr::from((n << 4).to_be_bytes());
            let networks: Vec<_> = networks.into_iter()
                .map(|(n, prefix)| IpNet::new(place(n), prefix).unwrap())
                .collect();
            let address = place(address);
            let expected = networks.iter().any(|network| network.contains(&address));
            prop_assert_eq!(AddressSet::new(&networks).contains(address), expected);
        }
    }
}
