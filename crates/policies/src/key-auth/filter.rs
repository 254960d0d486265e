//! The filter of a `key-auth` policy, and its tests.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use ::filter::{
    CredentialIx, CredentialKind, Exchange, Filter, LocalReply, Phases, Prepared, Problem, Request,
    Step, WorkerCx,
};

use super::NAME;
use super::config::Config;
use crate::caller::{Callers, challenge};
use crate::query;

/// A prepared policy.
pub(super) struct KeyAuth {
    names: Vec<String>,
    in_header: bool,
    in_query: bool,
    hide: bool,
    challenge: String,
    callers: Callers,
}

impl KeyAuth {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if config.in_body {
            problems.push(
                Problem::new(
                    "/in_body",
                    "keys cannot be looked up in bodies: policies see no body",
                )
                .help("have clients send the key in a header, and set `in_body` to false"),
            );
        }
        if config.names.is_empty() {
            problems.push(
                Problem::new("/names", "without a name no key can be found")
                    .help("name the header or query argument that holds the key"),
            );
        }
        for (ix, name) in config.names.iter().enumerate() {
            if !::filter::is_token(name.as_bytes()) {
                let message = format!("`{name}` cannot be a header's name");
                problems.push(Problem::new(format!("/names/{ix}"), message));
            }
        }
        let challenge = challenge("Key", config.realm.as_deref(), &mut problems);
        let callers = Callers::prepare(
            NAME,
            config.anonymous,
            config.run_on_preflight,
            config.identity_headers,
            &mut problems,
        );
        let Config { names, in_header, in_query, hide, .. } = config;
        let prepared = Self { names, in_header, in_query, hide, challenge, callers };
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }
}

impl Prepared for KeyAuth {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Running { credentials: cx.credential_kind(NAME), policy: self })
    }
}

struct Running {
    policy: Arc<KeyAuth>,
    credentials: CredentialKind,
}

/// Why nobody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Missing,
    Duplicate,
    Invalid,
}

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let policy = &*self.policy;
        if policy.callers.lets_pass(exchange) {
            return Step::CONTINUE;
        }
        let found = self.find(exchange);
        if policy.hide {
            policy.hide(&mut exchange.request);
        }
        policy.callers.conclude(exchange, found, |refusal| policy.reply(refusal))
    }
}

impl Running {
    /// The credential whose key was sent.
    ///
    /// The lookup goes by a hash under a random seed, so what it takes tells nothing about how
    /// much of a guess is right.
    fn find(&self, exchange: &Exchange) -> Result<CredentialIx, Refusal> {
        let key = self.policy.key(&exchange.request)?.ok_or(Refusal::Missing)?;
        let key = std::str::from_utf8(&key).map_err(|_| Refusal::Invalid)?;
        let identities = exchange.view.identities();
        identities.credential_by_key(self.credentials, key).ok_or(Refusal::Invalid)
    }
}

impl KeyAuth {
    /// The first key that was sent, by the order of the names.
    fn key<'a>(&'a self, request: &'a Request) -> Result<Option<Cow<'a, [u8]>>, Refusal> {
        for name in &self.names {
            if self.in_header {
                let values = request.headers.get_all(name).map(Cow::Borrowed);
                if let Some(key) = only(values)? {
                    return Ok(Some(key));
                }
            }
            if self.in_query
                && let Some(query) = request.query()
                && let Some(key) = only(query::values(query, name))?
            {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    fn hide(&self, request: &mut Request) {
        if self.in_header {
            for name in &self.names {
                request.headers.remove(name);
            }
        }
        if self.in_query
            && let Some(query) = request.query()
            && let Some(rest) = query::without(query, &self.names)
        {
            request.set_query(Some(&rest));
        }
    }

    fn reply(&self, refusal: Refusal) -> LocalReply {
        let (reason, message) = match refusal {
            Refusal::Missing => ("key-auth/missing", "no API key was sent"),
            Refusal::Duplicate => ("key-auth/duplicate", "more than one API key was sent"),
            Refusal::Invalid => ("key-auth/invalid", "the API key is not known"),
        };
        LocalReply::new(401, reason, message).header("WWW-Authenticate", self.challenge.as_str())
    }
}

/// The only value that is not empty. Two, even if equal, are refused: two readers of the request
/// could pick different ones.
fn only<'a>(values: impl Iterator<Item = Cow<'a, [u8]>>) -> Result<Option<Cow<'a, [u8]>>, Refusal> {
    let mut values = values.filter(|value| !value.is_empty());
    let first = values.next();
    if values.next().is_some() { Err(Refusal::Duplicate) } else { Ok(first) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{Gateway, answer};

    fn gateway() -> Gateway {
        let mut gateway = Gateway::new();
        let alice = gateway.principal("alice");
        gateway.credential("key-auth", "alice-key", alice, json!({}));
        gateway.principal("anon");
        gateway
    }

    /// What comes of a request with this query and these headers: a reason, or the caller's id
    /// and what the upstream would be asked for.
    fn outcome(config: Value, query: &str, headers: &[(&str, &str)]) -> String {
        let mut config = config;
        config["identity_headers"] = json!([
            {"name": "X-Id", "value": [{"Var": "PrincipalId"}]},
            {"name": "X-Key", "value": [{"Var": "CredentialKey"}]},
        ]);
        let gateway = gateway();
        let filter = gateway.start(NAME, config);
        let mut exchange = gateway.exchange();
        exchange.request.set_target(&format!("/{query}"), "/");
        for (name, value) in headers {
            exchange.request.headers.push(name, value);
        }
        if let Some(reply) = answer(&filter, &mut exchange) {
            let [(name, challenge)] = reply.headers.as_slice() else { return reply.reason.into() };
            assert_eq!((name.as_ref(), reply.status), ("WWW-Authenticate", 401));
            return format!("{} {challenge}", reply.reason);
        }
        let request = &exchange.request;
        let mut text = request.target().to_owned();
        for (name, value) in request.headers.iter() {
            text.push_str(&format!(" {name}={}", String::from_utf8_lossy(value)));
        }
        text
    }

    #[test]
    fn a_key_says_who_calls() {
        let known = "X-Id=id-alice X-Key=id-alice-key";
        let sent = outcome(json!({}), "", &[("APIKEY", "alice-key"), ("X-Key", "zz")]);
        assert_eq!(sent, "/ APIKEY=alice-key X-Key=id-alice-key X-Id=id-alice");
        let sent = outcome(json!({}), "?apikey=alice%2dkey&z=1", &[]);
        assert_eq!(sent, format!("/?apikey=alice%2dkey&z=1 {known}"));
        let names = json!({"names": ["X-Api-Key", "k"]});
        assert_eq!(outcome(names.clone(), "?k=alice-key", &[]), format!("/?k=alice-key {known}"));
        assert_eq!(outcome(names, "?apikey=alice-key", &[]), "key-auth/missing Key");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let refused = |query, headers| outcome(json!({}), query, headers);
        assert_eq!(refused("", &[]), "key-auth/missing Key");
        assert_eq!(refused("?apikey=", &[("apikey", "")]), "key-auth/missing Key");
        assert_eq!(refused("?APIKEY=alice-key", &[]), "key-auth/missing Key");
        assert_eq!(refused("", &[("apikey", "nope")]), "key-auth/invalid Key");
        assert_eq!(refused("", &[("apikey", "ALICE-KEY")]), "key-auth/invalid Key");
        assert_eq!(refused("?apikey=%ff", &[]), "key-auth/invalid Key");
        let realm = json!({"realm": "here"});
        assert_eq!(outcome(realm, "", &[]), "key-auth/missing Key realm=\"here\"");
    }

    #[test]
    fn two_keys_are_refused_even_if_equal() {
        let twice = [("apikey", "alice-key"), ("apikey", "alice-key")];
        assert_eq!(outcome(json!({}), "", &twice), "key-auth/duplicate Key");
        let twice = "?apikey=alice-key&apikey=alice-key";
        assert_eq!(outcome(json!({}), twice, &[]), "key-auth/duplicate Key");
    }

    #[test]
    fn the_header_goes_before_the_query() {
        let sent = outcome(json!({}), "?apikey=nope", &[("apikey", "alice-key")]);
        assert!(sent.contains("X-Id=id-alice"), "{sent}");
        let sent = outcome(json!({}), "?apikey=alice-key", &[("apikey", "nope")]);
        assert_eq!(sent, "key-auth/invalid Key");
        let sent = outcome(json!({"in_header": false}), "?apikey=alice-key", &[("apikey", "nope")]);
        assert!(sent.contains("X-Id=id-alice"), "{sent}");
        let sent = outcome(json!({"in_query": false}), "?apikey=alice-key", &[]);
        assert_eq!(sent, "key-auth/missing Key");
    }

    #[test]
    fn hidden_keys_do_not_reach_the_upstream() {
        let hide = json!({"hide": true});
        let known = "X-Id=id-alice X-Key=id-alice-key";
        let sent = outcome(hide.clone(), "", &[("ApiKey", "alice-key")]);
        assert_eq!(sent, format!("/ {known}"));
        let sent = outcome(hide.clone(), "?x=1&apikey=alice-key&y=2", &[]);
        assert_eq!(sent, format!("/?x=1&y=2 {known}"));
        assert_eq!(outcome(hide, "?apikey=alice-key", &[]), format!("/? {known}"));
        let anonymous = json!({"hide": true, "anonymous": "anon"});
        assert_eq!(outcome(anonymous, "?apikey=guess", &[]), "/? X-Id=id-anon");
    }

    #[test]
    fn anonymous_callers_are_let_in_as_one() {
        let config = json!({"anonymous": "anon"});
        assert_eq!(outcome(config.clone(), "", &[]), "/ X-Id=id-anon");
        assert_eq!(outcome(config, "", &[("apikey", "bad")]), "/ apikey=bad X-Id=id-anon");
        let config = json!({"anonymous": "ghost"});
        assert_eq!(outcome(config, "", &[]), "key-auth/no-anonymous");
    }

    /// SEC-121: hostile values are refused like any other.
    #[test]
    fn hostile_keys_are_refused() {
        for key in [vec![b'a'; 64 * 1024], b"\xff\xfe".to_vec(), b"a\0b".to_vec()] {
            let gateway = gateway();
            let filter = gateway.start(NAME, json!({}));
            let mut exchange = gateway.exchange();
            exchange.request.headers.push("apikey", &key);
            assert_eq!(answer(&filter, &mut exchange).unwrap().reason, "key-auth/invalid");
        }
    }

    #[test]
    fn problems_say_what_to_do() {
        let gateway = Gateway::new();
        let config = json!({"names": [], "in_body": true, "anonymous": "", "realm": "\u{0}"});
        let problems = gateway.problems(NAME, config);
        let places: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(places, ["/in_body", "/names", "/realm", "/anonymous"]);
        assert_eq!(gateway.problems(NAME, json!({"names": ["a b"]}))[0].pointer, "/names/0");
        assert_eq!(gateway.problems(NAME, json!({"nmaes": []}))[0].pointer, "/nmaes");
        assert_eq!(gateway.credential_problems(NAME, json!({"ttl": 1})).len(), 1);
    }
}
