//! A gateway that is measured.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::process::{self, Process};
use super::upstream;

/// A gateway with one worker.
pub(super) struct Gateway {
    pub(super) process: Process,
    pub(super) port: u16,
    /// From its start to its first answer.
    pub(super) ready: Duration,
    /// What it says, a JSON text a line.
    log: PathBuf,
}

impl Gateway {
    /// Starts what `command` names (the gateway, or a tool that runs it) with a document and waits
    /// until it answers.
    pub(super) fn start(mut command: Command, document: &Path) -> Result<Self> {
        let port = free_port()?;
        let log = document.with_extension("log");
        match std::fs::remove_file(&log) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        command
            .arg("run")
            .arg(document)
            .args(["--workers", "1", "--no-watch", "--access-log", "off"])
            .args(["--error-log-format", "json", "--log-level", "debug", "--error-log"])
            .arg(&log)
            .env("KONG_PROXY_LISTEN", format!("127.0.0.1:{port}"))
            .env("KONG_ADMIN_LISTEN", "off")
            .env("KONG_STATUS_LISTEN", "off")
            .env("KONG_NGINX_HTTP_KEEPALIVE_REQUESTS", "100000000");
        let began = Instant::now();
        let process = Process::start(&mut command)?;
        upstream::wait(port, Duration::from_secs(60))?;
        Ok(Self { process, port, ready: began.elapsed(), log })
    }

    /// Whole milliseconds that it says about something that it has done, each time.
    pub(super) fn times(&self, message: &str) -> Result<Vec<u64>> {
        let text = std::fs::read_to_string(&self.log)?;
        let lines = text.lines().map(serde_json::from_str::<Value>);
        let lines: Vec<Value> = lines.collect::<Result<_, _>>().context("its log is no JSON")?;
        let said = lines.iter().filter(|line| line["message"] == message);
        Ok(said.filter_map(|line| line["ms"].as_u64()).collect())
    }

    /// Has it read its document again, and waits until it has said what that took: in milliseconds.
    pub(super) fn reload(&self) -> Result<u64> {
        const APPLIED: &str = "configuration applied";
        let before = self.times(APPLIED)?.len();
        Command::new("kill").arg("-HUP").arg(self.process.id().to_string()).status()?;
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            if let Some(took) = self.times(APPLIED)?.get(before) {
                return Ok(*took);
            }
            process::nap(Duration::from_millis(50));
        }
        bail!("it applies nothing")
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
