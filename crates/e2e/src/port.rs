//! Ports for servers that are told theirs on the command line.
//!
//! The kernel's own choice (port 0) cannot be passed on without a gap in which somebody else gets
//! the port, and with `SO_REUSEPORT` two gateways would not even notice. So a port is *claimed*: an
//! abstract Unix socket that bears its number is held for as long as the port is used, and every
//! test process of the machine looks at those. Ports come from below the range from which the
//! kernel takes those of outgoing connections.

use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 10_300;
const COUNT: u16 = 21_000;

/// A port that is ours until this and its clones are dropped.
#[derive(Debug, Clone)]
pub struct Port {
    number: u16,
    _claim: Arc<UnixListener>,
}

impl Port {
    /// Claims a port on which nobody listens.
    ///
    /// # Panics
    /// If there is none.
    pub fn claim() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let start = (std::process::id() % u32::from(COUNT)) as u16;
        (0..COUNT)
            .map(|_| NEXT.fetch_add(1, Ordering::Relaxed))
            .map(|n| FIRST + (u32::from(start) + u32::from(n) * 7) as u16 % COUNT)
            .find_map(Self::try_claim)
            .expect("thousands of ports, and one of them is free")
    }

    fn try_claim(number: u16) -> Option<Self> {
        let name = SocketAddr::from_abstract_name(format!("tripylon-e2e-port-{number}")).ok()?;
        let claim = UnixListener::bind_addr(&name).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _claim: Arc::new(claim) })
    }

    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_port_is_not_given_twice() {
        let ports: Vec<Port> = (0..200).map(|_| Port::claim()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(Port::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 200);
        assert!(Port::try_claim(numbers[0]).is_none());
    }
}
