//! The filter of a `hmac-auth` policy and its configuration.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use ::filter::{
    CredentialIx, CredentialKind, Exchange, Filter, LocalReply, Phases, Prepared, Problem, Request,
    Step, WorkerCx,
};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::NAME;
use super::algorithm::{Algorithm, Secret};
use super::credentials::{self, Credentials};
use super::date;
use super::signing::{self, Target};
use crate::caller::{Callers, IdentityHeader, challenge};

/// The configuration of a `hmac-auth` policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// Headers in which credentials may stand; the first that holds some counts.
    headers: Vec<String>,
    /// Headers that may say when the request was made; one has to.
    date_headers: Vec<String>,
    /// By how many seconds that may differ from now.
    clock_skew: f64,
    /// What has to be signed.
    enforce: Vec<String>,
    /// Algorithms that are accepted.
    algorithms: Vec<Algorithm>,
    /// Whether the body has to have the SHA-256 that `Digest` names. Bodies are not offered to
    /// policies: must be false.
    verify_body: bool,
    /// Remove credentials from what the upstream is sent.
    hide: bool,
    /// The realm that `WWW-Authenticate` names.
    realm: Option<String>,
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
            date_headers: vec!["x-date".to_owned(), "date".to_owned()],
            clock_skew: 300.0,
            enforce: Vec::new(),
            algorithms: Algorithm::ALL.into(),
            verify_body: false,
            hide: false,
            realm: None,
            run_on_preflight: true,
            anonymous: None,
            identity_headers: Vec::new(),
        }
    }
}

/// A prepared policy.
pub(super) struct HmacAuth {
    headers: Vec<String>,
    date_headers: Vec<String>,
    clock_skew: f64,
    enforce: Vec<String>,
    algorithms: Vec<Algorithm>,
    hide: bool,
    challenge: String,
    callers: Callers,
}

impl HmacAuth {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        for (field, names) in [("headers", &config.headers), ("date_headers", &config.date_headers)]
        {
            if names.is_empty() {
                let message = "without a header every request is refused";
                problems.push(Problem::new(format!("/{field}"), message).help("name one"));
            }
            for (ix, name) in names.iter().enumerate() {
                if !::filter::is_token(name.as_bytes()) {
                    let message = format!("`{name}` cannot be a header's name");
                    problems.push(Problem::new(format!("/{field}/{ix}"), message));
                }
            }
        }
        if config.clock_skew.is_nan() || config.clock_skew <= 0.0 {
            let message = format!("no request was made within {} s", config.clock_skew);
            problems.push(Problem::new("/clock_skew", message).help("give more than 0"));
        }
        if config.verify_body {
            let message = "the digest of a body cannot be verified: policies see no body";
            problems.push(Problem::new("/verify_body", message).help("set `verify_body` to false"));
        }
        let challenge = challenge("hmac", config.realm.as_deref(), &mut problems);
        let callers = Callers::prepare(
            NAME,
            config.anonymous,
            config.run_on_preflight,
            config.identity_headers,
            &mut problems,
        );
        let Config { headers, date_headers, clock_skew, enforce, algorithms, hide, .. } = config;
        let prepared =
            Self { headers, date_headers, clock_skew, enforce, algorithms, hide, challenge, callers };
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }

    fn reply(&self, refusal: Refusal) -> LocalReply {
        let (reason, message) = match refusal {
            Refusal::Missing => ("hmac-auth/missing", "no signature was sent"),
            Refusal::Date => ("hmac-auth/date", "the request does not say that it was made now"),
            Refusal::Unverifiable => {
                ("hmac-auth/unverifiable", "the signature cannot be verified")
            }
            Refusal::Mismatch => ("hmac-auth/mismatch", "the signature does not match"),
        };
        LocalReply::new(401, reason, message).header("WWW-Authenticate", self.challenge.as_str())
    }

    /// Whether a header says that the request was made about now.
    fn is_recent(&self, exchange: &Exchange) -> bool {
        let now = exchange.now.unix_ms as f64 / 1000.0;
        self.date_headers.iter().any(|name| {
            let date = exchange.request.headers.get(name).and_then(date::read);
            date.is_some_and(|date| (now - date as f64).abs() <= self.clock_skew)
        })
    }

    fn credentials<'x>(&self, request: &'x Request) -> Option<Credentials<'x>> {
        let mut values = self.headers.iter().filter_map(|name| request.headers.get(name));
        values.find_map(credentials::read)
    }

    fn hide(&self, request: &mut Request) {
        for name in &self.headers {
            if request.headers.get(name).is_some_and(credentials::is_of_scheme) {
                request.headers.remove(name);
            }
        }
    }

    fn signs_enough(&self, credentials: &Credentials<'_>) -> bool {
        let signs = |name: &str| credentials.headers.split(' ').any(|signed| signed == name);
        self.enforce.iter().all(|name| signs(name))
    }
}

impl Prepared for HmacAuth {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Running {
            credentials: cx.credential_kind(NAME),
            policy: self,
            text: RefCell::default(),
            signature: RefCell::default(),
        })
    }
}

struct Running {
    policy: Arc<HmacAuth>,
    credentials: CredentialKind,
    /// What is signed, and the signature: kept so that no request has to allocate them.
    text: RefCell<Vec<u8>>,
    signature: RefCell<Vec<u8>>,
}

/// Why nobody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Missing,
    Date,
    Unverifiable,
    Mismatch,
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
    fn find(&self, exchange: &Exchange) -> Result<CredentialIx, Refusal> {
        let (policy, request) = (&*self.policy, &exchange.request);
        if !policy.headers.iter().any(|name| request.headers.contains(name)) {
            return Err(Refusal::Missing);
        }
        if !policy.is_recent(exchange) {
            return Err(Refusal::Date);
        }
        let said = policy.credentials(request).ok_or(Refusal::Unverifiable)?;
        let algorithm = Algorithm::named(said.algorithm)
            .filter(|algorithm| policy.algorithms.contains(algorithm))
            .filter(|_| policy.signs_enough(&said))
            .ok_or(Refusal::Unverifiable)?;
        let identities = exchange.view.identities();
        let credential = identities
            .credential_by_key(self.credentials, said.username)
            .ok_or(Refusal::Unverifiable)?;
        let secret = identities.credential(credential).prepared.downcast_ref::<Secret>();
        let key = secret.ok_or(Refusal::Unverifiable)?.key(algorithm);
        if self.has_signed(key, &said, request) { Ok(credential) } else { Err(Refusal::Mismatch) }
    }

    /// Clients sign the path that they send, or the one that it means.
    fn has_signed(&self, key: &hmac::Key, said: &Credentials<'_>, request: &Request) -> bool {
        let mut signature = self.signature.borrow_mut();
        signature.clear();
        if STANDARD.decode_vec(said.signature, &mut signature).is_err() {
            return false;
        }
        let mut text = self.text.borrow_mut();
        [Target::Received, Target::Canonical].into_iter().any(|target| {
            signing::write(said.headers, request, target, &mut text).is_some()
                && hmac::verify(key, &text, &signature).is_ok()
        })
    }
}
