//! The variables that a line may hold: those of nginx by their names, and some of our own.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use filter::{Exchange, Now};
use model::{Labels, Scheme};

use super::time::{Times, write_seconds};
use super::{InvalidLogFormat, escape};
use crate::number;
use crate::telemetry::durations::Durations;
use crate::voice::{write_address, write_id};

/// A variable.
pub(super) enum Variable {
    /// One of [`NAMED`].
    Named(Write),
    RequestHeader(Box<str>),
    ResponseHeader(Box<str>),
    Cookie(Box<str>),
    Argument(Box<str>),
}

/// Appends a value; false if there is none, which is then written as `-`.
pub(in crate::telemetry) type Write = fn(&Value<'_>, &mut Vec<u8>) -> bool;

/// What a variable's value is made from.
pub(in crate::telemetry) struct Value<'a> {
    x: &'a Exchange,
    now: Now,
    times: &'a Times,
}

impl Variable {
    /// The variable by a name without its `$`.
    pub(super) fn parse(name: &str) -> Result<Self, InvalidLogFormat> {
        if let Some((_, write)) = NAMED.iter().find(|(known, _)| *known == name) {
            return Ok(Self::Named(*write));
        }
        let rest = |prefix: &str| name.strip_prefix(prefix).filter(|rest| !rest.is_empty());
        let field = |name: &str| name.replace('_', "-").into_boxed_str();
        if let Some(name) = rest("sent_http_") {
            return Ok(Self::ResponseHeader(field(name)));
        }
        if let Some(name) = rest("http_") {
            return Ok(Self::RequestHeader(field(name)));
        }
        if let Some(name) = rest("cookie_") {
            return Ok(Self::Cookie(name.into()));
        }
        if let Some(name) = rest("arg_") {
            return Ok(Self::Argument(name.into()));
        }
        Err(unknown(name))
    }

    /// Appends the value, escaped.
    pub(super) fn write(&self, x: &Exchange, now: Now, times: &Times, line: &mut Vec<u8>) {
        let found = match self {
            Self::Named(write) => write(&Value { x, now, times }, line),
            Self::RequestHeader(name) => {
                let between = if &**name == "cookie" { "; " } else { ", " };
                joined(x.request.headers.get_all(name), between, line)
            }
            Self::ResponseHeader(name) => joined(x.response.headers.get_all(name), ", ", line),
            Self::Cookie(name) => text(cookie(x, name), line),
            Self::Argument(name) => text(argument(x, name), line),
        };
        if !found {
            line.push(b'-');
        }
    }
}

fn unknown(name: &str) -> InvalidLogFormat {
    let names = NAMED.iter().map(|(known, _)| *known);
    let help = match config::did_you_mean(name, names) {
        Some(meant) => format!("did you mean `${meant}`?"),
        None => "headers are `$http_NAME` and `$sent_http_NAME`, cookies `$cookie_NAME`, \
                 parameters of the query `$arg_NAME`"
            .to_owned(),
    };
    InvalidLogFormat(format!("there is no variable `${name}`: {help}"))
}

fn text(value: Option<impl AsRef<[u8]>>, line: &mut Vec<u8>) -> bool {
    value.is_some_and(|value| {
        escape::plain(value.as_ref(), line);
        true
    })
}

fn joined<'a>(values: impl Iterator<Item = &'a [u8]>, between: &str, line: &mut Vec<u8>) -> bool {
    let mut found = false;
    for value in values {
        if found {
            line.extend_from_slice(between.as_bytes());
        }
        escape::plain(value, line);
        found = true;
    }
    found
}

fn count(number: impl Into<u64>, line: &mut Vec<u8>) -> bool {
    number::write(number.into(), line);
    true
}

/// A number of microseconds as seconds with milliseconds.
fn seconds(us: Option<u64>, line: &mut Vec<u8>) -> bool {
    us.is_some_and(|us| {
        write_seconds(us / 1000, line);
        true
    })
}

fn cookie<'a>(x: &'a Exchange, name: &str) -> Option<&'a [u8]> {
    let pairs = x.request.headers.get_all("cookie").flat_map(|value| value.split(|b| *b == b';'));
    let pairs = pairs.map(<[u8]>::trim_ascii_start);
    pairs.into_iter().find_map(|pair| {
        let (found, value) = pair.split_at_checked(name.len())?;
        let value = value.strip_prefix(b"=")?;
        found.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
    })
}

fn argument<'a>(x: &'a Exchange, name: &str) -> Option<&'a str> {
    x.request.query()?.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// The user of Basic credentials (RFC 7617).
fn remote_user(value: &Value<'_>, line: &mut Vec<u8>) -> bool {
    let Some(field) = value.x.request.headers.get("authorization") else { return false };
    let Some((scheme, credentials)) = field.split_at_checked(6) else { return false };
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return false;
    }
    let Ok(decoded) = BASE64_STANDARD.decode(credentials.trim_ascii()) else { return false };
    match decoded.iter().position(|byte| *byte == b':') {
        None | Some(0) => false,
        Some(end) => text(Some(&decoded[..end]), line),
    }
}

/// The request line; none if no request was understood.
fn request(value: &Value<'_>, line: &mut Vec<u8>) -> bool {
    let request = &value.x.request;
    if request.target().is_empty() {
        return false;
    }
    escape::plain(request.method.as_str().as_bytes(), line);
    line.push(b' ');
    escape::plain(request.target().as_bytes(), line);
    line.push(b' ');
    line.extend_from_slice(request.version.as_str().as_bytes());
    true
}

fn status(value: &Value<'_>, line: &mut Vec<u8>) -> bool {
    super::time::write_thousandths(value.x.response.status.into(), line);
    true
}

fn label(value: &Value<'_>, line: &mut Vec<u8>, label: fn(&Labels) -> &str) -> bool {
    text(value.x.labels().map(label).filter(|label| !label.is_empty()), line)
}

fn consumer(value: &Value<'_>, line: &mut Vec<u8>) -> bool {
    text(super::json::consumer(value.x), line)
}

fn address(address: std::net::IpAddr, line: &mut Vec<u8>) -> bool {
    write_address(address, line);
    true
}

/// Every variable by its name; `docs/metrics.md` says what each means.
pub(in crate::telemetry) const NAMED: &[(&str, Write)] = &[
    ("args", |v, line| text(v.x.request.query(), line)),
    ("body_bytes_sent", |v, line| {
        count(v.x.timings.sent.saturating_sub(v.x.timings.sent_head), line)
    }),
    ("bytes_sent", |v, line| count(v.x.timings.sent, line)),
    ("consumer", consumer),
    ("gateway_time", |v, line| seconds(Some(Durations::of(v.x, v.now).gateway), line)),
    ("host", |v, line| text(Some(v.x.request.host()).filter(|host| !host.is_empty()), line)),
    ("https", |v, line| text((v.x.client.scheme == Scheme::Https).then_some("on"), line)),
    ("is_args", |v, line| {
        text(Some(v.x.request.query().filter(|q| !q.is_empty()).map_or("", |_| "?")), line)
    }),
    ("msec", |v, line| seconds(Some(v.now.unix_ms * 1000), line)),
    ("query_string", |v, line| text(v.x.request.query(), line)),
    ("realip_remote_addr", |v, line| address(v.x.client.peer.ip(), line)),
    ("realip_remote_port", |v, line| count(v.x.client.peer.port(), line)),
    ("remote_addr", |v, line| address(v.x.client.address, line)),
    ("remote_port", |v, line| count(v.x.client.peer.port(), line)),
    ("remote_user", remote_user),
    ("request", request),
    ("request_id", |v, line| {
        write_id(v.x.id, line);
        true
    }),
    ("request_length", |v, line| count(v.x.timings.received, line)),
    ("request_method", |v, line| text(Some(v.x.request.method.as_str()), line)),
    ("request_time", |v, line| seconds(Some(Durations::of(v.x, v.now).total), line)),
    ("request_uri", |v, line| text(Some(v.x.request.target()), line)),
    ("route", |v, line| label(v, line, |labels| &labels.route)),
    ("scheme", |v, line| {
        text(Some(if v.x.client.scheme == Scheme::Https { "https" } else { "http" }), line)
    }),
    ("server_addr", |v, line| address(v.x.client.local.ip(), line)),
    ("server_port", |v, line| count(v.x.client.local.port(), line)),
    ("server_protocol", |v, line| text(Some(v.x.request.version.as_str()), line)),
    ("service", |v, line| label(v, line, |labels| &labels.service)),
    ("ssl_server_name", |v, line| text(v.x.client.sni.as_deref(), line)),
    ("status", status),
    ("time_iso8601", |v, line| {
        v.times.write_iso_local(v.now, line);
        true
    }),
    ("time_local", |v, line| {
        v.times.write_local(v.now, line);
        true
    }),
    ("upstream_header_time", |v, line| seconds(Durations::of(v.x, v.now).upstream, line)),
    ("upstream_response_time", |v, line| {
        seconds(Durations::of(v.x, v.now).upstream_response, line)
    }),
    ("upstream_status", |v, line| {
        let status = v.x.timings.upstream_status;
        status != 0 && count(status, line)
    }),
    ("upstream_tries", |v, line| count(v.x.timings.tries, line)),
    ("uri", |v, line| text(Some(v.x.request.path()), line)),
];
