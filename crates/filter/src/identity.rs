//! Who may call, indexed for lookup.

use std::any::Any;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

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
    /// The model's value without its data: those are in `prepared`.
    pub credential: Arc<model::Credential>,
    /// Whose it is.
    pub principal: PrincipalIx,
    /// What the kind made of it. The same object as long as the credential does not change.
    pub prepared: Arc<dyn Any + Send + Sync>,
}

/// All principals and credentials of a snapshot.
///
/// There may be very many: the tables hold indices, and a text is compared where it stands.
#[derive(Default)]
pub struct Identities {
    principals: Vec<Arc<model::Principal>>,
    by_public_id: HashTable<PrincipalIx>,
    by_name: HashTable<PrincipalIx>,
    credentials: Vec<KnownCredential>,
    /// By kind.
    by_key: Vec<HashTable<CredentialIx>>,
    hashes: RandomState,
}

impl Identities {
    /// Adds a principal, found by its id, public id and name; the first of equals is found.
    pub fn add_principal(&mut self, principal: Arc<model::Principal>) -> PrincipalIx {
        let ix = PrincipalIx(index(self.principals.len()));
        self.principals.push(principal);
        let (principals, hashes) = (&self.principals, &self.hashes);
        let public_id = |ix: &PrincipalIx| principals[ix.0 as usize].public_id.as_str();
        add(&mut self.by_public_id, ix, public_id, hashes);
        // Whoever has no name is not in that table.
        let name = |ix: &PrincipalIx| principals[ix.0 as usize].name.as_deref().unwrap_or_default();
        if principals[ix.0 as usize].name.is_some() {
            add(&mut self.by_name, ix, name, hashes);
        }
        ix
    }

    /// Adds a credential, found by its key.
    pub fn add_credential(&mut self, kind: CredentialKind, known: KnownCredential) -> CredentialIx {
        let ix = CredentialIx(index(self.credentials.len()));
        let kind = usize::from(kind.0);
        if self.by_key.len() <= kind {
            self.by_key.resize_with(kind + 1, HashTable::new);
        }
        self.credentials.push(known);
        let credentials = &self.credentials;
        let key = |ix: &CredentialIx| credentials[ix.0 as usize].credential.key.as_str();
        add(&mut self.by_key[kind], ix, key, &self.hashes);
        ix
    }

    /// Finds a credential by its kind and key.
    pub fn credential_by_key(&self, kind: CredentialKind, key: &str) -> Option<CredentialIx> {
        let known = self.by_key.get(usize::from(kind.0))?;
        let is_it = |ix: &CredentialIx| self.credential(*ix).credential.key == key;
        known.find(self.hashes.hash_one(key), is_it).copied()
    }

    /// The credential at an index that this value gave.
    pub fn credential(&self, ix: CredentialIx) -> &KnownCredential {
        &self.credentials[ix.0 as usize]
    }

    /// Finds a principal by its public id or name.
    pub fn principal_by_name(&self, name: &str) -> Option<PrincipalIx> {
        let hash = self.hashes.hash_one(name);
        let has_id = |ix: &PrincipalIx| self.principal(*ix).public_id == name;
        let has_name = |ix: &PrincipalIx| self.principal(*ix).name.as_deref() == Some(name);
        let found = [self.by_public_id.find(hash, has_id), self.by_name.find(hash, has_name)];
        found.into_iter().flatten().min().copied()
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

/// Adds an index to a table by a text, unless one is there with the same text.
fn add<'t, Ix>(
    table: &mut HashTable<Ix>,
    ix: Ix,
    text: impl Fn(&Ix) -> &'t str,
    hashes: &RandomState,
) {
    let hash = hashes.hash_one(text(&ix));
    if table.find(hash, |other| text(other) == text(&ix)).is_none() {
        table.insert_unique(hash, ix, |ix| hashes.hash_one(text(ix)));
    }
}

fn index(len: usize) -> u32 {
    u32::try_from(len).expect("fewer than 2^32 identities")
}

#[cfg(test)]
mod tests {
    use model::{Credential, CredentialData, Origin, Principal};

    use super::*;

    fn principal(public_id: &str, name: Option<&str>) -> Arc<Principal> {
        Arc::new(Principal {
            id: public_id.into(),
            public_id: public_id.into(),
            name: name.map(str::to_owned),
            external_id: None,
            groups: Vec::new(),
            described: Default::default(),
            origin: Origin::default(),
        })
    }

    fn credential(key: &str) -> KnownCredential {
        let credential = Credential {
            id: key.into(),
            public_id: key.into(),
            kind: "k".into(),
            key: key.into(),
            display: key.into(),
            principal: "p".into(),
            data: CredentialData(serde_json::Value::Null),
            origin: Origin::default(),
        };
        let (credential, prepared) = (Arc::new(credential), Arc::new(()));
        KnownCredential { credential, principal: PrincipalIx(0), prepared }
    }

    #[test]
    fn the_first_principal_of_a_name_or_id_is_found() {
        let mut identities = Identities::default();
        for (id, name) in [("1", Some("a")), ("2", None), ("3", Some("2")), ("a", Some("b"))] {
            identities.add_principal(principal(id, name));
        }
        let found = |name| identities.principal_by_name(name).map(|ix| ix.0);
        assert_eq!(["1", "a", "2", "3", "b"].map(found), [0, 0, 1, 2, 3].map(Some));
        assert_eq!((found(""), found("c")), (None, None));
    }

    #[test]
    fn keys_are_found_by_kind_however_many_there_are() {
        let mut identities = Identities::default();
        for number in 0..1000_u32 {
            let kind = CredentialKind(u16::from(number % 2 == 1));
            identities.add_credential(kind, credential(&number.to_string()));
        }
        let found = |kind, key| identities.credential_by_key(CredentialKind(kind), key);
        assert_eq!(found(0, "998"), Some(CredentialIx(998)));
        assert_eq!(found(1, "999"), Some(CredentialIx(999)));
        assert_eq!((found(1, "998"), found(2, "0"), found(0, "")), (None, None, None));
    }
}
