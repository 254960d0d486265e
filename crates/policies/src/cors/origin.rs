//! Which origins may read responses.

use std::borrow::Cow;

use ::filter::Problem;
use regex::{Regex, RegexBuilder};

use super::config::{OriginsConfig, Pattern, Subject};

/// The origins that may read responses.
pub(super) enum Origins {
    Any,
    Fixed(String),
    Listed { origins: Vec<String>, patterns: Vec<(Regex, Subject)> },
}

/// Who may read a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Allowed<'a> {
    /// Every origin.
    Any,
    /// This one.
    One(Cow<'a, str>),
    /// None other.
    None,
}

impl Origins {
    pub(super) fn prepare(config: OriginsConfig, problems: &mut Vec<Problem>) -> Self {
        match config {
            OriginsConfig::Any => Self::Any,
            OriginsConfig::Fixed { origin } => {
                if origin.chars().any(char::is_control) {
                    let message = "an origin cannot hold control characters";
                    problems.push(Problem::new("/origins/origin", message));
                }
                Self::Fixed(origin)
            }
            OriginsConfig::Listed { origins, patterns } => Self::Listed {
                origins: origins.iter().map(|origin| normal(origin).0.into_owned()).collect(),
                patterns: compiled(patterns, problems),
            },
        }
    }

    /// Who may read the response to a request with this `Origin`.
    pub(super) fn judge<'a>(&'a self, origin: Option<&'a [u8]>) -> Allowed<'a> {
        let (origins, patterns) = match self {
            Self::Any => return Allowed::Any,
            Self::Fixed(origin) => return Allowed::One(Cow::Borrowed(origin)),
            Self::Listed { origins, patterns } => (origins, patterns),
        };
        let Some(Ok(origin)) = origin.map(std::str::from_utf8) else { return Allowed::None };
        let (whole, host) = normal(origin);
        let takes = |(regex, subject): &(Regex, Subject)| match subject {
            Subject::Origin => regex.is_match(&whole),
            Subject::Host => regex.is_match(host),
        };
        if origins.iter().any(|listed| *listed == *whole) || patterns.iter().any(takes) {
            return Allowed::One(whole);
        }
        Allowed::None
    }
}

/// What the automaton of an expression may take.
const COMPILED_BYTES: usize = 1 << 20;

fn compiled(patterns: Vec<Pattern>, problems: &mut Vec<Problem>) -> Vec<(Regex, Subject)> {
    let mut compiled = Vec::with_capacity(patterns.len());
    for (ix, pattern) in patterns.into_iter().enumerate() {
        let whole = format!("^(?:{})$", pattern.regex);
        match RegexBuilder::new(&whole).size_limit(COMPILED_BYTES).build() {
            Ok(regex) => compiled.push((regex, pattern.of)),
            Err(error) => {
                let error = error.to_string();
                let reason = error.lines().last().unwrap_or_default();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                let message = format!("the regular expression cannot be used: {reason}");
                let help = "expressions have no look-around and no back-references; write it without";
                let pointer = format!("/origins/patterns/{ix}/regex");
                problems.push(Problem::new(pointer, message).help(help));
            }
        }
    }
    compiled
}

/// Scheme, host and port of a URL, without a port that is the scheme's own, and the host. What is
/// no URL with a host is all of it.
fn normal(text: &str) -> (Cow<'_, str>, &str) {
    let Some((scheme, rest)) = text.split_once("://") else { return (Cow::Borrowed(text), text) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let bare = authority.rsplit_once('@').map_or(authority, |(_, bare)| bare);
    let (host, port) = match bare.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (bare, None),
    };
    if host.is_empty() {
        return (Cow::Borrowed(text), text);
    }
    let port = port.filter(|port| !matches!((scheme, *port), ("http", "80") | ("https", "443")));
    let length = scheme.len() + 3 + host.len() + port.map_or(0, |port| port.len() + 1);
    if length == text.len() {
        return (Cow::Borrowed(text), host);
    }
    let whole = match port {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    };
    (Cow::Owned(whole), host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn default_ports_and_paths_do_not_count() {
        for (text, whole, host) in [
            ("http://x.test", "http://x.test", "x.test"),
            ("http://x.test/", "http://x.test", "x.test"),
            ("http://x.test:80", "http://x.test", "x.test"),
            ("https://x.test:80", "https://x.test:80", "x.test"),
            ("https://x.test:443?a", "https://x.test", "x.test"),
            ("http://u@x.test:8080/a", "http://x.test:8080", "x.test"),
            ("http://[::1]:80", "http://[::1]", "[::1]"),
            ("http://[::1]", "http://[::1]", "[::1]"),
            ("null", "null", "null"),
            ("http://", "http://", "http://"),
        ] {
            assert_eq!(normal(text), (Cow::Borrowed(whole), host), "{text}");
        }
        assert!(matches!(normal("http://x.test:8080").0, Cow::Borrowed(_)));
    }

    #[test]
    fn expressions_take_the_whole_of_an_origin_or_host() {
        let mut problems = Vec::new();
        let pattern = |regex: &str, of| Pattern { regex: regex.into(), of };
        let origins = Origins::prepare(
            OriginsConfig::Listed {
                origins: vec!["https://z.test:443".into()],
                patterns: vec![
                    pattern(r"http://.*\.y\.test|http://w\.test", Subject::Origin),
                    pattern(r"x\.test", Subject::Host),
                ],
            },
            &mut problems,
        );
        assert_eq!(problems, []);
        let allowed = |origin: &str| origins.judge(Some(origin.as_bytes())) != Allowed::None;
        for origin in [
            "http://a.y.test",
            "http://w.test:80",
            "https://x.test:8443",
            "x.test",
            "https://z.test",
        ] {
            assert!(allowed(origin), "{origin}");
        }
        for origin in ["http://y.test", "http://w.test.evil", "https://ax.test", "http://z.test", ""] {
            assert!(!allowed(origin), "{origin}");
        }
        assert_eq!(origins.judge(None), Allowed::None);
        assert_eq!(origins.judge(Some(b"\xff")), Allowed::None);
    }

    proptest! {
        /// What is written down for an origin is its own normal form.
        #[test]
        fn normal_forms_stay(text in "(https?)?(://)?[a-z.@:\\[\\]0-9/?#]{0,16}") {
            let (whole, _) = normal(&text);
            let whole = whole.into_owned();
            if text.contains("://") && whole != text {
                prop_assert_eq!(&*normal(&whole).0, &*whole);
            }
        }
    }
}
