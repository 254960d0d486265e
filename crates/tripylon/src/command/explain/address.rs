//! The request that is asked about.

use std::net::{IpAddr, Ipv4Addr};

use dataplane::ConnectTo;
use filter::{Headers, Method};
use model::Scheme;

use crate::output::Usage;

/// A request, as it would arrive.
#[derive(Debug)]
pub(super) struct Ask {
    /// Its method.
    pub(super) method: Method,
    /// How the client reaches the gateway.
    pub(super) scheme: Scheme,
    /// The port that the URL names.
    pub(super) port: Option<u16>,
    /// The host that the gateway is told, lower case, without a trailing dot; empty if none.
    pub(super) host: String,
    /// The port beside that host.
    pub(super) host_port: Option<u16>,
    /// The path as written.
    pub(super) path: String,
    /// The query as written, without `?`.
    pub(super) query: Option<String>,
    /// The header fields.
    pub(super) headers: Headers,
    /// The server name of the TLS handshake.
    pub(super) sni: Option<String>,
    /// The client's address.
    pub(super) client: IpAddr,
    /// Where connections to upstreams really go.
    pub(super) connect_to: Vec<ConnectTo>,
}

impl Ask {
    /// Reads a method, a URL (or only its path) and header lines.
    ///
    /// # Errors
    /// [`Usage`] if one of them is none.
    pub(super) fn read(method: &str, url: &str, headers: &[String]) -> anyhow::Result<Self> {
        let method = Method::parse(method.as_bytes())
            .ok_or_else(|| Usage::error(format!("`{method}` is not a method")))?;
        let (scheme, authority, target) = split(url)?;
        let (host, port) = host_and_port(authority).ok_or_else(|| {
            Usage::error(format!("`{authority}` in `{url}` is not a host with or without a port"))
        })?;
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let named = scheme == Scheme::Https && !host.is_empty() && host.parse::<IpAddr>().is_err();
        let mut ask = Self {
            method,
            scheme,
            port,
            sni: named.then(|| host.clone()),
            host,
            host_port: port,
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
            query,
            headers: Headers::new(),
            client: Ipv4Addr::LOCALHOST.into(),
            connect_to: Vec::new(),
        };
        ask.headers.push("host", authority);
        for header in headers {
            ask.header(header)?;
        }
        Ok(ask)
    }

    fn header(&mut self, line: &str) -> anyhow::Result<()> {
        let invalid = || Usage::error(format!("`{line}` is not of the form `Name: value`"));
        let (name, value) = line.split_once(':').ok_or_else(invalid)?;
        let value = value.trim();
        if !name.eq_ignore_ascii_case("host") {
            return if self.headers.push(name, value) { Ok(()) } else { Err(invalid()) };
        }
        self.headers.set("host", value);
        (self.host, self.host_port) = host_and_port(value).ok_or_else(invalid)?;
        Ok(())
    }
}

/// Scheme, authority and target of a URL. Nothing is resolved or decoded: the gateway does that.
fn split(url: &str) -> anyhow::Result<(Scheme, &str, &str)> {
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    let Some((scheme, rest)) = url.split_once("://") else {
        return Ok((Scheme::Http, "", url));
    };
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => Scheme::Http,
        "https" | "wss" | "grpcs" => Scheme::Https,
        "grpc" => Scheme::Http,
        _ => {
            let message = format!("`{scheme}` in `{url}` is neither http nor https");
            return Err(Usage::error(message));
        }
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    Ok((scheme, authority, target))
}

/// The host in lower case without a trailing dot and without brackets' meaning changed, and the
/// port if there is one.
fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let end_of_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match authority[end_of_host..].split_once(':') {
        Some((host, port)) => (&authority[..end_of_host + host.len()], Some(port.parse().ok()?)),
        None => (authority, None),
    };
    let refused = |c: char| c.is_whitespace() || matches!(c, '@' | '/' | '\\' | '?' | '#');
    let host = host.strip_suffix('.').unwrap_or(host);
    (!host.contains(refused)).then(|| (host.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(url: &str, headers: &[&str]) -> Ask {
        let headers: Vec<_> = headers.iter().map(|header| (*header).to_owned()).collect();
        Ask::read("GET", url, &headers).expect("a request")
    }

    #[test]
    fn a_url_is_taken_apart_and_nothing_of_it_resolved() {
        let ask = ask("HTTPS://API.example.com.:8443/a/../%2e?x=1#top", &[]);
        assert_eq!(
            (ask.scheme, &*ask.host, ask.port),
            (Scheme::Https, "api.example.com", Some(8443))
        );
        assert_eq!((&*ask.path, ask.query.as_deref()), ("/a/../%2e", Some("x=1")));
        assert_eq!(ask.sni.as_deref(), Some("api.example.com"));
    }

    #[test]
    fn short_forms() {
        let root = ask("http://a?b", &[]);
        assert_eq!((&*root.path, root.query.as_deref(), root.port), ("/", Some("b"), None));
        let path = ask("/a", &[]);
        assert_eq!((&*path.host, &*path.path, path.sni), ("", "/a", None));
        let literal = ask("https://[::1]:81/", &[]);
        assert_eq!((&*literal.host, literal.port), ("[::1]", Some(81)));
    }

    #[test]
    fn a_host_header_counts_more_than_the_url() {
        let ask = ask("https://10.0.0.1:8443/", &["host: Other.test:9", "X-A: b: c"]);
        assert_eq!((&*ask.host, ask.host_port, ask.port), ("other.test", Some(9), Some(8443)));
        assert_eq!(ask.headers.get_str("x-a"), Some("b: c"));
        assert_eq!(ask.headers.get_str("host"), Some("Other.test:9"));
        assert_eq!(ask.sni, None);
    }

    #[test]
    fn nonsense_is_refused() {
        let refused = |method, url, header: &str| {
            let headers = [header.to_owned()];
            Ask::read(method, url, &headers).is_err_and(|error| error.is::<Usage>())
        };
        assert!(refused("GE T", "/", "a: b"));
        assert!(refused("GET", "ftp://a/", "a: b"));
        assert!(refused("GET", "http://a:b/", "a: b"));
        assert!(refused("GET", "http://me@a/", "a: b"));
        assert!(refused("GET", "/", "a b: c"));
        assert!(refused("GET", "/", "ab"));
    }
}
