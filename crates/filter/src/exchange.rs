//! One request and its response, as policies see them.

use std::any::{Any, TypeId};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use model::{Answered, Labels, Scheme};

use crate::{Caller, Headers, Identities, Request, Response};

/// A request and its response on their way through the gateway.
pub struct Exchange {
    /// The request.
    pub request: Request,
    /// The response, once there is one.
    pub response: Response,
    /// Headers that stand on the response whoever answers, beside those of the upstream by the
    /// same name.
    pub reply_headers: Headers,
    /// Who connected, and how.
    pub client: Client,
    /// Who calls, once a policy has found out.
    pub caller: Option<Caller>,
    /// The name of a caller whom somebody else knows, a directory, and who is no principal.
    pub external_caller: Option<Arc<str>>,
    /// When the request's first byte was read.
    pub now: Now,
    /// How long things took.
    pub timings: Timings,
    /// A number that is unique to the exchange, for ids in headers and logs.
    pub id: u128,
    /// Which request of its connection it is, from 1.
    pub nth: u64,
    /// Index of the route in the view, once one is found.
    pub route: Option<u32>,
    /// How much of the path the route's predicate matched, in bytes.
    pub matched: usize,
    /// Index of the voice in the view that speaks for the gateway.
    pub voice: u32,
    /// The endpoints that were tried, in order. That a kept connection was closed meanwhile is
    /// no try.
    pub tries: Vec<Try>,
    /// Who answered, once the response's head has been written.
    pub answered: Option<Answered>,
    /// What policies leave for each other and for their later phases.
    pub extensions: Extensions,
    /// The configuration that the exchange runs under, from its first to its last byte.
    pub view: Rc<dyn View>,
}

/// What an exchange sees of the configuration that it runs under.
pub trait View {
    /// Who may call.
    fn identities(&self) -> &Identities;

    /// What a route is called.
    fn labels(&self, route: u32) -> &Labels;

    /// Appends the target that the route sends to its upstream: the path made from the request's,
    /// and the query. Says whether the route has an upstream.
    fn upstream_target(&self, exchange: &Exchange, output: &mut Vec<u8>) -> bool {
        let _ = (exchange, output);
        false
    }

    /// Tells the fields of a response whose head has been written, those that frame its body
    /// included.
    fn response_fields(&self, exchange: &Exchange, tell: &mut dyn FnMut(&[u8], &[u8])) {
        for field in exchange.response.headers.fields() {
            tell(field.name, field.value);
        }
    }
}

impl Exchange {
    /// An exchange before its request has been read.
    pub fn new(view: Rc<dyn View>, client: Client) -> Self {
        Self {
            request: Request::default(),
            response: Response::default(),
            reply_headers: Headers::new(),
            client,
            caller: None,
            external_caller: None,
            now: Now::default(),
            timings: Timings::default(),
            id: 0,
            nth: 1,
            route: None,
            matched: 0,
            voice: 0,
            tries: Vec::new(),
            answered: None,
            extensions: Extensions::default(),
            view,
        }
    }

    /// The wall clock at a moment of the exchange, in microseconds since 1970-01-01 UTC, by what it
    /// showed when the exchange began.
    pub fn unix_us(&self, mono_us: u64) -> u64 {
        (self.now.unix_ms * 1000).saturating_add(mono_us).saturating_sub(self.now.mono_us)
    }

    /// Microseconds from sending the request to an upstream to the head of its response, or to its
    /// failure; none if no upstream was asked.
    pub fn upstream_latency(&self) -> Option<u64> {
        let Timings { upstream_start, upstream_head, .. } = self.timings;
        (upstream_start != 0).then(|| upstream_head.saturating_sub(upstream_start))
    }

    /// Microseconds that the gateway itself took before and after the upstream, up to a moment at
    /// which it wrote the response's head; none if no upstream was asked.
    pub fn proxy_latency(&self, moment: u64) -> Option<u64> {
        let Timings { upstream_start, upstream_head, .. } = self.timings;
        (upstream_start != 0).then(|| {
            upstream_start.saturating_sub(self.now.mono_us) + moment.saturating_sub(upstream_head)
        })
    }

    /// What the route is called, once one is found.
    pub fn labels(&self) -> Option<&Labels> {
        self.route.map(|route| self.view.labels(route))
    }

    /// Makes the exchange ready for the next request of its connection.
    pub fn reset(&mut self, view: Rc<dyn View>) {
        self.request.clear();
        self.response.clear();
        self.reply_headers.clear();
        self.caller = None;
        self.external_caller = None;
        self.timings = Timings::default();
        self.route = None;
        self.matched = 0;
        self.tries.clear();
        self.answered = None;
        self.extensions.0.clear();
        self.view = view;
    }
}

/// Who connected, and how.
#[derive(Debug, Clone)]
pub struct Client {
    /// A number that no other connection of the process has, from 1.
    pub connection: u64,
    /// The client's address: the peer's, or what a trusted peer said it is, in a PROXY protocol
    /// header or in a field of the request.
    pub address: IpAddr,
    /// The other end of the connection, whatever it says about its clients.
    pub peer: SocketAddr,
    /// This end of the connection.
    pub local: SocketAddr,
    /// Whether the peer's forwarding headers are believed.
    pub trusted: bool,
    /// Plain text or TLS.
    pub scheme: Scheme,
    /// The server name of the TLS handshake, lower case.
    pub sni: Option<Rc<str>>,
    /// What the TLS handshake agreed on.
    pub tls: Option<TlsSession>,
}

/// What a TLS handshake agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsSession {
    /// The protocol's version: `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite's name in the IANA registry.
    pub cipher: &'static str,
}

/// One endpoint that was tried for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    /// Its address; none if its name could not be resolved.
    pub address: Option<SocketAddr>,
    /// When the endpoint was chosen, in microseconds of [`Now::mono_us`].
    pub started: u64,
    /// When its response's head was complete, or its failure known; zero before.
    pub ended: u64,
    /// What it answered, or the status that stands for its failure: 502, or 504 if it took too
    /// long; zero before.
    pub status: u16,
    /// Whether there was no answer.
    pub failed: bool,
}

/// A moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Milliseconds since 1970-01-01 UTC. May jump.
    pub unix_ms: u64,
    /// Microseconds since some moment before the process served. Never goes back.
    pub mono_us: u64,
}

impl Now {
    /// Whole seconds since 1970-01-01 UTC.
    pub fn unix_seconds(self) -> u64 {
        self.unix_ms / 1000
    }
}

/// How long things took, in microseconds of [`Now::mono_us`]; zero if it did not happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// When the request was first sent to an upstream.
    pub upstream_start: u64,
    /// When the upstream's response head was complete, or its failure known.
    pub upstream_head: u64,
    /// When the response's head was written.
    pub begun: u64,
    /// When the last byte was sent.
    pub end: u64,
    /// Bytes read from the client, head included.
    pub received: u64,
    /// Bytes written to the client, head included.
    pub sent: u64,
    /// How many of the bytes written were heads.
    pub sent_head: u64,
    /// The status that the upstream answered; zero if none did.
    pub upstream_status: u16,
    /// How many endpoints were tried.
    pub tries: u32,
}

/// Typed values that policies attach to an exchange.
#[derive(Default)]
pub struct Extensions(Vec<(TypeId, Box<dyn Any>)>);

impl Extensions {
    /// Attaches a value and returns the one of its type that it replaces.
    pub fn insert<T: 'static>(&mut self, value: T) -> Option<T> {
        let key = TypeId::of::<T>();
        if let Some((_, slot)) = self.0.iter_mut().find(|(id, _)| *id == key) {
            let old = std::mem::replace(slot, Box::new(value));
            return old.downcast().ok().map(|old| *old);
        }
        self.0.push((key, Box::new(value)));
        None
    }

    /// The attached value of a type.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        let key = TypeId::of::<T>();
        self.0.iter().find(|(id, _)| *id == key).and_then(|(_, value)| value.downcast_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_hold_one_value_a_type() {
        let mut extensions = Extensions::default();
        assert_eq!(extensions.insert(1u32), None);
        assert_eq!(extensions.insert("a"), None);
        assert_eq!(extensions.insert(2u32), Some(1));
        assert_eq!(extensions.get::<u32>(), Some(&2));
        assert_eq!(extensions.get::<u64>(), None);
    }
}
