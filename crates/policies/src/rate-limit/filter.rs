//! The filter of a `rate-limit` policy.

use std::rc::Rc;
use std::sync::Arc;

use ::filter::{
    Counter, Exchange, Filter, Flow, LocalReply, Phases, Prepared, Problem, Step, WorkerCx,
};

use super::NAME;
use super::config::{Config, StoreConfig, StoreKind, WindowConfig};
use super::counters::Counters;
use super::identifier::By;
use super::limit::{Current, Limit, Verdict, currents, limits};
use super::redis::{Asking, Buffered, RedisStore, RunningRedis};
use super::tell::Telling;

/// A prepared policy.
pub(super) struct RateLimit {
    limits: Vec<Limit>,
    by: By,
    scope: String,
    store: Store,
    fault_tolerant: bool,
    telling: Option<Telling>,
    status: u16,
    message: String,
}

/// Where requests are counted.
enum Store {
    Local,
    Redis(Box<RedisStore>),
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
        let store = Store::prepare(&config.store, &config.scope, &mut problems);
        let telling = Telling::prepare(&config.headers, &limits, &mut problems);
        let prepared = Self {
            limits,
            by,
            scope: config.scope,
            store,
            fault_tolerant: config.fault_tolerant,
            telling: (!config.hide_headers).then_some(telling),
            status: config.status,
            message: config.message,
        };
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }
}

impl Store {
    fn prepare(config: &StoreConfig, scope: &str, problems: &mut Vec<Problem>) -> Self {
        match config.kind {
            StoreKind::Redis => {
                Self::Redis(Box::new(RedisStore::prepare(config, scope, problems)))
            }
            StoreKind::Local => {
                if *config != StoreConfig::default() {
                    let message = "what is counted in memory has no address and no login";
                    let problem = Problem::new("/store", message);
                    problems.push(problem.help("leave all but `kind` out, or say kind `redis`"));
                }
                Self::Local
            }
        }
    }
}

impl Prepared for RateLimit {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        let store = match &self.store {
            Store::Local => {
                let name = format!("{NAME}/local/{}", self.scope);
                RunningStore::Local(cx.shared.get_or_make(&name, Counters::new))
            }
            Store::Redis(store) => match store.start(cx) {
                RunningRedis::Asking(redis) => RunningStore::Redis(redis),
                RunningRedis::Buffered(buffered) => RunningStore::Buffered(buffered),
            },
        };
        let failures = "Requests that a store of rate limits did not answer for";
        Rc::new(Running {
            store,
            exceeded: cx.counter("rate_limit_exceeded", "Requests over a limit", &[]),
            failures: cx.counter("rate_limit_store_failures", failures, &[]),
            policy: self,
        })
    }
}

struct Running {
    policy: Arc<RateLimit>,
    store: RunningStore,
    exceeded: Counter,
    failures: Counter,
}

/// Where a worker counts requests.
enum RunningStore {
    Local(Arc<Counters>),
    Buffered(Buffered),
    Redis(Asking),
}

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let now = exchange.now.unix_ms;
        let mut currents = currents(&self.policy.limits, now);
        let identifier = self.policy.by.identifier(exchange);
        let identifier = identifier.as_bytes();
        let verdict = match &self.store {
            RunningStore::Local(counters) => counters.take(identifier, &mut currents, now),
            RunningStore::Buffered(buffered) => buffered.take(identifier, &mut currents, now),
            RunningStore::Redis(redis) => {
                let Ok(question) = redis.question(identifier, &currents, now) else {
                    return Step::Done(self.go_without());
                };
                return Step::Wait(Box::pin(async move {
                    match redis.take(&question, &mut currents).await {
                        Ok(verdict) => self.conclude(exchange, &currents, verdict),
                        Err(_) => self.go_without(),
                    }
                }));
            }
        };
        Step::Done(self.conclude(exchange, &currents, verdict))
    }
}

impl Running {
    /// Tells the client how things stand, and answers if the request is one too many.
    fn conclude(&self, exchange: &mut Exchange, currents: &[Current], verdict: Verdict) -> Flow {
        let policy = &*self.policy;
        if let Some(telling) = &policy.telling {
            let now = exchange.now.unix_ms;
            telling.write(&mut exchange.reply_headers, currents, verdict, now);
        }
        match verdict {
            Verdict::Admitted => Flow::Continue,
            Verdict::Refused => {
                self.exceeded.add(1);
                let reason = "rate-limit/exceeded";
                LocalReply::new(policy.status, reason, policy.message.clone()).into()
            }
        }
    }

    /// The store did not answer. It has told the log why.
    fn go_without(&self) -> Flow {
        self.failures.add(1);
        if self.policy.fault_tolerant {
            return Flow::Continue;
        }
        let message = "the store of rate limits does not answer";
        LocalReply::new(500, "rate-limit/store", message).into()
    }
}
