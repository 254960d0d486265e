//! The members of an upstream: who stands for its endpoints now.

use std::net::IpAddr;
use std::sync::Arc;

use model::Resolution;
use parking_lot::Mutex;

use super::group::{Group, Place};
use super::names::Found;
use super::state::MemberState;
use crate::settings::ConnectTo;

/// The members of an upstream. They change when a name leads elsewhere.
pub(super) struct Roster {
    pub(super) endpoints: Vec<CompiledEndpoint>,
    naming: Naming,
    resolution: Resolution,
    current: Mutex<Current>,
}

struct Current {
    members: Arc<[Arc<Member>]>,
    /// By endpoint, where its name leads; `None` if that is not known yet.
    found: Vec<Option<Vec<Found>>>,
}

/// An endpoint of a snapshot.
#[derive(PartialEq, Eq)]
pub(super) struct CompiledEndpoint {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) weight: u32,
    /// Where to connect.
    dial: Dial,
    dial_port: u16,
}

/// What an endpoint is called in `Host`.
struct Naming {
    host_header: Option<String>,
    default_port: u16,
}

/// What stands for an endpoint, or for a part of it.
pub(crate) struct Member {
    /// The endpoint.
    pub(super) endpoint: usize,
    /// The endpoint's name or address, or the name by which it was found.
    pub(super) name: String,
    /// What it is called in logs and metrics.
    pub(crate) label: String,
    /// The default `Host`.
    pub(crate) host_header: String,
    /// Where to connect.
    pub(crate) dial: Dial,
    pub(crate) port: u16,
    pub(super) weight: u32,
    pub(super) state: Arc<MemberState>,
    /// What it is called on a ring.
    pub(super) ring_place: String,
    /// Where it comes when a ring is laid out.
    pub(super) ring_rank: (String, u16),
}

/// An address, or a name to resolve when connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dial {
    Address(IpAddr),
    Name(String),
}

impl Roster {
    /// The roster of an upstream. What `before` knows of the same names is taken over.
    pub(super) fn new(
        upstream: &model::Upstream,
        group: &Group,
        detours: &[ConnectTo],
        before: Option<&Self>,
    ) -> Self {
        let endpoints = upstream.endpoints.iter();
        let endpoints: Vec<_> =
            endpoints.map(|endpoint| CompiledEndpoint::new(endpoint, detours)).collect();
        let found = endpoints.iter().map(|endpoint| before?.found_before(endpoint)).collect();
        let naming = Naming {
            host_header: upstream.host_header.clone(),
            default_port: upstream.default_port(),
        };
        let current = Mutex::new(Current { members: Arc::new([]), found });
        let roster = Self { endpoints, naming, resolution: upstream.resolution, current };
        roster.rebuild(&mut roster.current.lock(), group);
        roster
    }

    /// The members there are now.
    pub(super) fn members(&self) -> Arc<[Arc<Member>]> {
        Arc::clone(&self.current.lock().members)
    }

    /// The endpoints with a name that is to be resolved ahead.
    pub(super) fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        let endpoints = self.endpoints.iter().enumerate();
        endpoints.filter_map(|(at, endpoint)| match &endpoint.dial {
            Dial::Name(name) if self.resolution != Resolution::WhenConnecting => {
                Some((at, name.as_str()))
            }
            _ => None,
        })
    }

    /// Whether it is not known yet where some names lead.
    pub(super) fn is_unsettled(&self) -> bool {
        let current = self.current.lock();
        self.names().any(|(at, _)| current.found[at].is_none())
    }

    /// Takes note of where the name of an endpoint leads. Says whether the members have changed.
    pub(super) fn found(&self, endpoint: usize, found: &[Found], group: &Group) -> bool {
        let mut current = self.current.lock();
        if current.found[endpoint].as_deref() == Some(found) {
            return false;
        }
        current.found[endpoint] = Some(found.to_vec());
        self.rebuild(&mut current, group);
        true
    }

    fn found_before(&self, endpoint: &CompiledEndpoint) -> Option<Vec<Found>> {
        let same = |other: &CompiledEndpoint| {
            (&other.host, &other.dial, other.dial_port)
                == (&endpoint.host, &endpoint.dial, endpoint.dial_port)
        };
        let at = self.endpoints.iter().position(same)?;
        self.current.lock().found[at].clone()
    }

    /// Members that stay as they are keep their object, and with it their connections.
    fn rebuild(&self, current: &mut Current, group: &Group) {
        let mut members: Vec<Arc<Member>> = Vec::new();
        for (at, endpoint) in self.endpoints.iter().enumerate() {
            let fresh = match (&endpoint.dial, self.resolution) {
                (Dial::Name(_), Resolution::Ahead { srv_names }) => {
                    let found = current.found[at].iter().flatten();
                    found.map(|found| self.found_member(at, found, srv_names, group)).collect()
                }
                _ => vec![self.member(at, group)],
            };
            let first = members.len();
            for member in fresh {
                // Records may be given twice.
                if members[first..].iter().any(|other| other.is_same(&member)) {
                    continue;
                }
                let same = current.members.iter().find(|other| other.is_same(&member));
                members.push(same.map_or_else(|| Arc::new(member), Arc::clone));
            }
        }
        current.members = members.into();
    }

    /// The member that is an endpoint.
    fn member(&self, at: usize, group: &Group) -> Member {
        let endpoint = &self.endpoints[at];
        let place = Place {
            host: endpoint.host.clone(),
            dial: endpoint.dial.to_string(),
            port: endpoint.dial_port,
        };
        Member {
            endpoint: at,
            name: bracketed(&endpoint.host),
            label: format!("{}:{}", bracketed(&endpoint.host), endpoint.port),
            host_header: self.naming.host_of(&endpoint.host, endpoint.port),
            dial: endpoint.dial.clone(),
            port: endpoint.dial_port,
            weight: endpoint.weight,
            state: group.state(place),
            // By what the document says: keys lead to the same endpoints whatever detours there are.
            ring_place: format!("{}::{}", bracketed(&endpoint.host), endpoint.port),
            ring_rank: (endpoint.host.clone(), endpoint.port),
        }
    }

    /// The member that is an address of an endpoint's name.
    fn found_member(&self, at: usize, found: &Found, srv_names: bool, group: &Group) -> Member {
        let endpoint = &self.endpoints[at];
        let srv = found.srv.as_ref();
        let port = srv.map_or(endpoint.dial_port, |srv| srv.port);
        let weight = match srv {
            Some(srv) if endpoint.weight > 0 => srv.weight,
            _ => endpoint.weight,
        };
        let name = match srv {
            Some(srv) if srv_names => &srv.target,
            _ => &endpoint.host,
        };
        // Behind a detour the port that was meant is the endpoint's.
        let named_port = if srv.is_some() { port } else { endpoint.port };
        let address = bracketed(&found.address.to_string());
        let place = Place { host: endpoint.host.clone(), dial: address.clone(), port };
        Member {
            endpoint: at,
            name: name.clone(),
            label: format!("{address}:{port}"),
            host_header: self.naming.host_of(name, named_port),
            dial: Dial::Address(found.address),
            port,
            weight,
            state: group.state(place),
            ring_place: format!("{address}::{port}"),
            ring_rank: (endpoint.host.clone(), endpoint.port),
        }
    }
}

impl CompiledEndpoint {
    fn new(endpoint: &model::Endpoint, detours: &[ConnectTo]) -> Self {
        let detour = detours.iter().find_map(|detour| detour.apply(&endpoint.host, endpoint.port));
        let (host, port) = detour.unwrap_or_else(|| (endpoint.host.clone(), endpoint.port));
        Self {
            host: endpoint.host.clone(),
            port: endpoint.port,
            weight: endpoint.weight,
            dial: host.parse().map_or(Dial::Name(host), Dial::Address),
            dial_port: port,
        }
    }
}

impl Naming {
    fn host_of(&self, name: &str, port: u16) -> String {
        model::host_of(self.host_header.as_deref(), self.default_port, name, port)
    }
}

impl Member {
    /// By its endpoint's name and port, then by its own address.
    pub(super) fn ring_order(&self) -> (&str, u16, &str) {
        (&self.ring_rank.0, self.ring_rank.1, &self.ring_place)
    }

    fn is_same(&self, other: &Self) -> bool {
        let key = |member: &Self| (member.endpoint, member.port, member.weight);
        key(self) == key(other) && self.dial == other.dial && self.host_header == other.host_header
    }
}

impl std::fmt::Display for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// An IPv6 address gets its brackets.
fn bracketed(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::Srv;
    use super::*;

    fn upstream(hosts: &[(&str, u16, u32)], resolution: Resolution) -> model::Upstream {
        let endpoint = |(host, port, weight): &(&str, u16, u32)| model::Endpoint {
            host: (*host).to_owned(),
            port: *port,
            weight: *weight,
            origin: Default::default(),
        };
        model::Upstream {
            id: "u".into(),
            name: "u".into(),
            endpoints: hosts.iter().map(endpoint).collect(),
            resolution,
            resolver: None,
            balance: Default::default(),
            group: None,
            health: Default::default(),
            protocol: Default::default(),
            tls: None,
            host_header: None,
            pool: Default::default(),
            origin: Default::default(),
        }
    }

    fn ahead(srv_names: bool) -> Resolution {
        Resolution::Ahead { srv_names }
    }

    fn a(last: u8) -> Found {
        Found { address: [10, 0, 0, last].into(), srv: None }
    }

    fn srv(last: u8, port: u16, weight: u32) -> Found {
        let srv = Srv { port, weight, target: format!("node-{last}.test") };
        Found { srv: Some(srv), ..a(last) }
    }

    fn shown(roster: &Roster) -> Vec<(String, String, u32)> {
        let show = |m: &Arc<Member>| (m.label.clone(), m.host_header.clone(), m.weight);
        roster.members().iter().map(show).collect()
    }

    #[test]
    fn each_address_of_a_name_is_a_member() {
        let group = Group::default();
        let hosts = [("a.test", 8080, 7), ("10.0.0.9", 80, 1)];
        let roster = Roster::new(&upstream(&hosts, ahead(false)), &group, &[], None);
        assert!(roster.is_unsettled() && roster.members().len() == 1);
        assert!(roster.found(0, &[a(1), a(2), a(1)], &group));
        assert!(!roster.is_unsettled() && !roster.found(0, &[a(1), a(2), a(1)], &group));
        let host = "a.test:8080".to_owned();
        let expected = [
            ("10.0.0.1:8080".into(), host.clone(), 7),
            ("10.0.0.2:8080".into(), host, 7),
            ("10.0.0.9:80".into(), "10.0.0.9".into(), 1),
        ];
        assert_eq!(shown(&roster), expected);
    }

    #[test]
    fn srv_records_have_ports_and_weights_and_may_have_names() {
        let group = Group::default();
        let found = [srv(1, 1001, 1), srv(2, 1002, 9)];
        let hosts = |weight| [("a.test", 80, weight)];
        let roster = Roster::new(&upstream(&hosts(5), ahead(false)), &group, &[], None);
        roster.found(0, &found, &group);
        let members = shown(&roster);
        assert_eq!(members[1], ("10.0.0.2:1002".into(), "a.test:1002".into(), 9));
        let named = Roster::new(&upstream(&hosts(0), ahead(true)), &group, &[], None);
        named.found(0, &found, &group);
        assert_eq!(shown(&named)[0], ("10.0.0.1:1001".into(), "node-1.test:1001".into(), 0));
    }

    #[test]
    fn members_that_stay_keep_their_object_and_new_rosters_what_was_found() {
        let group = Group::default();
        let upstream = upstream(&[("a.test", 80, 1)], ahead(false));
        let roster = Roster::new(&upstream, &group, &[], None);
        roster.found(0, &[a(1), a(2)], &group);
        let before = roster.members();
        before[1].state.decide(false);
        roster.found(0, &[a(2), a(3)], &group);
        let after = roster.members();
        assert!(Arc::ptr_eq(&before[1], &after[0]));
        let next = Roster::new(&upstream, &group, &[], Some(&roster));
        assert!(!next.is_unsettled() && !next.members()[0].state.is_fit());
    }

    #[test]
    fn a_name_that_is_resolved_when_connecting_is_one_member() {
        let group = Group::default();
        let hosts = [("a.test", 80, 1)];
        let detours = ["a.test:80:b.test:81".parse().expect("a detour")];
        let upstream = upstream(&hosts, Resolution::WhenConnecting);
        let roster = Roster::new(&upstream, &group, &detours, None);
        assert!(!roster.is_unsettled() && roster.names().next().is_none());
        assert_eq!(shown(&roster), [("a.test:80".into(), "a.test".into(), 1)]);
        let member = &roster.members()[0];
        assert_eq!((&member.dial, member.port), (&Dial::Name("b.test".into()), 81));
    }
}
