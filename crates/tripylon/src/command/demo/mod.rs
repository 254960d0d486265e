//! `tripylon demo`.

mod echo;
mod token;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::Args;
use control::files::Text;
use dataplane::{ConnectTo, LogTarget};

use crate::gateway::{self, EngineFlags, Plan};
use crate::output::{self, Exit, FAINT, HEADING, styled};
use crate::settings::Introducer;

/// The sample that is served.
const SAMPLE: &str = include_str!("kong.yml");

/// Where the sample says its upstream is.
const UPSTREAM: &str = "echo.internal:8080";

/// The port that people know.
const PORT: u16 = 8000;

/// Serve a sample, with an upstream that echoes, and print three requests to try
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Listen on this port [default: 8000, or a free one if it is taken]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Print the sample, a Kong file, and serve nothing
    #[arg(long)]
    print: bool,
}

impl Demo {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        if self.print {
            output::print(SAMPLE)?;
            return Ok(Exit::Done);
        }
        let upstream = echo::start().context("the upstream cannot start")?;
        let detour = format!("{UPSTREAM}:{}:{}", upstream.ip(), upstream.port());
        let detour: ConnectTo = detour.parse()?;
        let port = self.port.map_or_else(free_port, Ok).context("there is no free port")?;
        let property = |name: &str, value: String| (name.into(), value, "demo".into());
        let properties = vec![
            property("proxy_listen", format!("127.0.0.1:{port}")),
            property("admin_listen", "off".into()),
        ];
        let document = Text { label: "the sample".into(), text: SAMPLE.into() };
        let mut flags = EngineFlags::default();
        flags.detours.connect_to.push(detour);
        flags.logs.access_log = Some(LogTarget::Stdout);
        flags.logs.log_level = Some(gateway::log::Level::Warn);
        let token = token::sign("demo", "this is a sample and no secret", SystemTime::now());
        gateway::serve(Plan {
            introducer: Introducer::embedded(document, properties),
            paths: Vec::new(),
            flags,
            watch: false,
            drain: Duration::from_secs(1),
            pid_file: None,
            ready: Box::new(move |serving| {
                let url = serving.proxy.first().map_or("", String::as_str);
                // Who closed standard output does not want to know.
                let _ = output::print(&instructions(url, &token));
            }),
        })
    }
}

/// The usual port if nothing listens there, or another.
fn free_port() -> std::io::Result<u16> {
    let bind = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    bind(PORT).or_else(|_| bind(0))?.local_addr().map(|address| address.port())
}

fn instructions(url: &str, token: &str) -> String {
    let note = |text: &str| styled(FAINT, &format!("# {text}"));
    format!(
        "{title}\n\n  \
         {open}\n  curl -i {url}/hello\n\n  \
         {refused}\n  curl -i {url}/orders/7\n\n  \
         {known}\n  curl -i {url}/orders/7 -H 'Authorization: Bearer {token}'\n\n\
         Ctrl-C ends it. `tripylon demo --print` shows the sample. Requests are logged below.\n\n",
        title = styled(HEADING, &format!("A sample is served on {url}. Try:")),
        open = note("200: a route for everybody"),
        refused = note("401: this route asks for a token"),
        known = note("200: Alice's token; 429 after ten times a minute"),
    )
}
