//! Seeing it run: the access log, numbers for Prometheus, the status of the gateway.
//!
//! Every worker counts in cells of its own and fills a log buffer of its own; who asks for
//! metrics sums, and one thread writes the log. No request waits for either.

mod durations;
mod exposition;
mod limit;
mod log;
mod process;
mod registry;
mod series;
pub(crate) mod status;
mod worker;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use filter::Counters;
use model::Labels;
use parking_lot::Mutex;

use log::{Format, Sink};
use registry::Registry;

pub(crate) use limit::Limit;
pub use log::{AccessLogSettings, InvalidLogFormat, LogFormat, LogTarget};
pub(crate) use process::open_files_limit;
pub(crate) use series::RouteSeries;
pub(crate) use worker::WorkerTelemetry;

/// What a gateway knows about itself.
pub(crate) struct Telemetry {
    registry: Arc<Registry>,
    counters: Arc<Counters>,
    log: Option<(Sink, Arc<Format>)>,
    started: Instant,
    started_unix_ms: u64,
    ready: AtomicBool,
    reloads: Reloads,
    stuck: Mutex<Stuck>,
    upstreams: Mutex<Vec<Arc<dyn Watched>>>,
}

/// An upstream with health checks.
pub(crate) trait Watched: Send + Sync {
    /// What users know it by.
    fn name(&self) -> &str;

    /// Its addresses, and whether requests are sent to each.
    fn endpoints(&self) -> Vec<(String, bool)>;
}

/// Workers that were stuck. Only the watchdog writes here.
#[derive(Debug, Clone, Default)]
struct Stuck {
    /// How often, by worker; not longer than needed.
    times: Vec<u64>,
    /// How many are stuck now.
    now: usize,
}

/// Connections and requests of clients, of all workers together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections accepted since the start.
    pub accepted: u64,
    /// Connections open now.
    pub active: u64,
    /// Requests that have begun and not ended.
    pub in_flight: u64,
    /// Requests that have ended since the start.
    pub requests: u64,
}

/// What became of new configurations. Times are milliseconds since 1970, 0 for never.
#[derive(Default)]
struct Reloads {
    applied: AtomicU64,
    rejected: AtomicU64,
    applied_unix_ms: AtomicU64,
    rejected_unix_ms: AtomicU64,
    /// Of the configuration that is served; 0 before there is one.
    revision: AtomicU64,
}

impl Telemetry {
    /// Opens the access log.
    ///
    /// # Errors
    /// If the log cannot be opened, or its format has a mistake (`InvalidInput`).
    pub(crate) fn new(
        settings: &AccessLogSettings,
        counters: Arc<Counters>,
    ) -> io::Result<Arc<Self>> {
        let format = Format::compile(&settings.format)?;
        let sink = Sink::open(&settings.target)?;
        Ok(Arc::new(Self {
            registry: Arc::default(),
            counters,
            log: sink.map(|sink| (sink, Arc::new(format))),
            started: Instant::now(),
            started_unix_ms: unix_ms(),
            ready: AtomicBool::new(false),
            reloads: Reloads::default(),
            stuck: Mutex::default(),
            upstreams: Mutex::default(),
        }))
    }

    /// A worker's part. The worker keeps it to itself.
    pub(crate) fn worker(&self) -> WorkerTelemetry {
        WorkerTelemetry::new(&self.registry, self.log.as_ref())
    }

    /// These upstreams are served, and have health checks.
    pub(crate) fn watch(&self, upstreams: Vec<Arc<dyn Watched>>) {
        *self.upstreams.lock() = upstreams;
    }

    /// Has the access log's file opened anew by its name.
    pub(crate) fn reopen(&self) {
        if let Some((sink, _)) = &self.log {
            sink.reopen();
        }
    }

    /// Writes what waits to be written to the access log; gives up after some seconds.
    pub(crate) fn flush(&self) {
        if let Some((sink, _)) = &self.log {
            sink.flush();
        }
    }

    /// A configuration is served by all workers. Series of routes that it does not have are let go
    /// once no exchange needs them any more.
    pub(crate) fn serving<'a>(&self, revision: u64, routes: impl Iterator<Item = &'a Labels>) {
        self.registry.keep(routes);
        self.reloads.revision.store(revision, Ordering::Relaxed);
    }

    /// A new configuration was applied, or refused and the one before goes on.
    pub(crate) fn reloaded(&self, applied: bool) {
        let reloads = &self.reloads;
        let (count, when) = match applied {
            true => (&reloads.applied, &reloads.applied_unix_ms),
            false => (&reloads.rejected, &reloads.rejected_unix_ms),
        };
        when.store(unix_ms(), Ordering::Relaxed);
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a worker, by its number, that is stuck.
    pub(crate) fn worker_stuck(&self, worker: usize) {
        let mut stuck = self.stuck.lock();
        let len = stuck.times.len().max(worker + 1);
        stuck.times.resize(len, 0);
        stuck.times[worker] += 1;
        stuck.now += 1;
    }

    /// Takes note that a worker is stuck no longer.
    pub(crate) fn worker_goes_on(&self) {
        self.stuck.lock().now -= 1;
    }

    /// Whether requests should be sent here.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// Connections and requests of clients until now.
    pub(crate) fn traffic(&self) -> Traffic {
        let sums = self.registry.sums();
        let [plain, tls] = sums.connections;
        Traffic {
            accepted: plain.accepted + tls.accepted,
            active: plain.active + tls.active,
            in_flight: sums.in_flight,
            requests: sums.routes.iter().flat_map(|(_, totals)| totals.statuses.values()).sum(),
        }
    }

    fn dropped_lines(&self) -> u64 {
        self.log.as_ref().map_or(0, |(sink, _)| sink.dropped())
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;
