//! The policies of a route, phase by phase.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use filter::{Exchange, Filter, Flow, Identities, LocalReply, Phases, Step};
use foldhash::HashMap;
use model::{Candidate, Chain, PolicyId, PrincipalId};

use crate::live::Live;

/// A chain of a snapshot: slots that do nothing in a phase are not visited in it.
#[derive(Default)]
pub(crate) struct CompiledChain {
    slots: Vec<CompiledSlot>,
    request: Vec<u16>,
    response: Vec<u16>,
    log: Vec<u16>,
}

struct CompiledSlot {
    candidates: Vec<CompiledCandidate>,
}

enum CompiledCandidate {
    Always(u32),
    ByPrincipal(Arc<HashMap<u32, u32>>),
}

/// Which policy each slot of a chain has chosen for an exchange.
#[derive(Default)]
pub(crate) struct Choices(Vec<Choice>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Open,
    None,
    Policy(u32),
}

impl Choices {
    /// Forgets all choices and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Looks up what a chain's names stand for while it is compiled.
pub(crate) struct Names<'a> {
    pub(crate) policies: &'a HashMap<&'a PolicyId, u32>,
    pub(crate) phases: &'a [Phases],
    pub(crate) principals: &'a HashMap<&'a PrincipalId, u32>,
    pub(crate) maps: &'a mut PrincipalMaps,
}

/// Maps by principal that chains share, by the address of the model's.
pub(crate) type PrincipalMaps = HashMap<usize, Arc<HashMap<u32, u32>>>;

impl CompiledChain {
    /// Compiles a chain whose names are known to exist.
    pub(crate) fn compile(chain: &Chain, names: &mut Names<'_>) -> Self {
        let mut phases = Vec::with_capacity(chain.slots.len());
        let mut slots = Vec::with_capacity(chain.slots.len());
        for slot in &chain.slots {
            let slot = CompiledSlot::compile(&slot.candidates, names);
            phases.push(slot.phases(names.phases));
            slots.push(slot);
        }
        let visits = |order: &[u16], does: fn(&Phases) -> bool| {
            order.iter().copied().filter(|ix| does(&phases[usize::from(*ix)])).collect()
        };
        let request = visits(&chain.request, |phases| phases.request);
        let response = visits(&chain.response, |phases| phases.response);
        let log = visits(&chain.log, |phases| phases.log);
        Self { slots, request, response, log }
    }

    /// Runs the request phase; a reply ends it.
    pub(crate) async fn request(
        &self,
        live: &Live,
        x: &mut Exchange,
        choices: &mut Choices,
    ) -> Result<(), Box<LocalReply>> {
        for ix in &self.request {
            let Some(policy) = self.choose(*ix, x, choices) else { continue };
            let started = live.policy_timer(x);
            let filter = Rc::clone(&live.filters[policy as usize]);
            let flow = run(filter.as_ref(), x, Filter::request).await;
            let flow = flow.unwrap_or_else(|Panicked| live.policy_panicked(policy));
            live.policy_done(policy, started);
            match flow {
                Flow::Continue => {}
                Flow::Reply(reply) => return Err(reply),
            }
        }
        Ok(())
    }

    /// Whether the response phase does anything.
    pub(crate) fn sees_responses(&self) -> bool {
        !self.response.is_empty()
    }

    /// Runs the response phase; a reply replaces the response and ends it.
    pub(crate) async fn response(
        &self,
        live: &Live,
        x: &mut Exchange,
        choices: &mut Choices,
    ) -> Result<(), Box<LocalReply>> {
        for ix in &self.response {
            let Some(policy) = self.choose(*ix, x, choices) else { continue };
            let filter = Rc::clone(&live.filters[policy as usize]);
            let flow = run(filter.as_ref(), x, Filter::response).await;
            if let Flow::Reply(reply) = flow.unwrap_or_else(|Panicked| live.policy_panicked(policy))
            {
                return Err(reply);
            }
        }
        Ok(())
    }

    /// Runs the log phase.
    pub(crate) fn log(&self, live: &Live, x: &Exchange, choices: &mut Choices) {
        for ix in &self.log {
            let Some(policy) = self.choose(*ix, x, choices) else { continue };
            let filter = &live.filters[policy as usize];
            if catch_unwind(AssertUnwindSafe(|| filter.log(x))).is_err() {
                // There is nothing left that could be answered otherwise.
                drop(live.policy_panicked(policy));
            }
        }
    }

    /// Decides a slot, once.
    fn choose(&self, slot: u16, x: &Exchange, choices: &mut Choices) -> Option<u32> {
        let slot = usize::from(slot);
        // Most slots hold one policy for everyone: nothing to remember.
        if let [CompiledCandidate::Always(policy)] = self.slots[slot].candidates[..] {
            return Some(policy);
        }
        if choices.0.is_empty() {
            choices.0.resize(self.slots.len(), Choice::Open);
        }
        if choices.0[slot] == Choice::Open {
            choices.0[slot] = self.slots[slot].first(x).map_or(Choice::None, Choice::Policy);
        }
        match choices.0[slot] {
            Choice::Policy(policy) => Some(policy),
            Choice::Open | Choice::None => None,
        }
    }
}

impl CompiledSlot {
    fn compile(candidates: &[Candidate], names: &mut Names<'_>) -> Self {
        let candidates = candidates
            .iter()
            .map(|candidate| match candidate {
                Candidate::Always(id) => CompiledCandidate::Always(names.policies[id]),
                Candidate::ByPrincipal(map) => {
                    let key = Arc::as_ptr(map) as usize;
                    let (policies, principals) = (names.policies, names.principals);
                    let compiled = names.maps.entry(key).or_insert_with(|| {
                        let pairs = map.iter().filter_map(|(principal, policy)| {
                            Some((*principals.get(principal)?, policies[policy]))
                        });
                        Arc::new(pairs.collect())
                    });
                    CompiledCandidate::ByPrincipal(Arc::clone(compiled))
                }
            })
            .collect();
        Self { candidates }
    }

    fn phases(&self, phases: &[Phases]) -> Phases {
        let policies = self.candidates.iter().flat_map(|candidate| {
            let (one, many) = match candidate {
                CompiledCandidate::Always(policy) => (Some(policy), None),
                CompiledCandidate::ByPrincipal(map) => (None, Some(map.values())),
            };
            one.into_iter().chain(many.into_iter().flatten())
        });
        policies.map(|policy| phases[*policy as usize]).fold(Phases::default(), |all, one| Phases {
            request: all.request || one.request,
            response: all.response || one.response,
            log: all.log || one.log,
        })
    }

    fn first(&self, x: &Exchange) -> Option<u32> {
        let principal = x.caller.map(|caller| caller.principal.0);
        self.candidates.iter().find_map(|candidate| match candidate {
            CompiledCandidate::Always(policy) => Some(*policy),
            CompiledCandidate::ByPrincipal(map) => map.get(&principal?).copied(),
        })
    }
}

/// A policy panicked.
struct Panicked;

/// Runs one phase of one policy. A panic costs the request an answer of 500, nothing else.
async fn run<'a>(
    filter: &'a (dyn Filter + 'static),
    x: &'a mut Exchange,
    phase: fn(&'a (dyn Filter + 'static), &'a mut Exchange) -> Step<'a>,
) -> Result<Flow, Panicked> {
    let step = catch_unwind(AssertUnwindSafe(move || {
        // Moved, not lent: what the policy returns may hold the exchange.
        let x = x;
        phase(filter, x)
    }));
    match step {
        Ok(Step::Done(flow)) => Ok(flow),
        Ok(Step::Wait(mut future)) => {
            poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(poll) => poll.map(Ok),
                Err(_) => Poll::Ready(Err(Panicked)),
            })
            .await
        }
        Err(_) => Err(Panicked),
    }
}

/// Principals' indices by their ids, for compiling chains.
pub(crate) fn principal_indices(model: &model::Model) -> HashMap<&PrincipalId, u32> {
    let indices = 0u32..;
    model.principals.iter().map(|principal| &principal.id).zip(indices).collect()
}

/// The principals of a model, in the model's order, so that their indices are those of
/// [`principal_indices`].
pub(crate) fn identities(model: &model::Model) -> Identities {
    let mut identities = Identities::default();
    for principal in &model.principals {
        identities.add_principal(Arc::new(principal.clone()));
    }
    identities
}
