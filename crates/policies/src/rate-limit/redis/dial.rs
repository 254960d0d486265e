//! Making connections to Redis.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisConnectionInfo, RedisError};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::config::Address;
use super::script;
use super::settings::{Login, Settings, Tls, Topology};
use crate::tls;

/// Makes connections to the servers of a store.
pub(super) struct Dialer {
    pub(super) settings: Settings,
    tls: OnceCell<Arc<ClientConfig>>,
}

/// A connection that answers, and what reads and writes it as long as it is polled.
pub(super) struct Dialed {
    pub(super) connection: MultiplexedConnection,
    pub(super) driver: Driver,
    pub(super) address: Address,
}

pub(super) type Driver = Pin<Box<dyn Future<Output = ()>>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("{0}: no connection within {1} ms")]
    Timeout(Address, u128),
    #[error("{0}: {1}")]
    Io(Address, io::Error),
    #[error("{0}: {1}")]
    Tls(Address, String),
    #[error("{0}: {1}")]
    Redis(Address, RedisError),
    #[error("{0}: sentinels name it as the master, but it is a {1}")]
    NoMaster(Address, String),
    #[error("no sentinel knows a master by the name `{0}`")]
    UnknownMaster(String),
    #[error("there is no node to ask")]
    NoNode,
}

impl Dialer {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, tls: OnceCell::new() }
    }

    /// A connection to the server that has all keys: the first node that answers, or the master
    /// that the sentinels name.
    pub(super) async fn server(&self) -> Result<Dialed, DialError> {
        match &self.settings.topology {
            Topology::Sentinel { master, login } => self.master(master, login).await,
            Topology::Single | Topology::Cluster => {
                let mut failure = DialError::NoNode;
                for address in &self.settings.nodes {
                    match self.node(address).await {
                        Ok(dialed) => return Ok(dialed),
                        Err(error) => failure = error,
                    }
                }
                Err(failure)
            }
        }
    }

    /// A connection to a node that can run the script. What is tried is what requests will ask
    /// for, and nothing else proves that they will be answered.
    pub(super) async fn node(&self, address: &Address) -> Result<Dialed, DialError> {
        self.in_time(address, async {
            let login = &self.settings.login;
            let mut dialed = self.open(address, login, self.settings.database).await?;
            let probe = script::probe();
            self.ask(&mut dialed, |mut connection| async move {
                probe.query_async::<redis::Value>(&mut connection).await
            })
            .await?;
            Ok(dialed)
        })
        .await
    }

    /// A connection to a node, whatever it can do.
    pub(super) async fn any(&self, address: &Address) -> Result<Dialed, DialError> {
        self.in_time(address, self.open(address, &self.settings.login, 0)).await
    }

    async fn master(&self, name: &str, login: &Login) -> Result<Dialed, DialError> {
        let mut failure = DialError::UnknownMaster(name.to_owned());
        for sentinel in &self.settings.nodes {
            match self.in_time(sentinel, self.ask_sentinel(sentinel, name, login)).await {
                Ok(Some(address)) => match self.proven_master(&address).await {
                    Ok(dialed) => return Ok(dialed),
                    Err(error) => failure = error,
                },
                Ok(None) => {}
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn ask_sentinel(
        &self,
        sentinel: &Address,
        name: &str,
        login: &Login,
    ) -> Result<Option<Address>, DialError> {
        let mut dialed = self.open(sentinel, login, 0).await?;
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        let found: Option<(String, u16)> = self
            .ask(&mut dialed, |mut connection| async move {
                command.query_async(&mut connection).await
            })
            .await?;
        Ok(found.map(|(host, port)| Address { host, port }))
    }

    /// Sentinels may name a server that is the master no longer.
    async fn proven_master(&self, address: &Address) -> Result<Dialed, DialError> {
        let mut dialed = self.node(address).await?;
        let asked = self.ask(&mut dialed, |mut connection| async move {
            redis::cmd("ROLE").query_async::<Vec<redis::Value>>(&mut connection).await
        });
        let role = self.in_time(address, asked).await?.into_iter().next();
        let role: String = role
            .and_then(|role| redis::from_redis_value(role).ok())
            .unwrap_or_else(|| "server without a role".to_owned());
        if role == "master" { Ok(dialed) } else { Err(DialError::NoMaster(address.clone(), role)) }
    }

    /// What the other end of a connection answers while it is being polled.
    pub(super) async fn ask<T, F>(
        &self,
        dialed: &mut Dialed,
        question: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, DialError>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let answer = question(dialed.connection.clone());
        let answered = tokio::select! {
            answered = answer => answered,
            () = &mut dialed.driver => Err(closed()),
        };
        answered.map_err(|error| DialError::Redis(dialed.address.clone(), error))
    }

    async fn in_time<T>(
        &self,
        address: &Address,
        future: impl Future<Output = Result<T, DialError>>,
    ) -> Result<T, DialError> {
        let limit = self.settings.connect_timeout;
        timeout(limit, future)
            .await
            .unwrap_or_else(|_| Err(DialError::Timeout(address.clone(), limit.as_millis())))
    }

    async fn open(
        &self,
        address: &Address,
        login: &Login,
        database: u32,
    ) -> Result<Dialed, DialError> {
        let io = |error| DialError::Io(address.clone(), error);
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(io)?;
        stream.set_nodelay(true).map_err(io)?;
        let info = info(login, database);
        let Some(tls) = &self.settings.tls else { return greet(address, &info, stream).await };
        let connector = TlsConnector::from(self.tls(address, tls).await?);
        let name = match &tls.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(address.host.clone())
                .map_err(|error| DialError::Tls(address.clone(), error.to_string()))?,
        };
        let stream = connector.connect(name, stream).await.map_err(io)?;
        greet(address, &info, stream).await
    }

    /// Reading the system's authorities takes a while: once, and not on the worker's thread.
    async fn tls(&self, address: &Address, tls: &Tls) -> Result<Arc<ClientConfig>, DialError> {
        let make = || async {
            let Some(trust) = tls.trust.clone() else {
                return Ok(Arc::new(tls::trusting()));
            };
            let roots = tokio::task::spawn_blocking(move || tls::roots(&trust))
                .await
                .map_err(|error| DialError::Tls(address.clone(), error.to_string()))?;
            tls::verifying(roots).map(Arc::new).map_err(|why| DialError::Tls(address.clone(), why))
        };
        self.tls.get_or_try_init(make).await.cloned()
    }
}

/// Logs in and picks the database.
async fn greet<S>(
    address: &Address,
    info: &RedisConnectionInfo,
    stream: S,
) -> Result<Dialed, DialError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Whoever asks has a time limit of their own.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    match MultiplexedConnection::new_with_config(info, stream, config).await {
        Ok((connection, driver)) => {
            Ok(Dialed { connection, driver: Box::pin(driver), address: address.clone() })
        }
        Err(error) => Err(DialError::Redis(address.clone(), error)),
    }
}

fn info(login: &Login, database: u32) -> RedisConnectionInfo {
    let mut info = RedisConnectionInfo::default()
        .set_db(i64::from(database))
        .set_lib_name("tripylon", env!("CARGO_PKG_VERSION"));
    if let Some(username) = &login.username {
        info = info.set_username(username);
    }
    if let Some(password) = &login.password {
        info = info.set_password(&password.0);
    }
    info
}

fn closed() -> RedisError {
    (ErrorKind::Io, "the server closed the connection").into()
}
