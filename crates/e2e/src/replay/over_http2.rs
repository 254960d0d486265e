//! Recorded cases as HTTP/2 says them (RFC 9113 section 8).

use http::Request;

use super::case::{self, Case, Listener, Step};
use super::links::Links;
use crate::http1::{Fields, values};

/// The case with what is otherwise when its requests come in HTTP/2; `None` if they cannot.
pub(super) fn said(mut case: Case) -> Option<Case> {
    let plain = Links::default();
    if case.refusal.is_some() || case.steps.iter().any(|s| request(&s.request, &plain).is_none()) {
        return None;
    }
    // Over TLS the recorded requests stay HTTP/1.1.
    let steps = case.steps.iter_mut().filter(|s| s.request.listener == Listener::Proxy);
    steps.for_each(expect_http2);
    Some(case)
}

/// The version in `Via`, one `Cookie`, and no fields of the connection.
fn expect_http2(step: &mut Step) {
    step.response.headers.retain(|(name, _)| name != "Connection" && name != "Upgrade");
    for seen in &mut step.upstream_saw {
        join_cookies(&mut seen.headers);
        for (name, value) in &mut seen.headers {
            if name == "Via" {
                *value = value.replacen("1.1 kong", "2 kong", 1);
            }
        }
    }
}

fn join_cookies(headers: &mut Fields) {
    let cookie = values(headers, "cookie").join("; ");
    if !cookie.is_empty() {
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("cookie"));
        headers.push(("Cookie".to_owned(), cookie));
    }
}

/// The request as HTTP/2 says it; `None` if it cannot.
pub(super) fn request(request: &case::Request, links: &Links) -> Option<Request<()>> {
    const OF_HTTP_1: [&str; 6] =
        ["connection", "keep-alive", "transfer-encoding", "upgrade", "expect", "te"];
    let body = request.body.as_deref().unwrap_or_default();
    let sayable = |(name, value): &(String, String)| {
        !OF_HTTP_1.iter().any(|n| name.eq_ignore_ascii_case(n)) && value.trim() == value
    };
    let lengths = values(&request.headers, "content-length");
    let whole = lengths.iter().all(|length| *length == body.len().to_string());
    let [host] = values(&request.headers, "host")[..] else { return None };
    if request.version != "HTTP/1.1"
        || !request.target.starts_with('/')
        || !request.headers.iter().all(sayable)
        || !whole
    {
        return None;
    }
    let uri = format!("http://{host}{}", links.apply(&request.target));
    let mut built = Request::builder().method(request.method.as_str()).uri(uri);
    for (name, value) in &request.headers {
        if !name.eq_ignore_ascii_case("host") {
            let bytes: Vec<u8> = links.apply(value).chars().map(|c| c as u8).collect();
            built = built.header(name, bytes);
        }
    }
    built.body(()).ok()
}
