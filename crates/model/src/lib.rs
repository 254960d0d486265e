//! What a gateway is told to do: plain, ordered, serialisable values.
//! Never imports: any workspace crate but `config` (for origins); tokio, hyper.
//!
//! A dialect translates its documents into one [`Model`]; the data plane compiles that into a
//! snapshot. Nothing here does I/O, and nothing here knows a dialect's words: where dialects
//! disagree, the disagreement is data ([`Rank`], [`Chain`], [`Voice`]).

mod certificate;
mod chain;
mod check;
mod fingerprint;
mod id;
mod listener;
mod predicate;
mod principal;
mod rank;
mod resolver;
mod route;
mod secret;
mod shape;
mod template;
mod upstream;
mod voice;

pub use certificate::{Certificate, CertificateAuthority};
pub use chain::{Candidate, Chain, Policy, Slot};
pub use check::{Defect, check};
pub use config::Origin;
pub use fingerprint::{Fingerprint, fingerprint};
pub use id::*;
pub use listener::{
    ClientAddress, EncodedSlash, HttpSettings, Limits, Listener, PathRules, Protocol,
    ProxyProtocol, TlsSettings, TlsVersion, TrustedHeader,
};
pub use predicate::{
    HeaderMatch, HostMatch, HostPattern, PathMatch, Predicate, QueryMatch, Scheme, SniMatch,
    ValueMatch,
};
pub use principal::{Credential, CredentialData, Principal};
pub use rank::Rank;
pub use resolver::{RecordKind, Resolution, Resolver};
pub use route::{
    Action, Buffering, Forward, HostRule, Labels, PathJoin, PathRewrite, Redirect, Requirement,
    RequirementKind, Retry, Route, Timeouts, Unmet, Weighted,
};
pub use secret::Secret;
pub use shape::{Fact, Shape};
pub use template::{Part, Template, Var};
pub use upstream::{
    ActiveCheck, Balance, ClientCertificate, Endpoint, HashBalance, HashCookie, HashKey, HashRing,
    Health, HealthRules, Pool, Probe, ProbeTls, Upstream, UpstreamProtocol, UpstreamTls, host_of,
};
pub use voice::{
    AmbientHeader, Answered, Charset, Choice, Escape, Format, ForwardHeader, ForwardMode,
    Forwarding, HeaderMode, Voice, Wording, reason,
};

use serde::{Deserialize, Serialize};

/// Everything one gateway is told, from all documents together.
///
/// Lists keep the order in which the dialect gave them; no meaning hangs on it except where an
/// item's documentation says so (routes are ordered by [`Rank`], not by position).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Sockets to listen on.
    pub listeners: Vec<Listener>,
    /// What to do with a request, by predicate and rank.
    pub routes: Vec<Route>,
    /// Configured policies, referred to by the routes' chains and by `global`.
    pub policies: Vec<Policy>,
    /// Groups of endpoints that requests are forwarded to.
    pub upstreams: Vec<Upstream>,
    /// How the names of endpoints become addresses.
    pub resolvers: Vec<Resolver>,
    /// Who may call.
    pub principals: Vec<Principal>,
    /// How callers prove who they are.
    pub credentials: Vec<Credential>,
    /// Certificates for TLS listeners, chosen by SNI.
    pub certificates: Vec<Certificate>,
    /// Certificate authorities that upstreams are verified against.
    pub authorities: Vec<CertificateAuthority>,
    /// How the gateway speaks when it answers itself.
    pub voices: Vec<Voice>,
    /// Policies that run for a request that no route took (a 404 is logged and counted too),
    /// by route table.
    pub unrouted: Vec<Unrouted>,
}

/// The chain for requests of a table that no route took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unrouted {
    /// The table.
    pub table: TableId,
    /// Only its response and log orders run.
    pub chain: std::sync::Arc<Chain>,
}

impl Model {
    /// What tells this model from another.
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint::of_model(self)
    }

    /// Adds everything of `other` behind what is here. Ids must not collide: every dialect
    /// prefixes its own.
    pub fn merge(&mut self, other: Model) {
        self.listeners.extend(other.listeners);
        self.routes.extend(other.routes);
        self.policies.extend(other.policies);
        self.upstreams.extend(other.upstreams);
        self.resolvers.extend(other.resolvers);
        self.principals.extend(other.principals);
        self.credentials.extend(other.credentials);
        self.certificates.extend(other.certificates);
        self.authorities.extend(other.authorities);
        self.voices.extend(other.voices);
        self.unrouted.extend(other.unrouted);
    }
}
