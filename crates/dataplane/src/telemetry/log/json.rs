//! The access log as JSON, one object a line. `docs/metrics.md` says what each field means.

use filter::{Exchange, Now};
use model::Scheme;

use super::escape;
use super::time::{Times, write_thousandths};
use crate::number;
use crate::telemetry::durations::Durations;
use crate::voice::{write_address, write_id};

/// Appends the object of an exchange. Fields that have no value are left out, and the query
/// always: it is where tokens stand.
pub(super) fn write(x: &Exchange, now: Now, times: &Times, line: &mut Vec<u8>) {
    let (request, timings, client) = (&x.request, &x.timings, &x.client);
    line.extend_from_slice(b"{\"time\":\"");
    times.write_utc(now, line);
    line.extend_from_slice(b"\",\"request_id\":\"");
    write_id(x.id, line);
    line.extend_from_slice(b"\",\"client\":\"");
    write_address(client.address, line);
    line.push(b'"');
    if client.address != client.peer.ip() {
        line.extend_from_slice(b",\"peer\":\"");
        write_address(client.peer.ip(), line);
        line.push(b'"');
    }
    if !request.target().is_empty() {
        text("method", request.method.as_str(), line);
        text("scheme", if client.scheme == Scheme::Https { "https" } else { "http" }, line);
        text("host", request.host(), line);
        text("path", request.raw_path(), line);
        text("protocol", request.version.as_str(), line);
    }
    number("status", x.response.status.into(), line);
    number("received_bytes", timings.received, line);
    number("sent_bytes", timings.sent, line);
    let durations = Durations::of(x, now);
    milliseconds("duration_ms", durations.total, line);
    milliseconds("gateway_ms", durations.gateway, line);
    if let Some(upstream) = durations.upstream {
        milliseconds("upstream_ms", upstream, line);
        number("upstream_tries", timings.tries.into(), line);
    }
    if timings.upstream_status != 0 {
        number("upstream_status", timings.upstream_status.into(), line);
    }
    if let Some(labels) = x.labels() {
        optional("route", Some(&labels.route), line);
        optional("service", Some(&labels.service), line);
    }
    optional("consumer", consumer(x), line);
    optional("sni", client.sni.as_deref(), line);
    for (field, name) in [("user_agent", "user-agent"), ("referer", "referer")] {
        if let Some(value) = request.headers.get(name) {
            bytes(field, value, line);
        }
    }
    line.push(b'}');
}

/// The caller's name, or its id if it has none.
pub(super) fn consumer(x: &Exchange) -> Option<&str> {
    let principal = x.view.identities().principal(x.caller?.principal);
    Some(principal.name.as_deref().unwrap_or(&principal.public_id))
}

fn optional(name: &str, value: Option<&str>, line: &mut Vec<u8>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        text(name, value, line);
    }
}

fn text(name: &str, value: &str, line: &mut Vec<u8>) {
    bytes(name, value.as_bytes(), line);
}

fn bytes(name: &str, value: &[u8], line: &mut Vec<u8>) {
    key(name, line);
    line.push(b'"');
    escape::json(value, line);
    line.push(b'"');
}

fn number(name: &str, value: u64, line: &mut Vec<u8>) {
    key(name, line);
    number::write(value, line);
}

fn milliseconds(name: &str, us: u64, line: &mut Vec<u8>) {
    number(name, us / 1000, line);
    line.push(b'.');
    write_thousandths(us, line);
}

/// Names are our own: they need no escape.
fn key(name: &str, line: &mut Vec<u8>) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
}
