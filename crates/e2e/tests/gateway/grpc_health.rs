//! A gRPC server that knows nothing but the health checking protocol.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Response};
use tokio::net::{TcpListener, TcpStream};

/// What the server says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    Serving = 1,
    NotServing = 2,
    /// That it does not have the method.
    Unimplemented = 12,
}

/// The server; it ends with the process.
pub(crate) struct Server {
    port: u16,
    says: Arc<AtomicU8>,
}

impl Server {
    pub(crate) fn start(says: Says) -> Self {
        let says = Arc::new(AtomicU8::new(says as u8));
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::clone(&says);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(serve(listener, shared));
        });
        Self { port, says }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn set(&self, says: Says) {
        self.says.store(says as u8, Ordering::Relaxed);
    }
}

async fn serve(listener: std::net::TcpListener, says: Arc<AtomicU8>) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        tokio::spawn(converse(socket, Arc::clone(&says)));
    }
}

async fn converse(socket: TcpStream, says: Arc<AtomicU8>) -> Option<()> {
    let mut connection = h2::server::handshake(socket).await.ok()?;
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let says = says.load(Ordering::Relaxed);
        let known = request.uri().path() == "/grpc.health.v1.Health/Check"
            && request.headers()["content-type"] == "application/grpc"
            && says != Says::Unimplemented as u8;
        let response = Response::builder().header("content-type", "application/grpc");
        let mut trailers = HeaderMap::new();
        let status = if known { "0" } else { "12" };
        trailers.insert("grpc-status", status.parse().unwrap());
        let mut body = respond.send_response(response.body(()).unwrap(), false).ok()?;
        if known {
            body.send_data(Bytes::from(vec![0, 0, 0, 0, 2, 8, says]), false).ok()?;
        }
        body.send_trailers(trailers).ok()?;
    }
    None
}
