//! The same load through nginx, where that is installed.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::gateway::{self, Gateway, free_port};
use super::process::{Process, version};
use super::{Bench, ROUNDS, config, median, upstream};

/// The gateway beside nginx.
pub(super) struct Peer {
    /// What nginx says that it is.
    pub(super) version: String,
    /// CPU time per request through the gateway, in µs.
    pub(super) gateway: f64,
    /// CPU time per request through nginx, in µs.
    pub(super) nginx: f64,
    /// The median of the rounds' ratios.
    pub(super) ratio: f64,
}

/// Measures both in turns; `None` if there is no nginx.
pub(super) fn measure(bench: &Bench) -> Result<Option<Peer>> {
    let Some(version) = version("nginx", "-v") else { return Ok(None) };
    println!("beside nginx");
    let upstream = upstream::start()?;
    let document = bench.folder.join("peer.yml");
    std::fs::write(&document, config::document(1, 0, upstream))?;
    let gateway = Gateway::start(Command::new(&bench.gateway), &document)?;
    let (nginx, port) = nginx(bench, upstream)?;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (our, their) =
            (gateway::cost(&gateway.process, gateway.port)?, gateway::cost(&nginx, port)?);
        ours.push(our);
        theirs.push(their);
        ratios.push(our / their);
    }
    Ok(Some(Peer { version, gateway: median(ours), nginx: median(theirs), ratio: median(ratios) }))
}

/// One process that works itself, with one kept connection per client and no log.
fn nginx(bench: &Bench, upstream: u16) -> Result<(Process, u16)> {
    let port = free_port()?;
    let folder = bench.folder.display();
    let text = format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 100000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream backend {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port};
        location {path} {{
            proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection \"\";
        }}
    }}
}}
",
        path = config::PATH
    );
    let file = bench.folder.join("nginx.conf");
    std::fs::write(&file, text)?;
    let mut command = Command::new("nginx");
    command.arg("-e").arg(bench.folder.join("nginx.log")).arg("-c").arg(&file);
    let process = Process::start(&mut command)?;
    upstream::wait(port, Duration::from_secs(10))?;
    Ok((process, port))
}
