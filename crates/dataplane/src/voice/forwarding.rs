//! What upstreams are told: the client's fields and the gateway's own.

use filter::{Exchange, Headers, NameHash, Problem};
use model::ForwardMode;

use super::names::{AlikeNames, Names};
use super::sink::{FieldName, Sink};
use super::template::{Place, Scope, Template, write_joined};
use super::{FRAMING, check_name, is_common_connection, named_by_connection, options};

/// What the engine knows of an upstream request besides the exchange.
pub(crate) struct RequestFacts<'a> {
    /// The part of the path that the route matched and strips; empty if it strips nothing.
    pub(crate) matched_prefix: &'a str,
}

/// A compiled [`model::Forwarding`].
pub(super) struct Forwarding {
    arrivals: AlikeNames<Arrival>,
    plain_names_only: bool,
    fates: Names<Fate>,
    written: Vec<Written>,
    te: FieldName,
}

/// What becomes of a client's field when the request arrives.
#[derive(Clone, Copy)]
enum Arrival {
    /// It is dropped, and whatever looks like it.
    Reserved,
    /// Only what looks like it is dropped.
    Written,
    /// It is looked into.
    Connection,
}

/// What becomes of a client's field when the request is sent on.
#[derive(Clone, Copy)]
enum Fate {
    Dropped,
    /// Only `trailers` is passed on (RFC 9110 section 10.1.4).
    Te,
    /// The gateway writes a field of that name: its index.
    Written(u8),
}

struct Written {
    name: Box<str>,
    field: FieldName,
    value: Template,
    mode: ForwardMode,
}

impl Forwarding {
    pub(super) fn compile(forwarding: &model::Forwarding, problems: &mut Vec<Problem>) -> Self {
        let mut compiled = Self {
            arrivals: AlikeNames::new(),
            plain_names_only: forwarding.plain_names_only,
            fates: Names::new(),
            written: Vec::new(),
            te: FieldName::new("TE"),
        };
        for name in HOP_BY_HOP {
            compiled.fates.insert(name, Fate::Dropped);
        }
        compiled.fates.insert("te", Fate::Te);
        for name in &forwarding.dropped {
            compiled.fates.insert(name, Fate::Dropped);
        }
        for (ix, header) in forwarding.headers.iter().enumerate() {
            compiled.add(header, &format!("/forwarding/headers/{ix}"), problems);
        }
        for name in &forwarding.reserved {
            compiled.arrivals.insert(name, Arrival::Reserved);
        }
        compiled.arrivals.insert("connection", Arrival::Connection);
        compiled
    }

    fn add(&mut self, header: &model::ForwardHeader, pointer: &str, problems: &mut Vec<Problem>) {
        check_name(&header.name, &format!("{pointer}/name"), problems);
        if matches!(self.fates.get(header.name.as_bytes()), Some(Fate::Written(_))) {
            let message = format!("`{}` is written twice", header.name);
            problems.push(Problem::new(format!("{pointer}/name"), message));
        }
        if self.written.len() == MAX_WRITTEN {
            let message = format!("more than {MAX_WRITTEN} headers");
            problems.push(Problem::new(pointer, message));
            return;
        }
        let ix = u8::try_from(self.written.len()).expect("at most 64 headers");
        self.fates.insert(&header.name, Fate::Written(ix));
        self.arrivals.insert(&header.name, Arrival::Written);
        let value_at = format!("{pointer}/value");
        let value = Template::compile(&header.value, Place::Field, &value_at, problems);
        self.written.push(Written {
            name: header.name.as_str().into(),
            field: FieldName::new(&header.name).unique(value.is_unique()),
            value,
            mode: header.mode,
        });
    }

    /// See [`super::Voice::strip_reserved`].
    pub(super) fn strip(&self, headers: &mut Headers) {
        let (mut strip, mut named) = (false, false);
        for field in headers.fields() {
            match self.arrivals.get(field.name_hash, field.name) {
                Some((Arrival::Connection, true)) => named |= !is_common_connection(field.value),
                Some((arrival, exact)) => strip |= arrival.strips(exact),
                None => {}
            }
            strip |= self.plain_names_only && !is_plain(field.name);
        }
        if named {
            self.strip_named(headers);
        }
        if strip {
            headers.retain(|name, _| {
                let name = name.as_bytes();
                let arrival = self.arrivals.get(NameHash::of(name), name);
                !arrival.is_some_and(|(arrival, exact)| arrival.strips(exact))
                    && (!self.plain_names_only || is_plain(name))
            });
        }
    }

    /// Removes the fields that `Connection` names.
    fn strip_named(&self, headers: &mut Headers) {
        let Some(named) = named_by_connection(headers) else { return };
        headers.retain(|name, _| {
            let lower = name.to_ascii_lowercase();
            let kept = FRAMING.contains(&lower.as_str())
                || matches!(self.fates.get(lower.as_bytes()), Some(Fate::Written(_)));
            kept || named.binary_search(&lower.into_bytes()).is_err()
        });
    }

    /// See [`super::Voice::request_headers`].
    pub(super) fn write<S: Sink>(&self, x: &Exchange, facts: &RequestFacts<'_>, sink: &mut S) {
        let trusted = x.client.trusted;
        let (mut seen, mut trailers) = (0u64, false);
        for field in x.request.headers.fields() {
            match self.fates.get_hashed(field.name_hash, field.name) {
                None => sink.field(&field),
                Some(Fate::Dropped) => {}
                Some(Fate::Te) => {
                    trailers |= options(field.value).any(|o| o.eq_ignore_ascii_case(b"trailers"));
                }
                Some(Fate::Written(ix)) => {
                    seen |= 1 << ix;
                    let mode = self.written[usize::from(*ix)].mode;
                    if trusted && mode == ForwardMode::SetUnlessTrusted {
                        sink.field(&field);
                    }
                }
            }
        }
        if trailers {
            sink.header(&self.te, b"trailers");
        }
        let scope = Scope {
            x,
            now_us: x.timings.upstream_start,
            matched_prefix: facts.matched_prefix,
            reply: None,
        };
        for (ix, header) in self.written.iter().enumerate() {
            let seen = seen >> ix & 1 == 1;
            match header.mode {
                ForwardMode::SetUnlessTrusted if seen && trusted => {}
                ForwardMode::Append if seen => header.append(&scope, sink),
                _ => header.write(&scope, sink),
            }
        }
    }
}

impl Arrival {
    fn strips(self, exact: bool) -> bool {
        match self {
            Self::Reserved => true,
            Self::Written => !exact,
            Self::Connection => false,
        }
    }
}

impl Written {
    fn write<S: Sink>(&self, scope: &Scope<'_>, sink: &mut S) {
        sink.header_with(&self.field, |output| self.value.write(scope, output));
    }

    /// Writes the client's values and the gateway's own behind them.
    fn append<S: Sink>(&self, scope: &Scope<'_>, sink: &mut S) {
        sink.header_with(&self.field, |output| {
            append(scope.x.request.headers.get_all(&self.name), &self.value, scope, output);
        });
    }
}

/// Appends values, and a template's behind them, joined by `, `.
pub(super) fn append<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    value: &Template,
    scope: &Scope<'_>,
    output: &mut Vec<u8>,
) {
    let start = output.len();
    write_joined(values, output);
    let joint = output.len();
    if joint > start {
        output.extend_from_slice(b", ");
    }
    let behind = output.len();
    value.write(scope, output);
    if output.len() == behind {
        output.truncate(joint);
    }
}

/// Letters, digits, `-` and `_`.
fn is_plain(name: &[u8]) -> bool {
    name.iter().fold(true, |plain, byte| {
        plain & (byte.is_ascii_alphanumeric() | (*byte == b'-') | (*byte == b'_'))
    })
}

/// Fields that end with the connection (RFC 9110 section 7.6.1), and those that the engine
/// writes itself or, as with `Expect`, has dealt with.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "host",
    "expect",
];

/// One bit each in a word.
const MAX_WRITTEN: usize = 64;
