//! Kong's words for what happened.

use std::collections::BTreeMap;

use model::{Template, Var, Wording, reason};

use super::formats::{CLAIMS, CORE, MESSAGE, PAGE, PLAIN_ON_TLS, PLUGIN};

/// A gRPC request came in plain text where only gRPC over TLS is accepted.
pub(crate) const GRPC_TLS_REQUIRED: &str = "grpc-tls-required";

/// The words of plugins that have none of their own here: their message.
pub(super) fn plugin() -> Wording {
    laid_out(PLUGIN)
}

pub(super) fn wording() -> BTreeMap<String, Wording> {
    let engine = [
        (reason::NO_ROUTE, says(PLUGIN, "no Route matched with those values")),
        (reason::NO_SERVICE, says(PLUGIN, "no Service found with those values")),
        (reason::NO_ENDPOINT, says(PLUGIN, "failure to get a peer from the ring-balancer")),
        (reason::UNRESOLVED, says(PLUGIN, "name resolution failed")),
        (
            reason::BAD_GATEWAY,
            says(CORE, "An invalid response was received from the upstream server"),
        ),
        (reason::GATEWAY_TIMEOUT, says(CORE, "The upstream server is timing out")),
        (reason::BAD_REQUEST, says(CORE, "Bad request")),
        (reason::URI_TOO_LONG, says(CORE, "URI too long")),
        (
            reason::HEAD_TOO_LARGE,
            with_status(400, says(CORE, "Request header or cookie too large")),
        ),
        (reason::BODY_TOO_LARGE, says(CORE, "Payload too large")),
        (reason::EXPECTATION, says(CORE, "Expectation failed")),
        (reason::METHOD_NOT_ALLOWED, says(CORE, "Method not allowed")),
        (reason::REQUEST_TIMEOUT, says(CORE, "Request timeout")),
        (reason::VERSION, laid_out(PAGE)),
        (reason::NOT_IMPLEMENTED, laid_out(PAGE)),
        (reason::MISDIRECTED, laid_out(PAGE)),
        (reason::TLS_REDIRECT, laid_out(PAGE)),
        (reason::PLAIN_ON_TLS, laid_out(PLAIN_ON_TLS)),
        (reason::TLS_REQUIRED, upgrade("TLS/1.2, HTTP/1.1", "Please use HTTPS protocol")),
        (reason::HTTP2_REQUIRED, upgrade("HTTP/2", "Please use HTTP2 protocol")),
        (
            reason::GRPC_REQUIRED,
            with_status(415, says(PLUGIN, "Non-gRPC request matched gRPC route")),
        ),
        (reason::INTERNAL, says(PLUGIN, UNEXPECTED)),
        (GRPC_TLS_REQUIRED, grpc_tls_required()),
    ];
    let policies = access().chain(jwt()).chain(rate_limiting()).chain([direct_response()]);
    let all = engine.into_iter().chain(policies);
    all.map(|(reason, wording)| (reason.to_owned(), wording)).collect()
}

/// Policies whose answers are a message and no more.
fn access() -> impl Iterator<Item = (&'static str, Wording)> {
    let words = [
        ("acl/refused", "You cannot consume this service"),
        ("acl/unknown", "Unauthorized"),
        ("basic-auth/missing", "Unauthorized"),
        ("basic-auth/invalid", "Unauthorized"),
        ("basic-auth/no-anonymous", UNEXPECTED),
        ("bot-detection/ambiguous", "Only one User-Agent header allowed"),
        ("bot-detection/refused", "Forbidden"),
        (
            "hmac-auth/date",
            "HMAC signature cannot be verified, a valid date or x-date header is required for \
             HMAC Authentication",
        ),
        ("hmac-auth/mismatch", "HMAC signature does not match"),
        ("hmac-auth/missing", "Unauthorized"),
        ("hmac-auth/no-anonymous", UNEXPECTED),
        ("hmac-auth/unverifiable", "HMAC signature cannot be verified"),
        ("key-auth/duplicate", "Duplicate API key found"),
        ("key-auth/invalid", "Unauthorized"),
        ("key-auth/missing", "No API key found in request"),
        ("key-auth/no-anonymous", UNEXPECTED),
        ("ldap-auth/invalid", "Unauthorized"),
        ("ldap-auth/missing", "Unauthorized"),
        ("ldap-auth/no-anonymous", UNEXPECTED),
        ("ldap-auth/unavailable", UNEXPECTED),
        ("request-size-limit/exceeded", "Request size limit exceeded"),
        ("request-size-limit/no-length", "A valid Content-Length header is required"),
        ("request-size-limit/unexpected", "Request size limit exceeded"),
    ];
    words.into_iter().map(|(reason, message)| (reason, says(PLUGIN, message)))
}

/// What `request-termination` says does not depend on what the client accepts.
fn direct_response() -> (&'static str, Wording) {
    ("direct-response/sent", laid_out(MESSAGE))
}

/// Kong's `jwt` answers without a request's id, in JSON whatever the client accepts.
fn jwt() -> [(&'static str, Wording); 11] {
    let claim = |before: &str, after: &str| {
        Template::text(before).then_var(Var::Detail("claim".into())).then(after)
    };
    let malformed = Template::text("Bad token; ").then_var(Var::Detail("error".into()));
    [
        ("jwt/missing", says(MESSAGE, "Unauthorized")),
        ("jwt/multiple", says(MESSAGE, "Multiple tokens provided")),
        ("jwt/malformed", words(MESSAGE, malformed)),
        ("jwt/no-key-claim", words(MESSAGE, claim("No mandatory '", "' in claims"))),
        ("jwt/invalid-key-claim", words(MESSAGE, claim("Invalid '", "' in claims"))),
        ("jwt/unknown-key", words(MESSAGE, claim("No credentials found for given '", "'"))),
        ("jwt/algorithm", says(MESSAGE, "Invalid algorithm")),
        ("jwt/invalid-key", says(MESSAGE, "Invalid key/secret")),
        ("jwt/signature", says(MESSAGE, "Invalid signature")),
        ("jwt/claims", laid_out(CLAIMS)),
        ("jwt/no-anonymous", says(PLUGIN, UNEXPECTED)),
    ]
}

/// Status and message of a refusal are the plugin's own: they can be configured.
fn rate_limiting() -> [(&'static str, Wording); 2] {
    [("rate-limit/exceeded", laid_out(PLUGIN)), ("rate-limit/store", says(PLUGIN, UNEXPECTED))]
}

fn laid_out(format: &str) -> Wording {
    Wording { status: None, message: None, format: Some(format.into()), headers: Vec::new() }
}

fn words(format: &str, message: Template) -> Wording {
    Wording { message: Some(message), ..laid_out(format) }
}

fn says(format: &str, message: &str) -> Wording {
    words(format, Template::text(message))
}

fn with_status(status: u16, wording: Wording) -> Wording {
    Wording { status: Some(status), ..wording }
}

fn upgrade(protocols: &str, message: &str) -> Wording {
    let headers = [("Connection", "Upgrade"), ("Upgrade", protocols)];
    let headers = headers.map(|(name, value)| (name.to_owned(), Template::text(value))).into();
    Wording { headers, ..with_status(426, says(PLUGIN, message)) }
}

/// A gRPC status (1, cancelled) in place of one of HTTP's.
fn grpc_tls_required() -> Wording {
    let headers = [("grpc-status", "1"), ("grpc-message", "gRPC request matched gRPCs route")];
    let headers = headers.map(|(name, value)| (name.to_owned(), Template::text(value))).into();
    Wording { status: Some(200), message: None, format: None, headers }
}

const UNEXPECTED: &str = "An unexpected error occurred";
