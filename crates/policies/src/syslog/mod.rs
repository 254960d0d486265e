//! Kind `syslog`: records are told to a system log. `README.md` is its reference page.

mod config;
mod line;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::filter::{Clock, Exchange, Filter, Phases, PolicyKind, Prepared, Problem, WorkerCx};
use tokio::net::UnixDatagram;

use self::config::{Config, Place};
use self::line::Writer;
use crate::datagram::Datagrams;
use crate::queue::{self, Entry, Queue};
use crate::{recording, settings};

/// Records are told to a system log.
pub(crate) struct Kind;

const NAME: &str = "syslog";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["/structured_data"]
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        let place = config.to.clone();
        let timeout = Duration::from_millis(config.timeout_ms);
        let writer = Writer::prepare(config, &mut problems);
        let prepared = Syslog { place, timeout, writer };
        if problems.is_empty() { Ok(Arc::new(prepared)) } else { Err(problems) }
    }
}

struct Syslog {
    place: Place,
    timeout: Duration,
    writer: Writer,
}

impl Prepared for Syslog {
    fn phases(&self) -> Phases {
        Phases::LOG
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        let sink = match &self.place {
            Place::Unix { path } => Sink { place: path.clone(), way: Way::Unix(path.clone()) },
            Place::Udp { host, port } => Sink {
                place: format!("{host}:{port}"),
                way: Way::Udp(Datagrams::new(host.clone(), *port, self.timeout)),
            },
        };
        let queue = Queue::new(NAME, &queue::Settings::datagrams(), sink, cx);
        let clock = Rc::clone(&cx.clock);
        recording::filter(queue, move |exchange| self.entry(exchange, &*clock))
    }
}

impl Syslog {
    fn entry(&self, exchange: &Exchange, clock: &dyn Clock) -> Option<Entry> {
        self.writer.line(exchange, clock.now().unix_ms)
    }
}

struct Sink {
    place: String,
    way: Way,
}

enum Way {
    Unix(String),
    Udp(Datagrams),
}

impl queue::Sink for Sink {
    fn place(&self) -> &str {
        &self.place
    }

    async fn send(&self, batch: &[Entry]) -> Result<(), String> {
        match &self.way {
            Way::Udp(datagrams) => {
                for line in batch {
                    datagrams.send(line).await?;
                }
                Ok(())
            }
            Way::Unix(path) => {
                let failed = |error: std::io::Error| error.to_string();
                // The log may have been started again since the last batch.
                let socket = UnixDatagram::unbound().map_err(failed)?;
                socket.connect(path).map_err(failed)?;
                for line in batch {
                    socket.send(line).await.map_err(failed)?;
                }
                Ok(())
            }
        }
    }
}
