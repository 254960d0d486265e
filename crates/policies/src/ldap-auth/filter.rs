//! The filter of an `ldap-auth` policy.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use ::filter::{Exchange, Filter, Flow, LocalReply, Phases, Prepared, Problem, Step, WorkerCx};
use ldap3::dn_escape;

use super::NAME;
use super::config::{Config, ServerConfig};
use super::directory::{Directory, Links};
use super::seen::{Mark, Said, Seen};
use crate::caller::{Callers, challenge};
use crate::user_password;

/// A prepared policy.
pub(super) struct LdapAuth {
    directory: Arc<Directory>,
    server: ServerConfig,
    base: String,
    attribute: String,
    headers: Vec<String>,
    scheme: String,
    /// Microseconds.
    cache: u64,
    hide: bool,
    challenge: String,
    callers: Callers,
}

impl LdapAuth {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        check(&config, &mut problems);
        let directory = Directory::prepare(config.server.clone(), &mut problems);
        let shown = if config.scheme == "ldap" { "LDAP" } else { &config.scheme };
        let challenge = challenge(shown, config.realm.as_deref(), &mut problems);
        let callers = Callers::prepare(
            NAME,
            config.anonymous,
            config.run_on_preflight,
            config.identity_headers,
            &mut problems,
        );
        let prepared = Self {
            directory: Arc::new(directory),
            server: config.server,
            base: config.base,
            attribute: config.attribute,
            headers: config.headers,
            scheme: config.scheme,
            // Saturates: no process runs that long.
            cache: (config.cache_seconds * 1e6) as u64,
            hide: config.hide,
            challenge,
            callers,
        };
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }

    fn entry(&self, name: &str) -> String {
        format!("{}={},{}", self.attribute, dn_escape(name), self.base)
    }

    fn reply(&self, refusal: Refusal) -> LocalReply {
        let (reason, message) = match refusal {
            Refusal::Missing => ("ldap-auth/missing", "no name and password were sent"),
            Refusal::Invalid => ("ldap-auth/invalid", "name or password is wrong"),
        };
        LocalReply::new(401, reason, message).header("WWW-Authenticate", self.challenge.as_str())
    }
}

fn check(config: &Config, problems: &mut Vec<Problem>) {
    let texts = [
        ("/server/host", &config.server.host),
        ("/base", &config.base),
        ("/attribute", &config.attribute),
    ];
    for (pointer, text) in texts {
        if text.is_empty() {
            problems.push(Problem::new(pointer, "without it nobody can be found"));
        }
    }
    if !::filter::is_token(config.scheme.as_bytes()) {
        let message = format!("`{}` cannot be a scheme's name", config.scheme);
        problems.push(Problem::new("/scheme", message));
    }
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
    if config.cache_seconds.is_nan() || config.cache_seconds < 0.0 {
        let message = "what was said cannot be remembered for less than no time";
        problems.push(Problem::new("/cache_seconds", message).help("give 0 to remember nothing"));
    }
}

impl Prepared for LdapAuth {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        // What one directory said is no other's word.
        let name = format!("{NAME}/{:?}/{}/{}", self.server, self.attribute, self.base);
        let failures = "Requests that a directory gave no answer for";
        Rc::new(Running {
            links: Links::new(Arc::clone(&self.directory), cx),
            seen: (self.cache > 0).then(|| cx.shared.get_or_make(&name, Seen::new)),
            failures: cx.counter("ldap_failures", failures, &[]),
            failing: Cell::new(false),
            policy: self,
            decoded: RefCell::default(),
        })
    }
}

struct Running {
    policy: Arc<LdapAuth>,
    links: Links,
    /// What the directory said, unless nothing is to be remembered or the system has no random
    /// bytes.
    seen: Option<Arc<Result<Seen, aws_lc_rs::error::Unspecified>>>,
    failures: ::filter::Counter,
    /// Whether the directory gave no answer when it was last asked.
    failing: Cell<bool>,
    /// Decoded credentials: kept so that no request has to allocate them.
    decoded: RefCell<Vec<u8>>,
}

/// Why nobody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Missing,
    Invalid,
}

/// What is to be asked of the directory.
struct Question {
    name: Arc<str>,
    password: String,
    mark: Option<Mark>,
}

/// What can be said without asking the directory.
enum Known {
    Caller(Arc<str>),
    Nobody(Refusal),
    Asks(Vec<Question>),
}

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let policy = &*self.policy;
        if policy.callers.lets_pass(exchange) {
            return Step::CONTINUE;
        }
        let known = self.known(exchange);
        if policy.hide {
            self.hide(exchange);
        }
        match known {
            Known::Caller(name) => Step::Done(self.accept(exchange, name)),
            Known::Nobody(refusal) => policy.callers.refuse(exchange, || policy.reply(refusal)),
            Known::Asks(questions) => Step::Wait(Box::pin(self.ask(exchange, questions))),
        }
    }
}

impl Running {
    fn known(&self, exchange: &Exchange) -> Known {
        let mut decoded = self.decoded.borrow_mut();
        let (mut refusal, mut questions) = (Refusal::Missing, Vec::new());
        for header in &self.policy.headers {
            let Some(value) = exchange.request.headers.get(header) else { continue };
            let scheme = self.policy.scheme.as_bytes();
            let Some(said) = user_password::read(scheme, value, &mut decoded) else { continue };
            let Ok(password) = std::str::from_utf8(said.password) else { continue };
            refusal = Refusal::Invalid;
            let seen = self.seen();
            let mark = seen.map(|seen| seen.mark(said.name, password));
            let before = seen.zip(mark).and_then(|(seen, mark)| seen.get(&mark, exchange.now.mono_us));
            match before {
                Some(Said { taken: Some(name), .. }) if questions.is_empty() => {
                    return Known::Caller(name);
                }
                Some(Said { taken: None, .. }) => {}
                _ => questions.push(Question {
                    name: said.name.into(),
                    password: password.to_owned(),
                    mark,
                }),
            }
        }
        if questions.is_empty() { Known::Nobody(refusal) } else { Known::Asks(questions) }
    }

    async fn ask(&self, exchange: &mut Exchange, questions: Vec<Question>) -> Flow {
        let policy = &*self.policy;
        for Question { name, password, mark } in questions {
            let taken = match self.links.binds(&policy.entry(&name), &password).await {
                Ok(taken) => taken,
                Err(error) => return self.failed(&error),
            };
            self.failing.set(false);
            if let Some((seen, mark)) = self.seen().zip(mark) {
                let until = exchange.now.mono_us.saturating_add(policy.cache);
                let taken = taken.then(|| Arc::clone(&name));
                seen.remember(mark, Said { until, taken });
            }
            if taken {
                return self.accept(exchange, name);
            }
        }
        match policy.callers.refuse(exchange, || policy.reply(Refusal::Invalid)) {
            Step::Done(flow) => flow,
            Step::Wait(flow) => flow.await,
        }
    }

    fn accept(&self, exchange: &mut Exchange, name: Arc<str>) -> Flow {
        self.policy.callers.accept_external(exchange, name);
        Flow::Continue
    }

    /// Said once, and again when the directory has answered in between.
    fn failed(&self, error: &str) -> Flow {
        self.failures.add(1);
        if !self.failing.replace(true) {
            let ServerConfig { host, port, .. } = &self.policy.server;
            tracing::error!(error, host, port, "the directory gives no answer");
        }
        LocalReply::new(500, "ldap-auth/unavailable", "the directory gives no answer").into()
    }

    fn seen(&self) -> Option<&Seen> {
        self.seen.as_deref().and_then(|seen| seen.as_ref().ok())
    }

    fn hide(&self, exchange: &mut Exchange) {
        let scheme = self.policy.scheme.as_bytes();
        for header in &self.policy.headers {
            let value = exchange.request.headers.get(header);
            if value.is_some_and(|value| user_password::is_of_scheme(scheme, value)) {
                exchange.request.headers.remove(header);
            }
        }
    }
}
