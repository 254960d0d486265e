//! Asking a member how it is.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri, Version};
use model::{ActiveCheck, HealthRules, Probe, Upstream};
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::connect::{ConnectError, open};
use super::{Dns, Member, Outcome};
use crate::forward::server_name;
use crate::socket::Socket;

/// Probes of an upstream's members.
pub(crate) struct CompiledCheck {
    asks: Asks,
    headers: Vec<(String, String)>,
    /// The client's side, and the server name if it is not that of the `Host`.
    tls: Option<(Arc<ClientConfig>, Option<String>)>,
    /// The `Host`, if it is not the endpoint's name.
    host: Option<String>,
    timeout: Duration,
    pub(super) concurrency: usize,
    pub(super) healthy_interval: Duration,
    pub(super) unhealthy_interval: Duration,
    pub(super) rules: HealthRules,
}

/// What is asked.
enum Asks {
    Connection,
    Http { path: String },
    Grpc,
}

impl CompiledCheck {
    /// Compiles a check whose TLS has been prepared.
    pub(crate) fn compile(
        check: &ActiveCheck,
        upstream: &Upstream,
        tls: Option<Arc<ClientConfig>>,
    ) -> Self {
        let (asks, headers) = match &check.probe {
            Probe::Connect => (Asks::Connection, &[][..]),
            Probe::Http { path, headers, .. } => {
                (Asks::Http { path: path.clone() }, headers.as_slice())
            }
            Probe::Grpc { headers, .. } => (Asks::Grpc, headers.as_slice()),
        };
        let named = |name: &str| headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        let server_name = check.probe.tls().and_then(|tls| tls.server_name.clone());
        Self {
            host: named("host").map(|(_, host)| host.clone()).or(upstream.host_header.clone()),
            headers: headers.iter().filter(|(name, _)| !is_ours(name)).cloned().collect(),
            asks,
            tls: tls.map(|config| (config, server_name)),
            timeout: check.timeout,
            concurrency: check.concurrency,
            healthy_interval: check.healthy_interval,
            unhealthy_interval: check.unhealthy_interval,
            rules: check.rules.clone(),
        }
    }

    /// Asks a member. It answers for itself: the outcome is what is to be noted.
    pub(super) async fn ask(&self, member: &Member, dns: &Rc<Dns>) -> Outcome {
        match tokio::time::timeout(self.timeout, self.asked(member, dns)).await {
            Err(_) => Outcome::Timeout,
            Ok(Err(_)) => Outcome::Broken,
            Ok(Ok(outcome)) => outcome,
        }
    }

    async fn asked(&self, member: &Member, dns: &Rc<Dns>) -> Result<Outcome, ConnectError> {
        let host = self.host.as_deref().unwrap_or(&member.name);
        let tls = self
            .tls
            .as_ref()
            .map(|(config, name)| (config, name.as_deref().unwrap_or_else(|| server_name(host))));
        let mut socket = open(member, tls, dns).await?;
        Ok(match &self.asks {
            Asks::Connection => Outcome::Well,
            Asks::Http { path } => self.http(&mut socket, path, host).await?,
            Asks::Grpc => self.grpc(socket, host).await?,
        })
    }

    async fn http(&self, socket: &mut Socket, path: &str, host: &str) -> io::Result<Outcome> {
        let mut head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        socket.write_all(head.as_bytes()).await?;
        socket.flush().await?;
        let mut answer = Vec::new();
        loop {
            if let Some(status) = final_status(&mut answer)? {
                return Ok(Outcome::Status(status));
            }
            if answer.len() > MAX_ANSWER || socket.read_buf(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// By the gRPC health checking protocol. A server that does not know it is there, and answers.
    async fn grpc(&self, socket: Socket, host: &str) -> io::Result<Outcome> {
        let (mut sender, connection) = h2::client::handshake(socket).await.map_err(broken)?;
        // It ends with the sender.
        tokio::task::spawn_local(async move { drop(connection.await) });
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let uri = format!("{scheme}://{host}/grpc.health.v1.Health/Check");
        let mut request = Request::builder()
            .method(Method::POST)
            .version(Version::HTTP_2)
            .uri(uri.parse::<Uri>().map_err(broken)?)
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(()).map_err(broken)?;
        std::future::poll_fn(|cx| sender.poll_ready(cx)).await.map_err(broken)?;
        let (response, mut body) = sender.send_request(request, false).map_err(broken)?;
        // A message without compression and without a field: the server as a whole.
        body.send_data(Bytes::from_static(&[0; 5]), true).map_err(broken)?;
        let mut response = response.await.map_err(broken)?;
        if response.status() != 200 {
            return Ok(Outcome::Unwell);
        }
        let mut message = Vec::new();
        while let Some(data) = response.body_mut().data().await {
            let data = data.map_err(broken)?;
            let _ = response.body_mut().flow_control().release_capacity(data.len());
            message.extend_from_slice(&data);
            if message.len() > MAX_ANSWER {
                return Ok(Outcome::Unwell);
            }
        }
        let trailers = response.body_mut().trailers().await.map_err(broken)?;
        let status = trailers.as_ref().and_then(|trailers| trailers.get("grpc-status"));
        let status = status.or_else(|| response.headers().get("grpc-status"));
        Ok(match status.map(|status| status.as_bytes()) {
            Some(UNIMPLEMENTED) => Outcome::Well,
            Some(b"0") if message == SERVING => Outcome::Well,
            _ => Outcome::Unwell,
        })
    }
}

/// Whether a field of the probe is written by the gateway.
fn is_ours(name: &str) -> bool {
    ["host", "connection", "content-length", "transfer-encoding"]
        .iter()
        .any(|ours| name.eq_ignore_ascii_case(ours))
}

/// The status of a response, once it is there; interim responses are taken away.
fn final_status(answer: &mut Vec<u8>) -> io::Result<Option<u16>> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 128];
        let mut response = httparse::Response::new(&mut fields);
        let parsed = response.parse(answer).map_err(broken)?;
        match (response.code, parsed) {
            (Some(status), _) if status >= 200 => return Ok(Some(status)),
            (_, httparse::Status::Complete(head)) => drop(answer.drain(..head)),
            _ => return Ok(None),
        }
    }
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}

/// Bytes of an answer that are read at the most.
const MAX_ANSWER: usize = 16 << 10;
/// `HealthCheckResponse { status: SERVING }`, as gRPC frames it.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 0x08, 0x01];
/// The status of a method that the server does not have.
const UNIMPLEMENTED: &[u8] = b"12";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_response_is_found_in_its_pieces() {
        let status = |answer: &str| final_status(&mut answer.as_bytes().to_vec()).ok().flatten();
        assert_eq!(status("HTTP/1.1 20"), None);
        assert_eq!(status("HTTP/1.0 204 No Content\r\nA: b"), Some(204));
        assert_eq!(status("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 x\r\n\r\n"), Some(503));
        assert!(final_status(&mut b"SSH-2.0\r\n".to_vec()).is_err());
    }

    #[test]
    fn fields_that_frame_the_probe_are_not_taken_from_the_configuration() {
        assert!(is_ours("Host") && is_ours("transfer-ENCODING") && !is_ours("X-Probe"));
    }
}
