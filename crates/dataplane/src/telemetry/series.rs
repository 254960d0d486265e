//! Numbers about requests, counted by one worker and read by whoever asks for metrics.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use filter::Exchange;

use super::durations::Durations;

/// A number that only its worker changes, so that adding needs no locked instruction.
#[derive(Default)]
pub(super) struct Cell(AtomicU64);

impl Cell {
    /// Adds. Only the worker that owns the cell may.
    pub(super) fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Durations by size.
#[derive(Default)]
pub(super) struct Histogram {
    counts: [Cell; BOUNDS.len() + 1],
    sum_us: Cell,
}

impl Histogram {
    /// Counts a duration. Only the worker that owns the histogram may.
    pub(super) fn record(&self, us: u64) {
        let bucket = BOUNDS.iter().position(|bound| us <= *bound).unwrap_or(BOUNDS.len());
        self.counts[bucket].add(1);
        self.sum_us.add(us);
    }
}

/// The numbers of one route on one worker. Small until its first request.
#[derive(Default)]
pub(crate) struct RouteSeries(OnceLock<Box<Requests>>);

/// What is counted about requests.
#[derive(Default)]
struct Requests {
    statuses: [StatusCell; STATUSES],
    other_statuses: Cell,
    received: Cell,
    sent: Cell,
    total: Histogram,
    gateway: Histogram,
    upstream: Histogram,
}

/// How often a status was answered.
#[derive(Default)]
struct StatusCell {
    /// The status; 0 while the cell is free.
    status: AtomicU16,
    count: Cell,
}

impl RouteSeries {
    /// Counts an exchange that has ended.
    pub(super) fn record(&self, x: &Exchange, durations: Durations) {
        let requests = self.0.get_or_init(Box::default);
        requests.status(x.response.status).add(1);
        requests.received.add(x.timings.received);
        requests.sent.add(x.timings.sent);
        requests.total.record(durations.total);
        requests.gateway.record(durations.gateway);
        if let Some(upstream) = durations.upstream {
            requests.upstream.record(upstream);
        }
    }
}

impl Requests {
    /// The cell of a status: its own as long as there are free ones.
    fn status(&self, status: u16) -> &Cell {
        for cell in &self.statuses {
            match cell.status.load(Ordering::Relaxed) {
                known if known == status && known != 0 => return &cell.count,
                0 if status != 0 => {
                    cell.status.store(status, Ordering::Relaxed);
                    return &cell.count;
                }
                _ => {}
            }
        }
        &self.other_statuses
    }
}

/// Sums over workers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// By status; 0 for those without one and those that found no cell.
    pub(super) statuses: std::collections::BTreeMap<u16, u64>,
    pub(super) received: u64,
    pub(super) sent: u64,
    pub(super) total: HistogramTotals,
    pub(super) gateway: HistogramTotals,
    pub(super) upstream: HistogramTotals,
}

/// A histogram summed over workers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HistogramTotals {
    pub(super) counts: [u64; BOUNDS.len() + 1],
    pub(super) sum_us: u64,
}

impl Totals {
    /// Adds the numbers of one worker.
    pub(super) fn add(&mut self, series: &RouteSeries) {
        let Some(requests) = series.0.get() else { return };
        for cell in &requests.statuses {
            let status = cell.status.load(Ordering::Relaxed);
            if status != 0 {
                *self.statuses.entry(status).or_default() += cell.count.get();
            }
        }
        if requests.other_statuses.get() > 0 {
            *self.statuses.entry(0).or_default() += requests.other_statuses.get();
        }
        self.received += requests.received.get();
        self.sent += requests.sent.get();
        self.total.add(&requests.total);
        self.gateway.add(&requests.gateway);
        self.upstream.add(&requests.upstream);
    }

    /// Whether there was a request.
    pub(super) fn is_empty(&self) -> bool {
        self.statuses.is_empty()
    }
}

impl HistogramTotals {
    /// Adds the numbers of one worker.
    pub(super) fn add(&mut self, histogram: &Histogram) {
        for (sum, cell) in self.counts.iter_mut().zip(&histogram.counts) {
            *sum += cell.get();
        }
        self.sum_us += histogram.sum_us.get();
    }
}

/// Upper bounds of the histograms' buckets, in microseconds.
pub(super) const BOUNDS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 10_000_000, 60_000_000,
];

/// Different statuses that one route counts apart; services answer with fewer.
const STATUSES: usize = 24;

#[cfg(test)]
mod tests {
    use super::super::tests::exchange;
    use super::*;

    const DURATIONS: Durations =
        Durations { total: 900, gateway: 100, upstream: Some(700), upstream_response: Some(800) };

    fn totals(series: &[&RouteSeries]) -> Totals {
        let mut totals = Totals::default();
        for series in series {
            totals.add(series);
        }
        totals
    }

    #[test]
    fn workers_are_summed() {
        let (first, second) = (RouteSeries::default(), RouteSeries::default());
        assert!(totals(&[&first, &second]).is_empty());
        let mut x = exchange();
        (x.response.status, x.timings.received, x.timings.sent) = (200, 10, 100);
        first.record(&x, DURATIONS);
        first.record(&x, DURATIONS);
        x.response.status = 404;
        second.record(&x, Durations { upstream: None, ..DURATIONS });
        let totals = totals(&[&first, &second]);
        assert_eq!(totals.statuses.into_iter().collect::<Vec<_>>(), [(200, 2), (404, 1)]);
        assert_eq!((totals.received, totals.sent), (30, 300));
        assert_eq!((totals.gateway.counts[0], totals.gateway.sum_us), (3, 300));
        assert_eq!((totals.total.counts[3], totals.upstream.counts[3]), (3, 2));
    }

    #[test]
    fn the_number_of_statuses_is_bounded() {
        let series = RouteSeries::default();
        let mut x = exchange();
        for status in 0..100 {
            x.response.status = status;
            series.record(&x, DURATIONS);
        }
        let totals = totals(&[&series]);
        assert_eq!(totals.statuses.len(), STATUSES + 1);
        assert_eq!(totals.statuses[&0], 100 - STATUSES as u64);
    }

    #[test]
    fn durations_fall_into_the_first_bucket_that_holds_them() {
        let histogram = Histogram::default();
        for us in [0, 100, 101, 60_000_000, 60_000_001] {
            histogram.record(us);
        }
        let mut totals = HistogramTotals::default();
        totals.add(&histogram);
        let counts = totals.counts;
        assert_eq!((counts[0], counts[1], counts[15], counts[16]), (2, 1, 1, 1));
    }

    #[test]
    fn a_route_without_requests_is_small() {
        assert!(size_of::<RouteSeries>() <= 16);
    }
}
