//! A gateway that is measured.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::process::Process;
use super::upstream;

/// A gateway with one worker.
pub(super) struct Gateway {
    pub(super) process: Process,
    pub(super) port: u16,
    /// From its start to its first answer.
    pub(super) ready: Duration,
}

impl Gateway {
    /// Starts what `command` names (the gateway, or a tool that runs it) with a document and waits
    /// until it answers.
    pub(super) fn start(mut command: Command, document: &Path) -> Result<Self> {
        let port = free_port()?;
        command
            .arg("run")
            .arg(document)
            .args(["--workers", "1", "--no-watch", "--access-log", "off"])
            .env("KONG_PROXY_LISTEN", format!("127.0.0.1:{port}"))
            .env("KONG_ADMIN_LISTEN", "off")
            .env("KONG_STATUS_LISTEN", "off")
            .env("KONG_NGINX_HTTP_KEEPALIVE_REQUESTS", "100000000");
        let began = Instant::now();
        let process = Process::start(&mut command)?;
        upstream::wait(port, Duration::from_secs(60))?;
        Ok(Self { process, port, ready: began.elapsed() })
    }
}

/// CPU time of a process per request, in µs, while it is under load.
pub(super) fn cost(process: &Process, port: u16) -> Result<f64> {
    let before = process.cpu()?;
    let requests = upstream::load(port, 8, super::LOAD)?;
    let used = process.cpu()?.saturating_sub(before);
    Ok(used.as_secs_f64() * 1e6 / requests as f64)
}

/// A port that nobody listens on now.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
