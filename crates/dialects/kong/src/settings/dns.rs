//! How names become addresses.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use model::{RecordKind, Resolver};

use super::reader::Reader;

/// The properties of one of Kong's two clients.
struct Names {
    servers: &'static str,
    hosts_file: &'static str,
    order: &'static str,
    ttl: &'static str,
    stale: &'static str,
    not_found: &'static str,
    failed: &'static str,
}

const OLD: Names = Names {
    servers: "dns_resolver",
    hosts_file: "dns_hostsfile",
    order: "dns_order",
    ttl: "dns_valid_ttl",
    stale: "dns_stale_ttl",
    not_found: "dns_not_found_ttl",
    failed: "dns_error_ttl",
};

const NEW: Names = Names {
    servers: "resolver_address",
    hosts_file: "resolver_hosts_file",
    order: "resolver_family",
    ttl: "resolver_valid_ttl",
    stale: "resolver_stale_ttl",
    not_found: "resolver_error_ttl",
    failed: "resolver_error_ttl",
};

/// How upstreams' names become addresses.
pub(super) fn resolver(reader: &mut Reader<'_>) -> Resolver {
    let is_new = reader.switch("new_dns_client");
    let names = if is_new { NEW } else { OLD };
    Resolver {
        id: "kong:resolver".into(),
        servers: servers(reader, names.servers),
        hosts_file: reader.text(names.hosts_file),
        order: if is_new { family(reader, names.order) } else { order(reader, names.order) },
        ttl: seconds(reader, names.ttl),
        stale: seconds(reader, names.stale).unwrap_or_default(),
        not_found: seconds(reader, names.not_found).unwrap_or_default(),
        failed: seconds(reader, names.failed).unwrap_or_default(),
        origin: reader.origin(names.servers),
    }
}

fn servers(reader: &mut Reader<'_>, name: &str) -> Vec<SocketAddr> {
    let servers: Option<Vec<_>> = reader.list(name).iter().map(|item| server(item)).collect();
    servers.unwrap_or_else(|| {
        reader.invalid(name, "a list of addresses, such as `10.0.0.2` or `10.0.0.2:5353`");
        Vec::new()
    })
}

fn server(item: &str) -> Option<SocketAddr> {
    let bare = item.strip_prefix('[').and_then(|item| item.strip_suffix(']')).unwrap_or(item);
    let at_port_53 = || bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53));
    item.parse().ok().or_else(at_port_53)
}

/// What works is found out by asking, so that `LAST` says nothing, and aliases are always followed.
fn order(reader: &mut Reader<'_>, name: &str) -> Vec<RecordKind> {
    let mut order = kinds(reader, name, &["LAST", "CNAME"]);
    if !reader.is_given(name) {
        order.push(RecordKind::Aaaa);
    }
    order
}

/// In this client only names of services have SRV records, and they have no others.
fn family(reader: &mut Reader<'_>, name: &str) -> Vec<RecordKind> {
    let mut order = kinds(reader, name, &[]);
    if let Some(at) = order.iter().position(|kind| *kind == RecordKind::Srv) {
        let srv = order.remove(at);
        order.push(srv);
    }
    order
}

fn kinds(reader: &mut Reader<'_>, name: &str, ignored: &[&str]) -> Vec<RecordKind> {
    let mut kinds = Vec::new();
    for item in reader.list(name) {
        let kind = match item.to_ascii_uppercase().as_str() {
            "A" => RecordKind::A,
            "AAAA" => RecordKind::Aaaa,
            "SRV" => RecordKind::Srv,
            other if ignored.contains(&other) => continue,
            _ => {
                reader.invalid(
                    name,
                    "a list of `A`, `AAAA`, `SRV` and, in `dns_order`, `LAST` and `CNAME`",
                );
                return vec![RecordKind::A];
            }
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

fn seconds(reader: &mut Reader<'_>, name: &str) -> Option<Duration> {
    let read = |text: &str| Duration::try_from_secs_f64(text.parse().ok()?).ok();
    reader.parsed(name, "a number of seconds", read)
}
