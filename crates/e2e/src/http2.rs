//! A client for HTTP/2.

use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

const PATIENCE: Duration = Duration::from_secs(15);

/// One connection to a server on loopback.
pub struct Client {
    runtime: Runtime,
    sender: SendRequest<Bytes>,
}

/// A response as it came in.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

impl Client {
    /// In plain text, with prior knowledge (RFC 9113 section 3.3).
    pub fn connect(port: u16) -> Result<Self, String> {
        let runtime = runtime();
        let sender = runtime.block_on(async { handshake(tcp(port).await?).await })?;
        Ok(Self { runtime, sender })
    }

    /// Over TLS; an error if the server does not choose `h2` by ALPN.
    pub fn connect_tls(port: u16, name: &str, tls: &Arc<ClientConfig>) -> Result<Self, String> {
        let runtime = runtime();
        let name = ServerName::try_from(name.to_owned()).map_err(|e| e.to_string())?;
        let connector = TlsConnector::from(Arc::clone(tls));
        let sender = runtime.block_on(async {
            let stream =
                connector.connect(name, tcp(port).await?).await.map_err(|e| e.to_string())?;
            if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                return Err("the server did not choose h2".to_owned());
            }
            handshake(stream).await
        })?;
        Ok(Self { runtime, sender })
    }

    /// Sends requests at once, each on a stream of its own; their responses in the same order.
    pub fn exchange_all(
        &mut self,
        requests: Vec<(Request<()>, Vec<u8>)>,
    ) -> Vec<Result<Response, String>> {
        let sender = &self.sender;
        self.runtime.block_on(async {
            let tasks: Vec<_> = requests
                .into_iter()
                .map(|(request, body)| tokio::spawn(exchange(sender.clone(), request, body)))
                .collect();
            let mut responses = Vec::new();
            for task in tasks {
                responses.push(task.await.map_err(|e| e.to_string()).and_then(|r| r));
            }
            responses
        })
    }

    pub fn exchange(&mut self, request: Request<()>, body: &[u8]) -> Result<Response, String> {
        self.exchange_all(vec![(request, body.to_vec())]).pop().expect("a response for a request")
    }

    pub fn get(&mut self, uri: &str) -> Result<Response, String> {
        self.exchange(Request::get(uri).body(()).map_err(|e| e.to_string())?, b"")
    }
}

/// Asks for a target byte by byte as it is given, with frames written by hand (RFC 9113 section 4.1):
/// no library would send all of them. Returns when the stream or the connection has ended, however.
///
/// # Errors
/// If that does not come in time.
pub fn ask_for(port: u16, target: &[u8]) -> std::io::Result<()> {
    let mut block = Vec::new();
    // Literals without indexing, of new names (RFC 7541 section 6.2.2); all lengths are short.
    for (name, value) in [
        (&b":method"[..], &b"GET"[..]),
        (b":scheme", b"http"),
        (b":authority", b"a.test"),
        (b":path", target),
    ] {
        block.push(0);
        for text in [name, value] {
            block.push(
                u8::try_from(text.len()).ok().filter(|len| *len < 127).expect("a short text"),
            );
            block.extend_from_slice(text);
        }
    }
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).expect("a short payload");
        [&[0, 0, length, kind, flags, 0, 0, 0, stream][..], payload].concat()
    };
    let mut stream = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let said =
        [preface, frame(SETTINGS, 0, 0, &[]), frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)];
    stream.write_all(&said.concat())?;
    loop {
        let mut head = [0; 9];
        if let Err(error) = stream.read_exact(&mut head) {
            return if error.kind() == ErrorKind::WouldBlock { Err(error) } else { Ok(()) };
        }
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload)?;
        let (kind, flags) = (head[3], head[4]);
        let ends = matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0;
        if ends || matches!(kind, RST_STREAM | GOAWAY) {
            return Ok(());
        }
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The connection's own task needs a thread while the client does nothing.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

async fn tcp(port: u16) -> Result<TcpStream, String> {
    let stream =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.map_err(|e| e.to_string())?;
    stream.set_nodelay(true).map_err(|e| e.to_string())?;
    Ok(stream)
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Bytes>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = h2::client::handshake(stream).await.map_err(|e| e.to_string())?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn exchange(
    sender: SendRequest<Bytes>,
    request: Request<()>,
    body: Vec<u8>,
) -> Result<Response, String> {
    tokio::time::timeout(PATIENCE, attempt(sender, request, body))
        .await
        .map_err(|_| "nothing came in time".to_owned())?
        .map_err(|e| e.to_string())
}

async fn attempt(
    sender: SendRequest<Bytes>,
    request: Request<()>,
    body: Vec<u8>,
) -> Result<Response, h2::Error> {
    let mut sender = sender.ready().await?;
    let (response, mut stream) = sender.send_request(request, body.is_empty())?;
    if !body.is_empty() {
        stream.send_data(Bytes::from(body), true)?;
    }
    let (head, mut incoming) = response.await?.into_parts();
    let mut body = Vec::new();
    while let Some(chunk) = incoming.data().await {
        let chunk = chunk?;
        incoming.flow_control().release_capacity(chunk.len())?;
        body.extend_from_slice(&chunk);
    }
    let trailers = incoming.trailers().await?;
    Ok(Response { status: head.status.as_u16(), headers: head.headers, body, trailers })
}
