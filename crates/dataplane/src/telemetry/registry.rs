//! Every worker's numbers, for whoever sums them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use model::Labels;
use parking_lot::Mutex;

use super::limit::Limit;
use super::series::{Cell, Histogram, HistogramTotals, RouteSeries, Totals};

/// All numbers of a gateway by what they are about. Workers come here only for a new cell.
#[derive(Default)]
pub(super) struct Registry(Mutex<Cells>);

#[derive(Default)]
struct Cells {
    workers: Vec<Arc<WorkerCells>>,
    routes: HashMap<Name, Route, RandomState>,
    policies: BTreeMap<String, Vec<Arc<Histogram>>>,
    failures: BTreeMap<&'static str, Vec<Arc<Cell>>>,
}

/// How a route is called in metrics.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) service: Arc<str>,
    pub(super) route: Arc<str>,
}

struct Route {
    /// Whether the last configuration had the route.
    configured: bool,
    /// By worker.
    series: Vec<(usize, Arc<RouteSeries>)>,
}

/// The numbers of one worker that are about no route.
#[derive(Default)]
pub(super) struct WorkerCells {
    pub(super) opened: [Cell; 2],
    pub(super) closed: [Cell; 2],
    /// Requests that began, and those that ended.
    pub(super) begun: Cell,
    pub(super) ended: Cell,
    /// By limit, in order of [`Limit::ALL`].
    pub(super) limits: [Cell; Limit::ALL.len()],
    /// Requests that no route took.
    pub(super) unrouted: RouteSeries,
}

/// Connections of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Connections {
    pub(super) accepted: u64,
    pub(super) active: u64,
}

/// Everything, summed.
pub(super) struct Sums {
    pub(super) workers: usize,
    /// In plain text, and in TLS.
    pub(super) connections: [Connections; 2],
    pub(super) in_flight: u64,
    /// In order of name; the first is for requests that no route took.
    pub(super) routes: Vec<(Name, Totals)>,
    /// In order of [`Limit::ALL`].
    pub(super) limits: [u64; Limit::ALL.len()],
    pub(super) policies: Vec<(String, HistogramTotals)>,
    pub(super) failures: Vec<(&'static str, u64)>,
}

impl Registry {
    /// Adds a worker; its number and cells.
    pub(super) fn worker(&self) -> (usize, Arc<WorkerCells>) {
        let cells = Arc::<WorkerCells>::default();
        let mut all = self.0.lock();
        all.workers.push(Arc::clone(&cells));
        (all.workers.len() - 1, cells)
    }

    /// A worker's series of a route; the same one for the same names.
    pub(super) fn series(&self, worker: usize, labels: &Labels) -> Arc<RouteSeries> {
        let mut all = self.0.lock();
        let mut name = Name::of(labels);
        if all.routes.len() >= ROUTES && !all.routes.contains_key(&name) {
            name = Name { service: OTHERS.into(), route: OTHERS.into() };
        }
        let route = all.routes.entry(name).or_insert(Route { configured: true, series: vec![] });
        if let Some((_, series)) = route.series.iter().find(|(owner, _)| *owner == worker) {
            return Arc::clone(series);
        }
        let series = Arc::<RouteSeries>::default();
        route.series.push((worker, Arc::clone(&series)));
        series
    }

    /// A worker's cell for the time that a kind of policy takes.
    pub(super) fn policy(&self, kind: &str) -> Arc<Histogram> {
        let cell = Arc::<Histogram>::default();
        self.0.lock().policies.entry(kind.to_owned()).or_default().push(Arc::clone(&cell));
        cell
    }

    /// A worker's cell for a kind of failure.
    pub(super) fn failure(&self, kind: &'static str) -> Arc<Cell> {
        let cell = Arc::<Cell>::default();
        self.0.lock().failures.entry(kind).or_default().push(Arc::clone(&cell));
        cell
    }

    /// Takes note of the routes that there are now.
    pub(super) fn keep<'a>(&self, routes: impl Iterator<Item = &'a Labels>) {
        let routes: HashSet<(&str, &str), RandomState> =
            routes.map(|labels| (&*labels.service, &*labels.route)).collect();
        let mut all = self.0.lock();
        for (name, route) in &mut all.routes {
            route.configured =
                &*name.route == OTHERS || routes.contains(&(&*name.service, &*name.route));
        }
        all.let_go();
    }

    /// Sums everything.
    pub(super) fn sums(&self) -> Sums {
        let mut all = self.0.lock();
        all.let_go();
        let mut unrouted = Totals::default();
        for worker in &all.workers {
            unrouted.add(&worker.unrouted);
        }
        let mut routes: Vec<(Name, Totals)> = all
            .routes
            .iter()
            .map(|(name, route)| {
                let mut totals = Totals::default();
                route.series.iter().for_each(|(_, series)| totals.add(series));
                (name.clone(), totals)
            })
            .collect();
        routes.push((Name { service: "".into(), route: "".into() }, unrouted));
        routes.retain(|(_, totals)| !totals.is_empty());
        routes.sort_by(|(a, _), (b, _)| a.cmp(b));
        let policies = all.policies.iter().map(|(kind, cells)| {
            let mut totals = HistogramTotals::default();
            cells.iter().for_each(|cell| totals.add(cell));
            (kind.clone(), totals)
        });
        let failures = all.failures.iter();
        let failures = failures.map(|(kind, cells)| (*kind, cells.iter().map(|c| c.get()).sum()));
        Sums {
            workers: all.workers.len(),
            connections: [0, 1].map(|tls| all.connections(tls)),
            in_flight: all.in_flight(),
            routes,
            limits: std::array::from_fn(|limit| {
                all.workers.iter().map(|worker| worker.limits[limit].get()).sum()
            }),
            policies: policies.collect(),
            failures: failures.collect(),
        }
    }
}

impl Cells {
    /// Drops series of routes that are gone and that no worker holds.
    fn let_go(&mut self) {
        self.routes.retain(|_, route| {
            let held = |series: &Arc<RouteSeries>| Arc::strong_count(series) > 1;
            route.configured || route.series.iter().any(|(_, series)| held(series))
        });
    }

    fn connections(&self, tls: usize) -> Connections {
        let sum = |cell: fn(&WorkerCells) -> &[Cell; 2]| -> u64 {
            self.workers.iter().map(|worker| cell(worker)[tls].get()).sum()
        };
        // Closed first: a connection that opens and closes meanwhile must not count below zero.
        let closed = sum(|worker| &worker.closed);
        let accepted = sum(|worker| &worker.opened);
        Connections { accepted, active: accepted.saturating_sub(closed) }
    }

    fn in_flight(&self) -> u64 {
        let sum = |cell: fn(&WorkerCells) -> &Cell| -> u64 {
            self.workers.iter().map(|worker| cell(worker).get()).sum()
        };
        // Those that ended first, as above.
        let ended = sum(|worker| &worker.ended);
        sum(|worker| &worker.begun).saturating_sub(ended)
    }
}

impl Name {
    fn of(labels: &Labels) -> Self {
        Self { service: labels.service.clone(), route: labels.route.clone() }
    }
}

/// Routes that are counted apart; the requests of further ones are counted together, as
/// [`OTHERS`], so that a scrape stays readable.
pub(super) const ROUTES: usize = 1000;
pub(super) const OTHERS: &str = "(others)";
