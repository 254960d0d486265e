//! When a route applies.

use model::{HeaderMatch, HostMatch, HostPattern, PathMatch, Predicate, SniMatch, ValueMatch};

use crate::entities::Route;

/// The predicate of a route with some of its paths.
///
/// A route's protocols are no part of it: in the router flavor `traditional_compatible` a request
/// in plain text may find a route for HTTPS only, and is then told so.
pub(super) fn predicate(route: &Route, paths: &[&str]) -> Predicate {
    Predicate {
        hosts: route.hosts.iter().flatten().map(|host| host_match(host)).collect(),
        paths: paths.iter().map(|path| path_match(path)).collect(),
        methods: route.methods.clone().unwrap_or_default(),
        headers: route.headers.iter().flatten().map(header_match).collect(),
        queries: Vec::new(),
        snis: route.snis.iter().flatten().map(|sni| sni_match(sni)).collect(),
        schemes: Vec::new(),
        sources: Vec::new(),
    }
}

fn host_match(host: &str) -> HostMatch {
    let (name, port) = match split_port(host) {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    let name = name.to_ascii_lowercase();
    let pattern = match wildcard(&name) {
        Wildcard::Before(rest) => HostPattern::Suffix(rest.to_owned()),
        Wildcard::Behind(rest) => HostPattern::Prefix(rest.to_owned()),
        Wildcard::None => HostPattern::Exact(without_dot(&name)),
    };
    HostMatch { pattern, port }
}

/// The name and the port of `name:port`; `[::1]` is all name.
fn split_port(host: &str) -> Option<(&str, u16)> {
    let (name, port) = host.rsplit_once(':')?;
    let is_address = name.contains(':') && !name.ends_with(']');
    if is_address {
        return None;
    }
    Some((name, port.parse().ok()?))
}

fn path_match(path: &str) -> PathMatch {
    match path.strip_prefix('~') {
        Some(regex) => PathMatch::Regex(regex.to_owned()),
        None => PathMatch::Prefix(path.to_owned()),
    }
}

fn header_match((name, values): (&String, &Vec<String>)) -> HeaderMatch {
    let any_of = values.iter().map(|value| match value.strip_prefix("~*") {
        Some(regex) => ValueMatch::Regex(format!("(?i){regex}")),
        None => ValueMatch::IgnoreCase(value.clone()),
    });
    HeaderMatch { name: name.to_ascii_lowercase(), any_of: any_of.collect() }
}

fn sni_match(sni: &str) -> SniMatch {
    let name = sni.to_ascii_lowercase();
    match wildcard(&name) {
        Wildcard::Before(rest) => SniMatch::Suffix(without_dot(rest)),
        Wildcard::Behind(rest) => SniMatch::Prefix(rest.to_owned()),
        Wildcard::None => SniMatch::Exact(without_dot(&name)),
    }
}

enum Wildcard<'n> {
    None,
    /// `*.example.com`: `.example.com`.
    Before(&'n str),
    /// `example.*`: `example.`.
    Behind(&'n str),
}

fn wildcard(name: &str) -> Wildcard<'_> {
    if let Some(rest) = name.strip_prefix('*') {
        Wildcard::Before(rest)
    } else if let Some(rest) = name.strip_suffix('*') {
        Wildcard::Behind(rest)
    } else {
        Wildcard::None
    }
}

fn without_dot(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_wildcards_and_ports() {
        let host = |pattern, port| HostMatch { pattern, port };
        let cases = [
            ("A.test", host(HostPattern::Exact("a.test".into()), None)),
            ("a.test.", host(HostPattern::Exact("a.test".into()), None)),
            ("a.test:8000", host(HostPattern::Exact("a.test".into()), Some(8000))),
            ("*.a.test", host(HostPattern::Suffix(".a.test".into()), None)),
            ("*.a.test:80", host(HostPattern::Suffix(".a.test".into()), Some(80))),
            ("a.*", host(HostPattern::Prefix("a.".into()), None)),
            ("[::1]", host(HostPattern::Exact("[::1]".into()), None)),
            ("[::1]:80", host(HostPattern::Exact("[::1]".into()), Some(80))),
        ];
        for (text, expected) in cases {
            assert_eq!(host_match(text), expected, "{text}");
        }
    }

    #[test]
    fn regular_expressions_are_marked() {
        assert_eq!(path_match("/a"), PathMatch::Prefix("/a".into()));
        assert_eq!(path_match("~/a\\d"), PathMatch::Regex("/a\\d".into()));
        let (name, values) = ("X-A".to_owned(), vec!["B".to_owned(), "~*^c$".to_owned()]);
        assert_eq!(
            header_match((&name, &values)),
            HeaderMatch {
                name: "x-a".into(),
                any_of: vec![
                    ValueMatch::IgnoreCase("B".into()),
                    ValueMatch::Regex("(?i)^c$".into())
                ],
            }
        );
    }

    #[test]
    fn server_names_lose_their_trailing_dot() {
        assert_eq!(sni_match("A.test."), SniMatch::Exact("a.test".into()));
        assert_eq!(sni_match("*.a.test"), SniMatch::Suffix(".a.test".into()));
        assert_eq!(sni_match("a.*"), SniMatch::Prefix("a.".into()));
    }

    proptest::proptest! {
        #[test]
        fn a_port_is_split_off_and_nothing_else(name in "[a-z.]{1,20}", port: u16) {
            let with_port = format!("{name}:{port}");
            proptest::prop_assert_eq!(split_port(&with_port), Some((name.as_str(), port)));
            proptest::prop_assert_eq!(split_port(&name), None);
        }

        #[test]
        fn no_host_breaks_the_reader(host in "\\PC{0,30}") {
            let _ = (host_match(&host), sni_match(&host));
        }
    }
}
