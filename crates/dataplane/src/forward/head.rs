//! The parts of an upstream request's head that are the engine's.

use filter::{BodyLength, Exchange, Headers, Method};
use model::PathRewrite;

use super::sending::Sending;
use crate::http1::conn::Writing;

/// The TLS server name of a `Host`: without its port and brackets.
pub(crate) fn server_name(host: &str) -> &str {
    crate::http1::head::split_authority(host.as_bytes())
        .map_or(host, |(name, _)| name.trim_start_matches('[').trim_end_matches(']'))
}

/// Writes the path made from the normalised one, and the query as it was received.
pub(crate) fn write_target(
    x: &Exchange,
    rewrite: &PathRewrite,
    matched: usize,
    path: &mut String,
    output: &mut Vec<u8>,
) {
    crate::path::join(rewrite, x.request.path(), matched, path);
    output.extend_from_slice(path.as_bytes());
    if let Some(query) = x.request.query() {
        output.push(b'?');
        output.extend_from_slice(query.as_bytes());
    }
}

/// Writes the fields that frame the request's body (RFC 9112 section 6).
pub(super) fn write_framing(
    x: &Exchange,
    sending: &Sending,
    trailers: &Headers,
    output: &mut Vec<u8>,
) -> Writing {
    let length = match x.request.body {
        BodyLength::None => {
            // A method that is expected to have content says that it has none
            // (RFC 9110 section 8.6).
            let expected = matches!(x.request.method, Method::Post | Method::Put | Method::Patch);
            if !expected || x.request.headers.get("content-length").is_none() {
                return Writing::Plain;
            }
            0
        }
        _ if sending.whole && trailers.is_empty() => sending.kept.len() as u64,
        BodyLength::Known(length) => length,
        BodyLength::Unknown => {
            output.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            return Writing::Chunked;
        }
    };
    output.extend_from_slice(b"Content-Length: ");
    crate::number::write(length, output);
    output.extend_from_slice(b"\r\n");
    Writing::Plain
}
