//! Changes of a large configuration while requests go on.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::gateway::Gateway;
use super::process::nap;
use super::{Bench, config, upstream};

/// Routes of the configuration.
pub(super) const ROUTES: usize = 100_000;

/// Connections on which requests are sent, one each [`upstream::PACE`].
pub(super) const CONNECTIONS: usize = 8;

/// Changes that are made.
pub(super) const SWAPS: usize = 5;

/// How long requests go on without a change.
pub(super) const QUIET: Duration = Duration::from_secs(10);

/// What requests and changes did to each other.
pub(super) struct Swap {
    pub(super) quiet: Latency,
    pub(super) changing: Latency,
    /// From the signal until all workers serve it, in ms, each time.
    pub(super) took: Vec<u64>,
    /// Resident memory, in KiB: before the first change, after the last, and the most there was.
    pub(super) memory: [u64; 3],
}

/// How long answers took.
pub(super) struct Latency {
    pub(super) requests: usize,
    pub(super) median: Duration,
    pub(super) p99: Duration,
    pub(super) most: Duration,
}

impl Latency {
    /// Of times in ascending order.
    fn of(times: &[Duration]) -> Self {
        let at = |share: f64| {
            let place = (times.len() as f64 * share) as usize;
            times.get(place.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        Self { requests: times.len(), median: at(0.5), p99: at(0.99), most: at(1.0) }
    }
}

/// Measures answers without a change, and then while one route changes again and again.
pub(super) fn measure(bench: &Bench) -> Result<Swap> {
    println!("changes under load");
    let upstream = upstream::start()?;
    let document = bench.folder.join("swap.yml");
    let text = config::document(ROUTES, 0, upstream);
    std::fs::write(&document, &text)?;
    let gateway = Gateway::start(Command::new(&bench.gateway), &document)?;
    let before = gateway.process.settled_memory_kib()?;
    let (quiet, ()) = under_load(&gateway, || {
        nap(QUIET);
        Ok(())
    })?;
    let (changing, took) = under_load(&gateway, || {
        let change = |number| {
            let changed = text.replace("h1.example.com", &format!("h1-{number}.example.com"));
            std::fs::write(&document, changed)?;
            gateway.reload()
        };
        (0..SWAPS).map(change).collect::<Result<Vec<_>>>()
    })?;
    let after = gateway.process.settled_memory_kib()?;
    let memory = [before, after, gateway.process.memory_kib("VmHWM")?];
    Ok(Swap { quiet, changing, took, memory })
}

fn under_load<T>(gateway: &Gateway, work: impl FnOnce() -> Result<T>) -> Result<(Latency, T)> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| upstream::paced(gateway.port, CONNECTIONS, &stop));
        let done = work();
        stop.store(true, Ordering::Relaxed);
        let times = load.join().map_err(|_| anyhow!("the load failed"))??;
        Ok((Latency::of(&times), done?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_ascending_times() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        let latency = Latency::of(&times);
        assert_eq!((latency.median.as_millis(), latency.p99.as_millis()), (101, 199));
        assert_eq!((latency.most.as_millis(), latency.requests), (200, 200));
        assert_eq!(Latency::of(&[]).most, Duration::ZERO);
    }
}
