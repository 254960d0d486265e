//! `redis_url`.

use model::Secret;
use percent_encoding::percent_decode_str;
use url::Url;

/// The Redis that plugins use which ask for one and name no host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User of an access control list.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// Number of the database.
    pub database: u32,
    /// Whether to speak TLS.
    pub tls: bool,
}

/// The form of the URL, for messages.
pub(super) const FORM: &str =
    "`redis://[user:password@]host[:port][/database]`, or the same with `rediss://` for TLS";

impl Redis {
    /// Reads `redis://[user:password@]host[:port][/database]`, or the same with `rediss://` for
    /// TLS.
    pub fn parse(url: &str) -> Option<Self> {
        read(url)
    }
}

/// Reads a URL.
pub(super) fn read(text: &str) -> Option<Redis> {
    let url = Url::parse(text).ok()?;
    let tls = match url.scheme() {
        "redis" => false,
        "rediss" => true,
        _ => return None,
    };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(String::from);
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let database = match url.path().trim_matches('/') {
        "" => 0,
        number => number.parse().ok()?,
    };
    if url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    Some(Redis {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: url.port().unwrap_or(6379),
        username: decoded(url.username()).filter(|name| !name.is_empty()),
        password: match url.password() {
            Some(password) => Some(Secret::new(decoded(password)?)),
            None => None,
        },
        database,
        tls,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read() {
        let redis = read("rediss://al:p%40ss@cache.test:7000/3").expect("valid");
        assert_eq!(
            (redis.host.as_str(), redis.port, redis.database, redis.tls),
            ("cache.test", 7000, 3, true)
        );
        assert_eq!(redis.username.as_deref(), Some("al"));
        assert_eq!(redis.password, Some(Secret::new("p@ss")));
        let redis = read("redis://[::1]").expect("valid");
        assert_eq!((redis.host.as_str(), redis.port, redis.tls), ("::1", 6379, false));
        assert_eq!((redis.username, redis.password), (None, None));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "cache.test:6379",
            "http://cache.test",
            "redis://",
            "redis://h/x",
            "redis://h?db=1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
