//! Kinds of policies, and the stages of configuring one.

use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::{Counter, Counters, CredentialKind, Filter, LocalFuture, Now, Shared};

/// A kind of policy.
pub trait PolicyKind: Send + Sync + 'static {
    /// The name by which [`model::Policy::kind`] and [`model::Credential::kind`] call it.
    fn name(&self) -> &'static str;

    /// JSON pointers (RFC 6901) into the configuration to values that must not be shown.
    fn secrets(&self) -> &'static [&'static str] {
        &[]
    }

    /// Checks a configuration and does all work that does not depend on a worker: compiling
    /// patterns, parsing keys. Pure: no I/O, no time, no randomness. All problems are returned.
    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>>;

    /// The same for a credential of this kind.
    fn prepare_credential(
        &self,
        credential: &model::Credential,
    ) -> Result<Arc<dyn Any + Send + Sync>, Vec<Problem>> {
        let _ = credential;
        let message = format!("policies of kind `{}` take no credentials", self.name());
        Err(vec![Problem::new("", message)])
    }
}

/// A policy whose configuration is prepared. Equal configurations share one.
pub trait Prepared: Send + Sync {
    /// The phases in which the policy does anything.
    fn phases(&self) -> Phases;

    /// Starts the policy on a worker. It may spawn.
    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter>;
}

/// Phases of an exchange.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// [`Filter::request`].
    pub request: bool,
    /// [`Filter::response`].
    pub response: bool,
    /// [`Filter::log`].
    pub log: bool,
}

impl Phases {
    /// Only the request phase.
    pub const REQUEST: Self = Self { request: true, response: false, log: false };
    /// Only the log phase.
    pub const LOG: Self = Self { request: false, response: false, log: true };
}

/// Something wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer (RFC 6901) to the value; empty for the whole.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem with the value at a pointer.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), help: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The kinds of policies that a gateway has.
#[derive(Clone, Default)]
pub struct Kinds {
    by_name: BTreeMap<&'static str, (CredentialKind, Arc<dyn PolicyKind>)>,
}

impl Kinds {
    /// Adds a kind. The last by a name counts.
    pub fn add(&mut self, kind: Arc<dyn PolicyKind>) {
        // A kind that takes another's place takes its index, too: every index is used once.
        let known = self.credential_kind(kind.name());
        let next = u16::try_from(self.by_name.len()).expect("fewer than 65,536 kinds");
        self.by_name.insert(kind.name(), (known.unwrap_or(CredentialKind(next)), kind));
    }

    /// The kind by this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn PolicyKind>> {
        self.by_name.get(name).map(|(_, kind)| kind)
    }

    /// The index by which credentials of a kind are looked up.
    pub fn credential_kind(&self, name: &str) -> Option<CredentialKind> {
        self.by_name.get(name).map(|(ix, _)| *ix)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.by_name.keys().copied()
    }
}

/// What time it is.
pub trait Clock {
    /// The present moment.
    fn now(&self) -> Now;
}

/// What a policy is given when it starts on a worker.
#[derive(Clone)]
pub struct WorkerCx {
    /// The worker's number, from 0.
    pub worker: usize,
    /// State of the node that outlives snapshots.
    pub shared: Arc<Shared>,
    /// The kinds that the gateway has.
    pub kinds: Arc<Kinds>,
    /// The time.
    pub clock: Rc<dyn Clock>,
    /// Numbers of the node.
    pub counters: Arc<Counters>,
    /// Runs a future on the worker until it ends.
    pub spawn: Rc<dyn Fn(LocalFuture<'static, ()>)>,
}

impl WorkerCx {
    /// A number that this worker counts; the node sums over workers.
    pub fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Counter {
        self.counters.counter(name, help, labels)
    }

    /// The index of a kind of credentials.
    ///
    /// # Panics
    /// If the gateway has no such kind: a policy asks for its own.
    pub fn credential_kind(&self, name: &str) -> CredentialKind {
        self.kinds.credential_kind(name).expect("a policy asks for its own kind of credentials")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(&'static str);

    impl PolicyKind for Named {
        fn name(&self) -> &'static str {
            self.0
        }

        fn prepare(&self, _: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
            Err(vec![Problem::new("", "never prepared")])
        }
    }

    #[test]
    fn a_kind_added_again_keeps_its_index_to_itself() {
        let mut kinds = Kinds::default();
        for name in ["a", "b", "a", "c"] {
            kinds.add(Arc::new(Named(name)));
        }
        let index = |name| kinds.credential_kind(name).map(|kind| kind.0);
        assert_eq!([index("a"), index("b"), index("c")], [Some(0), Some(1), Some(2)]);
    }
}
