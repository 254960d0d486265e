//! Answers a request with itself, steered by query arguments.
//!
//! `_status`, `_h=Name:value` (repeatable), `_b` (body), `_ct` (content type, `-` for none),
//! `_delay` (milliseconds), `_chunked`, `_size` (so many `x`), `_trailer=Name:value` (chunked only).

use std::time::Duration;

use super::Seen;
use crate::http1::{Request, Wire, values};
use crate::wait::nap;

struct Orders {
    status: u16,
    fields: Vec<(String, String)>,
    trailers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    content_type: Option<String>,
    chunked: bool,
    delay: Duration,
}

/// Answers; whether the connection stays open.
pub(super) fn answer(wire: &mut Wire, request: &Request, seen: &Seen) -> bool {
    let orders = Orders::read(&request.target);
    nap(orders.delay);
    let closes =
        values(&request.fields, "connection").iter().any(|v| v.eq_ignore_ascii_case("close"));
    wire.write(&orders.response(request, seen, closes)).is_ok() && !closes
}

impl Orders {
    fn read(target: &str) -> Self {
        let mut orders = Self {
            status: 200,
            fields: Vec::new(),
            trailers: Vec::new(),
            body: None,
            content_type: Some("application/json".to_owned()),
            chunked: false,
            delay: Duration::ZERO,
        };
        for (name, value) in arguments(target) {
            match name.as_str() {
                "_status" => orders.status = value.parse().unwrap_or(200),
                "_h" => orders.fields.extend(field(&value)),
                "_trailer" => orders.trailers.extend(field(&value)),
                "_b" => orders.body = Some(value.chars().map(|c| c as u8).collect()),
                "_ct" => orders.content_type = (value != "-").then_some(value),
                "_delay" => orders.delay = Duration::from_millis(value.parse().unwrap_or(0)),
                "_chunked" => orders.chunked = true,
                "_size" => orders.body = Some(vec![b'x'; value.parse().unwrap_or(0)]),
                _ => {}
            }
        }
        orders
    }

    fn response(self, request: &Request, seen: &Seen, closes: bool) -> Vec<u8> {
        let body = self.body.unwrap_or_else(|| seen.to_json().to_string().into_bytes());
        let bodiless = self.status == 204 || self.status == 304;
        let mut head =
            format!("HTTP/1.1 {} {}\r\nServer: echo/1\r\n", self.status, reason(self.status));
        let mut field = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        if let Some(kind) = self.content_type.filter(|_| !bodiless) {
            field("Content-Type", &kind);
        }
        for (name, value) in &self.fields {
            field(name, value);
        }
        match (bodiless, self.chunked) {
            (true, _) => {}
            (false, true) => field("Transfer-Encoding", "chunked"),
            (false, false) => field("Content-Length", &body.len().to_string()),
        }
        if closes {
            field("Connection", "close");
        }
        head.push_str("\r\n");
        let mut bytes: Vec<u8> = head.chars().map(|c| c as u8).collect();
        if request.method == "HEAD" || bodiless {
            return bytes;
        }
        if !self.chunked {
            bytes.extend(body);
            return bytes;
        }
        if !body.is_empty() {
            bytes.extend(format!("{:x}\r\n", body.len()).bytes());
            bytes.extend(body);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n");
        for (name, value) in &self.trailers {
            bytes.extend(format!("{name}: {value}\r\n").bytes());
        }
        bytes.extend(b"\r\n");
        bytes
    }
}

fn field(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':')?;
    Some((name.to_owned(), value.trim().to_owned()))
}

/// The query's arguments, decoded as forms are.
fn arguments(target: &str) -> Vec<(String, String)> {
    let Some((_, query)) = target.split_once('?') else { return Vec::new() };
    let query = query.split('#').next().unwrap_or_default();
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        match (bytes[at], hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_orders() {
        let orders = Orders::read("/a?_status=201&_h=X-A:+b&_h=X-B:c%0A&_ct=-&_chunked=1&_size=3");
        assert_eq!(orders.status, 201);
        assert_eq!(orders.fields, [("X-A".into(), "b".into()), ("X-B".into(), "c".into())]);
        assert_eq!((orders.content_type, orders.chunked), (None, true));
        assert_eq!(orders.body.as_deref(), Some(&b"xxx"[..]));
    }
}
