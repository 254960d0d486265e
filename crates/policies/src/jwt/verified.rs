//! Tokens that were verified before.

use std::any::Any;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use filter::{CredentialIx, CredentialKind, Identities, KnownCredential};
use quick_cache::unsync::Cache;
use quick_cache::unsync::DefaultLifecycle;
use quick_cache::{DefaultHashBuilder, OptionsBuilder, UnitWeighter};

use super::claims::Times;

/// How many tokens a policy remembers per worker: at about 150 bytes each no more than 650 KB.
const CAPACITY: usize = 4096;

/// What a verified token is known by.
///
/// SHA-256, although a keyed hash would be faster: two tokens with the same digest would be taken
/// for each other, so nobody may be able to make such a pair, whatever they know of the process.
/// The tokens themselves are not kept, because whoever reads them can use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(super) fn of(token: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token).as_ref());
        Self(bytes)
    }
}

/// The tokens whose signatures a policy on this worker has verified; the ones used least are
/// forgotten first. Refused tokens are not remembered, so that guesses push nothing out.
pub(super) struct VerifiedTokens(Cache<TokenDigest, Verified>);

struct Verified {
    credential: Arc<model::Credential>,
    /// The key that verified it, as it was then.
    prepared: Arc<dyn Any + Send + Sync>,
    times: Times,
}

impl VerifiedTokens {
    pub(super) fn new() -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(CAPACITY)
            .weight_capacity(CAPACITY as u64)
            .build()
            .expect("both capacities are given");
        Self(Cache::with_options(
            options,
            UnitWeighter,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        ))
    }

    /// The credential that a token was verified with and the times that it names. Nothing if the
    /// credential has changed since, or is gone.
    pub(super) fn get(
        &self,
        token: &TokenDigest,
        kind: CredentialKind,
        identities: &Identities,
    ) -> Option<(CredentialIx, Times)> {
        let verified = self.0.get(token)?;
        let ix = identities.credential_by_key(kind, &verified.credential.key)?;
        let same = Arc::ptr_eq(&identities.credential(ix).prepared, &verified.prepared);
        same.then_some((ix, verified.times))
    }

    /// Remembers a verified token.
    pub(super) fn insert(&mut self, token: TokenDigest, known: &KnownCredential, times: Times) {
        let verified = Verified {
            credential: Arc::clone(&known.credential),
            prepared: Arc::clone(&known.prepared),
            times,
        };
        self.0.insert(token, verified);
    }
}
