//! Members for tests.

use super::{Dial, Member};

/// A member at an address, which is its endpoint too.
pub(super) fn member(address: &str, port: u16, weight: u32) -> Member {
    Member {
        endpoint: 0,
        name: address.to_owned(),
        label: format!("{address}:{port}"),
        host_header: format!("{address}:{port}"),
        dial: Dial::Address(address.parse().expect("an address")),
        port,
        weight,
        state: Default::default(),
        ring_place: format!("{address}::{port}"),
        ring_rank: (address.to_owned(), port),
    }
}
