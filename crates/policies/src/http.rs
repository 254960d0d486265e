//! HTTP requests that policies send by themselves.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use filter::{LocalFuture, WorkerCx};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::dial::{Dialer, Tls, server_name};

/// A resource that requests are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The name of a server that is spoken to over TLS.
    tls: Option<ServerName<'static>>,
    host: String,
    port: u16,
    /// Path and query.
    target: Uri,
    /// What `Host` says.
    authority: HeaderValue,
    /// What `Authorization` says, if the URL named a user.
    authorization: Option<HeaderValue>,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// For a connection, TLS included.
    pub(crate) connect: Duration,
    /// From the request to the end of the response.
    pub(crate) answer: Duration,
    /// How long a connection is kept for the next request.
    pub(crate) idle: Duration,
}

/// Sends requests to an endpoint, one after the other on a connection that is kept. Requests that
/// are under way at once have connections of their own.
pub(crate) struct Client {
    endpoint: Endpoint,
    dialer: Dialer,
    limits: Limits,
    kept: RefCell<Option<(Sender, Instant)>>,
    spawn: Rc<dyn Fn(LocalFuture<'static, ()>)>,
}

type Sender = SendRequest<Full<Bytes>>;

impl Endpoint {
    /// Reads a URL with the scheme `http` or `https`.
    ///
    /// # Errors
    /// What is wrong with it; of a URL that could be read, without its password.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("this is no URL: {error}"))?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            scheme => return Err(format!("the scheme is `{scheme}`, neither `http` nor `https`")),
        };
        let host = url.host_str().ok_or("the URL names no host")?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        Ok(Self {
            tls: tls.then(|| server_name(bare)).transpose()?,
            host: bare.to_owned(),
            port: url.port_or_known_default().ok_or("the URL names no port")?,
            target: target.parse().map_err(|error| format!("`{target}`: {error}"))?,
            authority: value(&authority)?,
            authorization: authorization(&url)?,
        })
    }

    /// Scheme, host, port and path, for messages.
    pub(crate) fn place(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let authority = self.authority.to_str().unwrap_or_default();
        format!("{scheme}://{authority}{}", self.target.path())
    }
}

/// `Authorization` of a URL that names a user (RFC 7617).
fn authorization(url: &Url) -> Result<Option<HeaderValue>, String> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let mut pair = decoded(url.username());
    pair.push(b':');
    pair.extend(decoded(url.password().unwrap_or_default()));
    let mut value = value(&format!("Basic {}", STANDARD.encode(pair)))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| format!("`{text}` cannot stand in a header"))
}

impl Client {
    /// Sends to an endpoint; `verify` says whether its certificate has to be of an authority that
    /// the system trusts.
    pub(crate) fn new(endpoint: Endpoint, verify: bool, limits: Limits, cx: &WorkerCx) -> Self {
        let tls = endpoint.tls.clone().map(|name| Tls::with(name, verify));
        let dialer = Dialer::new(endpoint.host.clone(), endpoint.port, tls, limits.connect);
        let (kept, spawn) = (RefCell::default(), Rc::clone(&cx.spawn));
        Self { endpoint, dialer, limits, kept, spawn }
    }

    /// Sends a request and waits for the whole of the response.
    ///
    /// # Errors
    /// What failed, in words.
    pub(crate) async fn send(
        &self,
        method: &Method,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<StatusCode, String> {
        // The other end may have closed a kept connection meanwhile: that is no failure.
        if let Some(mut sender) = self.take_kept()
            && let Ok(response) =
                self.in_time(sender.try_send_request(self.request(method, headers, &body))).await?
        {
            return self.conclude(sender, response).await;
        }
        let mut sender = self.connect().await?;
        let request = self.request(method, headers, &body);
        let response = self.in_time(sender.send_request(request)).await?;
        let response = response.map_err(|error| format!("no response: {}", Causes(&error)))?;
        self.conclude(sender, response).await
    }

    fn request(&self, method: &Method, headers: &HeaderMap, body: &Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = method.clone();
        *request.uri_mut() = self.endpoint.target.clone();
        *request.headers_mut() = headers.clone();
        request.headers_mut().insert(HOST, self.endpoint.authority.clone());
        if let Some(value) = &self.endpoint.authorization {
            request.headers_mut().entry(AUTHORIZATION).or_insert(value.clone());
        }
        request
    }

    fn take_kept(&self) -> Option<Sender> {
        let (sender, since) = self.kept.borrow_mut().take()?;
        (since.elapsed() < self.limits.idle && sender.is_ready()).then_some(sender)
    }

    async fn connect(&self) -> Result<Sender, String> {
        let stream = TokioIo::new(self.dialer.dial().await?);
        let mut builder = http1::Builder::new();
        let shaken = builder.title_case_headers(true).handshake(stream).await;
        let (sender, connection) = shaken.map_err(|error| error.to_string())?;
        // Whoever sends hears of its errors.
        (self.spawn)(Box::pin(async move { drop(connection.await) }));
        Ok(sender)
    }

    /// Reads a response to its end and keeps the connection.
    async fn conclude(
        &self,
        sender: Sender,
        response: Response<Incoming>,
    ) -> Result<StatusCode, String> {
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST_RESPONSE);
        // A body that is too long, or broken, takes its connection with it and nothing else.
        if self.in_time(body.collect()).await.is_ok_and(|body| body.is_ok()) {
            self.kept.replace(Some((sender, Instant::now())));
        }
        Ok(status)
    }

    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, String> {
        let limit = self.limits.answer;
        let late = |_| format!("no response within {} ms", limit.as_millis());
        timeout(limit, work).await.map_err(late)
    }
}

/// An error with what caused it.
struct Causes<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut error = self.0;
        while let Some(cause) = error.source() {
            write!(f, ": {cause}")?;
            error = cause;
        }
        Ok(())
    }
}

/// Bytes of a response that are read; nobody looks at them.
const LARGEST_RESPONSE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let endpoint = Endpoint::parse("http://us%40r:p%3a@logs.test/a?b=1#c").unwrap();
        assert_eq!(
            (endpoint.host.as_str(), endpoint.port, endpoint.tls.is_some()),
            ("logs.test", 80, false)
        );
        assert_eq!(
            (endpoint.target.to_string().as_str(), endpoint.authority.as_bytes()),
            ("/a?b=1", &b"logs.test"[..])
        );
        assert_eq!(endpoint.authorization.unwrap(), "Basic dXNAcjpwOg==");
        let endpoint = Endpoint::parse("https://[::1]:8443").unwrap();
        assert_eq!(
            (endpoint.host.as_str(), endpoint.port, endpoint.tls.is_some()),
            ("::1", 8443, true)
        );
        assert_eq!(
            (endpoint.target.to_string().as_str(), endpoint.place().as_str()),
            ("/", "https://[::1]:8443/")
        );
    }

    #[test]
    fn what_is_no_url_of_http_is_refused() {
        for wrong in ["", "logs.test", "ftp://logs.test/", "http://"] {
            assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
        }
    }
}
