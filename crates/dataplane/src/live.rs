//! A worker's own copy of a snapshot: what is started, pooled and counted there.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use filter::{BodyLength, Exchange, Filter, Flow, Identities, LocalReply, View, WorkerCx};
use foldhash::{HashMap, HashMapExt};
use model::{Fingerprint, Labels, reason};

use crate::forward::write_target;
use crate::snapshot::{CompiledAction, CompiledListener, Snapshot};
use crate::telemetry::{RouteSeries, WorkerTelemetry};
use crate::upstream::{LiveUpstream, Resolvers};
use crate::voice::Lines;

/// A snapshot at work on one worker. An exchange holds it from its first to its last byte.
pub(crate) struct Live {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) filters: Vec<Rc<dyn Filter>>,
    pub(crate) upstreams: Vec<Rc<LiveUpstream>>,
    pub(crate) telemetry: Rc<WorkerTelemetry>,
    cx: WorkerCx,
    /// The numbers of each route, once it has any.
    series: Vec<OnceCell<Arc<RouteSeries>>>,
    /// What each policy's kind is called in the numbers.
    kinds: Vec<usize>,
}

impl Live {
    /// Starts a snapshot; what is the same in the previous one goes on as it is.
    pub(crate) fn adopt(
        snapshot: Arc<Snapshot>,
        previous: Option<&Live>,
        cx: &WorkerCx,
        telemetry: &Rc<WorkerTelemetry>,
        resolvers: &Resolvers,
    ) -> Rc<Self> {
        let mut running: HashMap<_, _> = HashMap::new();
        if let Some(previous) = previous {
            let policies = previous.snapshot.policies.iter().zip(&previous.filters);
            running.extend(policies.map(|(policy, filter)| (policy.fingerprint(), filter)));
        }
        let filters =
            snapshot.policies.iter().map(|policy| match running.get(&policy.fingerprint()) {
                Some(filter) => Rc::clone(filter),
                None => Arc::clone(&policy.prepared).start(cx),
            });
        let filters = filters.collect();
        let mut known = Known::new(previous.map_or(&[], |previous| &previous.upstreams));
        let upstreams = snapshot.upstreams.iter().zip(0..).map(|(upstream, at)| {
            match known.find(at, upstream.fingerprint) {
                Some(same) => Rc::clone(same),
                None => LiveUpstream::new(Arc::clone(upstream), cx.worker, resolvers),
            }
        });
        let upstreams = upstreams.collect();
        let series = snapshot.routes.iter().map(|_| OnceCell::new()).collect();
        let kinds = snapshot.policies.iter().map(|policy| telemetry.policy(&policy.kind)).collect();
        let (telemetry, cx) = (Rc::clone(telemetry), cx.clone());
        Rc::new(Self { snapshot, filters, upstreams, telemetry, cx, series, kinds })
    }

    /// The listener at an index.
    pub(crate) fn listener(&self, ix: u32) -> &CompiledListener {
        &self.snapshot.listeners[ix as usize]
    }

    /// When a policy's work began, for one exchange in [`SAMPLED`]: reading the clock twice per
    /// policy would cost more than most policies do.
    pub(crate) fn policy_timer(&self, x: &Exchange) -> Option<u64> {
        x.id.is_multiple_of(SAMPLED).then(|| self.cx.clock.now().mono_us)
    }

    /// Counts the time that a policy took.
    pub(crate) fn policy_done(&self, policy: u32, started: Option<u64>) {
        if let Some(started) = started {
            let took = self.cx.clock.now().mono_us.saturating_sub(started);
            self.telemetry.policy_time(self.kinds[policy as usize], took);
        }
    }

    /// Counts a panic of a policy, and says what its request is answered.
    #[cold]
    pub(crate) fn policy_panicked(&self, policy: u32) -> Flow {
        let kind = self.snapshot.policies[policy as usize].kind.as_str();
        tracing::error!(policy = kind, "a policy panicked; its request is answered with 500");
        let help = "Panics of policies, each answered with 500.";
        self.cx.counters.counter("policy_panics", help, &[("policy", kind)]).add(1);
        LocalReply::new(500, reason::INTERNAL, "An unexpected error occurred").into()
    }

    /// The numbers of a route.
    pub(crate) fn series(&self, route: u32) -> &RouteSeries {
        let route = route as usize;
        self.series[route]
            .get_or_init(|| self.telemetry.series(&self.snapshot.routes[route].labels))
    }
}

impl View for Live {
    fn identities(&self) -> &Identities {
        &self.snapshot.identities
    }

    fn labels(&self, route: u32) -> &Labels {
        &self.snapshot.routes[route as usize].labels
    }

    fn upstream_target(&self, x: &Exchange, output: &mut Vec<u8>) -> bool {
        let route = x.route.map(|route| &self.snapshot.routes[route as usize]);
        let Some(CompiledAction::Forward(forward)) = route.map(|route| &route.action) else {
            return false;
        };
        write_target(x, &forward.forward.path, x.matched, &mut String::new(), output);
        true
    }

    fn response_fields(&self, x: &Exchange, tell: &mut dyn FnMut(&[u8], &[u8])) {
        let Some(answered) = x.answered else { return };
        let voice = &self.snapshot.voices[x.voice as usize];
        let mut lines = Vec::new();
        voice.response_headers(x, x.timings.begun, answered, &mut Lines(&mut lines));
        for line in lines.split(|byte| *byte == b'\n') {
            // No name has a colon, and no value ends its line.
            let colon = line.iter().position(|byte| *byte == b':');
            if let Some((name, value)) = colon.and_then(|at| line.split_at_checked(at)) {
                tell(name, value[1..].trim_ascii());
            }
        }
        match x.response.body {
            BodyLength::Known(length) => tell(b"Content-Length", length.to_string().as_bytes()),
            BodyLength::Unknown if x.request.version == filter::Version::Http11 => {
                tell(b"Transfer-Encoding", b"chunked");
            }
            BodyLength::Unknown | BodyLength::None => {}
        }
    }
}

/// The upstreams that ran before. A worker serves nobody while it looks, and most changes leave
/// most of them where they were: that is where one is looked for first.
struct Known<'k> {
    in_order: &'k [Rc<LiveUpstream>],
    by_fingerprint: Option<HashMap<Fingerprint, &'k Rc<LiveUpstream>>>,
}

impl<'k> Known<'k> {
    fn new(in_order: &'k [Rc<LiveUpstream>]) -> Self {
        Self { in_order, by_fingerprint: None }
    }

    fn find(&mut self, at: usize, fingerprint: Fingerprint) -> Option<&'k Rc<LiveUpstream>> {
        if let Some(here) = self.in_order.get(at)
            && here.compiled.fingerprint == fingerprint
        {
            return Some(here);
        }
        let by_fingerprint = self.by_fingerprint.get_or_insert_with(|| {
            self.in_order.iter().map(|known| (known.compiled.fingerprint, known)).collect()
        });
        by_fingerprint.get(&fingerprint).copied()
    }
}

/// Policies' time is taken for one exchange in so many.
pub(crate) const SAMPLED: u128 = 64;
