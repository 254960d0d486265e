//! Upstreams: who their members are, how one is chosen, how it is, and the connections to it.
//!
//! An upstream has endpoints, as the model names them, and *members*: addresses that stand for
//! them ([`roster`]). What is known of a member is shared by all workers ([`state`]); what a worker
//! chooses from is its own ([`live`]) and made anew when the group's version has changed
//! ([`group`]). One thread resolves names ahead and probes members ([`upkeep`]).

mod balance;
mod connect;
mod dns;
mod group;
mod key;
mod known;
mod live;
mod names;
mod probe;
mod ring;
mod roster;
mod state;
#[cfg(test)]
mod testing;
mod upkeep;
mod view;

use std::sync::Arc;

use model::{Balance, Fingerprint, HealthRules, Pool, Resolver, UpstreamId};
use tokio::sync::Notify;

pub(crate) use connect::{ConnectError, connect};
pub(crate) use dns::{Dns, Resolvers};
pub(crate) use group::Group;
pub(crate) use key::Key;
pub(crate) use live::Lease;
pub(crate) use live::{Link, LiveMember, LiveUpstream};
pub(crate) use probe::CompiledCheck;
pub(crate) use roster::{Dial, Member};
pub(crate) use state::Outcome;
pub(crate) use upkeep::Upkeep;
pub use view::{EndpointHealth, MemberHealth, UndecidedHealth, UpstreamHealth};

use crate::settings::ConnectTo;
use names::Found;
use roster::Roster;

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
    roster: Roster,
    resolver: Resolver,
    /// Told when it has become known where names lead.
    settled: Notify,
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
    pool: Pool,
}

/// What an upstream is compiled with.
pub(crate) struct Prepared<'p> {
    /// What tells it from others.
    pub(crate) fingerprint: Fingerprint,
    /// What is known of its members.
    pub(crate) group: Arc<Group>,
    /// The rules by which its names are resolved.
    pub(crate) resolver: Resolver,
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
    pub(crate) check: Option<CompiledCheck>,
    pub(crate) detours: &'p [ConnectTo],
    /// The upstream by the same id that was served before.
    pub(crate) before: Option<&'p CompiledUpstream>,
}

impl CompiledUpstream {
    /// Compiles an upstream.
    pub(crate) fn compile(upstream: &model::Upstream, prepared: Prepared<'_>) -> Self {
        let Prepared { fingerprint, group, resolver, tls, check, detours, before } = prepared;
        let before = before.map(|before| &before.roster);
        Self {
            id: upstream.id.clone(),
            fingerprint,
            name: upstream.name.clone(),
            balance: upstream.balance.clone(),
            passive: upstream.health.passive.clone(),
            active: check.map(Arc::new),
            is_twin: upstream.group.is_some(),
            threshold: upstream.health.threshold,
            roster: Roster::new(upstream, &group, detours, before),
            group,
            resolver,
            settled: Notify::new(),
            tls,
            pool: upstream.pool.clone(),
        }
    }

    /// Waits until it is known where all names lead. Says whether there was anything to wait for.
    pub(crate) async fn settle(&self) -> bool {
        let settled = self.settled.notified();
        if !self.roster.is_unsettled() {
            return false;
        }
        settled.await;
        true
    }

    /// Takes note of where the name of an endpoint leads.
    fn found(&self, endpoint: usize, found: &[Found]) {
        if self.roster.found(endpoint, found, &self.group) {
            self.group.changed();
        }
        self.settled.notify_waiters();
    }

    /// Whether enough of the weight is fit for use.
    fn is_usable(&self, members: &[Arc<Member>]) -> bool {
        let weight = |member: &&Arc<Member>| f64::from(member.weight);
        let all: f64 = members.iter().map(|member| weight(&member)).sum();
        let fit: f64 = members.iter().filter(|m| self.is_fit(m)).map(|m| weight(&m)).sum();
        all > 0.0 && fit * 100.0 / all >= self.threshold
    }

    /// Whether a member is fit for use. Where nothing is checked any longer, what checks found out
    /// does not count.
    fn is_fit(&self, member: &Member) -> bool {
        !self.is_checked() || member.state.is_fit()
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
                tracing::info!(target: "upstream", %upstream, %endpoint, by, "fit for use again");
            }
            false => {
                tracing::warn!(target: "upstream", %upstream, %endpoint, by, "not fit for use");
            }
        }
    }
}
