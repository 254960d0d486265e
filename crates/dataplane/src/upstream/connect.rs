//! Opening connections to endpoints.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Dial, Dns, Link, Member};
use crate::http1::conn::Conn;
use crate::socket::Socket;
use crate::timer::Deadline;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The endpoint's name has no address.
    #[error("name resolution failed: {0}")]
    Unresolved(String),
    /// The endpoint refused or could not be reached.
    #[error("connection failed: {0}")]
    Io(#[from] io::Error),
    /// It took too long.
    #[error("connection timed out")]
    Timeout,
    /// The name cannot be a TLS server name.
    #[error("`{0}` cannot be used as a TLS server name")]
    ServerName(String),
}

/// Opens a connection to a member, TLS included. The deadline has been set by the caller.
/// `tried` becomes the address that is connected to.
pub(crate) async fn connect(
    member: &Member,
    tls: Option<&Arc<rustls::ClientConfig>>,
    server_name: Option<&str>,
    dns: &Rc<Dns>,
    deadline: &Deadline,
    tried: &Cell<Option<SocketAddr>>,
) -> Result<Link, ConnectError> {
    let tls = tls.map(|config| (config, server_name.unwrap_or_default()));
    // In memory of its own: few requests open a connection, and all would make room for it.
    let opening = Box::pin(async {
        let address = resolve(member, dns).await?;
        tried.set(Some(address));
        Ok((address, open_at(address, tls).await?))
    });
    let (address, socket) = within(deadline, opening).await?;
    let server_name = tls.map(|(_, name)| name.into());
    Ok(Link { conn: Box::new(Conn::new(socket)), address, server_name, requests: 0 })
}

/// Opens a connection, with TLS for a server name if it is given.
pub(super) async fn open(
    member: &Member,
    tls: Option<(&Arc<rustls::ClientConfig>, &str)>,
    dns: &Rc<Dns>,
) -> Result<Socket, ConnectError> {
    open_at(resolve(member, dns).await?, tls).await
}

async fn open_at(
    address: SocketAddr,
    tls: Option<(&Arc<rustls::ClientConfig>, &str)>,
) -> Result<Socket, ConnectError> {
    let stream = TcpStream::connect(address).await?;
    // Small writes must not wait for the acknowledgement of earlier ones.
    stream.set_nodelay(true)?;
    let Some((config, name)) = tls else { return Ok(Socket::Plain(stream)) };
    let sni = ServerName::try_from(name.to_owned())
        .map_err(|_| ConnectError::ServerName(name.to_owned()))?;
    let stream = TlsConnector::from(Arc::clone(config)).connect(sni, stream).await?;
    Ok(Socket::ClientTls(Box::new(stream)))
}

async fn resolve(member: &Member, dns: &Rc<Dns>) -> Result<SocketAddr, ConnectError> {
    let (ip, port) = match &member.dial {
        Dial::Address(ip) => (*ip, None),
        Dial::Name(name) => {
            let found = dns.lookup(name).await;
            found.map_err(|e| ConnectError::Unresolved(e.to_string()))?
        }
    };
    Ok(SocketAddr::new(ip, port.unwrap_or(member.port)))
}

async fn within<T>(
    deadline: &Deadline,
    work: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        if deadline.poll_passed(cx) {
            return Poll::Ready(Err(ConnectError::Timeout));
        }
        Poll::Pending
    })
    .await
}
