//! State that outlives a snapshot.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Named state of a node: counters, health, caches. What the next snapshot asks for by the same
/// name and type it finds as it was; what nobody holds any longer is dropped by [`Shared::sweep`].
///
/// The lock is taken when a filter starts, never per request.
#[derive(Default)]
pub struct Shared {
    by_name: Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>,
}

impl Shared {
    /// The state by this name, made if there is none or if it is of another type.
    pub fn get_or_make<T: Send + Sync + 'static>(
        &self,
        name: &str,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = by_name.get(name)
            && let Ok(found) = Arc::clone(found).downcast::<T>()
        {
            return found;
        }
        let made = Arc::new(make());
        by_name.insert(name.to_owned(), Arc::clone(&made) as Arc<dyn Any + Send + Sync>);
        made
    }

    /// Drops what nobody else holds; called after the last worker has left an old snapshot.
    pub fn sweep(&self) {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.retain(|_, state| Arc::strong_count(state) > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_survives_as_long_as_someone_holds_it() {
        let shared = Shared::default();
        let first = shared.get_or_make("a", || 1u32);
        assert!(Arc::ptr_eq(&first, &shared.get_or_make("a", || 2u32)));
        shared.sweep();
        assert_eq!(*shared.get_or_make("a", || 3u32), 1);
        drop(first);
        shared.sweep();
        assert_eq!(*shared.get_or_make("a", || 4u32), 4);
    }
}
