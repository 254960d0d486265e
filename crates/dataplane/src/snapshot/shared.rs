//! What many routes have in common.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use model::{Fingerprint, Forward, Labels, UpstreamId, fingerprint};

/// How a route forwards.
pub(crate) struct CompiledForward {
    pub(crate) forward: Forward,
    /// Indices of upstreams, by weight.
    pub(crate) upstreams: Vec<(u32, u32)>,
    pub(crate) weights: u32,
}

/// What routes have in common, made once.
pub(super) struct Shared<'m> {
    upstreams: HashMap<&'m UpstreamId, u32>,
    forwards: HashMap<Fingerprint, Arc<CompiledForward>>,
    texts: HashSet<Arc<str>>,
}

impl<'m> Shared<'m> {
    /// With the indices of upstreams.
    pub(super) fn new(upstreams: HashMap<&'m UpstreamId, u32>) -> Self {
        Self { upstreams, forwards: HashMap::new(), texts: HashSet::new() }
    }

    /// How a route forwards.
    pub(super) fn forward(&mut self, forward: &Forward) -> Arc<CompiledForward> {
        let Self { upstreams, forwards, .. } = self;
        let compile = || Arc::new(compile_forward(forward, upstreams));
        Arc::clone(forwards.entry(fingerprint(forward)).or_insert_with(compile))
    }

    /// A copy: what the model is made of goes away as a whole.
    pub(super) fn labels(&mut self, labels: &Labels) -> Labels {
        let Labels { route, route_id, service, service_id, described } = labels;
        Labels {
            route: route.as_ref().into(),
            route_id: route_id.as_ref().into(),
            service: self.text(service),
            service_id: self.text(service_id),
            described: described.clone(),
        }
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }
}

fn compile_forward(forward: &Forward, upstreams: &HashMap<&UpstreamId, u32>) -> CompiledForward {
    let targets: Vec<(u32, u32)> =
        forward.upstreams.iter().map(|u| (upstreams[&u.value], u.weight)).collect();
    let weights = targets.iter().map(|(_, weight)| weight).sum();
    CompiledForward { forward: forward.clone(), upstreams: targets, weights }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::{Buffering, HostRule, PathJoin, PathRewrite, Retry, Timeouts, Weighted};

    use super::*;

    fn forward(strip: bool) -> Forward {
        let [connect, send, read] = [Duration::from_secs(1); 3];
        Forward {
            upstreams: vec![Weighted { value: "u".into(), weight: 2 }],
            path: PathRewrite { base: "/".into(), strip, join: PathJoin::Segments },
            host: HostRule::Endpoint,
            timeouts: Timeouts { connect, send, read },
            retry: Retry { tries: 5 },
            buffering: Buffering { request: 0 },
        }
    }

    #[test]
    fn routes_that_forward_alike_share_how() {
        let id = UpstreamId::from("u");
        let mut shared = Shared::new(HashMap::from_iter([(&id, 7)]));
        let [first, second, other] =
            [true, true, false].map(|strip| shared.forward(&forward(strip)));
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &other));
        assert_eq!((&first.upstreams[..], first.weights), (&[(7, 2)][..], 2));
        assert!(first.forward.path.strip && !other.forward.path.strip);
    }

    #[test]
    fn labels_share_the_names_of_services() {
        let mut shared = Shared::new(HashMap::new());
        let labels =
            |route: &str| Labels { route: route.into(), service: "s".into(), ..Labels::default() };
        let (first, second) = (shared.labels(&labels("a")), shared.labels(&labels("b")));
        assert!(Arc::ptr_eq(&first.service, &second.service));
        assert_eq!((&*first.route, &*second.route), ("a", "b"));
    }
}
