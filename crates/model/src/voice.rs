//! How the gateway speaks: error bodies, content types, headers of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Origin, Template, VoiceId};

/// The words of a dialect for everything that the gateway itself says.
///
/// A policy or the engine says only *what happened* (a reason, a status, details); the voice says
/// it in the dialect's words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Voice {
    /// Names it.
    pub id: VoiceId,
    /// Words by reason (see [`reason`] for the engine's; policies document their own).
    pub wording: BTreeMap<String, Wording>,
    /// Words for a reason that has none.
    pub fallback: Wording,
    /// Ways to lay out a body, by the names that `wording` uses.
    pub formats: BTreeMap<String, Format>,
    /// What is told to upstreams.
    pub forwarding: Forwarding,
    /// Headers that responses bear.
    pub ambient: Vec<AmbientHeader>,
    /// A charset that is added to the content types of responses, whoever answers.
    pub charset: Option<Charset>,
    /// Where it stands.
    pub origin: Origin,
}

/// The words for one reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wording {
    /// The status, where the dialect has its own; else that of the reply.
    pub status: Option<u16>,
    /// The message, where the dialect has its own; else that of the reply.
    pub message: Option<Template>,
    /// The name of the format in which the body is laid out; no body without one.
    pub format: Option<String>,
    /// Headers besides the reply's own.
    pub headers: Vec<(String, Template)>,
}

/// A way to lay out the body of a local reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Format {
    /// Always the same.
    Fixed(Choice),
    /// By what the client accepts (RFC 9110 section 12.5.1). Its ranges are tried by falling
    /// quality, those of equal quality in the order in which they were sent, those of quality 0
    /// not at all; the first range that takes a choice decides, and of the choices that
    /// `type/*` takes the first. Media types are compared without case.
    Negotiated {
        /// What there is.
        choices: Vec<Choice>,
        /// Index of the choice for `*/*`, and if the client accepts nothing that there is.
        otherwise: usize,
        /// Index of the choice if the client sent no `Accept` and nothing in `by_content_type`
        /// holds.
        unasked: usize,
        /// If the client sent no `Accept`, but content: the name of the format to use for a
        /// content type that starts with the first text (lower case; the empty text is the
        /// start of any). The first that holds.
        by_content_type: Vec<(String, String)>,
    },
}

/// One layout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The media type that `Accept` is compared with, for example `application/json`.
    pub media_type: String,
    /// The `Content-Type` that is sent; none if empty.
    pub content_type: String,
    /// The body. Variables are escaped for the layout: see `escape`.
    pub body: Template,
    /// How values are escaped.
    pub escape: Escape,
}

/// How values in a body are escaped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Escape {
    /// Not at all.
    #[default]
    None,
    /// As inside a JSON string (RFC 8259 section 7).
    Json,
    /// As XML or HTML text.
    Markup,
}

/// What upstreams are told besides the client's own headers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Forwarding {
    /// Headers of the client that are dropped when the request arrives, before any policy sees
    /// them, because only the gateway may speak in them. Lower case. So is, for these and for
    /// the names in `headers`, a name that differs only by other punctuation in place of `-`
    /// (`x_real_ip`): many applications cannot tell the two apart (RFC 3875 section 4.1.18).
    pub reserved: Vec<String>,
    /// Whether headers are dropped on arrival whose names have other bytes than letters, digits,
    /// `-` and `_`, although RFC 9110 section 5.6.2 allows more.
    pub plain_names_only: bool,
    /// Headers of the client that are not passed on, besides the hop-by-hop ones (RFC 9110
    /// section 7.6.1). Lower case.
    pub dropped: Vec<String>,
    /// Headers that are written.
    pub headers: Vec<ForwardHeader>,
}

/// A header that an upstream is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForwardHeader {
    /// Its name, as it is written.
    pub name: String,
    /// Its value. Left out if empty.
    pub value: Template,
    /// What becomes of the client's own.
    pub mode: ForwardMode,
}

/// What becomes of a header of the client by the name of one that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwardMode {
    /// It is replaced.
    Set,
    /// It is kept if the peer is trusted (see [`crate::ClientAddress`]), else replaced.
    SetUnlessTrusted,
    /// The value is added behind it, after `, `.
    Append,
}

/// A header that the gateway's responses bear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AmbientHeader {
    /// Its name, as it is written.
    pub name: String,
    /// Its value. Left out if empty.
    pub value: Template,
    /// What becomes of the upstream's own.
    pub mode: HeaderMode,
    /// On which responses it stands.
    pub when: Vec<Answered>,
    /// Only if the request has this header (lower case), whatever its value.
    pub if_request_header: Option<String>,
}

/// What becomes of a header of the upstream by the name of an ambient one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeaderMode {
    /// It is replaced.
    Set,
    /// It is kept and nothing is written.
    IfAbsent,
    /// It is kept and the value added after `, `.
    Append,
}

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Answered {
    /// The upstream.
    Upstream,
    /// The gateway, after it had begun to forward the request: an endpoint was tried, or the
    /// request's body broke off under way.
    Failure,
    /// The gateway, without asking an upstream.
    Local,
}

/// A charset added to content types that name none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charset {
    /// Added as `; charset=` and this.
    pub charset: String,
    /// Media types to which it is added, lower case.
    pub media_types: Vec<String>,
    /// Statuses of responses whose content type is left as it is.
    pub except_statuses: Vec<u16>,
}

/// Reasons for which the engine itself answers. Policies use reasons of their own, which start
/// with their kind and a slash, for example `jwt/missing`.
pub mod reason {
    /// No route's predicate held (404).
    pub const NO_ROUTE: &str = "no-route";
    /// The route has nothing to forward to (503).
    pub const NO_SERVICE: &str = "no-service";
    /// The upstream has no endpoint that may take the request (503).
    pub const NO_ENDPOINT: &str = "no-endpoint";
    /// An endpoint's name could not be resolved (503).
    pub const UNRESOLVED: &str = "unresolved";
    /// The endpoint could not be connected to, or broke the protocol (502).
    pub const BAD_GATEWAY: &str = "bad-gateway";
    /// The endpoint did not answer in time (504).
    pub const GATEWAY_TIMEOUT: &str = "gateway-timeout";
    /// The request is malformed or ambiguous (400).
    pub const BAD_REQUEST: &str = "bad-request";
    /// The request line is longer than the limit (414).
    pub const URI_TOO_LONG: &str = "uri-too-long";
    /// The head is larger than the limit (431).
    pub const HEAD_TOO_LARGE: &str = "head-too-large";
    /// The body is larger than the limit (413).
    pub const BODY_TOO_LARGE: &str = "body-too-large";
    /// The HTTP version is not spoken (505).
    pub const VERSION: &str = "version";
    /// The `Expect` header asks for what is not offered (417).
    pub const EXPECTATION: &str = "expectation";
    /// The method is one that a gateway must not serve: `CONNECT`, `TRACE` (405).
    pub const METHOD_NOT_ALLOWED: &str = "method-not-allowed";
    /// The transfer coding is not implemented (501).
    pub const NOT_IMPLEMENTED: &str = "not-implemented";
    /// The head or body did not come in time (408).
    pub const REQUEST_TIMEOUT: &str = "request-timeout";
    /// Plain HTTP on a TLS listener (400).
    pub const PLAIN_ON_TLS: &str = "plain-on-tls";
    /// The route wants TLS (426).
    pub const TLS_REQUIRED: &str = "tls-required";
    /// The route wants TLS, and says where it is to be had (the status that the route gives).
    pub const TLS_REDIRECT: &str = "tls-redirect";
    /// The route sends elsewhere (the status that the route gives).
    pub const REDIRECT: &str = "redirect";
    /// The route wants gRPC (415).
    pub const GRPC_REQUIRED: &str = "grpc-required";
    /// The route wants HTTP/2 (426).
    pub const HTTP2_REQUIRED: &str = "http2-required";
    /// A policy failed (500).
    pub const INTERNAL: &str = "internal";
    /// The host of the request does not belong to this TLS connection (421).
    pub const MISDIRECTED: &str = "misdirected";
}
