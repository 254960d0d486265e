//! How an endpoint is chosen, and how it is found out which are fit for use, in words.

use std::time::Duration;

use model::{Balance, HashKey, Health, HealthRules, Probe};

/// How an endpoint is chosen.
pub(super) fn chosen(balance: &Balance) -> String {
    match balance {
        Balance::RoundRobin => "chosen in turn, by weight".to_owned(),
        Balance::LeastRequests => "chosen by the fewest requests under way".to_owned(),
        Balance::Latency => "chosen by latency".to_owned(),
        Balance::Hash(hash) => match &hash.keys[..] {
            [] => "chosen by a hash of nothing: always the same".to_owned(),
            keys => {
                let keys: Vec<_> = keys.iter().map(key).collect();
                format!("chosen by a hash of {}", keys.join(", or else "))
            }
        },
    }
}

fn key(key: &HashKey) -> String {
    match key {
        HashKey::Principal => "who calls".to_owned(),
        HashKey::ClientAddress => "the client's address".to_owned(),
        HashKey::Header(name) => format!("the header {name}"),
        HashKey::Cookie(cookie) => match cookie.attributes {
            Some(_) => format!("the cookie {}, which is set if it is missing", cookie.name),
            None => format!("the cookie {}", cookie.name),
        },
        HashKey::Path => "the path".to_owned(),
        HashKey::QueryArgument(name) => format!("the query argument {name}"),
        HashKey::PathCapture(group) => format!("the group {group} of the path"),
    }
}

/// How it is found out which endpoints are fit for use.
pub(super) fn checks(health: &Health) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(check) = &health.active {
        let asked = match &check.probe {
            Probe::Connect => "connecting".to_owned(),
            Probe::Http { path, tls, .. } => {
                format!("GET {path} over {}", if tls.is_some() { "HTTPS" } else { "HTTP" })
            }
            Probe::Grpc { .. } => "the gRPC health checking protocol".to_owned(),
        };
        let every = |interval: Duration| match interval.is_zero() {
            true => "never".to_owned(),
            false => format!("every {interval:?}"),
        };
        let (fit, unfit) = (every(check.healthy_interval), every(check.unhealthy_interval));
        lines.push(format!("probed by {asked}, {fit} while fit for use, {unfit} while not"));
        lines.extend(rules("  probes:", &check.rules));
    }
    if let Some(passive) = &health.passive {
        lines.extend(rules("watched by requests:", passive));
    }
    if !lines.is_empty() && health.threshold > 0.0 {
        lines.push(format!("if less than {} % is fit for use, nothing is", health.threshold));
    }
    lines
}

fn rules(who: &str, rules: &HealthRules) -> Option<String> {
    let counts = [
        (rules.http_failures, "bad answers"),
        (rules.tcp_failures, "failed connections"),
        (rules.timeouts, "timeouts"),
    ];
    let out: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let back =
        (rules.successes > 0).then(|| format!("in again after {} successes", rules.successes));
    let out = (!out.is_empty()).then(|| format!("left out after {}", out.join(" or ")));
    let parts: Vec<_> = out.into_iter().chain(back).collect();
    (!parts.is_empty()).then(|| format!("{who} {}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use model::{ActiveCheck, HashBalance, HashCookie, HashRing};

    use super::*;

    #[test]
    fn balances_are_said_in_words() {
        let cookie = HashCookie { name: "sid".into(), attributes: Some("Path=/".into()) };
        let keys = vec![HashKey::Header("X-User".into()), HashKey::Cookie(cookie)];
        let hash = Balance::Hash(HashBalance { ring: HashRing::Slots(1000), keys });
        assert_eq!(
            chosen(&hash),
            "chosen by a hash of the header X-User, or else the cookie sid, which is set if it is missing"
        );
        assert_eq!(chosen(&Balance::RoundRobin), "chosen in turn, by weight");
    }

    #[test]
    fn checks_are_said_in_words() {
        let rules =
            HealthRules { successes: 2, http_failures: 3, timeouts: 1, ..Default::default() };
        let active = ActiveCheck {
            probe: Probe::Http { path: "/up".into(), headers: vec![], tls: None },
            timeout: Duration::from_secs(1),
            concurrency: 1,
            healthy_interval: Duration::from_secs(5),
            unhealthy_interval: Duration::ZERO,
            rules: rules.clone(),
        };
        let health = Health { active: Some(active), passive: Some(rules), threshold: 50.0 };
        assert_eq!(
            checks(&health),
            [
                "probed by GET /up over HTTP, every 5s while fit for use, never while not",
                "  probes: left out after 3 bad answers or 1 timeouts, in again after 2 successes",
                "watched by requests: left out after 3 bad answers or 1 timeouts, in again after 2 successes",
                "if less than 50 % is fit for use, nothing is",
            ]
        );
        assert_eq!(checks(&Health::default()), [""; 0]);
    }
}
