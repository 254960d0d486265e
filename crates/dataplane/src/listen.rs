//! Opening listening sockets.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Listening sockets that another process has opened: one that this process takes over from, or
/// one that started it. Each goes to the first that wants to listen on its address.
#[derive(Debug, Clone, Default)]
pub struct InheritedSockets(Arc<Mutex<Vec<(SocketAddr, TcpListener)>>>);

impl InheritedSockets {
    /// Keeps a socket for whoever wants to listen on its address.
    ///
    /// # Errors
    /// If it does not listen for TCP connections.
    pub fn add(&self, socket: OwnedFd) -> io::Result<()> {
        if !SockRef::from(&socket).is_listener()? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket does not listen"));
        }
        let socket = TcpListener::from(socket);
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((address, socket));
        Ok(())
    }

    /// The sockets on exactly this address, in the order in which they came.
    pub fn take(&self, address: SocketAddr) -> Vec<TcpListener> {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = sockets.extract_if(.., |(own, _)| *own == address);
        taken.map(|(_, socket)| socket).collect()
    }

    /// Closes what nobody has taken, and says where that was.
    pub fn close(&self) -> Vec<SocketAddr> {
        let rest = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        rest.into_iter().map(|(address, _)| address).collect()
    }
}

/// At least one socket per worker on an address, dealt out to the workers: those that were inherited,
/// or new ones over which the kernel spreads connections. With port 0 all get the same free port.
///
/// # Errors
/// If the address cannot be listened on, for example because another process does.
pub(crate) fn open(
    address: SocketAddr,
    backlog: u32,
    workers: usize,
    inherited: &InheritedSockets,
) -> io::Result<(SocketAddr, Vec<Vec<TcpListener>>)> {
    let (address, sockets) = match inherited.take(address) {
        sockets if sockets.is_empty() => open_new(address, backlog, workers)?,
        sockets => (address, share(sockets, workers)?),
    };
    let mut dealt: Vec<Vec<TcpListener>> = (0..workers).map(|_| Vec::new()).collect();
    for (number, socket) in sockets.into_iter().enumerate() {
        // None is left out: connections wait in each.
        dealt[number % workers].push(socket);
    }
    Ok((address, dealt))
}

/// Gives every worker a socket if there are fewer: several may accept from one.
fn share(mut sockets: Vec<TcpListener>, workers: usize) -> io::Result<Vec<TcpListener>> {
    let there = sockets.len();
    for number in there..workers {
        sockets.push(sockets[number % there].try_clone()?);
    }
    Ok(sockets)
}

fn open_new(
    address: SocketAddr,
    backlog: u32,
    workers: usize,
) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    // Sockets that share a port say so when they are opened, and so would those of another
    // gateway: a socket that does not share finds out whether the port is free.
    drop(bind(address, false)?);
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    let mut address = address;
    let mut sockets = Vec::with_capacity(workers);
    for _ in 0..workers {
        let socket = bind(address, true)?;
        socket.listen(backlog)?;
        let listener = TcpListener::from(socket);
        address = listener.local_addr()?;
        sockets.push(listener);
    }
    Ok((address, sockets))
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of an earlier process that linger must not keep the port.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    if matches!(address.ip(), IpAddr::V6(_)) {
        socket.set_only_v6(true)?;
    }
    // Accepted sockets inherit it: a small response must not wait for an acknowledgement.
    socket.set_tcp_nodelay(true)?;
    // And this: what a client that reads slowly has not taken waits at the endpoint, not here, where
    // the kernel would keep megabytes for each.
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if !shared {
        // Binding alone succeeds beside a listening socket that may be reused; listening does not.
        socket.listen(1)?;
    }
    Ok(socket)
}

/// Bytes of a connection that the kernel takes before it can send them.
const UNSENT: u32 = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn any_port() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    fn open(
        address: SocketAddr,
        workers: usize,
        inherited: &InheritedSockets,
    ) -> io::Result<(SocketAddr, Vec<Vec<TcpListener>>)> {
        super::open(address, 16, workers, inherited)
    }

    #[test]
    fn workers_share_a_port() {
        let (address, dealt) =
            open(any_port(), 3, &InheritedSockets::default()).expect("a free port");
        assert!(dealt.iter().all(|own| own.len() == 1));
        assert!(dealt.iter().flatten().all(|socket| socket.local_addr().ok() == Some(address)));
        assert_ne!(address.port(), 0);
    }

    #[test]
    fn a_port_that_another_gateway_listens_on_is_refused() {
        let none = InheritedSockets::default();
        let (address, _sockets) = open(any_port(), 1, &none).expect("a free port");
        let error = open(address, 1, &none).expect_err("it is taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn inherited_sockets_are_dealt_out_whole_and_shared_if_they_are_few() {
        for (there, workers, each) in
            [(3, 2, vec![2, 1]), (1, 3, vec![1, 1, 1]), (2, 2, vec![1, 1])]
        {
            let inherited = InheritedSockets::default();
            let (address, sockets) = open(any_port(), there, &inherited).expect("a free port");
            for socket in sockets.into_iter().flatten() {
                inherited.add(socket.into()).expect("it listens");
            }
            let (same, dealt) = open(address, workers, &inherited).expect("they are there");
            assert_eq!(same, address);
            assert_eq!(dealt.iter().map(Vec::len).collect::<Vec<_>>(), each);
        }
    }

    #[test]
    fn what_is_no_listener_is_not_inherited_and_what_nobody_wants_is_closed() {
        let inherited = InheritedSockets::default();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        assert!(inherited.add(socket.into()).is_err());
        let listener = TcpListener::bind(any_port()).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        inherited.add(listener.into()).expect("it listens");
        assert_eq!(inherited.take(any_port()).len(), 0);
        assert_eq!(inherited.close(), [address]);
        assert_eq!(inherited.take(address).len(), 0);
    }
}
