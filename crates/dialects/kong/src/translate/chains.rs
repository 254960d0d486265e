//! Which plugins run for a request, and in what order.
//!
//! At most one plugin of each name runs: the one whose scope comes first in this order, of those
//! that hold for the request: route, service and consumer; route and consumer; service and
//! consumer; route and service; consumer; route; service; none. That is decided when the plugin's
//! turn comes, so that plugins of a consumer are found only behind the one that knows the consumer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use model::{Candidate, Chain, PolicyId, PrincipalId, Slot, Unrouted};

use super::consumers::principal;
use super::plugins::InForce;
use super::table;
use crate::entities::{Id, Reference, Route, Service};
use crate::schema::{Catalogue, RouterFlavor};

/// The chains of routes. Routes for which the same plugins run share one.
pub(super) struct Chains<'c> {
    /// In the order in which they run.
    plugins: Vec<Plugin<'c>>,
    routes: HashSet<&'c Id>,
    services: HashSet<&'c Id>,
    made: HashMap<Scope<'c>, Arc<Chain>>,
}

/// A route and a service; none stands for any.
type Scope<'c> = (Option<&'c Id>, Option<&'c Id>);

/// The plugins of one name.
struct Plugin<'c> {
    name: &'c str,
    scopes: HashMap<Scope<'c>, Scoped>,
}

/// The plugins of one name, route and service.
#[derive(Default)]
struct Scoped {
    /// For whoever calls.
    always: Option<PolicyId>,
    /// By who calls.
    by_consumer: Arc<BTreeMap<PrincipalId, PolicyId>>,
}

impl<'c> Chains<'c> {
    pub(super) fn new(in_force: &[InForce<'c>]) -> Self {
        let mut chains = Self {
            plugins: Vec::new(),
            routes: HashSet::new(),
            services: HashSet::new(),
            made: HashMap::new(),
        };
        for plugin in in_force {
            chains.add(plugin);
        }
        chains.sort();
        chains
    }

    fn add(&mut self, InForce { plugin, policy }: &InForce<'c>) {
        let id = |reference: &'c Option<Reference>| reference.as_ref().map(|other| &other.id);
        let scope = (id(&plugin.route), id(&plugin.service));
        self.routes.extend(scope.0);
        self.services.extend(scope.1);
        let position = self.plugins.iter().position(|other| other.name == plugin.name);
        let position = position.unwrap_or_else(|| {
            self.plugins.push(Plugin { name: &plugin.name, scopes: HashMap::new() });
            self.plugins.len() - 1
        });
        let scoped = self.plugins[position].scopes.entry(scope).or_default();
        match &plugin.consumer {
            Some(consumer) => {
                let map = Arc::make_mut(&mut scoped.by_consumer);
                map.insert(principal(&consumer.id), policy.clone());
            }
            None => scoped.always = Some(policy.clone()),
        }
    }

    /// By falling priority; of equal ones the name that sorts last comes first.
    fn sort(&mut self) {
        let catalogue = Catalogue::of(RouterFlavor::TraditionalCompatible);
        let priority = |name: &str| catalogue.plugin(name).map_or(0, |plugin| plugin.priority);
        self.plugins.sort_by(|a, b| (priority(b.name), b.name).cmp(&(priority(a.name), a.name)));
    }

    /// The chain of a route.
    pub(super) fn of(&mut self, route: &'c Route, service: Option<&'c Service>) -> Arc<Chain> {
        let route = Some(&route.id).filter(|id| self.routes.contains(id));
        let service = service.map(|service| &service.id).filter(|id| self.services.contains(id));
        let plugins = &self.plugins;
        let chain = self.made.entry((route, service)).or_insert_with(|| {
            let slots = plugins.iter().filter_map(|plugin| plugin.slot(route, service));
            Arc::new(Chain::in_order(slots.collect()))
        });
        Arc::clone(chain)
    }

    /// The plugins of every request see also what became of one that no route took.
    pub(super) fn unrouted(&self) -> Option<Unrouted> {
        let slots = self.plugins.iter().filter_map(|plugin| {
            let policy = plugin.scopes.get(&(None, None))?.always.clone()?;
            Some(Slot { candidates: vec![Candidate::Always(policy)] })
        });
        let chain = Chain { request: Vec::new(), ..Chain::in_order(slots.collect()) };
        (!chain.slots.is_empty()).then(|| Unrouted { table: table(), chain: Arc::new(chain) })
    }
}

impl<'c> Plugin<'c> {
    fn slot(&self, route: Option<&'c Id>, service: Option<&'c Id>) -> Option<Slot> {
        let both = route.and(service).and_then(|_| self.scopes.get(&(route, service)));
        let of_route = route.and_then(|_| self.scopes.get(&(route, None)));
        let of_service = service.and_then(|_| self.scopes.get(&(None, service)));
        let of_all = self.scopes.get(&(None, None));
        let by_consumer = |scoped: Option<&Scoped>| {
            let map = &scoped?.by_consumer;
            (!map.is_empty()).then(|| Candidate::ByPrincipal(Arc::clone(map)))
        };
        let always = |scoped: Option<&Scoped>| scoped?.always.clone().map(Candidate::Always);
        let order = [
            by_consumer(both),
            by_consumer(of_route),
            by_consumer(of_service),
            always(both),
            by_consumer(of_all),
            always(of_route),
            always(of_service),
            always(of_all),
        ];
        let mut candidates = Vec::new();
        for candidate in order.into_iter().flatten() {
            let is_last = matches!(candidate, Candidate::Always(_));
            candidates.push(candidate);
            // Whatever comes behind it is never asked.
            if is_last {
                break;
            }
        }
        (!candidates.is_empty()).then_some(Slot { candidates })
    }
}
