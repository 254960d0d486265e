//! What a directory has said before.

use std::sync::Arc;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::SystemRandom;
use quick_cache::sync::Cache;

/// How many names and passwords are remembered per node.
const CAPACITY: usize = 10_000;

/// Which names and passwords a directory took, and which not. Passwords are not kept, but a hash
/// of them under a key that only this process has.
pub(super) struct Seen {
    key: hmac::Key,
    cache: Cache<Mark, Said>,
}

/// What a name and a password are known by.
pub(super) type Mark = [u8; 32];

/// What the directory said.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// Until when that counts, in microseconds of [`filter::Now::mono_us`].
    pub(super) until: u64,
    /// The name, if the directory took the password.
    pub(super) taken: Option<Arc<str>>,
}

impl Seen {
    /// Nothing yet.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub(super) fn new() -> Result<Self, Unspecified> {
        let key = hmac::Key::generate(HMAC_SHA256, &SystemRandom::new())?;
        Ok(Self { key, cache: Cache::new(CAPACITY) })
    }

    pub(super) fn mark(&self, name: &str, password: &str) -> Mark {
        let mut context = hmac::Context::with_key(&self.key);
        // No name holds a colon: it ends the name where credentials are read.
        for part in [name, ":", password] {
            context.update(part.as_bytes());
        }
        let mut mark = [0; 32];
        mark.copy_from_slice(context.sign().as_ref());
        mark
    }

    pub(super) fn get(&self, mark: &Mark, now: u64) -> Option<Said> {
        self.cache.get(mark).filter(|said| said.until > now)
    }

    pub(super) fn remember(&self, mark: Mark, said: Said) {
        self.cache.insert(mark, said);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_counts_for_a_while() {
        let seen = Seen::new().unwrap();
        let mark = seen.mark("al", "pw");
        assert!(seen.get(&mark, 0).is_none());
        seen.remember(mark, Said { until: 10, taken: Some("al".into()) });
        assert!(seen.get(&mark, 9).is_some_and(|said| said.taken.as_deref() == Some("al")));
        assert!(seen.get(&mark, 10).is_none());
        assert!(seen.get(&seen.mark("al", "pw2"), 0).is_none());
        assert_ne!(seen.mark("a", "lpw"), seen.mark("al", "pw"));
        assert_ne!(Seen::new().unwrap().mark("al", "pw"), mark);
    }
}
