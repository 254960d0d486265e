//! How many connections clients may have: all together, and each.
//!
//! The numbers are the process's, not a worker's: which worker gets a connection is the kernel's
//! choice. They are touched when a connection begins and ends, never for a request.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::settings::ConnectionLimits;
use crate::telemetry::{Limit, open_files_limit};

/// The connections there are.
pub(crate) struct Admission {
    most: usize,
    most_per_peer: usize,
    open: AtomicUsize,
    /// How many were ever let in.
    admitted: AtomicU64,
    /// By peer, if there is a limit for each.
    peers: [Mutex<Peers>; SHARDS],
}

type Peers = HashMap<IpAddr, usize, RandomState>;

/// A connection's place among them; given up when this is dropped.
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    number: u64,
    peer: Option<IpAddr>,
}

impl Admission {
    pub(crate) fn new(limits: ConnectionLimits) -> Arc<Self> {
        let most = match limits.total {
            0 => open_files_limit().map_or(usize::MAX, from_open_files),
            most => most,
        };
        Arc::new(Self {
            most,
            most_per_peer: limits.per_peer,
            open: AtomicUsize::new(0),
            admitted: AtomicU64::new(0),
            peers: Default::default(),
        })
    }

    /// Lets a connection in.
    ///
    /// # Errors
    /// If there are too many.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Admitted, Limit> {
        let number = self.admitted.fetch_add(1, Ordering::Relaxed) + 1;
        let admitted = Admitted { admission: Arc::clone(self), number, peer: None };
        // Counted first: of two that come at once for the last place, one is refused.
        match self.open.fetch_add(1, Ordering::Relaxed) < self.most {
            true => Ok(admitted),
            false => Err(Limit::Connections),
        }
    }

    fn shard(&self, peer: IpAddr) -> &Mutex<Peers> {
        let last = match peer {
            IpAddr::V4(peer) => peer.octets()[3],
            IpAddr::V6(peer) => peer.octets()[7],
        };
        &self.peers[usize::from(last) % SHARDS]
    }
}

impl Admitted {
    /// A number that no other connection of the process has.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Counts the connection as a peer's.
    ///
    /// # Errors
    /// If the peer has too many.
    pub(crate) fn count_for(&mut self, peer: IpAddr) -> Result<(), Limit> {
        if self.admission.most_per_peer == 0 {
            return Ok(());
        }
        let peer = whose(peer);
        let mut peers = self.admission.shard(peer).lock();
        let count = peers.entry(peer).or_insert(0);
        if *count >= self.admission.most_per_peer {
            return Err(Limit::ConnectionsPerPeer);
        }
        *count += 1;
        drop(peers);
        self.peer = Some(peer);
        Ok(())
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.open.fetch_sub(1, Ordering::Relaxed);
        let Some(peer) = self.peer else { return };
        let mut peers = self.admission.shard(peer).lock();
        if let Some(count) = peers.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                peers.remove(&peer);
            }
        }
    }
}

/// Whose address it is: a customer has 2^64 addresses of IPv6 to choose from.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address => address,
    }
}

/// A connection that is proxied takes two files, and there are others.
fn from_open_files(limit: usize) -> usize {
    (limit.saturating_sub(OTHER_FILES) / 2).max(1)
}

/// Files that are no connections: sockets that listen, logs, event queues.
const OTHER_FILES: usize = 100;
const SHARDS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(total: usize, per_peer: usize) -> Arc<Admission> {
        Admission::new(ConnectionLimits { total, per_peer })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_place_that_is_given_up_can_be_taken_again() {
        let admission = admission(2, 0);
        let first = admission.admit().expect("there is room");
        let _second = admission.admit().expect("there is room");
        for _ in 0..3 {
            assert_eq!(admission.admit().err(), Some(Limit::Connections));
        }
        drop(first);
        assert!(admission.admit().is_ok());
    }

    #[test]
    fn each_peer_has_its_own_places() {
        let admission = admission(100, 1);
        let admit = |peer| {
            let mut admitted = admission.admit().expect("there is room");
            admitted.count_for(address(peer)).map(|()| admitted)
        };
        let held = admit("192.0.2.1").expect("it is the first");
        assert_eq!(admit("192.0.2.1").err(), Some(Limit::ConnectionsPerPeer));
        assert_eq!(admit("::ffff:192.0.2.1").err(), Some(Limit::ConnectionsPerPeer));
        let _other = admit("192.0.2.2").expect("another one");
        drop(held);
        assert!(admit("192.0.2.1").is_ok());
        let _network = admit("2001:db8::1").expect("another one");
        assert_eq!(admit("2001:db8::2:1").err(), Some(Limit::ConnectionsPerPeer));
        assert!(admit("2001:db8:0:1::1").is_ok());
    }

    #[test]
    fn peers_without_connections_are_forgotten() {
        let admission = admission(100, 5);
        for host in 0..=255u8 {
            let mut admitted = admission.admit().expect("there is room");
            admitted.count_for(IpAddr::from([192, 0, 2, host])).expect("it is the first");
        }
        assert!(admission.peers.iter().all(|peers| peers.lock().is_empty()));
        assert_eq!(admission.open.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn files_for_both_sides_are_kept() {
        assert_eq!(from_open_files(1024), 462);
        assert_eq!(from_open_files(10), 1);
        assert!(admission(0, 0).most > 0);
    }
}
