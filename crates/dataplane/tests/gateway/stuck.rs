//! A worker that a policy holds up is named.

use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex};

use dataplane::{Gateway, Settings};
use filter::{
    Exchange, Filter, Flow, Kinds, Phases, PolicyKind, Prepared, Problem, Step, WorkerCx,
};
use model::{Candidate, Chain, Policy, Slot};

use crate::model_of::{Build, service};
use crate::peer::{Peer, Upstream, metrics, wait_for_metric};

/// A policy that blocks its worker until it is let go.
#[derive(Default)]
struct Blocking {
    free: Mutex<bool>,
    freed: Condvar,
}

impl Blocking {
    fn let_go(&self) {
        *self.free.lock().expect("nobody panicked") = true;
        self.freed.notify_all();
    }
}

struct Kind(Arc<Blocking>);
struct Ready(Arc<Blocking>);

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        "blocking"
    }

    fn prepare(&self, _: &Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        Ok(Arc::new(Ready(Arc::clone(&self.0))))
    }
}

impl Prepared for Ready {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, _: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Ready(Arc::clone(&self.0)))
    }
}

impl Filter for Ready {
    fn request<'a>(&'a self, _: &'a mut Exchange) -> Step<'a> {
        let free = self.0.free.lock().expect("nobody panicked");
        drop(self.0.freed.wait_while(free, |free| !*free).expect("nobody panicked"));
        Step::Done(Flow::Continue)
    }
}

#[test]
fn a_worker_that_is_stuck_is_counted_until_it_goes_on() {
    let blocking = Arc::<Blocking>::default();
    let mut kinds = Kinds::default();
    kinds.add(Arc::new(Kind(Arc::clone(&blocking))));
    let upstream = Upstream::start(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into());
    let mut model = Build::new().service(service("/", upstream.port())).model();
    model.policies.push(Policy {
        id: "p".into(),
        kind: "blocking".into(),
        name: "blocking".into(),
        config: Default::default(),
        origins: Default::default(),
        origin: Default::default(),
    });
    let slots = vec![Slot { candidates: vec![Candidate::Always("p".into())] }];
    model.routes[0].chain = Arc::new(Chain { slots, request: vec![0], ..Chain::default() });
    let status = Upstream::dead_port();
    let status_listen = Some(([127, 0, 0, 1], status).into());
    let settings = Settings { workers: 1, status_listen, ..Settings::default() };
    let gateway = Gateway::start(settings, kinds).expect("threads are to be had");
    gateway.publish(&model, 1).expect("the model can be served");

    let mut client = Peer::connect(gateway.addresses()[0].1.port());
    client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    wait_for_metric(status, "tripylon_workers_stuck 1");
    blocking.let_go();
    assert_eq!(client.response(false).status, 200);
    wait_for_metric(status, "tripylon_workers_stuck 0");
    assert!(metrics(status).contains("tripylon_worker_stuck_total{worker=\"0\"} 1"));
}
