//! The filter of an `ip-restriction` policy, its configuration, and its tests.

use std::rc::Rc;
use std::sync::Arc;

use ::filter::{Exchange, Filter, LocalReply, Phases, Prepared, Problem, Step, WorkerCx};
use serde::Deserialize;

use super::address_set::{AddressSet, network};

/// The configuration of an `ip-restriction` policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// Addresses and networks that may call. Everyone may if there are none.
    allow: Vec<String>,
    /// Addresses and networks that may not call, whatever `allow` says.
    deny: Vec<String>,
    /// The status of a refusal.
    status: u16,
    /// The message of a refusal. If there is none, it names the address.
    message: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { allow: Vec::new(), deny: Vec::new(), status: 403, message: None }
    }
}

/// A prepared policy.
pub(super) struct IpRestriction {
    allow: Option<AddressSet>,
    deny: AddressSet,
    status: u16,
    message: Option<String>,
}

impl IpRestriction {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if config.allow.is_empty() && config.deny.is_empty() {
            problems.push(
                Problem::new("", "neither `allow` nor `deny` names an address")
                    .help("name those who may call in `allow`, or those who may not in `deny`"),
            );
        }
        let allow = addresses("/allow", &config.allow, &mut problems);
        let deny = addresses("/deny", &config.deny, &mut problems);
        if !(200..=599).contains(&config.status) {
            let message = format!("{} is no status of a final answer", config.status);
            problems.push(Problem::new("/status", message).help("give one of 200 to 599"));
        }
        let allow = (!config.allow.is_empty()).then_some(allow);
        let Config { status, message, .. } = config;
        let prepared = Self { allow, deny, status, message };
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }

    fn allows(&self, exchange: &Exchange) -> bool {
        let address = exchange.client.address;
        let allowed = self.allow.as_ref().is_none_or(|allow| allow.contains(address));
        allowed && !self.deny.contains(address)
    }

    fn reply(&self, exchange: &Exchange) -> LocalReply {
        let address = exchange.client.address;
        let message = match &self.message {
            Some(message) => message.clone(),
            None => format!("IP address not allowed: {address}"),
        };
        LocalReply::new(self.status, "ip-restriction/refused", message)
            .detail("address", address.to_string())
    }
}

fn addresses(pointer: &str, texts: &[String], problems: &mut Vec<Problem>) -> AddressSet {
    let mut networks = Vec::with_capacity(texts.len());
    for (ix, text) in texts.iter().enumerate() {
        match network(text) {
            Some(network) => networks.push(network),
            None => problems.push(
                Problem::new(format!("{pointer}/{ix}"), format!("`{text}` is no address"))
                    .help("write an address (`192.0.2.1`) or a network (`192.0.2.0/24`)"),
            ),
        }
    }
    AddressSet::new(&networks)
}

impl Prepared for IpRestriction {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, _: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Running(self))
    }
}

struct Running(Arc<IpRestriction>);

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        if self.0.allows(exchange) {
            return Step::CONTINUE;
        }
        self.0.reply(exchange).into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::NAME;
    use super::*;
    use crate::testing::{Gateway, answer};

    /// What comes of a request of this client.
    fn outcome(config: Value, client: &str) -> Option<Box<LocalReply>> {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, config);
        let mut exchange = gateway.exchange();
        exchange.client.address = client.parse().unwrap();
        answer(&filter, &mut exchange)
    }

    #[test]
    fn only_those_who_are_allowed_may_call() {
        let allow = || json!({"allow": ["10.0.0.0/8", "::1"]});
        assert_eq!(outcome(allow(), "10.1.2.3"), None);
        assert_eq!(outcome(allow(), "::1"), None);
        let reply = outcome(allow(), "11.1.2.3").unwrap();
        assert_eq!((reply.status, &*reply.reason), (403, "ip-restriction/refused"));
        assert_eq!(reply.message, "IP address not allowed: 11.1.2.3");
        assert!(outcome(allow(), "::2").is_some());
    }

    #[test]
    fn who_is_denied_may_not_call_even_if_allowed() {
        let deny = || json!({"deny": ["10.0.0.1"]});
        assert!(outcome(deny(), "10.0.0.1").is_some());
        assert_eq!(outcome(deny(), "10.0.0.2"), None);
        let both = || json!({"allow": ["10.0.0.0/8"], "deny": ["10.0.0.1"]});
        assert!(outcome(both(), "10.0.0.1").is_some());
        assert_eq!(outcome(both(), "10.0.0.2"), None);
        assert!(outcome(both(), "9.0.0.2").is_some());
    }

    #[test]
    fn refusals_say_what_is_configured() {
        let config = json!({"deny": ["0.0.0.0/0"], "status": 451, "message": "go away"});
        let reply = outcome(config, "10.0.0.1").unwrap();
        assert_eq!((reply.status, &*reply.message), (451, "go away"));
    }

    #[test]
    fn problems_say_what_to_do() {
        let problems = |config| {
            let problems = Gateway::new().problems(NAME, config);
            problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
        };
        let config = json!({"allow": ["10.0.0.1", "x"], "deny": ["::/129"], "status": 99});
        assert_eq!(problems(config), ["/allow/1", "/deny/0", "/status"]);
        assert_eq!(problems(json!({})), [""]);
        assert_eq!(problems(json!({"allows": []})), ["/allows"]);
    }
}
