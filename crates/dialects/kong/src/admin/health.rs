//! Targets and how they are: nobody checks their health here, and every answer says so.

use serde_json::{Value, json};

use super::answer::Answer;
use super::api::Snapshot;
use super::entities::{find, shown};
use super::failure::Failure;
use super::page::Wanted;
use super::request::Request;
use super::tables::{Row, referred, text};
use crate::schema::Entity;

const UNCHECKED: &str = "HEALTHCHECKS_OFF";

/// `GET /upstreams/{upstream}/health`
pub(super) fn of_upstream(
    snapshot: &Snapshot<'_>,
    request: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    let targets = Targets::of(snapshot, captures)?;
    let node = &snapshot.api.node_id;
    if request.switch("balancer_health") {
        let data = targets.balancer();
        return Ok(Answer::ok(json!({"data": data, "next": null, "node_id": node})));
    }
    let show = |row: &Row| {
        let mut target = shown(snapshot, targets.schema, row);
        target["health"] = UNCHECKED.into();
        target["data"] = host(row, "health", &UNCHECKED.into());
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

/// `PUT /upstreams/{upstream}/targets/{target}/healthy` and `…/unhealthy`
pub(super) fn set(
    snapshot: &Snapshot<'_>,
    _: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    let targets = Targets::of(snapshot, captures)?;
    let key = captures.get(1).copied().unwrap_or_default();
    let known = |row: &&Row| text(row, "target") == Some(key) || text(row, "id") == Some(key);
    if !targets.rows().any(|row| known(&row)) {
        return Err(Failure::NotFound);
    }
    Err(Failure::BadRequest("health checks are not offered by this gateway".into()))
}

/// The targets of an upstream.
struct Targets<'s> {
    all: &'s [Row],
    schema: &'static Entity,
    upstream: &'s str,
}

impl<'s> Targets<'s> {
    fn of(snapshot: &'s Snapshot<'_>, captures: &[&str]) -> Result<Self, Failure> {
        let catalogue = snapshot.api.catalogue;
        let upstreams = catalogue.entity("upstreams").ok_or(Failure::NotFound)?;
        let schema = catalogue.entity("targets").ok_or(Failure::NotFound)?;
        let key = captures.first().copied().unwrap_or_default();
        let row = find(snapshot, upstreams, key, None).ok_or(Failure::NotFound)?;
        let upstream = text(row, "id").ok_or(Failure::NotFound)?;
        let all = snapshot.tables.table(schema.name).map_or(&[][..], |table| &table.rows);
        Ok(Self { all, schema, upstream })
    }

    fn rows(&self) -> impl Iterator<Item = &'s Row> {
        self.all.iter().filter(|row| referred(row, "upstream") == Some(self.upstream))
    }

    fn page(&self, request: &Request, show: impl Fn(&Row) -> Value) -> Result<Value, Failure> {
        let wanted = Wanted::read(request)?.nested();
        Ok(wanted.page(request, self.rows(), &self.schema.primary_key, show))
    }

    fn balancer(&self) -> Value {
        let hosts: Vec<Value> = self.rows().map(|row| host(row, "healthy", &true.into())).collect();
        let total: u64 = self.rows().map(weight).sum();
        json!({
            "id": self.upstream,
            "health": UNCHECKED,
            "balancer_health": "HEALTHY",
            "details": {
                "healthy": true,
                "weight": {"total": total, "available": total, "unavailable": 0},
                "hosts": hosts,
            },
        })
    }
}

/// A target as Kong's balancer shows it. The addresses of a name are known to the workers only.
fn host(row: &Row, state: &str, value: &Value) -> Value {
    let target = text(row, "target").unwrap_or_default();
    let (name, port) = target.rsplit_once(':').unwrap_or((target, ""));
    let (weight, port) = (weight(row), port.parse::<u16>().unwrap_or_default());
    let is_address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    let address = json!({"ip": name, "port": port, "weight": weight, state: value});
    json!({
        "host": name,
        "port": port,
        "dns": "A",
        "nodeWeight": weight,
        "weight": {"total": weight, "available": weight, "unavailable": 0},
        "addresses": if is_address { vec![address] } else { Vec::new() },
    })
}

fn weight(row: &Row) -> u64 {
    row.get("weight").and_then(Value::as_u64).unwrap_or_default()
}
