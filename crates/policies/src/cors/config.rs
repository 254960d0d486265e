//! The configuration of a `cors` policy.

use serde::Deserialize;

/// The configuration of a `cors` policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// Which origins may read responses.
    pub(super) origins: OriginsConfig,
    /// Whether they may with the user's credentials.
    pub(super) credentials: bool,
    /// The request headers that are allowed; those that a preflight asks for if there are none.
    pub(super) allow_headers: Vec<String>,
    /// The methods that are allowed.
    pub(super) allow_methods: Vec<String>,
    /// The response headers that may be read.
    pub(super) expose_headers: Vec<String>,
    /// For how many seconds the answer to a preflight holds.
    pub(super) max_age: Option<f64>,
    /// Whether pages of the public network may ask (Private Network Access).
    pub(super) private_network: bool,
    /// Who answers preflights.
    pub(super) preflight: Preflight,
    /// Whether responses to requests without an `Origin` bear the headers too, which caches like.
    pub(super) without_origin: bool,
}

/// Which origins may read responses.
#[derive(Debug, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum OriginsConfig {
    /// Every one.
    #[default]
    Any,
    /// One, which is named whoever asks.
    Fixed {
        /// It.
        origin: String,
    },
    /// Some: the one that asks is named if it is listed.
    Listed {
        /// Origins, compared without default ports.
        #[serde(default)]
        origins: Vec<String>,
        /// Expressions for more.
        #[serde(default)]
        patterns: Vec<Pattern>,
    },
}

/// An expression that takes origins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pattern {
    /// A regular expression, which has to take the whole.
    pub(super) regex: String,
    /// Of what.
    pub(super) of: Subject,
}

/// What an expression is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Subject {
    /// Scheme, host and port, as in `https://x.test:8443`, without a default port.
    Origin,
    /// The host alone.
    Host,
}

/// Who answers preflights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Preflight {
    /// The gateway.
    #[default]
    Answer,
    /// The upstream, whose answer is not touched.
    Forward,
}

impl Default for Config {
    fn default() -> Self {
        let methods = ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
        Self {
            origins: OriginsConfig::Any,
            credentials: false,
            allow_headers: Vec::new(),
            allow_methods: methods.map(Into::into).into(),
            expose_headers: Vec::new(),
            max_age: None,
            private_network: false,
            preflight: Preflight::Answer,
            without_origin: true,
        }
    }
}
