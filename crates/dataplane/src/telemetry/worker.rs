//! What one worker counts and logs.

use std::cell::{Cell as Local, RefCell};
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

use filter::{Exchange, Now};
use model::Labels;

use super::RouteSeries;
use super::durations::Durations;
use super::limit::Limit;
use super::log::{Format, Sink, WorkerLog};
use super::registry::{Registry, WorkerCells};
use super::series::{Cell, Histogram};

/// A worker's own part of the telemetry. Nothing here waits for another thread.
pub(crate) struct WorkerTelemetry {
    registry: Arc<Registry>,
    number: usize,
    cells: Arc<WorkerCells>,
    policies: RefCell<Vec<(String, Arc<Histogram>)>>,
    failures: RefCell<Vec<(&'static str, Arc<Cell>)>>,
    failure_lines: LineLimit,
    refusal_lines: LineLimit,
    log: Option<WorkerLog>,
}

impl WorkerTelemetry {
    pub(super) fn new(registry: &Arc<Registry>, log: Option<&(Sink, Arc<Format>)>) -> Self {
        let (number, cells) = registry.worker();
        Self {
            registry: Arc::clone(registry),
            number,
            cells,
            policies: RefCell::default(),
            failures: RefCell::default(),
            failure_lines: LineLimit::default(),
            refusal_lines: LineLimit::default(),
            log: log.map(|(sink, format)| WorkerLog::new(Arc::clone(format), sink)),
        }
    }

    /// The series of a route, to be kept as long as the route is served. The same one for the same
    /// names of service and route.
    pub(crate) fn series(&self, labels: &Labels) -> Arc<RouteSeries> {
        self.registry.series(self.number, labels)
    }

    /// Counts a connection that was accepted.
    pub(crate) fn connection_opened(&self, tls: bool) {
        self.cells.opened[usize::from(tls)].add(1);
    }

    /// Counts a connection that was closed.
    pub(crate) fn connection_closed(&self, tls: bool) {
        self.cells.closed[usize::from(tls)].add(1);
    }

    /// Counts a request that begins.
    pub(crate) fn begun(&self) {
        self.cells.begun.add(1);
    }

    /// Counts the end of one, though it be that its connection is lost.
    pub(crate) fn ended(&self) {
        self.cells.ended.add(1);
    }

    /// Counts a client that has reached a limit.
    pub(crate) fn limit_reached(&self, limit: Limit) {
        self.cells.limits[limit as usize].add(1);
    }

    /// Counts a connection that is not served, and logs it unless too much is logged already.
    pub(crate) fn connection_refused(&self, limit: Limit, client: IpAddr, now: Now) {
        self.limit_reached(limit);
        let Some(unlogged) = self.refusal_lines.line(now) else { return };
        let limit = limit.name();
        tracing::warn!(target: "client", limit, %client, unlogged, "a connection too many is closed");
    }

    /// Counts and logs an exchange that has ended. Without a series it is one that no route took.
    pub(crate) fn done(&self, x: &Exchange, series: Option<&RouteSeries>, now: Now) {
        series.unwrap_or(&self.cells.unrouted).record(x, Durations::of(x, now));
        if let Some(log) = &self.log {
            log.write(x, now);
        }
    }

    /// The number by which [`WorkerTelemetry::policy_time`] knows a kind of policy.
    pub(crate) fn policy(&self, kind: &str) -> usize {
        let mut policies = self.policies.borrow_mut();
        let known = policies.iter().position(|(known, _)| known == kind);
        known.unwrap_or_else(|| {
            policies.push((kind.to_owned(), self.registry.policy(kind)));
            policies.len() - 1
        })
    }

    /// Counts the time that a policy took, in microseconds, by a number that
    /// [`WorkerTelemetry::policy`] gave.
    pub(crate) fn policy_time(&self, policy: usize, us: u64) {
        if let Some((_, histogram)) = self.policies.borrow().get(policy) {
            histogram.record(us);
        }
    }

    /// Counts a failed try at an endpoint, and logs it unless too much is logged already. `kind`
    /// is one of a few words that tell failures apart in metrics.
    pub(crate) fn upstream_failed(
        &self,
        x: &Exchange,
        endpoint: &str,
        kind: &'static str,
        error: &dyn Display,
        now: Now,
    ) {
        self.failure(kind).add(1);
        let Some(unlogged) = self.failure_lines.line(now) else { return };
        let labels = x.labels();
        tracing::error!(
            target: "upstream",
            endpoint,
            kind,
            route = labels.map_or("", |labels| &labels.route),
            service = labels.map_or("", |labels| &labels.service),
            client = %x.client.address,
            request_id = format_args!("{:032x}", x.id),
            unlogged = (unlogged > 0).then_some(unlogged),
            "{error}"
        );
    }

    fn failure(&self, kind: &'static str) -> Arc<Cell> {
        let mut failures = self.failures.borrow_mut();
        if let Some((_, cell)) = failures.iter().find(|(known, _)| *known == kind) {
            return Arc::clone(cell);
        }
        let cell = self.registry.failure(kind);
        failures.push((kind, Arc::clone(&cell)));
        cell
    }
}

/// At most [`LINES`] lines a second.
#[derive(Default)]
struct LineLimit {
    second: Local<u64>,
    lines: Local<u32>,
    unlogged: Local<u64>,
}

impl LineLimit {
    /// Whether a line may be logged now, and how many were not since the last.
    fn line(&self, now: Now) -> Option<u64> {
        let second = now.mono_us / 1_000_000;
        if second != self.second.replace(second) {
            self.lines.set(0);
        }
        if self.lines.get() == LINES {
            self.unlogged.set(self.unlogged.get() + 1);
            return None;
        }
        self.lines.set(self.lines.get() + 1);
        Some(self.unlogged.take())
    }
}

/// Lines of one kind that one worker logs in a second.
const LINES: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_logged_at_a_bounded_rate_and_the_rest_is_told() {
        let limit = LineLimit::default();
        let at = |seconds: u64| Now { unix_ms: 0, mono_us: seconds * 1_000_000 };
        let logged = (0..25).filter(|_| limit.line(at(5)).is_some()).count();
        assert_eq!(logged, 10);
        assert_eq!(limit.line(at(6)), Some(15));
        assert_eq!(limit.line(at(6)), Some(0));
    }
}
