//! `proxy_listen` and its sisters.

use std::net::{IpAddr, SocketAddr};

/// An address to listen on, with what is spoken there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// Whether clients speak TLS.
    pub ssl: bool,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
    /// Whether every connection starts with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// Length of the kernel's queue of connections not yet accepted.
    pub backlog: u32,
    /// Flags that are understood and have no meaning here.
    pub(super) idle_flags: Vec<&'static str>,
}

/// What nginx takes on Linux if nothing is said.
const DEFAULT_BACKLOG: u32 = 511;

/// The form of an entry, for messages.
pub(super) const FORM: &str = "`off`, or ADDRESS:PORT with any of the flags `ssl`, `http2`, `proxy_protocol`, `deferred`, `bind`, `reuseport`, `backlog=NUMBER`, `ipv6only=on|off`, `so_keepalive=on|off|TIME:TIME:COUNT`";

/// Reads one entry of a list of listeners. `off` is no entry.
pub(super) fn entry(text: &str) -> Result<Listen, String> {
    let mut words = text.split_ascii_whitespace();
    let address = address(words.next().unwrap_or_default())?;
    let mut listen = Listen {
        address,
        ssl: false,
        http2: false,
        proxy_protocol: false,
        backlog: DEFAULT_BACKLOG,
        idle_flags: Vec::new(),
    };
    for word in words {
        listen.flag(word)?;
    }
    Ok(listen)
}

impl Listen {
    fn flag(&mut self, word: &str) -> Result<(), String> {
        match word.split_once('=') {
            None => match word {
                "ssl" => self.ssl = true,
                "http2" => self.http2 = true,
                "proxy_protocol" => self.proxy_protocol = true,
                // Every worker has a socket of its own, bound by itself.
                "reuseport" | "bind" => {}
                "deferred" => self.idle_flags.push("deferred"),
                _ => return Err(format!("the flag {} is not known", config::quote(word))),
            },
            Some(("backlog", number)) => {
                self.backlog = number
                    .parse()
                    .map_err(|_| format!("the backlog {} is no number", config::quote(number)))?;
            }
            Some(("ipv6only", "on")) => {}
            Some(("ipv6only", "off")) => self.idle_flags.push("ipv6only=off"),
            Some(("so_keepalive", value)) => {
                let parts = value.split(':').count();
                if value != "on" && value != "off" && parts != 3 {
                    let value = config::quote(value);
                    return Err(format!("so_keepalive is `on`, `off` or three parts, not {value}"));
                }
                self.idle_flags.push("so_keepalive");
            }
            Some(_) => return Err(format!("the flag {} is not known", config::quote(word))),
        }
        Ok(())
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(format!("{} names no port", config::quote(text)));
    };
    let Ok(port) = port.parse() else {
        return Err(format!("{} is no port", config::quote(port)));
    };
    let ip: IpAddr = match host {
        "localhost" => [127, 0, 0, 1].into(),
        "*" => [0, 0, 0, 0].into(),
        "unix" => return Err("Unix sockets are not listened on".into()),
        _ => return Err(format!("{} is no IP address", config::quote(host))),
    };
    Ok(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_kong() {
        let plain = entry("0.0.0.0:8000 reuseport backlog=16384").expect("valid");
        assert_eq!(plain.address.to_string(), "0.0.0.0:8000");
        assert_eq!((plain.ssl, plain.http2, plain.backlog), (false, false, 16384));
        let tls = entry("[::]:8443 http2 ssl").expect("valid");
        assert_eq!(tls.address.to_string(), "[::]:8443");
        assert_eq!((tls.ssl, tls.http2, tls.backlog), (true, true, 511));
    }

    #[test]
    fn flags_without_meaning_are_kept_for_the_finding() {
        let listen =
            entry("127.0.0.1:1 deferred so_keepalive=30m::10 ipv6only=off").expect("valid");
        assert_eq!(listen.idle_flags, ["deferred", "so_keepalive", "ipv6only=off"]);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, message) in [
            ("8000", "`8000` names no port"),
            ("0.0.0.0:http", "`http` is no port"),
            ("gateway.test:80", "`gateway.test` is no IP address"),
            ("0.0.0.0:80 tls", "the flag `tls` is not known"),
            ("0.0.0.0:80 backlog=x", "the backlog `x` is no number"),
            ("0.0.0.0:80 so_keepalive=1", "so_keepalive is `on`, `off` or three parts, not `1`"),
            ("", "`` names no port"),
            ("[::1:80", "`[::1` is no IP address"),
        ] {
            assert_eq!(entry(text).expect_err(text), message);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,30}") {
            let _ = entry(&text);
        }
    }
}
