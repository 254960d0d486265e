//! Text with places that are filled in per request.

use serde::{Deserialize, Serialize};

/// Text and variables, written one after the other. The data plane compiles it once; filling it
/// in copies bytes and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Template(pub Vec<Part>);

/// A piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Part {
    /// Copied as it stands.
    Text(String),
    /// Replaced by the variable's value.
    Var(Var),
}

/// What a template may refer to. A variable that has no value in the exchange at hand is empty;
/// a header whose value is a single empty variable is left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Var {
    /// Of a local reply: its message after wording.
    Message,
    /// Of a local reply: a value that the policy gave by this name.
    Detail(String),
    /// The response's status code, decimal.
    Status,
    /// The name of the response's status code in the IANA registry (RFC 9110 section 15), for
    /// example `Not Found`; empty for a code that has none.
    StatusText,
    /// 32 hexadecimal digits, unique to the request.
    RequestId,
    /// Milliseconds from sending the request upstream to the upstream's response head.
    UpstreamLatency,
    /// Milliseconds the gateway itself took before and after the upstream, of a proxied request.
    ProxyLatency,
    /// Milliseconds from the request's first byte to the gateway's own answer.
    ResponseLatency,
    /// Milliseconds from the request's first byte until now.
    TotalLatency,
    /// The status code that the upstream answered.
    UpstreamStatus,
    /// The client's address after forwarding headers of trusted peers were honoured.
    ClientAddress,
    /// The address of the TCP peer.
    PeerAddress,
    /// `http` or `https`, by the listener.
    Scheme,
    /// The request's host without port, lower case, without a trailing dot.
    Host,
    /// The listener's port, as clients know it.
    ListenerPort,
    /// The request's method.
    Method,
    /// The path as received, before normalisation, without the query.
    RawPath,
    /// The normalised path that routes are matched against.
    Path,
    /// The request target as received.
    Target,
    /// The part of the path that the route matched and strips; empty if it strips nothing or
    /// only `/`.
    MatchedPrefix,
    /// The client's HTTP version as in `Via`: `1`, `1.1`, `2` (RFC 9110 section 7.6.3).
    ViaVersion,
    /// A request header's value (values of a repeated name joined by `, `).
    RequestHeader(String),
    /// The authenticated principal's id.
    PrincipalId,
    /// The authenticated principal's name.
    PrincipalName,
    /// The authenticated principal's id in the operator's own system.
    PrincipalExternalId,
    /// [`crate::Credential::display`] of the credential that was shown; empty for anonymous callers.
    CredentialKey,
    /// `true` if the principal was set by an anonymous fallback, else empty.
    Anonymous,
    /// A label of the route, see [`crate::Labels`]: `route`, `route_id`, `service`, `service_id`;
    /// or `route_name`, `service_name`: like `route` and `service` but
    /// empty where those stand in with the id.
    Label(String),
}

impl Template {
    /// A template that is only text.
    pub fn text(text: impl Into<String>) -> Self {
        Self(vec![Part::Text(text.into())])
    }

    /// A template that is only one variable.
    pub fn var(var: Var) -> Self {
        Self(vec![Part::Var(var)])
    }

    /// Adds text at the end.
    #[must_use]
    pub fn then(mut self, text: impl Into<String>) -> Self {
        self.0.push(Part::Text(text.into()));
        self
    }

    /// Adds a variable at the end.
    #[must_use]
    pub fn then_var(mut self, var: Var) -> Self {
        self.0.push(Part::Var(var));
        self
    }
}
