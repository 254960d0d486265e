//! Four sizes of configuration: reading, memory, and what a request costs.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::gateway::{self, Gateway};
use super::{Bench, ROUNDS, config, median, upstream};

/// Routes of the configurations.
const SIZES: [usize; 4] = [1, 1_000, 10_000, 100_000];

/// What was found about one size.
pub(super) struct Size {
    /// Routes, or callers.
    pub(super) count: usize,
    /// `tripylon check` of as many routes.
    pub(super) check: Duration,
    /// Of a model to a snapshot, in ms.
    pub(super) compile: u64,
    /// From the start of a gateway with as many routes to its first answer.
    pub(super) ready: Duration,
    /// Resident memory then, in KiB.
    pub(super) memory: u64,
    /// The most of it until then, in KiB.
    pub(super) peak: u64,
    /// Resident memory with one route and as many callers, in KiB.
    pub(super) callers_memory: u64,
    /// CPU time per request with as many routes, in µs.
    pub(super) cost: f64,
}

/// Measures all sizes. Rounds of load are interleaved, so that what else the machine does hits all
/// of them.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Size>> {
    let upstream = upstream::start()?;
    let mut sizes = Vec::new();
    let mut running = Vec::new();
    for count in SIZES {
        println!("{count} routes");
        let document = bench.folder.join(format!("callers-{count}.yml"));
        std::fs::write(&document, config::document(1, count, upstream))?;
        let gateway = Gateway::start(Command::new(&bench.gateway), &document)?;
        let callers_memory = gateway.process.settled_memory_kib()?;
        gateway.process.end()?;

        let document = bench.folder.join(format!("routes-{count}.yml"));
        std::fs::write(&document, config::document(count, 0, upstream))?;
        let check = (0..3).map(|_| check(bench, &document)).collect::<Result<Vec<_>>>()?;
        let gateway = Gateway::start(Command::new(&bench.gateway), &document)?;
        sizes.push(Size {
            count,
            check: check.into_iter().min().unwrap_or_default(),
            compile: gateway.times("snapshot compiled")?.into_iter().min().unwrap_or_default(),
            ready: gateway.ready,
            memory: gateway.process.settled_memory_kib()?,
            peak: gateway.process.memory_kib("VmHWM")?,
            callers_memory,
            cost: 0.0,
        });
        running.push((gateway, Vec::new()));
    }
    for _ in 0..ROUNDS {
        for (gateway, costs) in &mut running {
            costs.push(gateway::cost(&gateway.process, gateway.port)?);
        }
    }
    for (size, (_, costs)) in sizes.iter_mut().zip(running) {
        size.cost = median(costs);
    }
    Ok(sizes)
}

fn check(bench: &Bench, document: &std::path::Path) -> Result<Duration> {
    let began = Instant::now();
    let mut command = Command::new(&bench.gateway);
    let status = command.arg("check").arg(document).stdout(Stdio::null()).status()?;
    if !status.success() {
        bail!("`tripylon check {}` failed", document.display());
    }
    Ok(began.elapsed())
}
