//! Sockets, connections and messages of the Admin API.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HeaderName,
    HeaderValue, ORIGIN, SERVER, VARY,
};
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use super::answer::Answer;
use super::api::Admin;
use super::failure::Failure;
use super::request::Request;
use crate::voice::VERSION;

/// The most connections at a time; whoever comes then has to wait.
const CONNECTIONS: usize = 512;

/// The longest head of a request.
const LONGEST_HEAD: usize = 64 << 10;

/// How long a handshake and the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest body if the settings give no limit: no longer document is read anyway.
const LONGEST_BODY: u64 = config::Budget::NETWORK.bytes as u64 * 2;

/// How long to wait when the system gives no more connections.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket to accept from.
pub struct Listener {
    /// The bound socket.
    pub socket: TcpListener,
    /// What TLS connections are shown ([`super::tls`]); `None` for plain HTTP.
    pub tls: Option<Arc<ServerConfig>>,
}

/// A running Admin API. It ends when this is dropped.
pub struct Server {
    addresses: Vec<SocketAddr>,
    sockets: Vec<TcpListener>,
    /// Ends the acceptors, but not the connections that there are.
    leave: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Serves the API on these sockets until the returned value is dropped.
///
/// # Errors
/// If the system gives no thread, or a socket cannot be used.
pub fn serve(listeners: Vec<Listener>, admin: Admin) -> io::Result<Server> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = watch::channel(false);
    let (leave, leaving) = watch::channel(false);
    let admin = Arc::new(admin);
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let (mut addresses, mut sockets) = (Vec::new(), Vec::new());
    for Listener { socket, tls } in listeners {
        addresses.push(socket.local_addr()?);
        socket.set_nonblocking(true)?;
        sockets.push(socket.try_clone()?);
        let socket = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(socket)?
        };
        let acceptor = Acceptor {
            admin: Arc::clone(&admin),
            slots: Arc::clone(&slots),
            tls: tls.map(TlsAcceptor::from),
        };
        let leaving = until(leaving.clone());
        runtime.spawn(async move {
            tokio::select! {
                () = acceptor.run(socket) => {}
                () = leaving => {}
            }
        });
    }
    let thread = thread::Builder::new()
        .name("admin".into())
        .spawn(move || runtime.block_on(until(stopped)))?;
    Ok(Server { addresses, sockets, leave, stop, thread: Some(thread) })
}

/// Waits until the value is true.
async fn until(mut value: watch::Receiver<bool>) {
    // The sender is dropped with the server, which means the same.
    let _ = value.wait_for(|value| *value).await;
}

impl Server {
    /// The addresses on which it listens, in the order in which the sockets were given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Copies of the sockets, for a process that takes over.
    ///
    /// # Errors
    /// If the process may not have so many files open.
    pub fn listening_sockets(&self) -> io::Result<Vec<OwnedFd>> {
        self.sockets.iter().map(|socket| Ok(socket.try_clone()?.into())).collect()
    }

    /// Accepts no more; connections that there are go on.
    pub fn leave(&self) {
        self.leave.send_replace(true);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If nobody listens, the thread has ended already.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Acceptor {
    admin: Arc<Admin>,
    slots: Arc<Semaphore>,
    tls: Option<TlsAcceptor>,
}

impl Acceptor {
    async fn run(self, socket: tokio::net::TcpListener) {
        // The semaphore is never closed.
        while let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await {
            let stream = match socket.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "the Admin API cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            // Answers are small and single; waiting for more to send only costs time.
            let _ = stream.set_nodelay(true);
            let (admin, tls) = (Arc::clone(&self.admin), self.tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => converse(admin, stream).await,
                    Some(tls) => {
                        let handshake = tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream));
                        if let Ok(Ok(stream)) = handshake.await {
                            converse(admin, stream).await;
                        }
                    }
                }
                drop(slot);
            });
        }
    }
}

/// Serves one connection. How it ends is the client's business.
async fn converse(admin: Arc<Admin>, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .title_case_headers(true)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(LONGEST_HEAD);
    server.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_TIMEOUT);
    let service = service_fn(move |request| {
        let admin = Arc::clone(&admin);
        async move { Ok::<_, std::convert::Infallible>(exchange(&admin, request).await) }
    });
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn exchange(admin: &Admin, request: hyper::Request<Incoming>) -> Response<Full<Bytes>> {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let (method, uri) = (head.method.clone(), head.uri.clone());
    let origin =
        head.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned);
    let asked = match read_body(admin, body).await {
        Ok(body) => Request::new(head.method, &head.uri, head.headers, body),
        Err(failure) => Err(failure),
    };
    let answer = match asked {
        Ok(request) => admin.answer(&request).await,
        Err(failure) => failure.into(),
    };
    info!(%method, path = uri.path(), status = answer.status.as_u16(), "Admin API");
    respond(admin, &answer, &method, origin.as_deref(), started)
}

async fn read_body(admin: &Admin, body: Incoming) -> Result<Bytes, Failure> {
    let limit = match admin.kong.settings().admin_body {
        0 => LONGEST_BODY,
        limit => limit.min(LONGEST_BODY),
    };
    let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    let read = tokio::time::timeout(BODY_TIMEOUT, limited.collect());
    match read.await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failure::PayloadTooLarge),
        Ok(Err(_)) => Err(Failure::BadRequest("the body cannot be read".into())),
        Err(_) => Err(Failure::RequestTimeout),
    }
}

/// The answer with the headers that every one bears.
fn respond(
    admin: &Admin,
    answer: &Answer,
    method: &Method,
    origin: Option<&str>,
    started: Instant,
) -> Response<Full<Bytes>> {
    let (body, content_type) = answer.body.render(answer.status);
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Some(allowed) = admin.origins.allowed(origin)
        && let Ok(allowed) = HeaderValue::from_str(allowed)
    {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    if origin.is_some() {
        headers.insert(VARY, HeaderValue::from_static("Origin"));
    }
    for (name, value) in &answer.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let said = admin.kong.settings().voice.headers;
    if said.admin_latency {
        let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        headers.insert(HeaderName::from_static("x-kong-admin-latency"), took.into());
    }
    if said.server
        && let Ok(server) = HeaderValue::from_str(&format!("kong/{VERSION}"))
    {
        headers.insert(SERVER, server);
    }
    // hyper leaves out the body of an answer to HEAD, and keeps its length.
    let bodiless = matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if method == Method::HEAD && !bodiless {
        headers.insert(hyper::header::CONTENT_LENGTH, body.len().into());
    }
    *response.body_mut() = Full::new(body.into());
    response
}
