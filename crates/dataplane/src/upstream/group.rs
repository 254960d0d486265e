//! What upstreams of one group know together, on all workers and from one configuration to the
//! next.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::state::MemberState;

/// The states of a group's members, by where they are. The lock is never taken for a request.
#[derive(Default)]
pub(crate) struct Group {
    version: AtomicU64,
    states: Mutex<HashMap<Place, Weak<MemberState>>>,
}

/// Where a member is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// The endpoint's name or address, as the document has it.
    pub(super) host: String,
    /// What is dialled.
    pub(super) dial: String,
    pub(super) port: u16,
}

impl Group {
    /// Another number whenever members, or what may be chosen of them, have changed.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Has every worker look anew.
    pub(super) fn changed(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    /// What is known of the member at a place. It is known for as long as somebody holds it.
    pub(super) fn state(&self, place: Place) -> Arc<MemberState> {
        let mut states = self.states.lock();
        if let Some(known) = states.get(&place).and_then(Weak::upgrade) {
            return known;
        }
        states.retain(|_, state| state.strong_count() > 0);
        let state = Arc::default();
        states.insert(place, Arc::downgrade(&state));
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_known_as_long_as_somebody_holds_it() {
        let group = Group::default();
        let place = |port| Place { host: "a".into(), dial: "10.0.0.1".into(), port };
        let state = group.state(place(1));
        state.decide(false);
        assert!(!group.state(place(1)).is_fit());
        assert!(group.state(place(2)).is_fit());
        drop(state);
        assert!(group.state(place(1)).is_fit());
    }
}
