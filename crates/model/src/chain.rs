//! Which policies run, and in what order.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Origin, PolicyId, PrincipalId};

/// A configured policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Names it in chains.
    pub id: PolicyId,
    /// Which kind of policy runs, for example `jwt` or `rate-limit`.
    pub kind: String,
    /// The name that users know it by in their documents, for messages, metrics and logs.
    pub name: String,
    /// The kind's configuration; the kind's documentation is its schema.
    pub config: serde_json::Value,
    /// Where values of `config` come from, by JSON pointer (RFC 6901). A value that is not listed
    /// is the dialect's default.
    pub origins: BTreeMap<String, Origin>,
    /// Where the policy itself stands.
    pub origin: Origin,
}

/// The policies of a route: places, and for each phase the order in which they are visited.
///
/// A slot is decided once per request, when the first phase visits it (in the request order), so
/// that a choice by principal can see what an earlier slot authenticated. Later phases visit the
/// policies chosen then; a slot that the request never reached is decided when the response
/// first visits it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// The places, in no particular order.
    pub slots: Vec<Slot>,
    /// Indices into `slots` in the order of the request phase.
    pub request: Vec<u16>,
    /// Indices into `slots` in the order of the response phase.
    pub response: Vec<u16>,
    /// Indices into `slots` in the order of the log phase.
    pub log: Vec<u16>,
}

/// A place in a chain at which at most one policy runs per request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// The first that applies is chosen; none may.
    pub candidates: Vec<Candidate>,
}

/// A policy that a slot may choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Candidate {
    /// Applies to every request.
    Always(PolicyId),
    /// Applies if the request's principal is a key of the map. The map is shared between the
    /// chains in which it stands.
    ByPrincipal(Arc<BTreeMap<PrincipalId, PolicyId>>),
}

impl Chain {
    /// A chain that visits `slots` in the given order in every phase.
    pub fn in_order(slots: Vec<Slot>) -> Self {
        let order: Vec<u16> = (0..slots.len())
            .map(|ix| u16::try_from(ix).expect("a chain has fewer than 65,536 slots"))
            .collect();
        Self { slots, request: order.clone(), response: order.clone(), log: order }
    }

    /// Every policy that the chain may choose.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyId> {
        self.slots.iter().flat_map(|slot| &slot.candidates).flat_map(|candidate| {
            let (one, many) = match candidate {
                Candidate::Always(id) => (Some(id), None),
                Candidate::ByPrincipal(map) => (None, Some(map.values())),
            };
            one.into_iter().chain(many.into_iter().flatten())
        })
    }
}
