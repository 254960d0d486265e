//! Names and addresses of hosts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Refusal;

const INVALID_PORT: &str = "invalid port number";

/// The port of a target that names none.
const TARGET_PORT: u32 = 8000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ipv4,
    Ipv6,
    Name,
}

/// An address as Kong takes it apart: an IPv4 address, an IPv6 address (with a port only in
/// brackets), or a name.
struct Address {
    kind: Kind,
    host: String,
    port: Option<u32>,
}

pub(super) fn check_host(text: &str) -> Result<(), Refusal> {
    check_without_port(text, parse(text)).map(|_| ())
}

pub(super) fn check_host_with_optional_port(text: &str) -> Result<(), Refusal> {
    parse(text).map(|_| ())
}

pub(super) fn check_sni(text: &str) -> Result<(), Refusal> {
    check_name(text, text)
}

pub(super) fn check_wildcard_host(text: &str) -> Result<(), Refusal> {
    let Some(star) = text.find('*') else { return check_name(text, text) };
    if star != 0 && star != text.len() - 1 {
        return Err("wildcard must be leftmost or rightmost character".into());
    }
    if text.matches('*').count() > 1 {
        return Err("only one wildcard must be specified".into());
    }
    let name = text.replace('*', "wildcard");
    check_name(&name, &name)
}

pub(super) fn check_upstream_name(text: &str) -> Result<(), Refusal> {
    let problem = match parse(text) {
        Err(_) => "must be a valid hostname",
        Ok(address) if address.kind != Kind::Name => "no ip addresses allowed",
        Ok(Address { port: Some(_), .. }) => "no port allowed",
        Ok(_) => return Ok(()),
    };
    Err(format!("Invalid name ('{text}'); {problem}").into())
}

pub(super) fn check_target(text: &str) -> Result<(), Refusal> {
    parse(text).map(|_| ()).map_err(|_| {
        format!("Invalid target ('{text}'); not a valid hostname or ip address").into()
    })
}

/// A target as it is kept: `host:port`, IPv6 addresses whole and in brackets.
pub(crate) fn target_with_port(text: &str) -> Option<String> {
    let address = parse(text).ok()?;
    let port = address.port.unwrap_or(TARGET_PORT);
    Some(match address.kind {
        Kind::Ipv6 => format!("[{}]:{port}", address.host),
        Kind::Ipv4 | Kind::Name => format!("{}:{port}", address.host),
    })
}

pub(super) fn check_ip(text: &str) -> Result<(), Refusal> {
    if is_ip(text) { Ok(()) } else { Err(format!("not an ip address: {text}").into()) }
}

pub(super) fn check_ip_or_cidr(text: &str) -> Result<(), Refusal> {
    if is_ip(text) || is_cidr(text) {
        return Ok(());
    }
    Err(format!("invalid ip or cidr range: '{text}'").into())
}

fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn is_cidr(text: &str) -> bool {
    let Some((ip, prefix)) = text.split_once('/') else { return false };
    // `08` or `+8` is no prefix.
    let Some(prefix) = prefix.parse::<u8>().ok().filter(|n| n.to_string() == prefix) else {
        return false;
    };
    (prefix <= 32 && ip.parse::<Ipv4Addr>().is_ok())
        || (prefix <= 128 && ip.parse::<Ipv6Addr>().is_ok())
}

/// `shown` is what is said to be invalid.
fn check_name(text: &str, shown: &str) -> Result<(), Refusal> {
    let parsed = parse(text);
    if parsed.as_ref().is_ok_and(|address| address.kind != Kind::Name) {
        return Err("must not be an IP".into());
    }
    check_without_port(shown, parsed)
}

fn check_without_port(shown: &str, parsed: Result<Address, Refusal>) -> Result<(), Refusal> {
    match parsed {
        Ok(Address { port: None, .. }) => Ok(()),
        Ok(_) => Err("must not have a port".into()),
        Err(problem) if problem == INVALID_PORT => Err("must not have a port".into()),
        Err(_) => Err(format!("invalid value: {shown}").into()),
    }
}

fn parse(text: &str) -> Result<Address, Refusal> {
    let without_colons = text.bytes().filter(|byte| *byte != b':');
    if text.matches(':').count() > 1 {
        return parse_ipv6(text);
    }
    let mut digits_and_dots = without_colons.peekable();
    if digits_and_dots.peek().is_some()
        && digits_and_dots.all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return parse_ipv4(text);
    }
    parse_name(text)
}

fn parse_ipv4(text: &str) -> Result<Address, Refusal> {
    let invalid = || Refusal::from(format!("invalid ipv4 address: {text}"));
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let parts: Vec<u32> = host
        .split('.')
        .map(|part| ((1..=3).contains(&part.len())).then(|| part.parse().ok()).flatten())
        .collect::<Option<_>>()
        .ok_or_else(invalid)?;
    let [a, b, c, d] = parts[..] else { return Err(invalid()) };
    if parts.iter().any(|part| *part > 255) {
        return Err(invalid());
    }
    let port = port.map(|port| parse_port(port).ok_or_else(invalid)?).transpose()?;
    Ok(Address { kind: Kind::Ipv4, host: format!("{a}.{b}.{c}.{d}"), port })
}

fn parse_ipv6(text: &str) -> Result<Address, Refusal> {
    let invalid = || Refusal::from(format!("invalid ipv6 address: {text}"));
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or("invalid ipv6 address")?)),
        None => (text, None),
    };
    let groups = host.parse::<Ipv6Addr>().map_err(|_| invalid())?.segments();
    let host = groups.map(|group| format!("{group:04x}")).join(":");
    let port = match port {
        Some(port) => Some(parse_port(port).ok_or("invalid ipv6 address")??),
        None => None,
    };
    Ok(Address { kind: Kind::Ipv6, host, port })
}

fn parse_name(text: &str) -> Result<Address, Refusal> {
    let invalid = || Refusal::from(format!("invalid hostname: {text}"));
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => match parse_port(port) {
            Some(port) => (name, Some(port?)),
            // What follows the colon is no number, so the colon is part of the name.
            None => (text, None),
        },
        None => (text, None),
    };
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if name.is_empty() || !name.bytes().all(sound) {
        return Err(invalid());
    }
    let labels = name.split('.').count();
    for (index, label) in name.split('.').enumerate() {
        // A name may end with a dot.
        if label.ends_with('-') || (label.is_empty() && index + 1 != labels) {
            return Err(invalid());
        }
    }
    Ok(Address { kind: Kind::Name, host: name.to_owned(), port })
}

/// `None` if there are other characters than digits.
fn parse_port(text: &str) -> Option<Result<u32, Refusal>> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = text.parse().ok().filter(|port| *port <= 65535);
    Some(port.ok_or_else(|| INVALID_PORT.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(result: Result<(), Refusal>) -> String {
        result.map_or_else(|refusal| refusal.into_owned(), |()| "ok".to_owned())
    }

    #[test]
    fn hosts() {
        for (text, expected) in [
            ("example.com", "ok"),
            ("example.com.", "ok"),
            ("a_b-c.test", "ok"),
            ("10.0.0.1", "ok"),
            ("::1", "ok"),
            ("[::1]", "ok"),
            ("h:80", "must not have a port"),
            ("h:99999", "must not have a port"),
            ("[::1]:80", "must not have a port"),
            ("10.0.0.256", "invalid value: 10.0.0.256"),
            ("a b", "invalid value: a b"),
            ("a..b", "invalid value: a..b"),
            ("a-.b", "invalid value: a-.b"),
            ("::g", "invalid value: ::g"),
        ] {
            assert_eq!(said(check_host(text)), expected, "{text}");
        }
    }

    #[test]
    fn wildcards_stand_at_an_end() {
        for (text, expected) in [
            ("*.example.com", "ok"),
            ("example.*", "ok"),
            ("*example.com", "ok"),
            ("a.*.com", "wildcard must be leftmost or rightmost character"),
            ("*.a.*", "only one wildcard must be specified"),
            ("1.2.3.4", "must not be an IP"),
            ("a.test:80", "must not have a port"),
        ] {
            assert_eq!(said(check_wildcard_host(text)), expected, "{text}");
        }
    }

    #[test]
    fn targets_get_a_port() {
        assert_eq!(target_with_port("h").as_deref(), Some("h:8000"));
        assert_eq!(target_with_port("001.2.3.4:80").as_deref(), Some("1.2.3.4:80"));
        assert_eq!(
            target_with_port("::1").as_deref(),
            Some("[0000:0000:0000:0000:0000:0000:0000:0001]:8000")
        );
        assert_eq!(target_with_port("h:99999"), None);
    }

    #[test]
    fn ranges_of_addresses() {
        for text in ["10.0.0.0/8", "::/0", "10.0.0.1", "fe80::1/64"] {
            assert_eq!(said(check_ip_or_cidr(text)), "ok");
        }
        for text in ["10.0.0.0/33", "10.0.0.0/08", "x", "10.0.0/8"] {
            assert_eq!(said(check_ip_or_cidr(text)), format!("invalid ip or cidr range: '{text}'"));
        }
    }
}
