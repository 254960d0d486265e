//! The filter of an `acl` policy, its configuration, and its tests.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use ::filter::{
    CallerGroups, Exchange, Filter, Headers, LocalReply, Phases, Prepared, Problem, Step, WorkerCx,
};
use foldhash::fast::RandomState;
use serde::Deserialize;

/// The configuration of an `acl` policy.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// Groups whose members may call. Everyone who is known may if there are none.
    allow: Vec<String>,
    /// Groups whose members may not call, whatever `allow` says.
    deny: Vec<String>,
    /// The header in which the upstream is told the principal's groups.
    header: Option<String>,
    /// The header in which the upstream is told the groups that an earlier policy vouched for.
    vouched_header: Option<String>,
    /// Whether groups that an earlier policy vouched for count more than those of a principal who
    /// has shown a credential. Those of anonymous principals always count less.
    prefer_vouched: bool,
}

/// A prepared policy.
pub(super) struct Acl {
    allow: Groups,
    deny: Groups,
    header: Option<String>,
    vouched_header: Option<String>,
    prefer_vouched: bool,
}

type Groups = HashSet<String, RandomState>;

impl Acl {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if config.allow.is_empty() && config.deny.is_empty() {
            problems.push(
                Problem::new("", "neither `allow` nor `deny` names a group")
                    .help("name those who may call in `allow`, or those who may not in `deny`"),
            );
        }
        let headers = [("/header", &config.header), ("/vouched_header", &config.vouched_header)];
        for (pointer, header) in headers {
            if let Some(name) = header
                && !::filter::is_token(name.as_bytes())
            {
                problems.push(Problem::new(pointer, format!("`{name}` cannot be a header's name")));
            }
        }
        let Config { allow, deny, header, vouched_header, prefer_vouched } = config;
        let (allow, deny) = (allow.into_iter().collect(), deny.into_iter().collect());
        let prepared = Self { allow, deny, header, vouched_header, prefer_vouched };
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }

    fn allows(&self, groups: &[String]) -> bool {
        let are_in = |set: &Groups| groups.iter().any(|group| set.contains(group));
        (self.allow.is_empty() || are_in(&self.allow)) && !are_in(&self.deny)
    }
}

impl Prepared for Acl {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, _: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Running { policy: self, value: RefCell::default() })
    }
}

struct Running {
    policy: Arc<Acl>,
    /// A header's value, while it is written: kept so that no request has to allocate it.
    value: RefCell<String>,
}

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let policy = &*self.policy;
        let Exchange { caller, external_caller, view, extensions, request, .. } = exchange;
        let vouched = extensions.get::<CallerGroups>().filter(|_| {
            policy.prefer_vouched || caller.is_none_or(|caller| caller.credential.is_none())
        });
        let (groups, header, other) = match (vouched, caller) {
            (Some(CallerGroups(groups)), _) => {
                (groups, &policy.vouched_header, &policy.header)
            }
            (None, Some(caller)) => {
                let principal = view.identities().principal(caller.principal);
                (&principal.groups, &policy.header, &policy.vouched_header)
            }
            (None, None) if external_caller.is_some() => return refused(),
            (None, None) => {
                return LocalReply::new(401, "acl/unknown", "nobody knows who calls").into();
            }
        };
        if !policy.allows(groups) {
            return refused();
        }
        if let Some(name) = other {
            request.headers.remove(name);
        }
        if let Some(name) = header {
            self.tell(&mut request.headers, name, groups);
        }
        Step::CONTINUE
    }
}

fn refused() -> Step<'static> {
    LocalReply::new(403, "acl/refused", "the caller is in no group that may call").into()
}

impl Running {
    fn tell(&self, headers: &mut Headers, name: &str, groups: &[String]) {
        let mut value = self.value.borrow_mut();
        value.clear();
        for group in groups {
            if !value.is_empty() {
                value.push_str(", ");
            }
            value.push_str(group);
        }
        if value.is_empty() {
            headers.remove(name);
        } else {
            headers.set(name, value.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use ::filter::Caller;
    use serde_json::{Value, json};

    use super::super::NAME;
    use super::*;
    use crate::testing::{Gateway, answer};

    /// A caller in two groups, known by a key or anonymous.
    fn known(gateway: &mut Gateway, by_key: bool) -> Option<Caller> {
        let principal = gateway.principal_in("alice", &["devs", "admins"]);
        let credential = gateway.credential("key-auth", "k", principal, json!({}));
        Some(Caller { principal, credential: by_key.then_some(credential), anonymous: !by_key })
    }

    /// What comes of a request: a reason, or the headers that the upstream would see.
    fn outcome(
        config: Value,
        caller: impl FnOnce(&mut Gateway) -> Option<Caller>,
        vouched: &[&str],
    ) -> String {
        let mut gateway = Gateway::new();
        let caller = caller(&mut gateway);
        let mut config = config;
        config["header"] = json!("X-Groups");
        config["vouched_header"] = json!("X-Vouched");
        let filter = gateway.start(NAME, config);
        let mut exchange = gateway.exchange();
        exchange.caller = caller;
        exchange.request.headers.push("X-GROUPS", "forged");
        exchange.request.headers.push("x-vouched", "forged");
        if !vouched.is_empty() {
            let groups = vouched.iter().map(|&group| group.to_owned()).collect();
            exchange.extensions.insert(CallerGroups(groups));
        }
        if let Some(reply) = answer(&filter, &mut exchange) {
            return reply.reason.into_owned();
        }
        let fields = exchange.request.headers.iter();
        let fields = fields.map(|(name, value)| {
            format!("{}={}", name.to_lowercase(), String::from_utf8_lossy(value))
        });
        fields.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn members_may_call() {
        let by_key = |gateway: &mut Gateway| known(gateway, true);
        let told = "x-groups=devs, admins";
        assert_eq!(outcome(json!({"allow": ["x", "admins"]}), by_key, &[]), told);
        assert_eq!(outcome(json!({"allow": ["x", "ADMINS"]}), by_key, &[]), "acl/refused");
        assert_eq!(outcome(json!({"deny": ["x"]}), by_key, &[]), told);
        assert_eq!(outcome(json!({"deny": ["devs"]}), by_key, &[]), "acl/refused");
        let both = json!({"allow": ["admins"], "deny": ["devs"]});
        assert_eq!(outcome(both, by_key, &[]), "acl/refused");
    }

    #[test]
    fn who_is_in_no_group_is_only_refused_where_one_is_asked_for() {
        let alone = |gateway: &mut Gateway| {
            let principal = gateway.principal("eve");
            Some(Caller { principal, credential: None, anonymous: true })
        };
        assert_eq!(outcome(json!({"allow": ["a"]}), alone, &[]), "acl/refused");
        assert_eq!(outcome(json!({"deny": ["a"]}), alone, &[]), "");
    }

    #[test]
    fn nobody_is_let_in_unknown() {
        assert_eq!(outcome(json!({"deny": ["a"]}), |_| None, &[]), "acl/unknown");
        assert_eq!(outcome(json!({"allow": ["a"]}), |_| None, &[]), "acl/unknown");
    }

    #[test]
    fn who_is_no_principal_is_in_no_group() {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, json!({"deny": ["a"]}));
        let mut exchange = gateway.exchange();
        exchange.external_caller = Some("al".into());
        assert_eq!(answer(&filter, &mut exchange).unwrap().reason, "acl/refused");
    }

    #[test]
    fn groups_may_be_vouched_for() {
        let (by_key, anonymous) =
            (|gateway: &mut Gateway| known(gateway, true), |gateway: &mut Gateway| {
                known(gateway, false)
            });
        let allow = || json!({"allow": ["staff"]});
        assert_eq!(outcome(allow(), |_| None, &["staff"]), "x-vouched=staff");
        assert_eq!(outcome(allow(), |_| None, &["guests"]), "acl/refused");
        assert_eq!(outcome(allow(), anonymous, &["staff"]), "x-vouched=staff");
        assert_eq!(outcome(allow(), by_key, &["staff"]), "acl/refused");
        let preferred = json!({"allow": ["staff"], "prefer_vouched": true});
        assert_eq!(outcome(preferred, by_key, &["staff", "b"]), "x-vouched=staff, b");
        let preferred = json!({"allow": ["devs"], "prefer_vouched": true});
        assert_eq!(outcome(preferred, by_key, &[]), "x-groups=devs, admins");
    }

    #[test]
    fn problems_say_what_to_do() {
        let problems = |config| {
            let problems = Gateway::new().problems(NAME, config);
            problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
        };
        assert_eq!(problems(json!({"header": "a b", "vouched_header": ""})), [
            "",
            "/header",
            "/vouched_header"
        ]);
        assert_eq!(problems(json!({"allow": "a"})), ["/allow"]);
    }
}
