//! What a decision of a `rate-limit` policy with counters in memory costs, headers included.

use std::cell::Cell;
use std::hint::black_box;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use filter::{Client, Clock, Exchange, Filter, Flow, Identities, Now, Step, View, WorkerCx};
use model::{Labels, Origin, Policy, Scheme};
use serde_json::json;

fn main() {
    let one = json!([{"period": "minute", "limit": 1_000_000_000}]);
    let three = json!([
        {"period": "second", "limit": 1_000_000_000},
        {"period": "hour", "limit": 1_000_000_000},
        {"period": "month", "limit": 1_000_000_000},
    ]);
    for (name, limits, hide_headers) in [
        ("one limit", one.clone(), false),
        ("one limit, no headers", one, true),
        ("three limits", three, false),
    ] {
        let filter = start(json!({"limits": limits, "hide_headers": hide_headers}));
        println!("{name}: {:.0} ns a decision", nanoseconds(&filter));
    }
}

/// The best of several runs: the others were disturbed.
fn nanoseconds(filter: &Rc<dyn Filter>) -> f64 {
    const ROUNDS: u32 = 200_000;
    let mut exchange = exchange();
    let mut run = || {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            exchange.reply_headers.clear();
            let step = black_box(filter).request(&mut exchange);
            assert!(matches!(step, Step::Done(Flow::Continue)));
        }
        start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
    };
    (0..20).map(|_| run()).fold(f64::INFINITY, f64::min)
}

fn start(config: serde_json::Value) -> Rc<dyn Filter> {
    let kinds = policies::kinds();
    let policy = Policy {
        id: "p".into(),
        kind: "rate-limit".to_owned(),
        name: "p".to_owned(),
        config,
        origins: Default::default(),
        origin: Origin::default(),
    };
    let kind = kinds.get(&policy.kind).expect("the kind is offered");
    let prepared = kind.prepare(&policy).unwrap_or_else(|problems| panic!("{problems:#?}"));
    prepared.start(&WorkerCx {
        worker: 0,
        shared: Arc::default(),
        kinds: Arc::new(kinds),
        clock: Rc::new(Fixed(Cell::new(now()))),
        counters: Arc::default(),
        spawn: Rc::new(|_| ()),
    })
}

fn exchange() -> Exchange {
    let peer = SocketAddr::from(([192, 0, 2, 1], 1234));
    let client = Client {
        connection: 1,
        address: peer.ip(),
        peer,
        local: peer,
        trusted: false,
        scheme: Scheme::Http,
        sni: None,
        tls: None,
    };
    let mut exchange = Exchange::new(Rc::new(Nobody::default()), client);
    exchange.now = now();
    exchange
}

fn now() -> Now {
    Now { unix_ms: 1_795_608_000_000, mono_us: 0 }
}

struct Fixed(Cell<Now>);

impl Clock for Fixed {
    fn now(&self) -> Now {
        self.0.get()
    }
}

#[derive(Default)]
struct Nobody {
    identities: Identities,
    labels: Labels,
}

impl View for Nobody {
    fn identities(&self) -> &Identities {
        &self.identities
    }

    fn labels(&self, _route: u32) -> &Labels {
        &self.labels
    }
}
