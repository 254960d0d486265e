//! A client that says what it is told to say.

use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::Response;
use super::wire::{Fault, Stream, Wire};

/// How long a client waits for anything.
const PATIENCE: Duration = Duration::from_secs(15);

/// One connection to a server on loopback.
pub struct Client {
    wire: Wire,
}

impl Stream for StreamOwned<ClientConnection, TcpStream> {
    fn tcp(&self) -> &TcpStream {
        &self.sock
    }
}

impl Client {
    pub fn connect(port: u16) -> Result<Self, Fault> {
        Ok(Self { wire: Wire::new(tcp(port)?) })
    }

    /// With TLS, once the handshake is done. `name` is the server's; without one, no SNI is sent.
    pub fn connect_tls(
        port: u16,
        name: Option<&str>,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, Fault> {
        let server = match name {
            Some(name) => {
                ServerName::try_from(name.to_owned()).map_err(|e| Fault::Failed(e.to_string()))?
            }
            None => ServerName::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST).into()),
        };
        let mut connection = ClientConnection::new(Arc::clone(tls), server)
            .map_err(|e| Fault::Failed(e.to_string()))?;
        let mut socket = tcp(port)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Self { wire: Wire::new(StreamOwned::new(connection, socket)) })
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Fault> {
        self.wire.write(bytes.as_ref())
    }

    /// The next response, to a request with this method.
    pub fn receive(&mut self, method: &str) -> Result<Response, Fault> {
        self.wire.read_response(method)
    }

    /// Sends a request and reads its response.
    pub fn exchange(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Result<Response, Fault> {
        self.send(request(method, target, fields))?;
        self.receive(method)
    }

    /// Whether the server ends the connection within the time, without another byte.
    pub fn ends_within(&mut self, limit: Duration) -> bool {
        if !self.wire.unread().is_empty() || self.set_patience(limit).is_err() {
            return false;
        }
        let ended = matches!(self.wire.read_to_end(), Ok(rest) if rest.is_empty());
        ended && self.set_patience(PATIENCE).is_ok()
    }

    /// How long a read or write may take.
    pub fn set_patience(&mut self, limit: Duration) -> Result<(), Fault> {
        let socket = self.wire.stream().tcp();
        socket.set_read_timeout(Some(limit))?;
        Ok(socket.set_write_timeout(Some(limit))?)
    }

    /// Ends this side of the connection; what the server sends can still be read.
    pub fn finish(&mut self) -> Result<(), Fault> {
        Ok(self.wire.stream().tcp().shutdown(Shutdown::Write)?)
    }

    pub fn local_address(&mut self) -> Result<SocketAddr, Fault> {
        Ok(self.wire.stream().tcp().local_addr()?)
    }

    pub fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

/// A request without a body, for `localhost` unless the fields name a host.
pub fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    if !fields.iter().any(|(n, _)| n.eq_ignore_ascii_case("host")) {
        text.push_str("Host: localhost\r\n");
    }
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}

fn tcp(port: u16) -> Result<TcpStream, Fault> {
    let began = Instant::now();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let socket = TcpStream::connect_timeout(&address, PATIENCE).map_err(|e| {
        Fault::Failed(format!("cannot connect to {address} after {:?}: {e}", began.elapsed()))
    })?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}
