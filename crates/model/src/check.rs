//! Whether a model is consistent in itself.

use std::fmt;

use foldhash::{HashMap, HashSet};

use crate::{Action, Model, Origin, PolicyId};

/// Something that makes a model impossible to run as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// The value at fault.
    pub origin: Origin,
    /// What is wrong with it.
    pub message: String,
    /// The other place, of a conflict.
    pub other: Option<Origin>,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}

/// Finds every broken reference, doubled id and conflict. A dialect's own checks come first and
/// speak its users' language; what is found here is a translation's mistake or a conflict
/// between documents of different dialects.
pub fn check(model: &Model) -> Vec<Defect> {
    let mut check = Check { model, defects: Vec::new() };
    check.unique_ids();
    check.listeners();
    check.routes();
    check.chains();
    check.credentials();
    check.upstreams();
    check.defects
}

struct Check<'a> {
    model: &'a Model,
    defects: Vec<Defect>,
}

impl Check<'_> {
    fn unique_ids(&mut self) {
        let model = self.model;
        self.unique("listener", model.listeners.iter().map(|v| (v.id.as_str(), &v.origin)));
        self.unique("route", model.routes.iter().map(|v| (v.id.as_str(), &v.origin)));
        self.unique("policy", model.policies.iter().map(|v| (v.id.as_str(), &v.origin)));
        self.unique("upstream", model.upstreams.iter().map(|v| (v.id.as_str(), &v.origin)));
        self.unique("resolver", model.resolvers.iter().map(|v| (v.id.as_str(), &v.origin)));
        self.unique("principal", model.principals.iter().map(|v| (v.id.as_str(), &v.origin)));
        self.unique("credential", model.credentials.iter().map(|v| (v.id.as_str(), &v.origin)));
        self.unique("certificate", model.certificates.iter().map(|v| (v.id.as_str(), &v.origin)));
        self.unique("authority", model.authorities.iter().map(|v| (v.id.as_str(), &v.origin)));
        self.unique("voice", model.voices.iter().map(|v| (v.id.as_str(), &v.origin)));
    }

    fn unique<'b>(&mut self, what: &str, ids: impl Iterator<Item = (&'b str, &'b Origin)>) {
        let mut seen: HashMap<&str, &Origin> = HashMap::default();
        for (id, origin) in ids {
            if let Some(first) = seen.insert(id, origin) {
                self.conflict(origin, format!("{what} `{id}` is defined twice"), first);
            }
        }
    }

    fn listeners(&mut self) {
        let voices: HashSet<_> = self.model.voices.iter().map(|v| &v.id).collect();
        let mut bound = HashMap::default();
        for listener in &self.model.listeners {
            if !voices.contains(&listener.voice) {
                self.dangling(&listener.origin, "listener", "voice", listener.voice.as_str());
            }
            // Port 0 asks the kernel for any free port: two of them never meet.
            if listener.bind.port() == 0 {
                continue;
            }
            if let Some(first) = bound.insert(listener.bind, &listener.origin) {
                let message = format!("two listeners want the address {}", listener.bind);
                self.conflict(&listener.origin, message, first);
            }
        }
    }

    fn routes(&mut self) {
        let upstreams: HashSet<_> = self.model.upstreams.iter().map(|u| &u.id).collect();
        let voices: HashSet<_> = self.model.voices.iter().map(|v| &v.id).collect();
        let mut ranks = HashMap::default();
        for route in &self.model.routes {
            if !voices.contains(&route.voice) {
                self.dangling(&route.origin, "route", "voice", route.voice.as_str());
            }
            if let Some(first) = ranks.insert((&route.table, &route.rank), &route.origin) {
                let message = format!("route `{}` has the same rank as another", route.id);
                self.conflict(&route.origin, message, first);
            }
            let Action::Forward(forward) = &route.action else {
                continue;
            };
            if forward.upstreams.is_empty() {
                self.defect(&route.origin, format!("route `{}` has no upstream", route.id));
            }
            for upstream in &forward.upstreams {
                if !upstreams.contains(&upstream.value) {
                    self.dangling(&route.origin, "route", "upstream", upstream.value.as_str());
                }
            }
            if !forward.path.base.starts_with('/') {
                let message = format!("route `{}`: the base path must start with `/`", route.id);
                self.defect(&route.origin, message);
            }
        }
    }

    fn chains(&mut self) {
        let policies: HashSet<&PolicyId> = self.model.policies.iter().map(|p| &p.id).collect();
        // Routes share chains: look at each once.
        let mut seen = HashSet::default();
        let unrouted = self.model.unrouted.iter().map(|u| (&u.chain, Origin::default()));
        let routes = self.model.routes.iter().map(|r| (&r.chain, r.origin.clone()));
        for (chain, origin) in routes.chain(unrouted) {
            if !seen.insert(std::sync::Arc::as_ptr(chain)) {
                continue;
            }
            for policy in chain.policies() {
                if !policies.contains(policy) {
                    self.dangling(&origin, "chain", "policy", policy.as_str());
                }
            }
            for ix in chain.request.iter().chain(&chain.response).chain(&chain.log) {
                if usize::from(*ix) >= chain.slots.len() {
                    self.defect(&origin, format!("a chain visits slot {ix}, which it has not"));
                }
            }
        }
    }

    fn credentials(&mut self) {
        let principals: HashSet<_> = self.model.principals.iter().map(|p| &p.id).collect();
        let mut keys = HashMap::default();
        for credential in &self.model.credentials {
            if !principals.contains(&credential.principal) {
                let (kind, id) = ("principal", credential.principal.as_str());
                self.dangling(&credential.origin, "credential", kind, id);
            }
            let key = (credential.kind.as_str(), credential.key.as_str());
            if let Some(first) = keys.insert(key, &credential.origin) {
                let message = format!("two {} credentials have the same key", credential.kind);
                self.conflict(&credential.origin, message, first);
            }
        }
    }

    fn upstreams(&mut self) {
        let authorities: HashSet<_> = self.model.authorities.iter().map(|a| &a.id).collect();
        let upstreams: HashSet<_> = self.model.upstreams.iter().map(|u| &u.id).collect();
        let resolvers: HashSet<_> = self.model.resolvers.iter().map(|r| &r.id).collect();
        for upstream in &self.model.upstreams {
            if let Some(resolver) = upstream.resolver.as_ref().filter(|id| !resolvers.contains(id))
            {
                self.dangling(&upstream.origin, "upstream", "resolver", resolver.as_str());
            }
            if let Some(group) = upstream.group.as_ref().filter(|id| !upstreams.contains(id)) {
                self.dangling(&upstream.origin, "upstream", "upstream", group.as_str());
            }
            let probe = upstream.health.active.as_ref().and_then(|check| check.probe.tls());
            let tls = upstream.tls.iter().chain(probe.map(|probe| &probe.tls));
            for authority in tls.flat_map(|tls| &tls.authorities) {
                if !authorities.contains(authority) {
                    let (kind, id) = ("authority", authority.as_str());
                    self.dangling(&upstream.origin, "upstream", kind, id);
                }
            }
        }
    }

    fn dangling(&mut self, origin: &Origin, from: &str, what: &str, id: &str) {
        self.defect(origin, format!("this {from} names the {what} `{id}`, which does not exist"));
    }

    fn defect(&mut self, origin: &Origin, message: String) {
        self.defects.push(Defect { origin: origin.clone(), message, other: None });
    }

    fn conflict(&mut self, origin: &Origin, message: String, first: &Origin) {
        self.defects.push(Defect { origin: origin.clone(), message, other: Some(first.clone()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credential, CredentialData, Principal};

    fn credential(id: &str, key: &str, principal: &str) -> Credential {
        Credential {
            id: id.into(),
            public_id: id.into(),
            kind: "jwt".into(),
            key: key.into(),
            display: key.into(),
            principal: principal.into(),
            data: CredentialData(serde_json::Value::Null),
            origin: Origin::default(),
        }
    }

    #[test]
    fn broken_references_and_doubles_are_found() {
        let model = Model {
            principals: vec![Principal {
                id: "alice".into(),
                public_id: "1".into(),
                name: None,
                external_id: None,
                groups: vec![],
                described: None,
                origin: Origin::default(),
            }],
            credentials: vec![
                credential("a", "k", "alice"),
                credential("b", "k", "alice"),
                credential("c", "l", "nobody"),
            ],
            ..Model::default()
        };
        let messages: Vec<_> = check(&model).into_iter().map(|d| d.message).collect();
        assert_eq!(
            messages,
            [
                "two jwt credentials have the same key",
                "this credential names the principal `nobody`, which does not exist",
            ]
        );
    }

    #[test]
    fn an_empty_model_is_sound() {
        assert_eq!(check(&Model::default()), []);
    }
}
