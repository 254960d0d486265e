//! Who may call, indexed for lookup.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

/// Index of a principal in [`Identities`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrincipalIx(pub u32);

/// Index of a credential in [`Identities`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialIx(pub u32);

/// A kind of credential, resolved once per worker (see [`crate::WorkerCx::credential_kind`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialKind(pub u16);

/// Who a request's caller turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The principal.
    pub principal: PrincipalIx,
    /// What proved it; none for an anonymous fallback.
    pub credential: Option<CredentialIx>,
    /// Whether the principal stands for callers who could not prove who they are.
    pub anonymous: bool,
}

/// Groups that a policy found a caller to be in, on the word of who knows the caller (an identity
/// provider, a directory): a value of [`crate::Extensions`]. A principal's own groups stand in
/// [`model::Principal::groups`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerGroups(pub Vec<String>);

/// A credential as policies see it.
#[derive(Clone)]
pub struct KnownCredential {
    /// The model's value.
    pub credential: Arc<model::Credential>,
    /// Whose it is.
    pub principal: PrincipalIx,
    /// What the kind made of it. The same object as long as the credential does not change.
    pub prepared: Arc<dyn Any + Send + Sync>,
}

/// All principals and credentials of a snapshot.
#[derive(Default)]
pub struct Identities {
    principals: Vec<Arc<model::Principal>>,
    by_name: HashMap<Arc<str>, PrincipalIx, RandomState>,
    credentials: Vec<KnownCredential>,
    by_key: Vec<HashMap<Arc<str>, CredentialIx, RandomState>>,
}

impl Identities {
    /// Adds a principal, found by its id, public id and name; the first of equals is found.
    pub fn add_principal(&mut self, principal: Arc<model::Principal>) -> PrincipalIx {
        let ix = PrincipalIx(index(self.principals.len()));
        let names = [Some(principal.public_id.as_str()), principal.name.as_deref()];
        for name in names.into_iter().flatten() {
            self.by_name.entry(name.into()).or_insert(ix);
        }
        self.principals.push(principal);
        ix
    }

    /// Adds a credential, found by its key.
    pub fn add_credential(&mut self, kind: CredentialKind, known: KnownCredential) -> CredentialIx {
        let ix = CredentialIx(index(self.credentials.len()));
        let kind = usize::from(kind.0);
        if self.by_key.len() <= kind {
            self.by_key.resize_with(kind + 1, HashMap::default);
        }
        self.by_key[kind].insert(known.credential.key.as_str().into(), ix);
        self.credentials.push(known);
        ix
    }

    /// Finds a credential by its kind and key.
    pub fn credential_by_key(&self, kind: CredentialKind, key: &str) -> Option<CredentialIx> {
        self.by_key.get(usize::from(kind.0))?.get(key).copied()
    }

    /// The credential at an index that this value gave.
    pub fn credential(&self, ix: CredentialIx) -> &KnownCredential {
        &self.credentials[ix.0 as usize]
    }

    /// Finds a principal by its public id or name.
    pub fn principal_by_name(&self, name: &str) -> Option<PrincipalIx> {
        self.by_name.get(name).copied()
    }

    /// The principal at an index that this value gave.
    pub fn principal(&self, ix: PrincipalIx) -> &model::Principal {
        &self.principals[ix.0 as usize]
    }

    /// Number of principals.
    pub fn principals(&self) -> usize {
        self.principals.len()
    }

    /// Number of credentials.
    pub fn credentials(&self) -> usize {
        self.credentials.len()
    }
}

fn index(len: usize) -> u32 {
    u32::try_from(len).expect("fewer than 2^32 identities")
}
