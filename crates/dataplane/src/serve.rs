//! A client's connection, from its acceptance to the protocol that is spoken on it.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use filter::{Client, TlsSession};
use model::{ProxyProtocol, Scheme, reason};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::client_address;
use crate::http1::{self, conn::Conn};
use crate::http2;
use crate::proxy_protocol;
use crate::socket::Socket;
use crate::telemetry::Limit;
use crate::timer::Deadline;
use crate::worker::Worker;

/// A listening socket's place among the listeners of the snapshot that is served.
pub(crate) struct Place {
    /// The address to which the socket is bound.
    pub(crate) address: SocketAddr,
    listener: Cell<Option<u32>>,
}

impl Place {
    /// The place of the listener at an index.
    pub(crate) fn new(address: SocketAddr, listener: u32) -> Rc<Self> {
        Rc::new(Self { address, listener: Cell::new(Some(listener)) })
    }

    /// The listener's index in the present snapshot; `None` if it is there no longer.
    pub(crate) fn listener(&self) -> Option<u32> {
        self.listener.get()
    }

    /// Takes note of where the listener stands in another snapshot, if it still does.
    pub(crate) fn move_to(&self, listener: Option<u32>) {
        self.listener.set(listener);
    }

    /// Whether the listener is there no longer: its connections end after what they are at.
    pub(crate) fn is_closed(&self) -> bool {
        self.listener.get().is_none()
    }
}

/// Serves an accepted connection to its end.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    place: Rc<Place>,
    stream: TcpStream,
    peer: SocketAddr,
) {
    let deadline = worker.wheel.deadline();
    let Some(opening) = Opening::of(&worker, &place, peer) else { return };
    let telemetry = &worker.telemetry;
    let refused = |limit| telemetry.connection_refused(limit, peer.ip(), worker.now());
    let mut admitted = match worker.admission.admit() {
        Ok(admitted) => admitted,
        Err(limit) => return refused(limit),
    };
    let speaks_for_others = opening.believed;
    if !speaks_for_others && let Err(limit) = admitted.count_for(peer.ip()) {
        return refused(limit);
    }
    let _known = worker.register(&deadline, opening.tls.is_some());
    deadline.arm(worker.now_us(), opening.limit);
    let local = match place.address.ip().is_unspecified() {
        true => stream.local_addr().unwrap_or(place.address),
        false => place.address,
    };
    let client = Client {
        connection: admitted.number(),
        address: peer.ip().to_canonical(),
        peer,
        local,
        trusted: false,
        scheme: Scheme::Http,
        sni: None,
        tls: None,
    };
    let opened = if opening.is_needed() {
        // In memory of its own, which is given back: most connections live much longer.
        within(&deadline, Box::pin(opening.open(stream, client))).await
    } else {
        Ok(Opened::plain(stream, client, None))
    };
    match opened {
        Ok(Opened { client, .. })
            if speaks_for_others && admitted.count_for(client.address).is_err() =>
        {
            telemetry.connection_refused(Limit::ConnectionsPerPeer, client.address, worker.now());
        }
        Ok(Opened { socket, client, http2, refusal }) => {
            let conn = Conn::new(socket);
            if http2 {
                Box::pin(http2::serve(&worker, &place, conn, client, &deadline)).await;
            } else {
                http1::server::serve(&worker, &place, conn, client, &deadline, refusal).await;
            }
        }
        Err(error) => {
            if error.kind() == io::ErrorKind::TimedOut {
                telemetry.limit_reached(Limit::HeadTime);
            }
            tracing::debug!(target: "client", %peer, %error, "the connection was not opened");
        }
    }
}

/// What is done with a connection before any HTTP is spoken on it.
struct Opening {
    proxy_protocol: ProxyProtocol,
    /// Whether the PROXY protocol header is believed.
    believed: bool,
    tls: Option<Arc<rustls::ServerConfig>>,
    limit: Duration,
}

struct Opened {
    socket: Socket,
    client: Client,
    /// Whether HTTP/2 was agreed on.
    http2: bool,
    /// Every request is refused for this reason.
    refusal: Option<&'static str>,
}

impl Opening {
    fn of(worker: &Worker, place: &Place, peer: SocketAddr) -> Option<Self> {
        let live = worker.live();
        let listener = live.listener(place.listener()?);
        Some(Self {
            proxy_protocol: listener.proxy_protocol,
            believed: match listener.proxy_protocol {
                ProxyProtocol::Off | ProxyProtocol::Ignored => false,
                ProxyProtocol::FromTrusted => {
                    client_address::is_trusted(&listener.client_address, peer)
                }
                ProxyProtocol::FromAnyone => true,
            },
            tls: listener.tls.clone(),
            limit: listener.http.limits.head_timeout,
        })
    }

    fn is_needed(&self) -> bool {
        self.proxy_protocol != ProxyProtocol::Off || self.tls.is_some()
    }

    async fn open(self, mut stream: TcpStream, mut client: Client) -> io::Result<Opened> {
        if self.proxy_protocol != ProxyProtocol::Off
            && let Some((source, destination)) = proxy_protocol::read(&mut stream).await?
            && self.believed
        {
            (client.address, client.local) = (source.ip(), destination);
        }
        let Some(config) = self.tls else {
            return Ok(Opened::plain(stream, client, None));
        };
        if speaks_plain_http(&stream).await? {
            return Ok(Opened::plain(stream, client, Some(reason::PLAIN_ON_TLS)));
        }
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        let (_, session) = stream.get_ref();
        client.scheme = Scheme::Https;
        client.sni = session.server_name().map(|name| {
            let name = name.strip_suffix('.').unwrap_or(name);
            name.to_ascii_lowercase().into()
        });
        client.tls = tls_session(session);
        let http2 = session.alpn_protocol() == Some(b"h2");
        let socket = Socket::ServerTls(Box::new(stream));
        Ok(Opened { socket, client, http2, refusal: None })
    }
}

impl Opened {
    fn plain(stream: TcpStream, client: Client, refusal: Option<&'static str>) -> Self {
        Self { socket: Socket::Plain(stream), client, http2: false, refusal }
    }
}

/// What a handshake agreed on.
fn tls_session(session: &rustls::ServerConnection) -> Option<TlsSession> {
    let version = match session.protocol_version()? {
        rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3",
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2",
        _ => return None,
    };
    let suite = session.negotiated_cipher_suite()?.suite().as_str()?;
    Some(TlsSession { version, cipher: registered(suite) })
}

/// The library marks suites of TLS 1.3 in a way of its own (RFC 8446 appendix B.4).
fn registered(suite: &'static str) -> &'static str {
    match suite {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        other => other,
    }
}

/// Whether a connection that should begin with a TLS handshake begins with a method's letter.
async fn speaks_plain_http(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let read = stream.peek(&mut first).await?;
    Ok(read == 1 && first[0].is_ascii_uppercase())
}

/// Does some work, but no longer than a deadline allows that is armed already.
async fn within<T>(
    deadline: &Deadline,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        match deadline.poll_passed(cx) {
            true => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            false => Poll::Pending,
        }
    })
    .await
}
