//! Cases against a gateway, its upstreams and its store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use serde_json::{Value, json};

use super::balance::Balance;
use super::case::{Case, Listener, Message, Received, Request, Step};
use super::compare::{self, Difference};
use super::links::Links;
use super::over_http2;
use super::ports::{self, Places};
use super::signed;
use crate::certificates::credulous_client;
use crate::upstream::{Behaviour, Journal};
use crate::wait::{self, nap};
use crate::{Client, Fault, Gateway, Redis, Start, Upstream, http2};

const EMPTY: &str = "_format_version: '3.0'\n";
/// How long upstreams are given to see what a response does not wait for.
const AFTERWARDS: Duration = Duration::from_millis(1500);

/// How often a case is tried for which Redis does not answer.
const TRIES: usize = 5;
const UNANSWERED: &str = "tripylon_rate_limit_store_failures_total";

/// What clients speak on the plain listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    Http1,
    Http2,
}

pub(super) struct Runner<'a> {
    speech: Speech,
    places: &'a Places,
    journal: Arc<Journal>,
    _upstreams: Vec<Upstream>,
    redis: Option<Redis>,
    gateway: Option<(BTreeMap<String, String>, Gateway)>,
    tls: Arc<ClientConfig>,
}

impl<'a> Runner<'a> {
    /// With the upstreams that recorded cases name, and a Redis if one of these cases does.
    pub(super) fn new(speech: Speech, places: &'a Places, cases: &[Case]) -> Self {
        let journal: Arc<Journal> = Arc::default();
        let start = |recorded, behaviour| {
            Upstream::start_on(places.of(recorded), behaviour, Arc::clone(&journal))
        };
        let mut upstreams: Vec<_> = ports::ECHO.map(|port| start(port, Behaviour::Echo)).into();
        upstreams.push(start(ports::SILENT, Behaviour::Silent));
        upstreams.push(start(ports::CLOSING, Behaviour::Closing));
        upstreams.push(start(ports::GARBAGE, Behaviour::Garbage));
        let redis = places.of(ports::REDIS);
        let wanted = cases.iter().any(|case| case.config.contains(&redis.number().to_string()));
        Self {
            speech,
            places,
            journal,
            _upstreams: upstreams,
            redis: wanted.then(|| Redis::start_on(redis, &[])),
            gateway: None,
            tls: credulous_client(&["http/1.1"]),
        }
    }

    /// How the case differs from its recording. Where the machine was so busy that Redis did not
    /// answer in the time that a request waits, the case is tried again.
    pub(super) fn run(&mut self, case: &Case) -> Vec<Difference> {
        for _ in 1..TRIES {
            let before = self.unanswered();
            let differences = self.run_once(case);
            if differences.is_empty() || self.unanswered() == before {
                return differences;
            }
        }
        self.run_once(case)
    }

    fn run_once(&mut self, case: &Case) -> Vec<Difference> {
        if let Some(redis) = &self.redis {
            redis.flush();
        }
        if let Err(words) = self.establish(case) {
            return vec![Difference::new("start", "the gateway starts", words)];
        }
        if let Some(refusal) = &case.refusal {
            return compare::refusal(refusal, &self.post_config(case), &Links::default());
        }
        if case.counts_in_windows() {
            if case.config.contains("second:") {
                wait::for_quiet_second();
            }
            wait::for_quiet_minute();
        }
        if !case.needs_fresh_process() {
            match self.post_config(case) {
                Ok(answer) if answer.status == 201 => {}
                Ok(answer) => return vec![not_loaded(answer.body.to_string())],
                Err(fault) => return vec![not_loaded(fault)],
            }
        }
        self.steps(case)
    }

    /// A gateway with the case's settings: a fresh one with the case's configuration, or one that
    /// takes it by the admin API.
    fn establish(&mut self, case: &Case) -> Result<(), String> {
        let fresh = case.needs_fresh_process();
        let usable = |(env, gateway): &mut (_, Gateway)| *env == case.env && gateway.is_running();
        if !fresh && self.gateway.as_mut().is_some_and(usable) {
            return Ok(());
        }
        self.gateway = None;
        let document = if fresh { case.config.as_str() } else { EMPTY };
        let ports = self.places.gateway();
        let (proxy, tls) = (ports.proxy.number(), ports.proxy_tls.number());
        let mut start = Start::kong(document).ports(ports);
        if self.speech == Speech::Http2 {
            let listen = format!("127.0.0.1:{proxy} http2, 127.0.0.1:{tls} http2 ssl");
            start = start.env("KONG_PROXY_LISTEN", &listen);
        }
        for (name, value) in &case.env {
            start = start.env(name, value);
        }
        self.gateway = Some((case.env.clone(), start.try_go()?));
        Ok(())
    }

    /// Requests of the running gateway for which Redis did not answer.
    fn unanswered(&self) -> f64 {
        let Some((_, gateway)) = self.gateway.as_ref().filter(|_| self.redis.is_some()) else {
            return 0.0;
        };
        let ask = || {
            Client::connect(gateway.status())?.exchange("GET", "/metrics", &[("Host", "localhost")])
        };
        let page: Result<_, Fault> = ask();
        let page = page.map(|page| page.text().to_owned()).unwrap_or_default();
        let lines = page.lines().filter_map(|line| line.strip_prefix(UNANSWERED));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    fn post_config(&self, case: &Case) -> Result<Message, String> {
        let body = json!({ "config": case.config }).to_string();
        let head = format!(
            "POST /config?check_hash=0 HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut client = self.connect(Listener::Admin, None).map_err(|f| f.to_string())?;
        exchange(&mut client, "POST", (head + &body).as_bytes())
    }

    fn steps(&self, case: &Case) -> Vec<Difference> {
        let mut links = Links::default();
        let mut differences = Vec::new();
        let mut balance = Balance::of(case);
        for (n, step) in case.steps.iter().enumerate() {
            nap(Duration::from_secs_f64(step.sleep_before_s));
            signed::learn(&case.config, step, &mut links);
            let (answer, seen) = self.send(step, &links);
            if let Ok(answer) = &answer {
                links.learn_from(step, answer);
            }
            let found = match &mut balance {
                Some(balance) => balance.step(step, &answer, seen, &links),
                None => compare::step(step, &answer, &seen, &links),
            };
            differences.extend(found.into_iter().map(|d| Difference { step: Some(n), ..d }));
            differences.extend(self.malformed().map(|d| Difference { step: Some(n), ..d }));
        }
        differences.extend(balance.into_iter().flat_map(Balance::whole));
        differences
    }

    fn send(&self, step: &Step, links: &Links) -> (Result<Message, String>, Vec<Received>) {
        self.journal.clear();
        let request = &step.request;
        let answer = match (self.speech, request.listener) {
            (Speech::Http2, Listener::Proxy) => self.exchange_http2(request, links),
            _ => self
                .connect(request.listener, Some(request.sni.as_deref().unwrap_or("localhost")))
                .map_err(|fault| fault.to_string())
                .and_then(|mut c| exchange(&mut c, &request.method, &bytes(request, links))),
        };
        let known = !step.varies.contains("upstream_saw.count");
        let count = if known { step.upstream_saw.len() } else { 0 };
        let seen = self.journal.wait(count, AFTERWARDS);
        (answer, seen.into_iter().map(Received::from).collect())
    }

    fn exchange_http2(&self, request: &Request, links: &Links) -> Result<Message, String> {
        let (_, gateway) = self.gateway.as_ref().expect("a case runs when its gateway does");
        let mut client = http2::Client::connect(gateway.proxy())?;
        let body = links.apply(request.body.as_deref().unwrap_or_default());
        let request = over_http2::request(request, links).ok_or("HTTP/2 cannot say this")?;
        Ok(client.exchange(request, body.as_bytes())?.into())
    }

    fn connect(&self, listener: Listener, name: Option<&str>) -> Result<Client, Fault> {
        let (_, gateway) = self.gateway.as_ref().expect("a case runs when its gateway does");
        match listener {
            Listener::Proxy => Client::connect(gateway.proxy()),
            Listener::ProxyTls => Client::connect_tls(gateway.proxy_tls(), name, &self.tls),
            Listener::Admin => Client::connect(gateway.admin()),
        }
    }

    /// What no upstream should ever be sent. (That a request is cut off is not said here.)
    fn malformed(&self) -> impl Iterator<Item = Difference> {
        let faults = self.journal.faults().into_iter().filter(|fault| fault.contains("malformed"));
        faults.map(|fault| Difference::new("upstream_saw", "well-formed requests", fault))
    }
}

/// Sends a request and reads its response: a server may answer, and end the connection, before
/// it has read the whole request.
fn exchange(client: &mut Client, method: &str, request: &[u8]) -> Result<Message, String> {
    let sent = client.send(request);
    match (client.receive(method), sent) {
        (Ok(response), _) => Ok(response.into()),
        (Err(fault), _) => Err(fault.to_string()),
    }
}

/// The request as it was recorded, with this run's values where it uses generated ones.
fn bytes(request: &Request, links: &Links) -> Vec<u8> {
    let recorded = request.body.as_deref().unwrap_or_default();
    let body = links.apply(recorded);
    let target = links.apply(&request.target);
    let mut head = format!("{} {target} {}\r\n", request.method, request.version);
    for (name, value) in &request.headers {
        let resized = name.eq_ignore_ascii_case("content-length") && body != recorded;
        let value = if resized { body.len().to_string() } else { links.apply(value) };
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut bytes: Vec<u8> = head.chars().map(|c| c as u8).collect();
    bytes.extend(body.as_bytes());
    bytes
}

fn not_loaded(words: String) -> Difference {
    let words = serde_json::from_str::<Value>(&words).map_or(words, |v| match v {
        Value::String(text) => text,
        other => other.to_string(),
    });
    Difference::new("config", "POST /config is answered 201", words)
}
