//! Which certificate is shown for which server name (RFC 6066 section 3).

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use rustls::SignatureAlgorithm;
use rustls::SignatureScheme;
use rustls::sign::CertifiedKey;

/// A certificate in all its key types, those that cost least first.
#[derive(Debug, Clone)]
pub(super) struct Shown(Arc<[Arc<CertifiedKey>]>);

impl Shown {
    /// Takes the pairs of one certificate; at least one.
    pub(super) fn new(mut pairs: Vec<Arc<CertifiedKey>>) -> Option<Self> {
        // An ECDSA signature takes a tenth of the time of an RSA one.
        pairs.sort_by_key(|pair| pair.key.algorithm() == SignatureAlgorithm::RSA);
        (!pairs.is_empty()).then(|| Self(pairs.into()))
    }

    /// The first that a client can verify; if it can verify none, the first, and the handshake
    /// says so.
    pub(super) fn choose(&self, schemes: &[SignatureScheme]) -> &Arc<CertifiedKey> {
        let usable = self.0.iter().find(|pair| pair.key.choose_scheme(schemes).is_some());
        usable.unwrap_or(&self.0[0])
    }
}

/// Certificates by server name.
#[derive(Debug, Default)]
pub(super) struct Names {
    exact: Map,
    /// `.a.test` for `*.a.test`.
    suffixes: Map,
    /// `a.` for `a.*`.
    prefixes: Map,
    any: Option<Shown>,
    default: Option<Shown>,
}

type Map = HashMap<Box<str>, Shown, RandomState>;

impl Names {
    /// Adds a name: exact, `*.a.test`, `a.*` or `*`. The first certificate by a name stays.
    pub(super) fn add(&mut self, name: &str, shown: &Shown) {
        let (map, key) = if name == "*" {
            self.any.get_or_insert_with(|| shown.clone());
            return;
        } else if let Some(suffix) = name.strip_prefix('*') {
            (&mut self.suffixes, suffix)
        } else if let Some(prefix) = name.strip_suffix('*') {
            (&mut self.prefixes, prefix)
        } else {
            (&mut self.exact, name)
        };
        map.entry(key.into()).or_insert_with(|| shown.clone());
    }

    /// The certificate for names that none was added for. The first stays.
    pub(super) fn add_default(&mut self, shown: &Shown) {
        self.default.get_or_insert_with(|| shown.clone());
    }

    /// The certificate for a name. A `*` stands for one label, as in certificates themselves
    /// (RFC 9525 section 6.3).
    pub(super) fn find(&self, name: Option<&str>) -> Option<&Shown> {
        name.and_then(|name| self.find_name(name)).or(self.default.as_ref())
    }

    fn find_name(&self, name: &str) -> Option<&Shown> {
        let suffix = || self.suffixes.get(&name[name.find('.')?..]);
        let prefix = || self.prefixes.get(&name[..=name.rfind('.')?]);
        let exact = self.exact.get(name);
        exact.or_else(suffix).or_else(prefix).or(self.any.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::super::pair::{read, tests::pair};
    use super::*;

    fn shown() -> Shown {
        let (chain, key) = pair("a.test", &rcgen::PKCS_ED25519);
        Shown::new(vec![read(&chain, &key).unwrap()]).unwrap()
    }

    #[test]
    fn the_most_specific_name_wins() {
        let certificates: Vec<Shown> = (0..6).map(|_| shown()).collect();
        let mut names = Names::default();
        for (name, shown) in ["a.test", "*.a.test", "x.*", "*"].iter().zip(&certificates) {
            names.add(name, shown);
        }
        names.add("a.test", &certificates[4]);
        names.add_default(&certificates[5]);
        names.add_default(&certificates[0]);
        let found = |name: Option<&str>| {
            let found = names.find(name).unwrap();
            certificates.iter().position(|shown| Arc::ptr_eq(&shown.0, &found.0)).unwrap()
        };
        assert_eq!(found(Some("a.test")), 0);
        assert_eq!(found(Some("x.a.test")), 1);
        assert_eq!(found(Some("x.b.a.test")), 3);
        assert_eq!(found(Some("x.test")), 2);
        assert_eq!(found(Some("x.y.test")), 3);
        assert_eq!(found(Some("localhost")), 3);
        assert_eq!(found(None), 5);
    }

    #[test]
    fn without_a_name_for_all_there_is_the_default() {
        let mut names = Names::default();
        assert!(names.find(Some("a.test")).is_none());
        names.add("a.test", &shown());
        assert!(names.find(Some("b.test")).is_none());
        names.add_default(&shown());
        assert!(names.find(Some("b.test")).is_some());
    }

    #[test]
    fn a_client_is_shown_what_it_can_verify() {
        let read = |algorithm| {
            let (chain, key) = pair("a.test", algorithm);
            read(&chain, &key).unwrap()
        };
        let pairs = vec![read(&rcgen::PKCS_RSA_SHA256), read(&rcgen::PKCS_ECDSA_P256_SHA256)];
        let shown = Shown::new(pairs).unwrap();
        let algorithm = |schemes: &[SignatureScheme]| shown.choose(schemes).key.algorithm();
        let (rsa, ecdsa) =
            (SignatureScheme::RSA_PSS_SHA256, SignatureScheme::ECDSA_NISTP256_SHA256);
        assert_eq!(algorithm(&[rsa, ecdsa]), SignatureAlgorithm::ECDSA);
        assert_eq!(algorithm(&[rsa]), SignatureAlgorithm::RSA);
        assert_eq!(algorithm(&[SignatureScheme::ED25519]), SignatureAlgorithm::ECDSA);
        assert!(Shown::new(Vec::new()).is_none());
    }
}
