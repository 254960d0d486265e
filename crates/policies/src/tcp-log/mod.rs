//! Kind `tcp-log`: records are sent over TCP or TLS. `README.md` is its reference page.

#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::filter::{Filter, Phases, PolicyKind, Prepared, Problem, WorkerCx};
use model::Shape;
use rustls::pki_types::ServerName;
use serde::Deserialize;

use crate::dial::{Dialer, Tls, server_name};
use crate::queue::{self, Entry, Queue};
use crate::record::Record;
use crate::stream::Written;
use crate::{recording, settings};

/// Records are sent over TCP or TLS.
pub(crate) struct Kind;

const NAME: &str = "tcp-log";

/// The configuration of a `tcp-log` policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// A name, or an address without brackets.
    host: String,
    port: u16,
    /// Milliseconds for a connection, and again for each batch.
    #[serde(default = "ten_seconds")]
    timeout_ms: u64,
    /// Milliseconds that a connection is kept for the next batch.
    #[serde(default = "a_minute")]
    keepalive_ms: u64,
    /// TLS; none for plain text.
    tls: Option<TlsConfig>,
    /// What waits, and for how long.
    #[serde(default = "queue::Settings::prompt")]
    queue: queue::Settings,
    /// What a record looks like.
    record: Shape,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsConfig {
    /// The server's name in place of the host.
    server_name: Option<String>,
    /// Whether the certificate must come from an authority that the system trusts.
    #[serde(default = "yes")]
    verify: bool,
}

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        let tls = config.tls.and_then(|tls| {
            let name = tls.server_name.as_deref().unwrap_or(&config.host);
            match server_name(name) {
                Ok(name) => Some((name, tls.verify)),
                Err(error) => {
                    problems.push(Problem::new("/tls/server_name", error));
                    None
                }
            }
        });
        config.queue.check(&mut problems);
        let prepared = TcpLog {
            host: config.host,
            port: config.port,
            timeout: Duration::from_millis(config.timeout_ms),
            keepalive: Duration::from_millis(config.keepalive_ms),
            tls,
            queue: config.queue,
            record: Record::compile(config.record, "/record", &mut problems),
        };
        if problems.is_empty() { Ok(Arc::new(prepared)) } else { Err(problems) }
    }
}

struct TcpLog {
    host: String,
    port: u16,
    timeout: Duration,
    keepalive: Duration,
    tls: Option<(ServerName<'static>, bool)>,
    queue: queue::Settings,
    record: Record,
}

impl Prepared for TcpLog {
    fn phases(&self) -> Phases {
        Phases::LOG
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        let tls = self.tls.clone().map(|(name, verify)| Tls::with(name, verify));
        let dialer = Dialer::new(self.host.clone(), self.port, tls, self.timeout);
        let sink = Sink {
            place: format!("{}:{}", self.host, self.port),
            stream: Written::new(dialer, self.timeout, self.keepalive),
        };
        let queue = Queue::new(NAME, &self.queue, sink, cx);
        recording::filter(queue, move |exchange| {
            let mut line = self.record.of(exchange);
            line.push(b'\n');
            Some(line)
        })
    }
}

struct Sink {
    place: String,
    stream: Written,
}

impl queue::Sink for Sink {
    fn place(&self) -> &str {
        &self.place
    }

    async fn send(&self, batch: &[Entry]) -> Result<(), String> {
        self.stream.write(&batch.concat()).await
    }
}

fn ten_seconds() -> u64 {
    10_000
}

fn a_minute() -> u64 {
    60_000
}

fn yes() -> bool {
    true
}
