//! Log records: what a [`model::Shape`] makes of an exchange.
//!
//! A shape is compiled once; a record is then written into one buffer, without a value per member.

mod fields;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::io::Write as _;

use filter::{Exchange, Problem, Try};
use model::{Answered, Fact, Scheme, Shape};
use serde_json::Value;

pub(crate) use text::write_text;

use crate::machine;

/// A compiled [`Shape`].
pub(crate) struct Record(Node);

/// A place of a compiled shape.
enum Node {
    /// JSON, as it is written.
    Json(Box<[u8]>),
    Fact(Fact),
    Object(Box<[Member]>),
    Fields(Fact, Box<[Member]>),
    Tries(Box<Node>),
    FirstOf(Box<[Node]>),
    If(Fact, Box<Node>),
    Joined(Box<[Node]>),
    Lookup(Fact, BTreeMap<Vec<u8>, Box<[u8]>>),
    Replace(Box<Node>, String, String),
}

struct Member {
    name: Box<str>,
    /// `"name":`, as it is written.
    key: Box<[u8]>,
    value: Node,
}

/// What a record is written of.
#[derive(Clone, Copy)]
struct Scope<'a> {
    x: &'a Exchange,
    attempt: Option<&'a Try>,
}

impl Record {
    /// Compiles a shape; what cannot be written is a problem, with `pointer` as its place.
    pub(crate) fn compile(shape: Shape, pointer: &str, problems: &mut Vec<Problem>) -> Self {
        Self(Node::compile(shape, pointer, problems))
    }

    /// Appends the record of an exchange as one JSON text without line breaks; `null` if the whole
    /// shape is absent.
    pub(crate) fn write(&self, x: &Exchange, output: &mut Vec<u8>) {
        if !self.0.write(Scope { x, attempt: None }, output) {
            output.extend_from_slice(b"null");
        }
    }

    /// Appends a text or a number as it is, without quotes and escapes; says whether it is present.
    pub(crate) fn write_plain(&self, x: &Exchange, output: &mut Vec<u8>) -> bool {
        let start = output.len();
        let present = self.0.write(Scope { x, attempt: None }, output);
        if output.get(start) == Some(&b'"')
            && let Ok(plain) = serde_json::from_slice::<String>(&output[start..])
        {
            output.truncate(start);
            output.extend_from_slice(plain.as_bytes());
        }
        present
    }

    /// The record of an exchange in memory of its own.
    pub(crate) fn of(&self, x: &Exchange) -> Vec<u8> {
        let mut output = Vec::with_capacity(ORDINARY);
        self.write(x, &mut output);
        output
    }
}

impl Node {
    fn compile(shape: Shape, pointer: &str, problems: &mut Vec<Problem>) -> Self {
        let mut members = |members: Vec<(String, Shape)>| -> Box<[Member]> {
            let members = members.into_iter().map(|(name, value)| {
                let at = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                let mut key = Vec::new();
                write_text(name.as_bytes(), &mut key);
                key.push(b':');
                let value = Self::compile(value, &at, problems);
                Member { name: name.into(), key: key.into(), value }
            });
            members.collect()
        };
        match shape {
            Shape::Constant(value) => Self::Json(value.to_string().into_bytes().into()),
            Shape::Fact(fact) => Self::Fact(fact),
            Shape::Object(shapes) => Self::Object(members(shapes)),
            Shape::Fields(fact, shapes) => {
                let also = members(shapes);
                if !matches!(fact, Fact::RequestHeaders | Fact::ResponseHeaders) {
                    let message = "only the fields of a message can be written as fields";
                    problems.push(Problem::new(pointer, message));
                }
                Self::Fields(fact, also)
            }
            Shape::Tries(shape) => Self::Tries(Box::new(Self::compile(*shape, pointer, problems))),
            Shape::FirstOf(shapes) => Self::FirstOf(Self::compile_all(shapes, pointer, problems)),
            Shape::If(fact, shape) => {
                Self::If(fact, Box::new(Self::compile(*shape, pointer, problems)))
            }
            Shape::Joined(shapes) => Self::Joined(Self::compile_all(shapes, pointer, problems)),
            Shape::Replace(shape, from, to) => {
                Self::Replace(Box::new(Self::compile(*shape, pointer, problems)), from, to)
            }
            Shape::Lookup(fact, table) => {
                let json = |value: Value| value.to_string().into_bytes().into();
                Self::Lookup(
                    fact,
                    table.into_iter().map(|(key, value)| (key.into_bytes(), json(value))).collect(),
                )
            }
        }
    }

    fn compile_all(shapes: Vec<Shape>, pointer: &str, problems: &mut Vec<Problem>) -> Box<[Self]> {
        shapes.into_iter().map(|shape| Self::compile(shape, pointer, problems)).collect()
    }

    /// Appends the value; says whether it is present. Of an absent one nothing is written.
    fn write(&self, scope: Scope<'_>, output: &mut Vec<u8>) -> bool {
        match self {
            Self::Json(json) => {
                output.extend_from_slice(json);
                true
            }
            Self::Fact(fact) => write_fact(fact, scope, output),
            Self::Object(members) => write_object(members, scope, output),
            Self::Fields(fact, also) => fields::write(fact, also, scope, output),
            Self::Tries(shape) => write_tries(shape, scope, output),
            Self::FirstOf(nodes) => nodes.iter().any(|node| node.write(scope, output)),
            Self::If(fact, node) => {
                let start = output.len();
                let present = write_fact(fact, scope, output);
                output.truncate(start);
                present && node.write(scope, output)
            }
            Self::Joined(nodes) => {
                output.push(b'"');
                for node in nodes {
                    let start = output.len();
                    node.write(scope, output);
                    text::strip_quotes(output, start);
                }
                output.push(b'"');
                true
            }
            Self::Replace(node, from, to) => {
                let start = output.len();
                let present = node.write(scope, output);
                let written = String::from_utf8_lossy(&output[start..]);
                if written.contains(from.as_str()) {
                    let replaced = written.replace(from.as_str(), to);
                    output.truncate(start);
                    output.extend_from_slice(replaced.as_bytes());
                }
                present
            }
            Self::Lookup(fact, table) => {
                let start = output.len();
                let present = write_fact(fact, scope, output);
                let found = table.get(text::unquoted(&output[start..]));
                if let Some(json) = found {
                    output.truncate(start);
                    output.extend_from_slice(json);
                }
                present
            }
        }
    }
}

fn write_object(members: &[Member], scope: Scope<'_>, output: &mut Vec<u8>) -> bool {
    let start = output.len();
    output.push(b'{');
    write_members(members, scope, output);
    close(start, b'}', output)
}

/// Appends the members that are present, each with a comma behind it.
fn write_members(members: &[Member], scope: Scope<'_>, output: &mut Vec<u8>) {
    for member in members {
        let before = output.len();
        output.extend_from_slice(&member.key);
        match member.value.write(scope, output) {
            true => output.push(b','),
            false => output.truncate(before),
        }
    }
}

fn write_tries(shape: &Node, scope: Scope<'_>, output: &mut Vec<u8>) -> bool {
    let start = output.len();
    output.push(b'[');
    for attempt in &scope.x.tries {
        if shape.write(Scope { attempt: Some(attempt), ..scope }, output) {
            output.push(b',');
        }
    }
    close(start, b']', output)
}

/// Ends an object or a list that began at `start`, each of whose values has a comma behind it. One
/// without values is taken back.
fn close(start: usize, end: u8, output: &mut Vec<u8>) -> bool {
    match output.last_mut() {
        Some(last) if *last == b',' => {
            *last = end;
            true
        }
        _ => {
            output.truncate(start);
            false
        }
    }
}

fn write_fact(fact: &Fact, scope: Scope<'_>, output: &mut Vec<u8>) -> bool {
    let Scope { x, attempt } = scope;
    let timings = &x.timings;
    match fact {
        Fact::RequestId => quoted(format_args!("{:032x}", x.id), output),
        Fact::Method => string(x.request.method.as_str(), output),
        Fact::Target => string(x.request.target(), output),
        Fact::Scheme => string(scheme(x.client.scheme), output),
        Fact::Host => string(x.request.host(), output),
        Fact::ListenerPort => number(x.client.local.port().into(), output),
        Fact::Query => fields::write_query(x.request.query().unwrap_or_default(), output),
        Fact::RequestHeaders | Fact::ResponseHeaders => fields::write(fact, &[], scope, output),
        Fact::RequestSize => number(timings.received, output),
        Fact::TlsVersion => x.client.tls.is_some_and(|tls| string(tls.version, output)),
        Fact::TlsCipher => x.client.tls.is_some_and(|tls| string(tls.cipher, output)),
        Fact::Machine => string(machine::name(), output),
        Fact::ClientAddress => quoted(x.client.address, output),
        Fact::Started => number(x.now.unix_ms, output),
        Fact::Answered => string(answered(x), output),
        Fact::Status => number(x.response.status.into(), output),
        Fact::ResponseSize => number(timings.sent, output),
        Fact::ConnectionFate => {
            string(if x.response.status == 101 { "upgrade" } else { "close" }, output)
        }
        Fact::UpstreamTarget => write_upstream_target(x, output),
        Fact::UpstreamStatuses => write_statuses(&x.tries, output),
        Fact::TotalLatency => number(timings.end.saturating_sub(x.now.mono_us) / 1000, output),
        Fact::UpstreamLatency => latency(x.upstream_latency(), output),
        Fact::GatewayLatency => latency(gateway_latency(x), output),
        Fact::ReceiveLatency => number(timings.end.saturating_sub(head_written(x)) / 1000, output),
        Fact::CredentialId => x.caller.and_then(|caller| caller.credential).is_some_and(|ix| {
            string(&x.view.identities().credential(ix).credential.public_id, output)
        }),
        Fact::PrincipalId => principal(x).is_some_and(|it| string(&it.public_id, output)),
        Fact::PrincipalName => {
            principal(x).and_then(|it| it.name.as_deref()).is_some_and(|it| string(it, output))
        }
        Fact::PrincipalExternalId => principal(x)
            .and_then(|it| it.external_id.as_deref())
            .is_some_and(|it| string(it, output)),
        Fact::Principal => principal(x).is_some_and(|it| json(it.described.as_deref(), output)),
        Fact::Route(name) => {
            json(x.labels().and_then(|labels| labels.described.get(name)).map(|it| &**it), output)
        }
        Fact::TryAddress => attempt
            .and_then(|attempt| attempt.address)
            .is_some_and(|address| quoted(address.ip(), output)),
        Fact::TryPort => attempt
            .and_then(|attempt| attempt.address)
            .is_some_and(|address| number(address.port().into(), output)),
        Fact::TryStarted => {
            attempt.is_some_and(|attempt| number(x.unix_us(attempt.started) / 1000, output))
        }
        Fact::TryStartedNanoseconds => {
            attempt.is_some_and(|attempt| number(x.unix_us(attempt.started) * 1000, output))
        }
        Fact::TryFailure => attempt
            .filter(|attempt| attempt.failed)
            .is_some_and(|attempt| number(attempt.status.into(), output)),
    }
}

fn principal(x: &Exchange) -> Option<&model::Principal> {
    x.caller.map(|caller| x.view.identities().principal(caller.principal))
}

/// Microseconds that the gateway itself took until the response's head was written.
pub(crate) fn gateway_latency(x: &Exchange) -> Option<u64> {
    let begun = head_written(x);
    x.proxy_latency(begun).or_else(|| Some(begun.saturating_sub(x.now.mono_us)))
}

/// When the response's head was written; the end if none was.
fn head_written(x: &Exchange) -> u64 {
    if x.timings.begun == 0 { x.timings.end } else { x.timings.begun }
}

fn answered(x: &Exchange) -> &'static str {
    match x.answered {
        Some(Answered::Upstream) => "upstream",
        Some(Answered::Failure) => "failure",
        Some(Answered::Local) | None => "local",
    }
}

fn scheme(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    }
}

fn write_upstream_target(x: &Exchange, output: &mut Vec<u8>) -> bool {
    if x.tries.is_empty() {
        return false;
    }
    let mut target = Vec::new();
    x.view.upstream_target(x, &mut target) && {
        write_text(&target, output);
        true
    }
}

fn write_statuses(tries: &[Try], output: &mut Vec<u8>) -> bool {
    let Some((last, others)) = tries.split_last() else { return false };
    output.push(b'"');
    for attempt in others {
        print(format_args!("{}, ", attempt.status), output);
    }
    print(format_args!("{}\"", last.status), output);
    true
}

fn string(text: &str, output: &mut Vec<u8>) -> bool {
    write_text(text.as_bytes(), output);
    true
}

/// Appends a text that needs no escapes.
fn quoted(text: impl std::fmt::Display, output: &mut Vec<u8>) -> bool {
    print(format_args!("\"{text}\""), output);
    true
}

fn number(number: u64, output: &mut Vec<u8>) -> bool {
    print(format_args!("{number}"), output);
    true
}

fn latency(microseconds: Option<u64>, output: &mut Vec<u8>) -> bool {
    microseconds.is_some_and(|took| number(took / 1000, output))
}

fn json(json: Option<&str>, output: &mut Vec<u8>) -> bool {
    json.is_some_and(|json| {
        output.extend_from_slice(json.as_bytes());
        true
    })
}

/// Writing into a vector cannot fail.
fn print(text: std::fmt::Arguments<'_>, output: &mut Vec<u8>) {
    let _ = output.write_fmt(text);
}

/// Bytes for which a record makes room at once.
const ORDINARY: usize = 2 << 10;
