//! A thread that keeps upstreams up to date: it resolves the names of their endpoints, and probes
//! their members.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use super::known::Known;
use super::probe::CompiledCheck;
use super::{CompiledUpstream, Dns, Member, Resolvers};

/// The thread. It ends when this is dropped.
pub(crate) struct Upkeep {
    upstreams: Option<UnboundedSender<Vec<Arc<CompiledUpstream>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Upkeep {
    /// Starts the thread, with nothing to do.
    ///
    /// # Errors
    /// If the system gives no thread or no event queue.
    pub(crate) fn start() -> io::Result<Self> {
        let (upstreams, queue) = unbounded_channel();
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .build_local(tokio::runtime::LocalOptions::default())
        };
        // The runtime may not leave its thread: whether one can be had is found out here.
        drop(runtime()?);
        let thread = thread::Builder::new().name("upkeep".to_owned()).spawn(move || {
            let runtime = runtime().expect("one could be had a moment ago");
            runtime.block_on(keep_up(queue));
        })?;
        Ok(Self { upstreams: Some(upstreams), thread: Some(thread) })
    }

    /// Keeps these upstreams, and no others. Those that it keeps already go on undisturbed.
    pub(crate) fn keep(&self, upstreams: &[Arc<CompiledUpstream>]) {
        if let Some(queue) = &self.upstreams {
            // A thread that is gone has panicked; that was told.
            let _ = queue.send(upstreams.to_vec());
        }
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.upstreams.take();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The work for one upstream, which holds it. It ends when this is dropped.
struct Work(Vec<AbortHandle>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

async fn keep_up(mut queue: UnboundedReceiver<Vec<Arc<CompiledUpstream>>>) {
    let resolvers = Resolvers::default();
    let mut kept: HashMap<*const CompiledUpstream, Work> = HashMap::new();
    while let Some(upstreams) = queue.recv().await {
        let mut before = std::mem::take(&mut kept);
        for upstream in upstreams {
            let key = Arc::as_ptr(&upstream);
            let work = before.remove(&key).unwrap_or_else(|| begin(upstream, &resolvers));
            if !work.0.is_empty() {
                kept.insert(key, work);
            }
        }
    }
}

fn begin(upstream: Arc<CompiledUpstream>, resolvers: &Resolvers) -> Work {
    let mut work = Vec::new();
    let dns = resolvers.of(&upstream.resolver);
    for (at, name) in upstream.roster.names() {
        let resolving = keep_resolved(Arc::clone(&upstream), at, name.to_owned(), Rc::clone(&dns));
        work.push(tokio::task::spawn_local(resolving).abort_handle());
    }
    if let Some(check) = upstream.check().map(Arc::clone) {
        for (fit, interval) in [(true, check.healthy_interval), (false, check.unhealthy_interval)] {
            if !interval.is_zero() {
                let rounds = probe_in_rounds(
                    Arc::clone(&upstream),
                    Arc::clone(&check),
                    fit,
                    interval,
                    Rc::clone(&dns),
                );
                work.push(tokio::task::spawn_local(rounds).abort_handle());
            }
        }
    }
    Work(work)
}

/// Follows the name of an endpoint wherever it leads.
async fn keep_resolved(upstream: Arc<CompiledUpstream>, at: usize, name: String, dns: Rc<Dns>) {
    let mut known = Known::nothing(Instant::now());
    let mut failing = false;
    loop {
        let answer = dns.ask(&name).await;
        let again = known.learn(&answer, &dns.rules, Instant::now());
        upstream.found(at, &known.found);
        if let Err(error) = &answer
            && !failing
        {
            let (upstream, addresses) = (&upstream.name, known.found.len());
            tracing::warn!(target: "upstream", %upstream, name, %error, addresses, "not resolved");
        }
        failing = answer.is_err();
        tokio::time::sleep(again).await;
    }
}

/// Probes the members that are fit for use, or those that are not, again and again.
async fn probe_in_rounds(
    upstream: Arc<CompiledUpstream>,
    check: Arc<CompiledCheck>,
    fit: bool,
    every: Duration,
    dns: Rc<Dns>,
) {
    let mut rounds = interval(every.max(LEAST_INTERVAL));
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let roster = upstream.roster.members();
        let mut waiting = roster.iter().filter(|m| m.weight > 0 && m.state.is_fit() == fit);
        let mut probes = JoinSet::new();
        loop {
            while probes.len() < check.concurrency
                && let Some(member) = waiting.next()
            {
                let probe = probe(
                    Arc::clone(&upstream),
                    Arc::clone(&check),
                    Arc::clone(member),
                    Rc::clone(&dns),
                );
                probes.spawn_local(probe);
            }
            if probes.join_next().await.is_none() {
                break;
            }
        }
    }
}

async fn probe(
    upstream: Arc<CompiledUpstream>,
    check: Arc<CompiledCheck>,
    member: Arc<Member>,
    dns: Rc<Dns>,
) {
    let outcome = check.ask(&member, &dns).await;
    if member.state.note(&check.rules, outcome) {
        upstream.verdict_changed(&member, "probes");
    }
}

/// The time between two rounds of probes is at least this long.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);
