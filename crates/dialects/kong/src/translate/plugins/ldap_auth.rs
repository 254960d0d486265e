//! `ldap-auth`: callers are known to an LDAP directory by a name and a password.

use serde_json::{Value, json};

use super::super::redis;
use super::{Offer, Reader, identity_headers};

pub(super) const OFFER: Offer = Offer { plugin: "ldap-auth", kind: "ldap-auth", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    let server = server(reader);
    reader.config.insert("server".into(), server);
    reader.copy_or("base_dn", "base", "");
    reader.copy_or("attribute", "attribute", "");
    reader.config.insert("headers".into(), json!(["proxy-authorization", "authorization"]));
    reader.copy_or("header_type", "scheme", "ldap");
    reader.copy_or("cache_ttl", "cache_seconds", 60);
    reader.copy_or("hide_credentials", "hide", false);
    reader.copy_or("realm", "realm", Value::Null);
    reader.copy_or("anonymous", "anonymous", Value::Null);
    reader.config.insert("identity_headers".into(), identity_headers());
}

fn server(reader: &mut Reader<'_, '_>) -> Value {
    let places = [
        ("ldap_host", "host"),
        ("ldap_port", "port"),
        ("ldaps", "tls"),
        ("start_tls", "tls"),
        ("verify_ldap_host", "verify"),
        ("timeout", "timeout_ms"),
        ("keepalive", "keepalive_ms"),
    ];
    for (field, to) in places {
        reader.stands(field, &format!("server/{to}"));
    }
    let tls = match (reader.is_on("ldaps"), reader.is_on("start_tls")) {
        (true, _) => "tls",
        (_, true) => "start-tls",
        _ => "none",
    };
    let mut server = json!({
        "host": reader.text("ldap_host").unwrap_or_default(),
        "port": reader.get("ldap_port").and_then(Value::as_u64).unwrap_or(389),
        "tls": tls,
        "verify": reader.is_on("verify_ldap_host"),
        "timeout_ms": milliseconds(reader, "timeout", 10_000),
        "keepalive_ms": milliseconds(reader, "keepalive", 60_000),
    });
    if let Some(authorities) = redis::authorities(reader) {
        server["authorities"] = authorities;
    }
    server
}

/// Kong's schema takes any number. Saturates, at both ends.
fn milliseconds(reader: &Reader<'_, '_>, field: &str, otherwise: u64) -> u64 {
    reader.get(field).and_then(Value::as_f64).map_or(otherwise, |number| number as u64)
}
