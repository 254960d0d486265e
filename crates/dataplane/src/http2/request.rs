//! The head of a request on a stream, made canonical.
//!
//! `h2` has refused what makes a request malformed by itself (RFC 9113 section 8.1.1): missing or
//! repeated pseudo-header fields, fields of the connection, names in upper case, bodies that are
//! not as long as they say.

use filter::{BodyLength, Headers, Method, Request, Version};
use h2::RecvStream;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use model::{HttpSettings, Limits, reason};

use crate::http1::head::{Refused, read_method, split_authority};

/// Takes the head of a request. Says whether the client waits for `100 Continue` before it sends
/// the body (RFC 9110 section 10.1.1).
pub(super) fn read(
    head: &Parts,
    body: &RecvStream,
    http: &HttpSettings,
    request: &mut Request,
) -> Result<bool, Refused> {
    let bad = Refused(reason::BAD_REQUEST);
    request.clear();
    request.version = Version::Http2;
    request.method = read_method(head.method.as_str()).ok_or(bad)?;
    if matches!(request.method, Method::Connect | Method::Trace) {
        return Err(Refused(reason::METHOD_NOT_ALLOWED));
    }
    check_sizes(head, &http.limits)?;
    read_host(head, request)?;
    for single in ["authorization", "expect"] {
        if head.headers.get_all(single).iter().nth(1).is_some() {
            return Err(bad);
        }
    }
    read_fields(head, &mut request.headers)?;
    request.body = match (body.is_end_stream(), length(head)?) {
        (true, _) | (false, Some(0)) => BodyLength::None,
        (false, Some(length)) => BodyLength::Known(length),
        (false, None) => BodyLength::Unknown,
    };
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    if target == "*" && request.method == Method::Options {
        request.set_target("*", "*");
    } else {
        if !target.starts_with('/') {
            return Err(bad);
        }
        request
            .set_target_with(target, |raw, out| crate::path::normalise(raw, http.paths, out))
            .map_err(|_| bad)?;
    }
    match head.headers.get("expect") {
        None => Ok(false),
        Some(value) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Ok(request.body != BodyLength::None)
        }
        Some(_) => Err(Refused(reason::EXPECTATION)),
    }
}

/// The size of the largest list of fields that is worth a look, as RFC 9113 section 6.5.2 counts
/// it. What is a little larger is refused as on HTTP/1; `h2` drops what does not fit.
pub(super) fn list_size(limits: &Limits) -> u32 {
    let overhead = limits.headers.saturating_mul(32);
    u32::try_from(limits.head.saturating_add(overhead)).unwrap_or(u32::MAX)
}

/// Bytes of a request's head as they would be counted against a header list's size (RFC 9113
/// section 6.5.2, without its 32 bytes a field).
pub(super) fn size(head: &Parts) -> u64 {
    let fields = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let authority = head.uri.authority().map_or(0, |authority| authority.as_str().len());
    (fields.sum::<usize>() + head.method.as_str().len() + target + authority) as u64
}

/// The same limits as on HTTP/1: of the request line what the target takes, and of the fields.
fn check_sizes(head: &Parts, limits: &Limits) -> Result<(), Refused> {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if head.method.as_str().len() + target > limits.request_line {
        return Err(Refused(reason::URI_TOO_LONG));
    }
    let is_long = |(name, value): (&HeaderName, &HeaderValue)| {
        name.as_str().len() + value.len() + 4 > limits.header_line
    };
    let many = head.headers.len() > limits.headers;
    if many || size(head) > limits.head as u64 || head.headers.iter().any(is_long) {
        return Err(Refused(reason::HEAD_TOO_LARGE));
    }
    Ok(())
}

/// Takes the host: `:authority` and `Host` must not differ (RFC 9113 section 8.3.1), and one of
/// them must be there.
fn read_host(head: &Parts, request: &mut Request) -> Result<(), Refused> {
    let bad = Refused(reason::BAD_REQUEST);
    let mut fields = head.headers.get_all("host").iter();
    let (field, further) = (fields.next(), fields.next());
    if further.is_some() {
        return Err(bad);
    }
    let authority = head.uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = match (authority, field.map(|field| field.as_bytes())) {
        (Some(authority), Some(field)) if !authority.eq_ignore_ascii_case(field) => {
            return Err(bad);
        }
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(bad),
    };
    request.headers.push("Host", host);
    if request.read_host(split_authority) && !request.host().is_empty() { Ok(()) } else { Err(bad) }
}

/// Takes the fields; the parts of a divided `Cookie` become one (RFC 9113 section 8.2.3). Values
/// with space around them are malformed (section 8.2.1): over HTTP/1 an upstream would not see it.
fn read_fields(head: &Parts, headers: &mut Headers) -> Result<(), Refused> {
    let mut cookies: Vec<u8> = Vec::new();
    for (name, value) in &head.headers {
        if value.as_bytes().trim_ascii().len() != value.len() {
            return Err(Refused(reason::BAD_REQUEST));
        }
        match name.as_str() {
            "host" => {}
            "cookie" => {
                if !cookies.is_empty() {
                    cookies.extend_from_slice(b"; ");
                }
                cookies.extend_from_slice(value.as_bytes());
            }
            name => {
                headers.push(name, value.as_bytes());
            }
        }
    }
    if !cookies.is_empty() {
        headers.push("cookie", &cookies);
    }
    Ok(())
}

fn length(head: &Parts) -> Result<Option<u64>, Refused> {
    let mut fields = head.headers.get_all("content-length").iter();
    let Some(field) = fields.next() else { return Ok(None) };
    let text = field.to_str().unwrap_or_default();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(length) if digits && fields.next().is_none() => Ok(Some(length)),
        _ => Err(Refused(reason::BAD_REQUEST)),
    }
}
