//! How the members of upstreams are, for whoever asks from outside.

use std::net::IpAddr;

use super::roster::CompiledEndpoint;
use super::{CompiledUpstream, Dial, Member};
use crate::telemetry::Watched;

/// How an upstream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamHealth {
    /// Whether anything ever finds a member unfit.
    pub checked: bool,
    /// Whether enough of the weight is fit for use.
    pub usable: bool,
    /// In the order of the model.
    pub endpoints: Vec<EndpointHealth>,
}

/// How an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Its name or address, as the model has it.
    pub host: String,
    /// Its port, as the model has it.
    pub port: u16,
    /// Its weight, as the model has it.
    pub weight: u32,
    /// Its addresses; none of a name that has none, or that is resolved when connecting.
    pub members: Vec<MemberHealth>,
}

/// How an address of an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberHealth {
    /// The address.
    pub address: IpAddr,
    /// TCP port.
    pub port: u16,
    /// Share of the requests, relative to the others'.
    pub weight: u32,
    /// Whether requests are sent to it.
    pub fit: bool,
}

/// Why nothing could be decided about a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UndecidedHealth {
    /// There is no such upstream, endpoint or address.
    #[error("there is no such endpoint or address")]
    Unknown,
    /// All members are always fit for use.
    #[error("the upstream has no health checks")]
    Unchecked,
}

impl Watched for CompiledUpstream {
    fn name(&self) -> &str {
        &self.name
    }

    fn endpoints(&self) -> Vec<(String, bool)> {
        let members = self.roster.members();
        members.iter().map(|member| (member.label.clone(), self.is_fit(member))).collect()
    }
}

impl CompiledUpstream {
    /// Whether it is to be told of how its members are: if anything is checked, and no other
    /// upstream with the same members tells.
    pub(crate) fn is_watched(&self) -> bool {
        self.is_checked() && !self.is_twin
    }

    /// How its members are.
    pub(crate) fn health(&self) -> UpstreamHealth {
        let roster = self.roster.members();
        let endpoints = self.roster.endpoints.iter().map(|endpoint| EndpointHealth {
            host: endpoint.host.clone(),
            port: endpoint.port,
            weight: endpoint.weight,
            members: Vec::new(),
        });
        let mut endpoints: Vec<_> = endpoints.collect();
        for member in roster.iter() {
            if let Dial::Address(address) = member.dial {
                let (port, weight) = (member.port, member.weight);
                let fit = self.is_fit(member);
                endpoints[member.endpoint].members.push(MemberHealth {
                    address,
                    port,
                    weight,
                    fit,
                });
            }
        }
        UpstreamHealth { checked: self.is_checked(), usable: self.is_usable(&roster), endpoints }
    }

    /// Decides whether the members of an endpoint, or the one at an address, are fit for use, until
    /// checks find out otherwise.
    ///
    /// # Errors
    /// If there is no such member, or nothing is ever checked.
    pub(crate) fn decide(
        &self,
        endpoint: (&str, u16),
        address: Option<(IpAddr, u16)>,
        fit: bool,
    ) -> Result<(), UndecidedHealth> {
        let is_meant = |member: &Member| {
            let CompiledEndpoint { host, port, .. } = &self.roster.endpoints[member.endpoint];
            let at = |(ip, port)| member.dial == Dial::Address(ip) && member.port == port;
            (host.as_str(), *port) == endpoint && address.is_none_or(at)
        };
        let roster = self.roster.members();
        let mut meant = roster.iter().filter(|member| is_meant(member)).peekable();
        if meant.peek().is_none() {
            return Err(UndecidedHealth::Unknown);
        }
        if !self.is_checked() {
            return Err(UndecidedHealth::Unchecked);
        }
        for member in meant {
            if member.state.decide(fit) {
                self.verdict_changed(member, "command");
            }
        }
        Ok(())
    }
}
