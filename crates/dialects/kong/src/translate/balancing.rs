//! How an upstream entity chooses its targets, and how it finds out which are healthy.

use std::time::Duration;

use model::{
    ActiveCheck, Balance, HashBalance, HashCookie, HashKey, HashRing, Health, HealthRules, Probe,
    ProbeTls, UpstreamTls,
};

use crate::entities::{
    ActiveHealthcheck, Algorithm, HashOn, PassiveHealthcheck, ProbeType, Upstream,
};

/// How a target is chosen.
pub(super) fn balance(upstream: &Upstream) -> Balance {
    match upstream.algorithm {
        None | Some(Algorithm::RoundRobin) => Balance::RoundRobin,
        Some(Algorithm::LeastConnections) => Balance::LeastRequests,
        Some(Algorithm::Latency) => Balance::Latency,
        Some(Algorithm::ConsistentHashing) => {
            // Kong takes smaller rings for one of this size.
            let slots = upstream.slots.unwrap_or(DEFAULT_SLOTS).max(LEAST_SLOTS);
            Balance::Hash(HashBalance { ring: HashRing::Slots(slots), keys: keys(upstream) })
        }
    }
}

fn keys(upstream: &Upstream) -> Vec<HashKey> {
    let first = Named {
        header: &upstream.hash_on_header,
        query_arg: &upstream.hash_on_query_arg,
        uri_capture: &upstream.hash_on_uri_capture,
    };
    let second = Named {
        header: &upstream.hash_fallback_header,
        query_arg: &upstream.hash_fallback_query_arg,
        uri_capture: &upstream.hash_fallback_uri_capture,
    };
    let pairs = [(upstream.hash_on, first), (upstream.hash_fallback, second)];
    pairs.into_iter().filter_map(|(on, named)| key(upstream, on?, &named)).collect()
}

/// What a hash goes by, where that has a name.
struct Named<'u> {
    header: &'u Option<String>,
    query_arg: &'u Option<String>,
    uri_capture: &'u Option<String>,
}

/// Names that are missing have been refused by the schema.
fn key(upstream: &Upstream, on: HashOn, named: &Named<'_>) -> Option<HashKey> {
    Some(match on {
        HashOn::None => return None,
        HashOn::Consumer => HashKey::Principal,
        HashOn::Ip => HashKey::ClientAddress,
        HashOn::Header => HashKey::Header(named.header.clone()?),
        HashOn::Cookie => {
            let path = upstream.hash_on_cookie_path.as_deref().unwrap_or("/");
            HashKey::Cookie(HashCookie {
                name: upstream.hash_on_cookie.clone()?,
                attributes: Some(format!("Path={path}; Same-Site=Lax; HttpOnly")),
            })
        }
        HashOn::Path => HashKey::Path,
        HashOn::QueryArg => HashKey::QueryArgument(named.query_arg.clone()?),
        HashOn::UriCapture => HashKey::PathCapture(named.uri_capture.clone()?),
    })
}

/// How health is found out. `tls` is what probes speak if theirs is TLS.
pub(super) fn health(upstream: &Upstream, tls: UpstreamTls) -> Health {
    let checks = &upstream.healthchecks;
    let active = active(&checks.active, tls);
    Health {
        passive: passive(&checks.passive, active.is_some()),
        active,
        threshold: checks.threshold.unwrap_or_default(),
    }
}

fn active(checks: &ActiveHealthcheck, tls: UpstreamTls) -> Option<ActiveCheck> {
    let healthy_interval = seconds(checks.healthy.interval);
    let unhealthy_interval = seconds(checks.unhealthy.interval);
    if healthy_interval.is_zero() && unhealthy_interval.is_zero() {
        return None;
    }
    let unhealthy = &checks.unhealthy;
    Some(ActiveCheck {
        probe: probe(checks, tls),
        timeout: seconds(checks.timeout),
        concurrency: checks.concurrency.and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1),
        healthy_interval,
        unhealthy_interval,
        rules: HealthRules {
            healthy_statuses: sorted(checks.healthy.http_statuses.as_deref()),
            unhealthy_statuses: sorted(unhealthy.http_statuses.as_deref()),
            successes: checks.healthy.successes.unwrap_or_default(),
            http_failures: unhealthy.http_failures.unwrap_or_default(),
            tcp_failures: unhealthy.tcp_failures.unwrap_or_default(),
            timeouts: unhealthy.timeouts.unwrap_or_default(),
        },
    })
}

fn probe(checks: &ActiveHealthcheck, tls: UpstreamTls) -> Probe {
    let verify = checks.https_verify_certificate;
    let tls = || {
        Some(ProbeTls {
            tls: UpstreamTls { verify, ..tls.clone() },
            server_name: checks.https_sni.clone(),
        })
    };
    let headers = checks
        .headers
        .iter()
        .flatten()
        .flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())));
    let (headers, path) = (headers.collect(), checks.http_path.as_deref().unwrap_or("/"));
    match checks.r#type {
        Some(ProbeType::Tcp) => Probe::Connect,
        None | Some(ProbeType::Http) => Probe::Http { path: path.to_owned(), headers, tls: None },
        Some(ProbeType::Https) => Probe::Http { path: path.to_owned(), headers, tls: tls() },
        Some(ProbeType::Grpc) => Probe::Grpc { headers, tls: None },
        Some(ProbeType::Grpcs) => Probe::Grpc { headers, tls: tls() },
    }
}

/// Successes alone are no check: nothing would ever be unhealthy.
fn passive(checks: &PassiveHealthcheck, probed: bool) -> Option<HealthRules> {
    let unhealthy = &checks.unhealthy;
    let rules = HealthRules {
        healthy_statuses: sorted(checks.healthy.http_statuses.as_deref()),
        unhealthy_statuses: sorted(unhealthy.http_statuses.as_deref()),
        successes: checks.healthy.successes.unwrap_or_default(),
        http_failures: unhealthy.http_failures.unwrap_or_default(),
        tcp_failures: unhealthy.tcp_failures.unwrap_or_default(),
        timeouts: unhealthy.timeouts.unwrap_or_default(),
    };
    let failures = [rules.http_failures, rules.tcp_failures, rules.timeouts];
    let finds = failures.iter().any(|count| *count > 0) || (probed && rules.successes > 0);
    finds.then_some(rules)
}

fn sorted(statuses: Option<&[u16]>) -> Vec<u16> {
    let mut statuses = statuses.unwrap_or_default().to_vec();
    statuses.sort_unstable();
    statuses
}

fn seconds(seconds: Option<f64>) -> Duration {
    Duration::try_from_secs_f64(seconds.unwrap_or_default()).unwrap_or_default()
}

/// The slots of a ring if nothing is said.
const DEFAULT_SLOTS: u32 = 10_000;
/// The slots that a ring has at least.
const LEAST_SLOTS: u32 = 1000;
