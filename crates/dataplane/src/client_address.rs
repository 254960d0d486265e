//! Who the client is, where a proxy stands between it and the gateway.

use std::net::{IpAddr, SocketAddr};

use filter::Exchange;
use model::ClientAddress;

/// Finds out whether the peer is trusted and, if it is, which client it speaks for.
pub(crate) fn judge(rules: &ClientAddress, x: &mut Exchange) {
    x.client.trusted = is_trusted(rules, x.client.peer);
    if !x.client.trusted {
        return;
    }
    let Some(header) = &rules.header else { return };
    let Some(value) = x.request.headers.joined(&header.name) else { return };
    if let Some(address) = named(rules, header.recursive, &value) {
        x.client.address = address;
    }
}

/// Whether a peer's word on its clients is taken.
pub(crate) fn is_trusted(rules: &ClientAddress, peer: SocketAddr) -> bool {
    is_listed(rules, peer.ip().to_canonical())
}

fn is_listed(rules: &ClientAddress, address: IpAddr) -> bool {
    rules.trusted.iter().any(|net| net.contains(&address))
}

/// The client's address in a list of addresses, of which the last was written by the peer. What
/// is no address ends the search: what stands before it was not vouched for.
fn named(rules: &ClientAddress, recursive: bool, value: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    for element in value.rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        let Some(address) = address(element) else { break };
        found = Some(address);
        if !recursive || !is_listed(rules, address) {
            break;
        }
    }
    found
}

/// An address, perhaps with a port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().ok();
    parsed
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> ClientAddress {
        let trusted = ["10.0.0.0/8", "::1/128"].map(|net| net.parse().expect("a network"));
        ClientAddress { trusted: trusted.into(), header: None }
    }

    fn find(recursive: bool, value: &str) -> Option<String> {
        named(&rules(), recursive, value.as_bytes()).map(|address| address.to_string())
    }

    #[test]
    fn the_last_address_counts() {
        assert_eq!(find(false, "1.1.1.1, 2.2.2.2"), Some("2.2.2.2".into()));
        assert_eq!(find(false, "1.1.1.1, 10.0.0.1"), Some("10.0.0.1".into()));
    }

    #[test]
    fn trusted_addresses_are_skipped_if_asked_for() {
        assert_eq!(find(true, "1.1.1.1, 2.2.2.2, 10.0.0.1"), Some("2.2.2.2".into()));
        assert_eq!(find(true, "10.0.0.2, 10.0.0.1"), Some("10.0.0.2".into()));
    }

    #[test]
    fn what_is_no_address_ends_the_search() {
        assert_eq!(find(true, "1.1.1.1, unknown, 10.0.0.1"), Some("10.0.0.1".into()));
        assert_eq!(find(false, "unknown"), None);
        assert_eq!(find(false, ""), None);
    }

    #[test]
    fn ports_and_brackets_are_understood() {
        assert_eq!(find(false, "1.1.1.1:80"), Some("1.1.1.1".into()));
        assert_eq!(find(false, "[2001:db8::1]:80"), Some("2001:db8::1".into()));
        assert_eq!(find(false, "[2001:db8::1]"), Some("2001:db8::1".into()));
        assert_eq!(find(false, "::ffff:1.2.3.4"), Some("1.2.3.4".into()));
    }
}
