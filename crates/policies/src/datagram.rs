//! Datagrams to one server.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::{Instant, timeout};

/// Sends datagrams to a host, an address without brackets or a name.
pub(crate) struct Datagrams {
    host: String,
    port: u16,
    limit: Duration,
    open: RefCell<Option<(Rc<UdpSocket>, Instant)>>,
}

impl Datagrams {
    /// To a server, each datagram within a limit of time.
    pub(crate) fn new(host: String, port: u16, limit: Duration) -> Self {
        Self { host, port, limit, open: RefCell::default() }
    }

    /// Sends one datagram. Whether it arrives nobody knows.
    ///
    /// # Errors
    /// What failed here, in words.
    pub(crate) async fn send(&self, datagram: &[u8]) -> Result<(), String> {
        let limit = self.limit;
        let sent = timeout(limit, self.send_patiently(datagram)).await;
        let sent = sent.map_err(|_| format!("not sent within {} ms", limit.as_millis()))?;
        sent.map_err(|error| {
            self.open.take();
            format!("not sent: {error}")
        })
    }

    async fn send_patiently(&self, datagram: &[u8]) -> io::Result<()> {
        let socket = self.socket().await?;
        match socket.send(datagram).await {
            // That is about an earlier one.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                socket.send(datagram).await
            }
            sent => sent,
        }
        .map(drop)
    }

    /// The socket; the name is looked up again from time to time.
    async fn socket(&self) -> io::Result<Rc<UdpSocket>> {
        if let Some((socket, since)) = &*self.open.borrow()
            && since.elapsed() < FRESH
        {
            return Ok(Rc::clone(socket));
        }
        let address = lookup_host((self.host.as_str(), self.port)).await?.next();
        let address = address.ok_or(ErrorKind::NotFound)?;
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = Rc::new(UdpSocket::bind(any).await?);
        socket.connect(address).await?;
        self.open.replace(Some((Rc::clone(&socket), Instant::now())));
        Ok(socket)
    }
}

/// How long an address counts.
const FRESH: Duration = Duration::from_secs(60);
