//! How a gateway's engine is set up, beside what the model says.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::listen::InheritedSockets;
use crate::telemetry::AccessLogSettings;

/// Settings of a gateway's engine. They hold for the life of the process.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Number of workers; 0 for one per core that the process may use.
    pub workers: usize,
    /// Replaces the address of every listener; ports stay.
    pub bind: Option<IpAddr>,
    /// Where connections to endpoints really go.
    pub connect_to: Vec<ConnectTo>,
    /// Where requests are logged.
    pub access_log: AccessLogSettings,
    /// Where `/status` and `/metrics` are served, if anywhere.
    pub status_listen: Option<SocketAddr>,
    /// How many connections clients may have.
    pub connections: ConnectionLimits,
    /// Sockets that listen already.
    pub inherited: InheritedSockets,
}

/// How many connections clients may have. One that is too many is closed at once, before TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// All clients together; 0 for half of the files that the process may have open, less some:
    /// a connection that is proxied takes two.
    pub total: usize,
    /// The clients of one address, or of one /64 network of IPv6 addresses; 0 for no limit. Whom
    /// the configuration trusts to say for whom it speaks (PROXY protocol) is not counted, but
    /// those for whom it speaks.
    pub per_peer: usize,
}

/// A detour: connections meant for one place go to another; names, `Host` and TLS server names
/// stay as they are. The meaning of curl's `--connect-to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectTo {
    /// The host that was meant; `None` for any.
    pub from_host: Option<String>,
    /// The port that was meant; `None` for any.
    pub from_port: Option<u16>,
    /// The host to connect to; `None` for the one that was meant.
    pub to_host: Option<String>,
    /// The port to connect to; `None` for the one that was meant.
    pub to_port: Option<u16>,
}

impl ConnectTo {
    /// Where a connection to `host:port` goes if this detour concerns it.
    pub fn apply(&self, host: &str, port: u16) -> Option<(String, u16)> {
        let meant = self.from_host.as_deref().is_none_or(|from| from.eq_ignore_ascii_case(host))
            && self.from_port.is_none_or(|from| from == port);
        meant.then(|| {
            let host = self.to_host.as_deref().unwrap_or(host);
            (host.to_owned(), self.to_port.unwrap_or(port))
        })
    }
}

impl FromStr for ConnectTo {
    type Err = InvalidConnectTo;

    /// Reads `HOST1:PORT1:HOST2:PORT2`; each part may be empty, IPv6 addresses stand in brackets.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidConnectTo(text.to_owned());
        let (from_host, rest) = host(text).ok_or_else(invalid)?;
        let (from_port, rest) = rest.split_once(':').ok_or_else(invalid)?;
        let (to_host, to_port) = host(rest).ok_or_else(invalid)?;
        let port = |text: &str| match text {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| invalid()),
        };
        Ok(Self { from_host, from_port: port(from_port)?, to_host, to_port: port(to_port)? })
    }
}

/// Splits a host, perhaps in brackets, from what follows its colon.
fn host(text: &str) -> Option<(Option<String>, &str)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(text) => {
            let (host, rest) = text.split_once(']')?;
            (host, rest.strip_prefix(':')?)
        }
        None => text.split_once(':')?,
    };
    Some(((!host.is_empty()).then(|| host.to_owned()), rest))
}

/// A detour that is not of the form `HOST1:PORT1:HOST2:PORT2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidConnectTo(String);

impl std::error::Error for InvalidConnectTo {}

impl fmt::Display for InvalidConnectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not of the form HOST1:PORT1:HOST2:PORT2 (connections to HOST1:PORT1 go to \
             HOST2:PORT2; a part may be left empty, IPv6 addresses stand in brackets)",
            self.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_may_be_empty_and_addresses_bracketed() {
        let detour: ConnectTo = "a.test:80:127.0.0.1:8080".parse().expect("valid");
        assert_eq!(detour.apply("A.test", 80), Some(("127.0.0.1".into(), 8080)));
        assert_eq!(detour.apply("a.test", 81), None);
        let detour: ConnectTo = "::[::1]:9".parse().expect("valid");
        assert_eq!(detour.apply("b", 1), Some(("::1".into(), 9)));
        let detour: ConnectTo = "[::1]:80::81".parse().expect("valid");
        assert_eq!(detour.apply("::1", 80), Some(("::1".into(), 81)));
    }

    #[test]
    fn anything_else_is_refused_with_the_form() {
        for text in ["", "a", "a:80", "a:80:b", "a:x:b:1", "a:1:b:70000", "[::1:80:b:1"] {
            let error = text.parse::<ConnectTo>().expect_err(text);
            assert!(error.to_string().contains("HOST1:PORT1:HOST2:PORT2"), "{text}");
        }
    }
}
