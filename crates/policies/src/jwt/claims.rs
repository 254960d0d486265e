//! Times in a token (RFC 7519 section 4.1).

use serde::Deserialize;

use super::json::Value;

/// A claim about time that a policy may insist on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TimeClaim {
    /// The token must not be accepted at or after this time (RFC 7519 section 4.1.4).
    Exp,
    /// The token must not be accepted before this time (RFC 7519 section 4.1.5).
    Nbf,
}

/// What a token says about when it is valid, in seconds since 1970-01-01 UTC; none where it says
/// nothing, or nothing that is a number.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Times {
    exp: Option<f64>,
    nbf: Option<f64>,
}

impl Times {
    pub(super) fn new(exp: Option<&Value>, nbf: Option<&Value>) -> Self {
        Self { exp: exp.and_then(Value::number), nbf: nbf.and_then(Value::number) }
    }
}

/// What a policy asks of a token's times.
#[derive(Debug, Default)]
pub(super) struct TimeRules {
    /// `exp` must hold.
    pub(super) exp: bool,
    /// `nbf` must hold.
    pub(super) nbf: bool,
    /// How many seconds from now `exp` may at most be; 0 for any.
    pub(super) maximum_expiration: f64,
}

/// What is wrong with each claim; at least one is something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeErrors {
    exp: Option<&'static str>,
    nbf: Option<&'static str>,
}

impl TimeRules {
    /// Whether the times hold at a moment. Never looks at what the policy does not ask for.
    pub(super) fn check(&self, times: Times, unix_ms: u64) -> Result<(), TimeErrors> {
        let now = unix_ms as f64 / 1000.0;
        let exp = self.exp.then(|| match times.exp {
            None => Some(NOT_A_NUMBER),
            Some(exp) => (exp <= now).then_some("token expired"),
        });
        let nbf = self.nbf.then(|| match times.nbf {
            None => Some(NOT_A_NUMBER),
            Some(nbf) => (nbf > now).then_some("token not valid yet"),
        });
        let mut errors = TimeErrors { exp: exp.flatten(), nbf: nbf.flatten() };
        if errors.exp.is_none() && errors.nbf.is_none() && self.maximum_expiration > 0.0 {
            let too_far = times.exp.is_none_or(|exp| exp - now > self.maximum_expiration);
            errors.exp = too_far.then_some("exceeds maximum allowed expiration");
        }
        if errors.exp.or(errors.nbf).is_some() { Err(errors) } else { Ok(()) }
    }
}

impl TimeErrors {
    /// The errors by claim, as the text of a JSON object.
    pub(super) fn to_json(self) -> String {
        let named = [("exp", self.exp), ("nbf", self.nbf)];
        let members = named.into_iter().filter_map(|(claim, error)| Some((claim, error?)));
        let members: Vec<_> =
            members.map(|(claim, error)| format!("\"{claim}\":\"{error}\"")).collect();
        format!("{{{}}}", members.join(","))
    }
}

const NOT_A_NUMBER: &str = "must be a number";

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: TimeRules = TimeRules { exp: true, nbf: true, maximum_expiration: 0.0 };

    fn errors(rules: &TimeRules, exp: Option<f64>, nbf: Option<f64>) -> String {
        let times = Times { exp, nbf };
        rules.check(times, 1_000_500).err().map(TimeErrors::to_json).unwrap_or_default()
    }

    #[test]
    fn times_are_exact() {
        assert_eq!(errors(&BOTH, Some(1000.6), Some(1000.5)), "");
        assert_eq!(errors(&BOTH, Some(1000.5), Some(1.0)), r#"{"exp":"token expired"}"#);
        assert_eq!(errors(&BOTH, Some(2000.0), Some(1000.6)), r#"{"nbf":"token not valid yet"}"#);
        assert_eq!(errors(&BOTH, Some(-1.0), Some(-1.0)), r#"{"exp":"token expired"}"#);
        assert_eq!(
            errors(&BOTH, Some(1.0), Some(2000.0)),
            r#"{"exp":"token expired","nbf":"token not valid yet"}"#
        );
    }

    #[test]
    fn what_is_asked_for_must_be_there() {
        assert_eq!(
            errors(&BOTH, None, None),
            r#"{"exp":"must be a number","nbf":"must be a number"}"#
        );
        assert_eq!(errors(&TimeRules::default(), None, Some(1e300)), "");
    }

    #[test]
    fn tokens_may_not_live_longer_than_allowed() {
        let rules = TimeRules { exp: true, nbf: false, maximum_expiration: 60.0 };
        assert_eq!(errors(&rules, Some(1060.5), None), "");
        let beyond = r#"{"exp":"exceeds maximum allowed expiration"}"#;
        assert_eq!(errors(&rules, Some(1060.6), None), beyond);
        assert_eq!(errors(&rules, Some(1.0), None), r#"{"exp":"token expired"}"#);
        assert_eq!(errors(&rules, None, None), r#"{"exp":"must be a number"}"#);
    }
}
