//! The filter of a `jwt` policy.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use ::filter::{
    CredentialIx, CredentialKind, Exchange, Filter, LocalReply, Phases, Prepared, Problem, Step,
    WorkerCx,
};

use super::NAME;
use super::claims::{TimeClaim, TimeErrors, TimeRules, Times};
use super::config::Config;
use super::json::Value;
use super::key::{Key, Unverified};
use super::source::{Multiple, Sources};
use super::token::{Malformed, Scratch, Token};
use super::verified::{TokenDigest, VerifiedTokens};
use crate::caller::{Callers, challenge};

/// A prepared policy.
pub(super) struct Jwt {
    sources: Sources,
    key_claim: String,
    secret_base64: bool,
    times: TimeRules,
    hide_token: bool,
    /// `WWW-Authenticate` for requests without a token (RFC 6750 section 3).
    challenge: String,
    /// `WWW-Authenticate` for requests with a bad one.
    challenge_invalid: String,
    callers: Callers,
}

impl Jwt {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        names_are_given("/query", &config.query, &mut problems);
        for (place, names) in [("/cookies", &config.cookies), ("/headers", &config.headers)] {
            names_are_tokens(place, names, &mut problems);
        }
        if config.key_claim.is_empty() {
            let problem = Problem::new("/key_claim", "the name of the key claim is empty");
            problems.push(problem.help("name the claim that says whose token it is, such as iss"));
        }
        let times = time_rules(&config, &mut problems);
        let challenge = challenge("Bearer", config.realm.as_deref(), &mut problems);
        let separator = if config.realm.is_some() { ", " } else { " " };
        let challenge_invalid = format!("{challenge}{separator}error=\"invalid_token\"");
        let callers = Callers::prepare(
            NAME,
            config.anonymous,
            config.run_on_preflight,
            config.identity_headers,
            &mut problems,
        );
        let Config { query, cookies, headers, key_claim, secret_base64, hide_token, .. } = config;
        let sources = Sources { query, cookies, headers };
        let prepared = Self {
            sources,
            key_claim,
            secret_base64,
            times,
            hide_token,
            challenge,
            challenge_invalid,
            callers,
        };
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }
}

impl Prepared for Jwt {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Running {
            credentials: cx.credential_kind(NAME),
            verified: RefCell::new(VerifiedTokens::new()),
            scratch: RefCell::default(),
            policy: self,
        })
    }
}

struct Running {
    policy: Arc<Jwt>,
    credentials: CredentialKind,
    verified: RefCell<VerifiedTokens>,
    scratch: RefCell<Scratch>,
}

/// Why nobody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Missing,
    Multiple,
    Malformed(Malformed),
    NoKeyClaim,
    InvalidKeyClaim,
    UnknownKey,
    Algorithm,
    InvalidKey,
    Signature,
    Times(TimeErrors),
}

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let policy = &*self.policy;
        if policy.callers.lets_pass(exchange) {
            return Step::CONTINUE;
        }
        let found = self.find(exchange);
        if policy.hide_token {
            policy.sources.remove(&mut exchange.request);
        }
        policy.callers.conclude(exchange, found, |refusal| policy.reply(refusal))
    }
}

impl Running {
    /// The credential whose token was sent.
    fn find(&self, exchange: &Exchange) -> Result<CredentialIx, Refusal> {
        let policy = &*self.policy;
        let token = policy.sources.token(&exchange.request)?.ok_or(Refusal::Missing)?;
        let digest = TokenDigest::of(&token);
        let identities = exchange.view.identities();
        let seen = self.verified.borrow().get(&digest, self.credentials, identities);
        let (credential, times) = match seen {
            Some(seen) => seen,
            None => self.verify(exchange, &token, digest)?,
        };
        policy.times.check(times, exchange.now.unix_ms)?;
        Ok(credential)
    }

    /// Verifies a token that was not seen before.
    fn verify(
        &self,
        exchange: &Exchange,
        token: &[u8],
        digest: TokenDigest,
    ) -> Result<(CredentialIx, Times), Refusal> {
        let policy = &*self.policy;
        let mut scratch = self.scratch.borrow_mut();
        let token = Token::parse(token, &policy.key_claim, &mut scratch)?;
        let key = match &token.key {
            None => return Err(Refusal::NoKeyClaim),
            Some(Value::Text(key)) if !key.is_empty() => key,
            Some(_) => return Err(Refusal::InvalidKeyClaim),
        };
        let identities = exchange.view.identities();
        let ix = identities.credential_by_key(self.credentials, key).ok_or(Refusal::UnknownKey)?;
        let known = identities.credential(ix);
        let key = known.prepared.downcast_ref::<Key>().ok_or(Refusal::InvalidKey)?;
        if token.jws.algorithm != key.algorithm {
            return Err(Refusal::Algorithm);
        }
        key.verify(&token.jws, policy.secret_base64)?;
        self.verified.borrow_mut().insert(digest, known, token.times);
        Ok((ix, token.times))
    }
}

impl Jwt {
    fn reply(&self, refusal: Refusal) -> LocalReply {
        let challenge = match refusal {
            Refusal::Missing => &self.challenge,
            _ => &self.challenge_invalid,
        };
        let (reason, message) = match refusal {
            Refusal::Missing => ("jwt/missing", "no token was sent"),
            Refusal::Multiple => ("jwt/multiple", "different tokens were sent"),
            Refusal::Malformed(_) => ("jwt/malformed", "the token is malformed"),
            Refusal::NoKeyClaim => ("jwt/no-key-claim", "the token does not say whose it is"),
            Refusal::InvalidKeyClaim => {
                ("jwt/invalid-key-claim", "what the token says about whose it is, is no text")
            }
            Refusal::UnknownKey => ("jwt/unknown-key", "nobody is known by the token's key"),
            Refusal::Algorithm => {
                ("jwt/algorithm", "the token is not signed with the key's algorithm")
            }
            Refusal::InvalidKey => ("jwt/invalid-key", "the key cannot be used"),
            Refusal::Signature => ("jwt/signature", "the token's signature is not by its key"),
            Refusal::Times(_) => ("jwt/claims", "the token is not valid now"),
        };
        let reply =
            LocalReply::new(401, reason, message).header("WWW-Authenticate", challenge.as_str());
        match refusal {
            Refusal::Malformed(error) => reply.detail("error", error.as_str()),
            Refusal::Times(errors) => reply.detail("errors", errors.to_json()),
            Refusal::NoKeyClaim | Refusal::InvalidKeyClaim | Refusal::UnknownKey => {
                reply.detail("claim", self.key_claim.as_str())
            }
            _ => reply,
        }
    }
}

impl From<Multiple> for Refusal {
    fn from(_: Multiple) -> Self {
        Self::Multiple
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<TimeErrors> for Refusal {
    fn from(errors: TimeErrors) -> Self {
        Self::Times(errors)
    }
}

impl From<Unverified> for Refusal {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::Key => Self::InvalidKey,
            Unverified::Signature => Self::Signature,
        }
    }
}

fn time_rules(config: &Config, problems: &mut Vec<Problem>) -> TimeRules {
    let rules = TimeRules {
        exp: config.verify.contains(&TimeClaim::Exp),
        nbf: config.verify.contains(&TimeClaim::Nbf),
        maximum_expiration: config.maximum_expiration,
    };
    if rules.maximum_expiration < 0.0 {
        let message = "the maximum expiration is negative";
        let help = "give seconds from now, or 0 for no limit";
        problems.push(Problem::new("/maximum_expiration", message).help(help));
    }
    if rules.maximum_expiration > 0.0 && !rules.exp {
        let message = "a maximum expiration means nothing unless `exp` is verified";
        let help = "add \"exp\" to `verify`";
        problems.push(Problem::new("/maximum_expiration", message).help(help));
    }
    rules
}

fn names_are_given(place: &str, names: &[String], problems: &mut Vec<Problem>) {
    for (ix, _) in names.iter().enumerate().filter(|(_, name)| name.is_empty()) {
        problems.push(Problem::new(format!("{place}/{ix}"), "the name is empty"));
    }
}

fn names_are_tokens(place: &str, names: &[String], problems: &mut Vec<Problem>) {
    for (ix, name) in names.iter().enumerate() {
        if !::filter::is_token(name.as_bytes()) {
            let message = format!("`{name}` cannot be the name of a header or cookie");
            problems.push(Problem::new(format!("{place}/{ix}"), message));
        }
    }
}
