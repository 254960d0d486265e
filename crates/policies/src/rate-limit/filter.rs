//! The filter of a `rate-limit` policy.

use std::rc::Rc;
use std::sync::Arc;

use ::filter::{
    Counter, Exchange, Filter, LocalReply, Phases, Prepared, Problem, Step, WorkerCx,
};

use super::NAME;
use super::config::{Config, StoreKind, WindowConfig};
use super::counters::Counters;
use super::identifier::By;
use super::limit::{Currents, Limit, Verdict, currents, limits};
use super::tell::Telling;

/// A prepared policy.
pub(super) struct RateLimit {
    limits: Vec<Limit>,
    by: By,
    scope: String,
    store: StoreKind,
    telling: Option<Telling>,
    status: u16,
    message: String,
}

impl RateLimit {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let limits = limits(&config.limits, &mut problems);
        let by = By::prepare(config.by, &mut problems);
        if !(200..=599).contains(&config.status) {
            let message = format!("{} is no status of a final answer", config.status);
            problems.push(Problem::new("/status", message).help("give one of 200 to 599"));
        }
        if config.window == WindowConfig::Sliding {
            let problem = Problem::new("/window", "sliding windows are not offered");
            problems.push(problem.help("leave `window` out, or set it to \"fixed\""));
        }
        // Memory never fails.
        let _ = config.fault_tolerant;
        let telling = Telling::prepare(&config.headers, &limits, &mut problems);
        let prepared = Self {
            limits,
            by,
            scope: config.scope,
            store: config.store.kind,
            telling: (!config.hide_headers).then_some(telling),
            status: config.status,
            message: config.message,
        };
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }
}

impl Prepared for RateLimit {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        let counters = match self.store {
            StoreKind::Local => {
                let name = format!("{NAME}/local/{}", self.scope);
                cx.shared.get_or_make(&name, Counters::new)
            }
        };
        let exceeded = cx.counter("rate_limit_exceeded", "Requests over a limit", &[]);
        Rc::new(Running { counters, exceeded, policy: self })
    }
}

struct Running {
    policy: Arc<RateLimit>,
    counters: Arc<Counters>,
    exceeded: Counter,
}

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let now = exchange.now.unix_ms;
        let mut currents = currents(&self.policy.limits, now);
        let identifier = self.policy.by.identifier(exchange);
        let verdict = self.counters.take(identifier.as_bytes(), &mut currents, now);
        self.conclude(exchange, &currents, verdict)
    }
}

impl Running {
    /// Tells the client how things stand, and answers if the request is one too many.
    fn conclude(
        &self,
        exchange: &mut Exchange,
        currents: &Currents,
        verdict: Verdict,
    ) -> Step<'static> {
        let policy = &*self.policy;
        if let Some(telling) = &policy.telling {
            let now = exchange.now.unix_ms;
            telling.write(&mut exchange.reply_headers, currents, verdict, now);
        }
        match verdict {
            Verdict::Admitted => Step::CONTINUE,
            Verdict::Refused => {
                self.exceeded.add(1);
                let reason = "rate-limit/exceeded";
                LocalReply::new(policy.status, reason, policy.message.clone()).into()
            }
        }
    }
}
