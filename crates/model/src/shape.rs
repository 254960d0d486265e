//! The shape of a log record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A JSON value in which some places are filled in per exchange. A dialect says with it what its
/// users' log records look like; whoever writes records compiles it once.
///
/// A place whose fact did not happen is *absent*: a member of an object is then left out, and so
/// is an object or a list none of whose members is present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Always the same.
    Constant(Value),
    /// What happened.
    Fact(Fact),
    /// An object with these members, in this order.
    Object(Vec<(String, Shape)>),
    /// The fields of a message as an object (see [`Fact::RequestHeaders`]), and further members,
    /// which take the place of fields by their names.
    Fields(Fact, Vec<(String, Shape)>),
    /// A list with one value for each endpoint that was tried.
    Tries(Box<Shape>),
    /// The first that is present.
    FirstOf(Vec<Shape>),
    /// The shape if the fact is present.
    If(Fact, Box<Shape>),
    /// One text of all these, one after the other; an absent one is empty.
    Joined(Vec<Shape>),
    /// What the table says of a text; the text itself if it says nothing.
    Lookup(Fact, BTreeMap<String, Value>),
    /// The text with each place of the first text replaced by the second.
    Replace(Box<Shape>, String, String),
}

/// Something that happened in an exchange. Times are whole milliseconds unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// 32 hexadecimal digits, unique to the request.
    RequestId,
    /// The request's method.
    Method,
    /// The request target as received.
    Target,
    /// `http` or `https`, by the listener.
    Scheme,
    /// The request's host without port, lower case.
    Host,
    /// The listener's port, as clients know it; a number.
    ListenerPort,
    /// The arguments of the query, decoded, as an object: a text, `true` for one without `=`, or
    /// a list for one that stands there more than once.
    Query,
    /// The request's header fields as policies left them, as an object: names in lower case,
    /// values as texts, or as a list for a name that stands there more than once.
    RequestHeaders,
    /// Bytes of the request, head included.
    RequestSize,
    /// The TLS version that the client and the gateway agreed on: `TLSv1.2`, `TLSv1.3`.
    TlsVersion,
    /// The cipher suite that they agreed on, by its name in the IANA registry.
    TlsCipher,
    /// The name of the machine that the gateway runs on.
    Machine,
    /// The client's address after forwarding headers of trusted peers were honoured.
    ClientAddress,
    /// Milliseconds since 1970-01-01 UTC at which the request's first byte was read.
    Started,
    /// Who answered: `upstream`, `failure` (the gateway, after an upstream was asked), `local`.
    Answered,
    /// The response's status code, a number.
    Status,
    /// The response's header fields as they were sent, as [`Fact::RequestHeaders`].
    ResponseHeaders,
    /// Bytes of the response, head included.
    ResponseSize,
    /// `upgrade` if the connection became a tunnel, else `close`.
    ConnectionFate,
    /// The target that the upstream was sent.
    UpstreamTarget,
    /// The statuses of all tries, joined by `, `.
    UpstreamStatuses,
    /// From the request's first byte to the last of the response.
    TotalLatency,
    /// From sending the request upstream to the upstream's response head.
    UpstreamLatency,
    /// What the gateway itself took until the response's head was written.
    GatewayLatency,
    /// From writing the response's head to its last byte.
    ReceiveLatency,
    /// The public id of the credential that was shown.
    CredentialId,
    /// The principal's public id.
    PrincipalId,
    /// The principal's name.
    PrincipalName,
    /// The principal's id in the operator's own system.
    PrincipalExternalId,
    /// What the dialect wrote down of the principal (see [`crate::Principal::described`]).
    Principal,
    /// What the dialect wrote down of the route by this name (see [`crate::Labels::described`]).
    Route(String),
    /// Of a try: the endpoint's IP address.
    TryAddress,
    /// Of a try: the endpoint's port.
    TryPort,
    /// Of a try: milliseconds since 1970-01-01 UTC at which the endpoint was chosen.
    TryStarted,
    /// Of a try: the same in nanoseconds.
    TryStartedNanoseconds,
    /// Of a try that failed: the status that stands for the failure, a number.
    TryFailure,
}
