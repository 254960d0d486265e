//! The filter of a `basic-auth` policy, its configuration, and its tests.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use ::filter::{
    CredentialIx, CredentialKind, Exchange, Filter, LocalReply, Phases, Prepared, Problem, Step,
    WorkerCx,
};
use serde::Deserialize;

use super::NAME;
use super::password::Digest;
use crate::caller::{Callers, IdentityHeader, challenge};
use crate::user_password;

/// The configuration of a `basic-auth` policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// Headers in which credentials may stand, tried in order; the first whose name is known
    /// counts.
    headers: Vec<String>,
    /// Remove the headers that were looked into from what the upstream is sent.
    hide: bool,
    /// The realm that `WWW-Authenticate` names.
    realm: String,
    /// Whether `OPTIONS` requests need credentials too.
    run_on_preflight: bool,
    /// Public id or name of the principal for callers without valid credentials. Without one they
    /// are refused.
    anonymous: Option<String>,
    /// Headers by which the upstream is told who calls.
    identity_headers: Vec<IdentityHeader>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            headers: vec!["authorization".to_owned()],
            hide: false,
            realm: "service".to_owned(),
            run_on_preflight: true,
            anonymous: None,
            identity_headers: Vec::new(),
        }
    }
}

/// A prepared policy.
pub(super) struct BasicAuth {
    headers: Vec<String>,
    hide: bool,
    challenge: String,
    callers: Callers,
}

impl BasicAuth {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if config.headers.is_empty() {
            let message = "without a header no credentials can be found";
            problems.push(Problem::new("/headers", message).help("name `authorization`"));
        }
        for (ix, name) in config.headers.iter().enumerate() {
            if !::filter::is_token(name.as_bytes()) {
                let message = format!("`{name}` cannot be a header's name");
                problems.push(Problem::new(format!("/headers/{ix}"), message));
            }
        }
        let challenge = challenge("Basic", Some(&config.realm), &mut problems);
        let callers = Callers::prepare(
            NAME,
            config.anonymous,
            config.run_on_preflight,
            config.identity_headers,
            &mut problems,
        );
        let prepared = Self { headers: config.headers, hide: config.hide, challenge, callers };
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }

    fn reply(&self, refusal: Refusal) -> LocalReply {
        let (reason, message) = match refusal {
            Refusal::Missing => ("basic-auth/missing", "no name and password were sent"),
            Refusal::Invalid => ("basic-auth/invalid", "name or password is wrong"),
        };
        LocalReply::new(401, reason, message).header("WWW-Authenticate", self.challenge.as_str())
    }
}

impl Prepared for BasicAuth {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Running {
            credentials: cx.credential_kind(NAME),
            policy: self,
            decoded: RefCell::default(),
        })
    }
}

struct Running {
    policy: Arc<BasicAuth>,
    credentials: CredentialKind,
    /// Decoded credentials: kept so that no request has to allocate them.
    decoded: RefCell<Vec<u8>>,
}

/// Why nobody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Missing,
    Invalid,
}

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let policy = &*self.policy;
        if policy.callers.lets_pass(exchange) {
            return Step::CONTINUE;
        }
        let found = self.find(exchange);
        policy.callers.conclude(exchange, found, |refusal| policy.reply(refusal))
    }
}

impl Running {
    fn find(&self, exchange: &mut Exchange) -> Result<CredentialIx, Refusal> {
        let mut refusal = Refusal::Missing;
        for header in &self.policy.headers {
            let found = self.find_in(header, exchange, &mut refusal);
            if self.policy.hide {
                exchange.request.headers.remove(header);
            }
            if let Some((credential, is_right)) = found {
                return if is_right { Ok(credential) } else { Err(Refusal::Invalid) };
            }
        }
        Err(refusal)
    }

    /// The credential by the name that stands in a header, and whether the password is its.
    fn find_in(
        &self,
        header: &str,
        exchange: &Exchange,
        refusal: &mut Refusal,
    ) -> Option<(CredentialIx, bool)> {
        let mut decoded = self.decoded.borrow_mut();
        let said = user_password::read(b"Basic", exchange.request.headers.get(header)?, &mut decoded)?;
        *refusal = Refusal::Invalid;
        let identities = exchange.view.identities();
        let credential = identities.credential_by_key(self.credentials, said.name)?;
        let digest = identities.credential(credential).prepared.downcast_ref::<Digest>();
        Some((credential, digest.is_some_and(|digest| digest.is_of(said.password))))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{Gateway, answer};

    /// A gateway that knows `al` with the password `pw`, whose hash has the suffix `+salt`.
    fn gateway() -> Gateway {
        let mut gateway = Gateway::new();
        let alice = gateway.principal("alice");
        let digest = aws_lc_rs::digest::digest(
            &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
            b"pw+salt",
        );
        let sha1: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        gateway.credential(NAME, "al", alice, json!({"sha1": sha1, "suffix": "+salt"}));
        gateway.principal("anon");
        gateway
    }

    /// What comes of a request with these headers: a reason, or what the upstream would see.
    fn outcome(config: Value, headers: &[(&str, &str)]) -> String {
        let mut config = config;
        config["identity_headers"] = json!([{"name": "X-Id", "value": [{"Var": "PrincipalId"}]}]);
        let gateway = gateway();
        let filter = gateway.start(NAME, config);
        let mut exchange = gateway.exchange();
        for (name, said) in headers {
            let value = format!("Basic {}", STANDARD.encode(said));
            exchange.request.headers.push(name, value);
        }
        if let Some(reply) = answer(&filter, &mut exchange) {
            let challenge = reply.headers.first().map_or("", |(_, value)| value);
            return format!("{} {challenge}", reply.reason);
        }
        let names = exchange.request.headers.iter().map(|(name, value)| match name {
            "X-Id" => String::from_utf8_lossy(value).into_owned(),
            name => name.to_owned(),
        });
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_name_and_its_password_say_who_calls() {
        assert_eq!(outcome(json!({}), &[("Authorization", "al:pw")]), "Authorization id-alice");
        let hide = json!({"hide": true});
        assert_eq!(outcome(hide, &[("Authorization", "al:pw")]), "id-alice");
    }

    #[test]
    fn all_else_is_refused() {
        let invalid = "basic-auth/invalid Basic realm=\"service\"";
        for said in ["al:pw2", "al:", "al:PW", "AL:pw", "bo:pw"] {
            let outcome = outcome(json!({}), &[("Authorization", said)]);
            assert!(outcome.ends_with(" Basic realm=\"service\""), "{outcome}");
        }
        assert_eq!(outcome(json!({}), &[("Authorization", "al:pw2")]), invalid);
        assert_eq!(outcome(json!({}), &[("Authorization", "bo:pw")]), invalid);
        let config = json!({"realm": "a \"b\""});
        assert_eq!(outcome(config, &[]), "basic-auth/missing Basic realm=\"a \\\"b\\\"\"");
    }

    #[test]
    fn headers_are_tried_in_order() {
        let config = || json!({"headers": ["proxy-authorization", "authorization"]});
        let both = |first, second| [("Proxy-Authorization", first), ("Authorization", second)];
        let sent = "Proxy-Authorization Authorization id-alice";
        assert_eq!(outcome(config(), &both("al:pw", "zz:zz")), sent);
        assert_eq!(outcome(config(), &both("zz:zz", "al:pw")), sent);
        // A known name with a wrong password is not tried again elsewhere.
        let refused = outcome(config(), &both("al:no", "al:pw"));
        assert!(refused.starts_with("basic-auth/invalid"), "{refused}");
    }

    #[test]
    fn anonymous_callers_are_let_in_as_one() {
        let config = || json!({"anonymous": "anon", "hide": true});
        assert_eq!(outcome(config(), &[]), "id-anon");
        assert_eq!(outcome(config(), &[("Authorization", "al:no")]), "id-anon");
        assert_eq!(outcome(config(), &[("Authorization", "al:pw")]), "id-alice");
    }

    #[test]
    fn problems_say_what_to_do() {
        let gateway = Gateway::new();
        let places = |problems: Vec<Problem>| {
            problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
        };
        let config = json!({"headers": ["a b"], "realm": "\n", "anonymous": ""});
        assert_eq!(places(gateway.problems(NAME, config)), ["/headers/0", "/realm", "/anonymous"]);
        assert_eq!(places(gateway.problems(NAME, json!({"headers": []}))), ["/headers"]);
        assert_eq!(places(gateway.credential_problems(NAME, json!({"sha1": "pw"}))), ["/sha1"]);
        assert_eq!(places(gateway.credential_problems(NAME, json!({}))), [""]);
    }
}
