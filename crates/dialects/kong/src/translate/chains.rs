//! Which plugins run for a route, and in what order.

use std::sync::Arc;

use model::Chain;

use crate::entities::{Route, Service};

/// The chains of routes.
pub(super) struct Chains<'c> {
    empty: Arc<Chain>,
    marker: std::marker::PhantomData<&'c ()>,
}

impl Chains<'_> {
    pub(super) fn new() -> Self {
        Self { empty: Arc::default(), marker: std::marker::PhantomData }
    }

    pub(super) fn of(&mut self, _: &Route, _: Option<&Service>) -> Arc<Chain> {
        Arc::clone(&self.empty)
    }
}
