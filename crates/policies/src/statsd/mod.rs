//! Kind `statsd`: numbers of each exchange are sent to a StatsD server. `README.md` is its
//! reference page.

mod config;
mod line;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::filter::{Filter, Phases, PolicyKind, Prepared, Problem, WorkerCx};

use self::config::{Config, Transport};
use self::line::Lines;
use crate::datagram::Datagrams;
use crate::dial::Dialer;
use crate::queue::{self, Entry, Queue};
use crate::stream::Written;
use crate::{recording, settings};

/// Numbers of each exchange are sent to a StatsD server.
pub(crate) struct Kind;

const NAME: &str = "statsd";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        config.queue.check(&mut problems);
        let prepared = Statsd {
            host: config.host,
            port: config.port,
            transport: config.transport,
            packet: config.packet_size,
            queue: config.queue,
            lines: Lines::prepare(
                config.metrics,
                config.tag_style,
                config.statuses,
                &mut problems,
            ),
        };
        if problems.is_empty() { Ok(Arc::new(prepared)) } else { Err(problems) }
    }
}

struct Statsd {
    host: String,
    port: u16,
    transport: Transport,
    packet: usize,
    queue: queue::Settings,
    lines: Lines,
}

impl Prepared for Statsd {
    fn phases(&self) -> Phases {
        Phases::LOG
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        let (host, port) = (self.host.clone(), self.port);
        let way = match self.transport {
            Transport::Udp => Way::Udp(Datagrams::new(host, port, LIMIT), self.packet),
            Transport::Tcp => Way::Tcp(Written::new(Dialer::new(host, port, None, LIMIT), LIMIT, IDLE)),
        };
        let sink = Sink { place: format!("{}:{}", self.host, self.port), way };
        let queue = Queue::new(NAME, &self.queue, sink, cx);
        recording::filter(queue, move |exchange| self.lines.of(exchange))
    }
}

struct Sink {
    place: String,
    way: Way,
}

enum Way {
    /// With the size of a datagram that holds several lines; each has its own if that is 0.
    Udp(Datagrams, usize),
    Tcp(Written),
}

impl queue::Sink for Sink {
    fn place(&self) -> &str {
        &self.place
    }

    async fn send(&self, batch: &[Entry]) -> Result<(), String> {
        match &self.way {
            Way::Tcp(stream) => stream.write(&batch.concat()).await,
            Way::Udp(datagrams, size) => {
                for packet in packets(batch, *size) {
                    datagrams.send(&packet).await?;
                }
                Ok(())
            }
        }
    }
}

/// The lines of a batch, as many in one packet as its size allows, without the last line's end.
fn packets(batch: &[Entry], size: usize) -> Vec<Vec<u8>> {
    let mut packets: Vec<Vec<u8>> = Vec::new();
    let lines = batch.iter().flat_map(|lines| lines.split(|byte| *byte == b'\n'));
    for line in lines.filter(|line| !line.is_empty()) {
        match packets.last_mut() {
            Some(packet) if packet.len() + 1 + line.len() <= size => {
                packet.push(b'\n');
                packet.extend_from_slice(line);
            }
            _ => packets.push(line.to_vec()),
        }
    }
    packets
}

/// For looking the name up, connecting and sending, each.
const LIMIT: Duration = Duration::from_secs(1);
/// How long a connection is kept for the next batch.
const IDLE: Duration = Duration::from_secs(60);
