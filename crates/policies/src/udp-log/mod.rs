//! Kind `udp-log`: each record is a datagram. `README.md` is its reference page.

#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::filter::{Filter, Phases, PolicyKind, Prepared, Problem, WorkerCx};
use model::Shape;
use serde::Deserialize;

use crate::datagram::Datagrams;
use crate::queue::{self, Entry, Queue};
use crate::record::Record;
use crate::{recording, settings};

/// Each record is a datagram.
pub(crate) struct Kind;

const NAME: &str = "udp-log";

/// The configuration of a `udp-log` policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// A name, or an address without brackets.
    host: String,
    port: u16,
    /// Milliseconds for looking the name up and sending.
    #[serde(default = "ten_seconds")]
    timeout_ms: u64,
    /// What a record looks like.
    record: Shape,
}

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        let record = Record::compile(config.record, "/record", &mut problems);
        let timeout = Duration::from_millis(config.timeout_ms);
        let prepared = UdpLog { host: config.host, port: config.port, timeout, record };
        if problems.is_empty() { Ok(Arc::new(prepared)) } else { Err(problems) }
    }
}

struct UdpLog {
    host: String,
    port: u16,
    timeout: Duration,
    record: Record,
}

impl Prepared for UdpLog {
    fn phases(&self) -> Phases {
        Phases::LOG
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        let sink = Sink {
            place: format!("{}:{}", self.host, self.port),
            datagrams: Datagrams::new(self.host.clone(), self.port, self.timeout),
        };
        let queue = Queue::new(NAME, &queue::Settings::datagrams(), sink, cx);
        recording::filter(queue, move |exchange| Some(self.record.of(exchange)))
    }
}

struct Sink {
    place: String,
    datagrams: Datagrams,
}

impl queue::Sink for Sink {
    fn place(&self) -> &str {
        &self.place
    }

    async fn send(&self, batch: &[Entry]) -> Result<(), String> {
        for record in batch {
            self.datagrams.send(record).await?;
        }
        Ok(())
    }
}

fn ten_seconds() -> u64 {
    10_000
}
