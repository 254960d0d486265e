//! Targets and how they are.

use std::net::{IpAddr, SocketAddr};

use hyper::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use super::api::Snapshot;
use super::entities::{find, shown};
use super::failure::Failure;
use super::node::{Balancer, BalancerAddress, Undecided};
use super::page::Wanted;
use super::request::Request;
use crate::schema::Entity;
use crate::tables::{Row, Table, text};
use crate::translate;

/// `GET /upstreams/{upstream}/health`
pub(super) fn of_upstream(
    snapshot: &Snapshot<'_>,
    request: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    let targets = Targets::of(snapshot, captures)?;
    let balancer = targets.balancer(snapshot);
    let node = &snapshot.api.node_id;
    if request.switch("balancer_health") {
        let data = targets.balancer_health(&balancer);
        return Ok(Answer::ok(json!({"data": data, "next": null, "node_id": node})));
    }
    let show = |row: Row| {
        let host = Host::of(&row, &balancer);
        let health = |address: &BalancerAddress| word(balancer.checked, address.healthy);
        let data = host.show("health", |address| health(address).into());
        let health = host.health(balancer.checked);
        let mut target = shown(snapshot, targets.schema, row);
        target["health"] = health.into();
        target["data"] = data;
        target
    };
    let mut page = targets.page(request, show)?;
    page["node_id"] = node.as_str().into();
    Ok(Answer::ok(page))
}

/// `GET /upstreams/{upstream}/targets/all`
pub(super) fn all_targets(
    snapshot: &Snapshot<'_>,
    request: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    let targets = Targets::of(snapshot, captures)?;
    Ok(Answer::ok(targets.page(request, |row| shown(snapshot, targets.schema, row))?))
}

/// `PUT /upstreams/{upstream}/targets/{target}/healthy`, and the same of one address
pub(super) fn set_healthy(
    snapshot: &Snapshot<'_>,
    _: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    set(snapshot, captures, true)
}

/// `PUT /upstreams/{upstream}/targets/{target}/unhealthy`, and the same of one address
pub(super) fn set_unhealthy(
    snapshot: &Snapshot<'_>,
    _: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    set(snapshot, captures, false)
}

fn set(snapshot: &Snapshot<'_>, captures: &[&str], healthy: bool) -> Result<Answer, Failure> {
    let targets = Targets::of(snapshot, captures)?;
    let key = captures.get(1).copied().unwrap_or_default();
    let known = |row: &Row| text(row, "target") == Some(key) || text(row, "id") == Some(key);
    let row = targets.rows().find(known).ok_or(Failure::NotFound)?;
    let address = match captures.get(2).map(|address| address.parse::<SocketAddr>()) {
        None => None,
        Some(Ok(address)) => Some((address.ip(), address.port())),
        Some(Err(_)) => return Err(Failure::NotFound),
    };
    let target = place(&row);
    let upstream = translate::balancer(&targets.upstream);
    match snapshot.api.node.set_health(&upstream, target, address, healthy) {
        Ok(()) => Ok(Answer::empty(StatusCode::NO_CONTENT)),
        Err(Undecided::Unknown) => Err(Failure::NotFound),
        Err(Undecided::Unchecked) => {
            Err(Failure::BadRequest("health checks are off for this upstream".into()))
        }
    }
}

/// The targets of an upstream.
struct Targets<'s> {
    all: Option<&'s Table>,
    schema: &'static Entity,
    upstream: String,
}

impl<'s> Targets<'s> {
    fn of(snapshot: &'s Snapshot<'_>, captures: &[&str]) -> Result<Self, Failure> {
        let catalogue = snapshot.api.catalogue;
        let upstreams = catalogue.entity("upstreams").ok_or(Failure::NotFound)?;
        let schema = catalogue.entity("targets").ok_or(Failure::NotFound)?;
        let key = captures.first().copied().unwrap_or_default();
        let row = find(snapshot, upstreams, key, None).ok_or(Failure::NotFound)?;
        let upstream = text(&row, "id").ok_or(Failure::NotFound)?.to_owned();
        let all = snapshot.tables().table(schema.name);
        Ok(Self { all, schema, upstream })
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        self.all.into_iter().flat_map(|table| table.referring("upstream", &self.upstream))
    }

    fn page(&self, request: &Request, show: impl Fn(Row) -> Value) -> Result<Value, Failure> {
        let wanted = Wanted::read(request)?.nested();
        Ok(wanted.page(request, self.rows(), &self.schema.primary_key, show))
    }

    /// How the gateway sees them.
    fn balancer(&self, snapshot: &Snapshot<'_>) -> Balancer {
        let served = snapshot.api.node.balancer(&translate::balancer(&self.upstream));
        served.unwrap_or(Balancer { checked: false, healthy: false, targets: Vec::new() })
    }

    fn balancer_health(&self, balancer: &Balancer) -> Value {
        let rows: Vec<Row> = self.rows().collect();
        let hosts: Vec<_> = rows.iter().map(|row| Host::of(row, balancer)).collect();
        let (total, available) = hosts.iter().fold((0, 0), |(total, available), host| {
            (total + host.total(), available + host.available())
        });
        let show = |host: &Host<'_>| host.show("healthy", |address| address.healthy.into());
        json!({
            "id": self.upstream,
            "health": word(balancer.checked, balancer.healthy),
            "balancer_health": word(true, balancer.healthy),
            "details": {
                "healthy": balancer.healthy,
                "weight": {
                    "total": total,
                    "available": available,
                    "unavailable": total - available,
                },
                "hosts": hosts.iter().map(show).collect::<Vec<_>>(),
            },
        })
    }
}

/// A target as Kong's balancer shows it.
struct Host<'b> {
    name: &'b str,
    port: u16,
    weight: u64,
    addresses: &'b [BalancerAddress],
}

impl<'b> Host<'b> {
    fn of(row: &'b Row, balancer: &'b Balancer) -> Self {
        let (name, port) = place(row);
        let known =
            balancer.targets.iter().find(|target| (&*target.host, target.port) == (name, port));
        let weight = row.get("weight").and_then(Value::as_u64).unwrap_or_default();
        Self { name, port, weight, addresses: known.map_or(&[], |target| &target.addresses) }
    }

    fn health(&self, checked: bool) -> &'static str {
        match self.addresses {
            [] => "DNS_ERROR",
            addresses => word(checked, addresses.iter().any(|address| address.healthy)),
        }
    }

    fn total(&self) -> u64 {
        self.addresses.iter().map(|address| u64::from(address.weight)).sum()
    }

    fn available(&self) -> u64 {
        let healthy = self.addresses.iter().filter(|address| address.healthy);
        healthy.map(|address| u64::from(address.weight)).sum()
    }

    fn show(&self, state: &str, of: impl Fn(&BalancerAddress) -> Value) -> Value {
        let address = |address: &BalancerAddress| {
            json!({
                "ip": bracketed(address.ip),
                "port": address.port,
                "weight": address.weight,
                state: of(address),
            })
        };
        let of_srv = self.addresses.iter().any(|address| address.port != self.port);
        json!({
            "host": self.name,
            "port": self.port,
            "dns": if of_srv { "SRV" } else { "A" },
            "nodeWeight": self.weight,
            "weight": {
                "total": self.total(),
                "available": self.available(),
                "unavailable": self.total() - self.available(),
            },
            "addresses": self.addresses.iter().map(address).collect::<Vec<_>>(),
        })
    }
}

/// Host, without brackets, and port of a target.
fn place(row: &Row) -> (&str, u16) {
    let target = text(row, "target").unwrap_or_default();
    let (host, port) = target.rsplit_once(':').unwrap_or((target, ""));
    (host.trim_matches(['[', ']']), port.parse().unwrap_or_default())
}

fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

fn word(checked: bool, healthy: bool) -> &'static str {
    match (checked, healthy) {
        (false, _) => "HEALTHCHECKS_OFF",
        (true, true) => "HEALTHY",
        (true, false) => "UNHEALTHY",
    }
}
