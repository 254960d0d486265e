//! Upstreams: who their members are, how one is chosen, how it is, and the connections to it.
//!
//! An upstream has endpoints, as the model names them, and *members*: addresses that stand for
//! them. What is known of a member is shared by all workers ([`state`]); what a worker chooses from
//! is its own ([`live`]) and made anew when the group's version has changed ([`group`]).

mod balance;
mod connect;
mod dns;
mod group;
mod key;
mod live;
mod probe;
mod ring;
mod state;
#[cfg(test)]
mod testing;
mod upkeep;
mod view;

use std::net::IpAddr;
use std::sync::Arc;

use model::{Balance, Fingerprint, HealthRules, Pool, UpstreamId};
use parking_lot::Mutex;

pub(crate) use connect::{ConnectError, connect};
pub(crate) use dns::Dns;
pub(crate) use group::Group;
pub(crate) use key::Key;
pub(crate) use live::{Lease, Link, LiveMember, LiveUpstream};
pub(crate) use probe::CompiledCheck;
pub(crate) use state::Outcome;
pub(crate) use upkeep::Upkeep;
pub use view::{EndpointHealth, MemberHealth, UndecidedHealth, UpstreamHealth};

use crate::settings::ConnectTo;
use group::Place;
use state::MemberState;

/// An upstream of a snapshot.
pub(crate) struct CompiledUpstream {
    pub(crate) id: UpstreamId,
    pub(crate) fingerprint: Fingerprint,
    name: String,
    balance: Balance,
    passive: Option<HealthRules>,
    active: Option<Arc<CompiledCheck>>,
    /// Whether it is probed for another upstream, which does that.
    is_twin: bool,
    threshold: f64,
    group: Arc<Group>,
    endpoints: Vec<CompiledEndpoint>,
    roster: Mutex<Arc<[Arc<Member>]>>,
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
    pool: Pool,
}

/// An endpoint of a snapshot.
struct CompiledEndpoint {
    host: String,
    port: u16,
    weight: u32,
}

/// What stands for an endpoint, or for a part of it.
pub(crate) struct Member {
    /// The endpoint.
    endpoint: usize,
    /// The endpoint's name or address, or the name by which it was found.
    name: String,
    /// `host:port` as the document has it, for logs and metrics.
    pub(crate) label: String,
    /// The default `Host`.
    pub(crate) host_header: String,
    /// Where to connect.
    pub(crate) dial: Dial,
    pub(crate) port: u16,
    weight: u32,
    state: Arc<MemberState>,
    /// What it is called on a ring.
    ring_place: String,
    /// Where it comes when a ring is laid out.
    ring_rank: (String, u16),
}

/// An address, or a name to resolve when connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dial {
    Address(IpAddr),
    Name(String),
}

impl CompiledUpstream {
    /// Compiles an upstream whose TLS has been prepared.
    pub(crate) fn compile(
        upstream: &model::Upstream,
        fingerprint: Fingerprint,
        group: Arc<Group>,
        tls: Option<Arc<rustls::ClientConfig>>,
        check: Option<CompiledCheck>,
        detours: &[ConnectTo],
    ) -> Self {
        let members = upstream.endpoints.iter().enumerate();
        let members = members
            .map(|(at, endpoint)| Arc::new(Member::new(at, endpoint, upstream, &group, detours)));
        let endpoints = upstream.endpoints.iter().map(|endpoint| CompiledEndpoint {
            host: endpoint.host.clone(),
            port: endpoint.port,
            weight: endpoint.weight,
        });
        Self {
            id: upstream.id.clone(),
            fingerprint,
            name: upstream.name.clone(),
            balance: upstream.balance.clone(),
            passive: upstream.health.passive.clone(),
            active: check.map(Arc::new),
            is_twin: upstream.group.is_some(),
            threshold: upstream.health.threshold,
            endpoints: endpoints.collect(),
            roster: Mutex::new(members.collect()),
            group,
            tls,
            pool: upstream.pool.clone(),
        }
    }

    /// The members there are now.
    fn roster(&self) -> Arc<[Arc<Member>]> {
        Arc::clone(&self.roster.lock())
    }

    /// Whether enough of the weight is fit for use.
    fn is_usable(&self, roster: &[Arc<Member>]) -> bool {
        let weight = |member: &&Arc<Member>| f64::from(member.weight);
        let all: f64 = roster.iter().map(|member| weight(&member)).sum();
        let fit: f64 = roster.iter().filter(|m| m.state.is_fit()).map(|m| weight(&m)).sum();
        all > 0.0 && fit * 100.0 / all >= self.threshold
    }

    /// Whether anything ever finds a member unfit for use.
    fn is_checked(&self) -> bool {
        self.passive.is_some() || self.active.is_some()
    }

    /// The probes that its members are to be sent.
    fn check(&self) -> Option<&Arc<CompiledCheck>> {
        self.active.as_ref().filter(|_| !self.is_twin)
    }

    /// Whether it matters how many requests a member has under way.
    fn counts_requests(&self) -> bool {
        matches!(self.balance, Balance::LeastRequests | Balance::Latency)
    }

    /// Takes note that a member has become fit for use, or is no longer.
    fn verdict_changed(&self, member: &Member, by: &'static str) {
        self.group.changed();
        let (upstream, endpoint) = (&self.name, &member.label);
        match member.state.is_fit() {
            true => {
                tracing::info!(target: "upstream", %upstream, %endpoint, by, "fit for use again")
            }
            false => {
                tracing::warn!(target: "upstream", %upstream, %endpoint, by, "no longer fit for use")
            }
        }
    }
}

impl Member {
    fn new(
        at: usize,
        endpoint: &model::Endpoint,
        upstream: &model::Upstream,
        group: &Group,
        detours: &[ConnectTo],
    ) -> Self {
        let (host, port) = detours
            .iter()
            .find_map(|detour| detour.apply(&endpoint.host, endpoint.port))
            .unwrap_or_else(|| (endpoint.host.clone(), endpoint.port));
        let bracketed = bracketed(&host);
        let place = Place { host: endpoint.host.clone(), dial: host.clone(), port };
        Self {
            endpoint: at,
            name: self::bracketed(&endpoint.host),
            label: format!("{}:{}", self::bracketed(&endpoint.host), endpoint.port),
            host_header: upstream.host_of(&endpoint.host, endpoint.port),
            dial: host.parse().map_or(Dial::Name(host), Dial::Address),
            port,
            weight: endpoint.weight,
            state: group.state(place),
            ring_place: format!("{bracketed}::{port}"),
            ring_rank: (endpoint.host.clone(), endpoint.port),
        }
    }

    /// By its endpoint's name and port, then by its own address.
    fn ring_order(&self) -> (&str, u16, &str) {
        (&self.ring_rank.0, self.ring_rank.1, &self.ring_place)
    }
}

/// An IPv6 address gets its brackets.
fn bracketed(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}
