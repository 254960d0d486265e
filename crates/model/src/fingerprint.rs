//! Whether two values are the same, without keeping both.

mod digest;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;

use crate::{Candidate, Chain, Model, PolicyId, PrincipalId, Route, Slot, Unrouted};
use digest::Digest;

/// A digest of a value: equal values have equal fingerprints. Not cryptographic; it compares a
/// configuration with its predecessor, both from the same operator and in the same process.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize,
)]
pub struct Fingerprint(pub u128);

/// The fingerprint of a value's serialised form.
pub fn fingerprint<T: Serialize + ?Sized>(value: &T) -> Fingerprint {
    let mut digest = Digest::default();
    value.serialize(&mut digest).expect("model values serialise");
    Fingerprint(digest.finish())
}

/// The fingerprint of a whole model. What many routes share is looked at once: chains, and their
/// choices by principal.
pub(crate) fn of_model(model: &Model) -> Fingerprint {
    let Model {
        listeners,
        routes,
        policies,
        upstreams,
        resolvers,
        principals,
        credentials,
        certificates,
        authorities,
        voices,
        unrouted,
    } = model;
    let mut shared = Shared::default();
    let mut digest = Digest::default();
    let lists = (listeners, policies, upstreams, resolvers, principals, credentials);
    lists.serialize(&mut digest).expect("model values serialise");
    let lists = (certificates, authorities, voices, unrouted.len());
    lists.serialize(&mut digest).expect("model values serialise");
    for Unrouted { table, chain } in unrouted {
        (table, shared.chain(chain)).serialize(&mut digest).expect("model values serialise");
    }
    for route in routes {
        let Route { id, table, when, rank, requirements, chain, action, voice, labels, origin } =
            route;
        let chain = shared.chain(chain);
        let route = (id, table, when, rank, requirements, chain, action, voice, labels, origin);
        route.serialize(&mut digest).expect("model values serialise");
    }
    Fingerprint(digest.finish())
}

/// Fingerprints of shared values, by their addresses.
#[derive(Default)]
struct Shared {
    chains: HashMap<*const Chain, Fingerprint>,
    choices: HashMap<*const BTreeMap<PrincipalId, PolicyId>, Fingerprint>,
}

impl Shared {
    fn chain(&mut self, chain: &Arc<Chain>) -> Fingerprint {
        if let Some(known) = self.chains.get(&Arc::as_ptr(chain)) {
            return *known;
        }
        let Chain { slots, request, response, log } = &**chain;
        let mut digest = Digest::default();
        (slots.len(), request, response, log)
            .serialize(&mut digest)
            .expect("model values serialise");
        for Slot { candidates } in slots {
            candidates.len().serialize(&mut digest).expect("model values serialise");
            for candidate in candidates {
                let candidate = match candidate {
                    Candidate::Always(policy) => (Some(policy), None),
                    Candidate::ByPrincipal(choices) => (None, Some(self.choices(choices))),
                };
                candidate.serialize(&mut digest).expect("model values serialise");
            }
        }
        let fingerprint = Fingerprint(digest.finish());
        self.chains.insert(Arc::as_ptr(chain), fingerprint);
        fingerprint
    }

    fn choices(&mut self, choices: &Arc<BTreeMap<PrincipalId, PolicyId>>) -> Fingerprint {
        *self.choices.entry(Arc::as_ptr(choices)).or_insert_with(|| fingerprint(&**choices))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{Credential, CredentialData, Origin};

    #[test]
    fn equal_values_agree_and_different_ones_do_not() {
        assert_eq!(fingerprint(&vec!["a", "b"]), fingerprint(&vec!["a", "b"]));
        assert_ne!(fingerprint(&vec!["a", "b"]), fingerprint(&vec!["ab"]));
        assert_ne!(fingerprint("1"), fingerprint(&1));
        assert_ne!(fingerprint(&(vec!["a"], "b")), fingerprint(&(vec!["a", "b"], "")));
        assert_ne!(fingerprint(&None::<u8>), fingerprint(&Some(0_u8)));
        assert_ne!(fingerprint(&0.5), fingerprint(&0.25));
    }

    #[test]
    fn long_values_count_to_their_ends() {
        let long = |last: &str| "x".repeat(100_000) + last;
        assert_eq!(fingerprint(&long("a")), fingerprint(&long("a")));
        assert_ne!(fingerprint(&long("a")), fingerprint(&long("b")));
    }

    proptest! {
        #[test]
        fn maps_are_told_apart_exactly_as_they_differ(
            a: BTreeMap<String, Option<i64>>, b: BTreeMap<String, Option<i64>>,
        ) {
            prop_assert_eq!(fingerprint(&a) == fingerprint(&b), a == b);
            prop_assert_eq!(fingerprint(&a), fingerprint(&a.clone()));
        }
    }

    fn model(policy: &str, secret: &str) -> Model {
        let choices = BTreeMap::from([("alice".into(), policy.into())]);
        let candidates = vec![Candidate::ByPrincipal(Arc::new(choices))];
        let chain = Arc::new(Chain::in_order(vec![Slot { candidates }]));
        let credential = Credential {
            id: "c".into(),
            public_id: "c".into(),
            kind: "jwt".into(),
            key: "k".into(),
            display: "k".into(),
            principal: "alice".into(),
            data: CredentialData(serde_json::json!({ "secret": secret })),
            origin: Origin::default(),
        };
        Model {
            credentials: vec![credential],
            unrouted: vec![Unrouted { table: "t".into(), chain }],
            ..Model::default()
        }
    }

    #[test]
    fn models_that_differ_in_what_is_shared_differ() {
        let one = model("a", "s").fingerprint();
        assert_eq!(one, model("a", "s").fingerprint());
        assert_ne!(one, model("b", "s").fingerprint());
        assert_ne!(one, model("a", "t").fingerprint());
        assert_ne!(one, Model::default().fingerprint());
    }
}
