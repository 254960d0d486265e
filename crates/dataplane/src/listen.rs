//! Opening listening sockets.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Opens one socket per worker on an address; the kernel spreads connections over them. With
/// port 0 all get the same free port.
///
/// # Errors
/// If the address cannot be listened on, for example because another process does.
pub(crate) fn open(
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

    #[test]
    fn workers_share_a_port() {
        let (address, sockets) = open(any_port(), 16, 3).expect("a free port");
        assert!(sockets.iter().all(|socket| socket.local_addr().ok() == Some(address)));
        assert_ne!(address.port(), 0);
    }

    #[test]
    fn a_port_that_another_gateway_listens_on_is_refused() {
        let (address, _sockets) = open(any_port(), 16, 1).expect("a free port");
        let error = open(address, 16, 1).expect_err("it is taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
