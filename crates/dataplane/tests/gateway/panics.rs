//! Policies that panic: each costs its request a 500, a number and a line, nothing else.

use std::rc::Rc;
use std::sync::Arc;

use dataplane::{Gateway, Settings};
use filter::{
    Exchange, Filter, Flow, Kinds, Phases, PolicyKind, Prepared, Problem, Step, WorkerCx,
};
use model::{Candidate, Chain, Policy, Slot};

use crate::model_of::{Build, service};
use crate::peer::{Peer, Upstream, metrics};

/// A policy that panics in the phase that the request names.
struct Panicking;

impl PolicyKind for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }

    fn prepare(&self, _: &Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        Ok(Arc::new(Self))
    }
}

impl Prepared for Panicking {
    fn phases(&self) -> Phases {
        Phases { request: true, response: true, log: true }
    }

    fn start(self: Arc<Self>, _: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Self)
    }
}

fn panics_in(x: &Exchange, phase: &str) {
    assert!(x.request.headers.get_str("x-panic") != Some(phase), "in its {phase} phase");
}

impl Filter for Panicking {
    fn request<'a>(&'a self, x: &'a mut Exchange) -> Step<'a> {
        panics_in(x, "request");
        Step::Wait(Box::pin(async {
            tokio::task::yield_now().await;
            panics_in(x, "waiting");
            Flow::Continue
        }))
    }

    fn response<'a>(&'a self, x: &'a mut Exchange) -> Step<'a> {
        panics_in(x, "response");
        Step::Done(Flow::Continue)
    }

    fn log(&self, x: &Exchange) {
        panics_in(x, "log");
    }
}

/// The attack with this number: a policy that an attacker can make panic.
#[test]
fn sec_176_a_panic_costs_its_request_and_no_other() {
    let upstream = Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into());
    let mut model = Build::new().service(service("/", upstream.port())).model();
    model.policies.push(Policy {
        id: "p".into(),
        kind: "panicking".into(),
        name: "panicking".into(),
        config: Default::default(),
        origins: Default::default(),
        origin: Default::default(),
    });
    let slots = vec![Slot { candidates: vec![Candidate::Always("p".into())] }];
    let order = || vec![0];
    model.routes[0].chain =
        Arc::new(Chain { slots, request: order(), response: order(), log: order() });
    let status = Upstream::dead_port();
    let status_listen = Some(([127, 0, 0, 1], status).into());
    let settings = Settings { workers: 1, status_listen, ..Settings::default() };
    let mut kinds = Kinds::default();
    kinds.add(Arc::new(Panicking));
    let gateway = Gateway::start(settings, kinds).expect("threads are to be had");
    gateway.publish(&model, 1).expect("the model can be served");

    let mut client = Peer::connect(gateway.addresses()[0].1.port());
    let mut ask = |phase: &str| {
        client.ask(&format!("GET /{phase} HTTP/1.1\r\nHost: t\r\nX-Panic: {phase}\r\n\r\n")).status
    };
    for (phase, status) in [("request", 500), ("waiting", 500), ("response", 500), ("log", 200)] {
        assert_eq!(ask(phase), status, "{phase}");
        assert_eq!(ask("none"), 200, "on the same connection, after {phase}");
    }
    let seen: Vec<String> = (0..6).map(|_| upstream.next()).collect();
    assert!(!seen.iter().any(|head| head.contains("/request") || head.contains("/waiting")));
    assert!(metrics(status).contains("tripylon_policy_panics_total{policy=\"panicking\"} 4"));
}
