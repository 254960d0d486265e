//! Connections to the servers that policies speak to, over TLS where that is asked for.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::tls::{self, Trust};

/// Connects to one server.
pub(crate) struct Dialer {
    host: String,
    port: u16,
    tls: Option<Tls>,
    limit: Duration,
}

/// How a server is spoken to over TLS.
pub(crate) struct Tls {
    name: ServerName<'static>,
    verify: bool,
    config: OnceCell<Arc<ClientConfig>>,
}

/// A connection, with or without TLS.
pub(crate) type Stream = Box<dyn Io>;

/// What can be read from and written to.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

impl Dialer {
    /// Connects to a host, an address without brackets or a name, within a limit of time.
    pub(crate) fn new(host: String, port: u16, tls: Option<Tls>, limit: Duration) -> Self {
        Self { host, port, tls, limit }
    }

    /// A new connection.
    ///
    /// # Errors
    /// What failed, in words.
    pub(crate) async fn dial(&self) -> Result<Stream, String> {
        let limit = self.limit;
        let dialled = timeout(limit, self.dial_patiently()).await;
        dialled.unwrap_or_else(|_| Err(format!("no connection within {} ms", limit.as_millis())))
    }

    async fn dial_patiently(&self) -> Result<Stream, String> {
        let failed = |error: std::io::Error| format!("no connection: {error}");
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let connector = TlsConnector::from(tls.config().await?);
        let stream = connector.connect(tls.name.clone(), stream).await;
        stream.map(|stream| Box::new(stream) as Stream).map_err(failed)
    }
}

/// The name of a server that is spoken to over TLS.
///
/// # Errors
/// If that cannot be one.
pub(crate) fn server_name(name: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(name.to_owned()).map_err(|_| format!("`{name}` cannot be a server's name"))
}

impl Tls {
    /// TLS with a server of this name; `verify` says whether its certificate has to be of an
    /// authority that the system trusts.
    pub(crate) fn with(name: ServerName<'static>, verify: bool) -> Self {
        Self { name, verify, config: OnceCell::new() }
    }

    /// Reading the system's authorities takes a while: once, and not on the worker's thread.
    async fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let make = || async {
            if !self.verify {
                return Ok(Arc::new(tls::trusting()));
            }
            let trust = Trust { system: true, authorities: Vec::new() };
            let roots = tokio::task::spawn_blocking(move || tls::roots(&trust)).await;
            tls::verifying(roots.map_err(|error| error.to_string())?).map(Arc::new)
        };
        self.config.get_or_try_init(make).await.cloned()
    }
}
