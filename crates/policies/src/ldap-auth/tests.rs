//! The filter against real directories.

use std::rc::Rc;

use ::filter::{Filter, Flow, LocalReply, Step};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use super::NAME;
use super::testing::Slapd;
use crate::testing::{Gateway, answer};

fn config(port: u16, more: Value) -> Value {
    let mut config = json!({
        "server": {"host": "127.0.0.1", "port": port, "timeout_ms": 10_000},
        "base": "ou=people,dc=example,dc=test",
        "attribute": "uid",
    });
    let Value::Object(more) = more else { panic!("an object") };
    for (field, value) in more {
        match value {
            Value::Object(fields) => config[&field].as_object_mut().unwrap().extend(fields),
            value => config[&field] = value,
        }
    }
    config
}

fn said(name: &str, password: &str) -> String {
    format!("LDAP {}", STANDARD.encode(format!("{name}:{password}")))
}

/// A gateway and a policy of it, on a runtime as a worker's is.
struct Asked {
    gateway: Gateway,
    filter: Rc<dyn Filter>,
    tasks: LocalSet,
    runtime: tokio::runtime::Runtime,
}

impl Asked {
    fn new(config: Value) -> Self {
        let mut gateway = Gateway::new();
        gateway.principal("anon");
        let filter = gateway.start(NAME, config);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { gateway, filter, tasks: LocalSet::new(), runtime }
    }

    /// What comes of a request: who calls, or the reason of the answer.
    fn outcome(&self, value: &str) -> String {
        let mut exchange = self.gateway.exchange();
        exchange.request.headers.push("Authorization", value);
        let flow = self.tasks.block_on(&self.runtime, async {
            match self.filter.request(&mut exchange) {
                Step::Done(flow) => flow,
                Step::Wait(flow) => flow.await,
            }
        });
        match (flow, exchange.external_caller.as_deref(), exchange.caller) {
            (Flow::Reply(reply), None, None) => reply.reason.into_owned(),
            (Flow::Continue, Some(name), None) => name.to_owned(),
            (Flow::Continue, None, Some(caller)) if caller.anonymous => "anonymous".to_owned(),
            (flow, name, caller) => panic!("{flow:?} {name:?} {caller:?}"),
        }
    }
}

#[test]
fn the_directory_says_who_calls() {
    let directory = Slapd::start(false);
    let asked = Asked::new(config(directory.port, json!({})));
    assert_eq!(asked.outcome(&said("al", "pass:word")), "al");
    assert_eq!(asked.outcome(&said("b,o+x", "pw")), "b,o+x");
    // The password of someone else, of nobody, and with an attempt to name another entry.
    for (name, password) in
        [("al", "pw"), ("zz", "pw"), ("al,ou=people,dc=example,dc=test", "pass:word")]
    {
        assert_eq!(asked.outcome(&said(name, password)), "ldap-auth/invalid", "{name}");
    }
    // The directory would take an empty one for an anonymous bind.
    assert_eq!(asked.outcome(&said("al", "")), "ldap-auth/missing");
}

#[test]
fn what_was_said_is_remembered_and_connections_are_replaced() {
    let mut directory = Slapd::start(false);
    let asked = Asked::new(config(directory.port, json!({"anonymous": "anon"})));
    let (right, wrong) = (said("al", "pass:word"), said("al", "pw"));
    assert_eq!(asked.outcome(&right), "al");
    assert_eq!(asked.outcome(&wrong), "anonymous");
    // The connection that was kept is closed, and another one opened.
    directory.restart();
    assert_eq!(asked.outcome(&said("b,o+x", "pw")), "b,o+x");
    directory.stop();
    assert_eq!(asked.outcome(&right), "al");
    assert_eq!(asked.outcome(&wrong), "anonymous");
    // Who is not known yet cannot be asked about: nobody becomes anonymous by that.
    assert_eq!(asked.outcome(&said("zz", "pw")), "ldap-auth/unavailable");
    assert_eq!(asked.gateway.counted("ldap_failures"), 1);
    asked.gateway.clock.advance(60_000);
    assert_eq!(asked.outcome(&right), "ldap-auth/unavailable");
    directory.restart();
    assert_eq!(asked.outcome(&right), "al");
}

#[test]
fn directories_are_spoken_to_over_tls() {
    for (tls, how) in [(true, "tls"), (false, "start-tls")] {
        let directory = Slapd::start(tls);
        let server = json!({"server": {"tls": how, "verify": false}, "scheme": "basic"});
        let asked = Asked::new(config(directory.port, server));
        let basic = |name, password| said(name, password).replace("LDAP", "Basic");
        assert_eq!(asked.outcome(&basic("al", "pass:word")), "al", "{how}");
        assert_eq!(asked.outcome(&basic("al", "pw")), "ldap-auth/invalid", "{how}");
        // Nobody whom the system trusts has signed its certificate.
        let asked = Asked::new(config(directory.port, json!({"server": {"tls": how}})));
        let outcome = asked.outcome(&said("al", "pass:word"));
        assert_eq!(outcome, "ldap-auth/unavailable", "{how}");
    }
}

/// The answer to a request with these credentials.
fn refused(config: Value, value: Option<&str>) -> Box<LocalReply> {
    let gateway = Gateway::new();
    let filter = gateway.start(NAME, config);
    let mut exchange = gateway.exchange();
    if let Some(value) = value {
        exchange.request.headers.push("Authorization", value);
    }
    answer(&filter, &mut exchange).expect("it is refused")
}

#[test]
fn what_is_no_name_and_password_is_refused_without_asking() {
    let basic = format!("Basic {}", STANDARD.encode("al:pw"));
    for value in [None, Some("ldap"), Some("ldap !!"), Some(basic.as_str())] {
        let reply = refused(config(1, json!({})), value);
        assert_eq!((reply.status, &*reply.reason), (401, "ldap-auth/missing"), "{value:?}");
        assert_eq!(reply.headers[0].1, "LDAP");
    }
    let config = config(1, json!({"scheme": "Basic", "realm": "here"}));
    assert_eq!(refused(config, None).headers[0].1, "Basic realm=\"here\"");
}

#[test]
fn problems_say_what_to_do() {
    let gateway = Gateway::new();
    let problems = |config| {
        let problems = gateway.problems(NAME, config);
        problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
    };
    let wrong = json!({
        "server": {"host": ""},
        "base": "",
        "attribute": "",
        "scheme": "a b",
        "headers": ["c d"],
        "cache_seconds": -1,
        "realm": "\n",
    });
    assert_eq!(problems(config(389, wrong)), [
        "/server/host",
        "/base",
        "/attribute",
        "/scheme",
        "/headers/0",
        "/cache_seconds",
        "/realm"
    ]);
    let server = json!({"server": {"tls": "tls", "authorities": ["no PEM"]}});
    assert_eq!(problems(config(636, server)), ["/server/authorities/0"]);
}
