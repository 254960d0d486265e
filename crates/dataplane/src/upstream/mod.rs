//! Upstreams: their endpoints, the connections to them, and how one is chosen.

mod connect;
mod dns;

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use model::{Fingerprint, Pool};

pub(crate) use connect::{ConnectError, connect};
pub(crate) use dns::Dns;

use crate::http1::conn::Conn;
use crate::settings::ConnectTo;

/// An upstream of a snapshot.
pub(crate) struct CompiledUpstream {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) endpoints: Vec<CompiledEndpoint>,
    /// Indices into `endpoints`, each as often as its share demands.
    wheel: Vec<u32>,
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
    pool: Pool,
}

/// An endpoint of a snapshot.
pub(crate) struct CompiledEndpoint {
    /// `host:port` as the document has it, for logs and metrics.
    pub(crate) label: String,
    /// The default `Host`.
    pub(crate) host_header: String,
    /// Where to connect.
    pub(crate) dial: Dial,
    pub(crate) port: u16,
}

/// An address, or a name to resolve.
pub(crate) enum Dial {
    Address(IpAddr),
    Name(String),
}

impl CompiledUpstream {
    /// Compiles an upstream whose TLS has been prepared.
    pub(crate) fn compile(
        upstream: &model::Upstream,
        fingerprint: Fingerprint,
        tls: Option<Arc<rustls::ClientConfig>>,
        detours: &[ConnectTo],
    ) -> Self {
        let default_port = if upstream.tls.is_some() { 443 } else { 80 };
        let endpoints: Vec<_> = upstream
            .endpoints
            .iter()
            .map(|endpoint| compile_endpoint(endpoint, upstream, default_port, detours))
            .collect();
        let weights: Vec<u32> = upstream.endpoints.iter().map(|e| e.weight).collect();
        Self { fingerprint, endpoints, wheel: wheel(&weights), tls, pool: upstream.pool.clone() }
    }
}

fn compile_endpoint(
    endpoint: &model::Endpoint,
    upstream: &model::Upstream,
    default_port: u16,
    detours: &[ConnectTo],
) -> CompiledEndpoint {
    let bracketed = match endpoint.host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => endpoint.host.clone(),
    };
    let label = format!("{bracketed}:{}", endpoint.port);
    let host_header = match &upstream.host_header {
        Some(host) => host.clone(),
        None if endpoint.port == default_port => bracketed,
        None => label.clone(),
    };
    let (host, port) = detours
        .iter()
        .find_map(|detour| detour.apply(&endpoint.host, endpoint.port))
        .unwrap_or_else(|| (endpoint.host.clone(), endpoint.port));
    let dial = host.parse().map_or(Dial::Name(host), Dial::Address);
    CompiledEndpoint { label, host_header, dial, port }
}

/// A sequence in which each index stands as often as its weight demands, as evenly spread as can
/// be (smooth weighted round-robin).
fn wheel(weights: &[u32]) -> Vec<u32> {
    let divisor = weights.iter().copied().filter(|w| *w > 0).fold(0, gcd);
    if divisor == 0 {
        return Vec::new();
    }
    let mut shares: Vec<i64> = weights.iter().map(|weight| i64::from(weight / divisor)).collect();
    let mut total: i64 = shares.iter().sum();
    // Very uneven weights are rounded so that the wheel stays small.
    if total > MAX_WHEEL {
        for share in shares.iter_mut().filter(|share| **share > 0) {
            *share = (*share * MAX_WHEEL / total).max(1);
        }
        total = shares.iter().sum();
    }
    let mut credit = vec![0i64; shares.len()];
    let mut wheel = Vec::new();
    for _ in 0..total {
        for (credit, share) in credit.iter_mut().zip(&shares) {
            *credit += share;
        }
        let best = (0..credit.len()).rev().max_by_key(|ix| credit[*ix]).unwrap_or(0);
        credit[best] -= total;
        wheel.push(u32::try_from(best).expect("fewer than 2^32 endpoints"));
    }
    wheel
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A worker's upstream: where its turn stands, and its idle connections.
pub(crate) struct LiveUpstream {
    pub(crate) compiled: Arc<CompiledUpstream>,
    turn: Cell<usize>,
    idle: Vec<RefCell<Vec<Idle>>>,
}

/// A connection that waits for its next request.
struct Idle {
    link: Link,
    since_us: u64,
}

/// A connection to an endpoint.
pub(crate) struct Link {
    pub(crate) conn: Box<Conn>,
    /// The TLS server name that it was opened for.
    pub(crate) server_name: Option<Rc<str>>,
    /// Requests sent on it so far.
    pub(crate) requests: u64,
}

impl LiveUpstream {
    /// Starts an upstream on a worker. Workers start their turns at different endpoints.
    pub(crate) fn new(compiled: Arc<CompiledUpstream>, worker: usize) -> Rc<Self> {
        let idle = compiled.endpoints.iter().map(|_| RefCell::default()).collect();
        Rc::new(Self { compiled, turn: Cell::new(worker), idle })
    }

    /// The endpoint whose turn it is; `None` if there is none that takes requests.
    pub(crate) fn pick(&self) -> Option<usize> {
        let wheel = &self.compiled.wheel;
        if wheel.is_empty() {
            return None;
        }
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        Some(wheel[turn % wheel.len()] as usize)
    }

    /// An idle connection to an endpoint that is fit for use.
    pub(crate) fn take(
        &self,
        endpoint: usize,
        server_name: Option<&str>,
        now_us: u64,
    ) -> Option<Link> {
        let mut idle = self.idle[endpoint].borrow_mut();
        // The youngest first: it is the least likely to be closed by the other side.
        let mut at = idle.len();
        while at > 0 {
            at -= 1;
            if idle[at].link.server_name.as_deref() != server_name {
                continue;
            }
            let mut found = idle.remove(at);
            let expired = is_past(found.since_us, self.compiled.pool.idle_timeout, now_us);
            if !expired && !found.link.conn.socket.is_disturbed() {
                return Some(found.link);
            }
        }
        None
    }

    /// Keeps a connection for the next request, if it may be.
    pub(crate) fn put(&self, endpoint: usize, link: Link, now_us: u64) {
        let pool = &self.compiled.pool;
        let worn = pool.max_requests > 0 && link.requests >= pool.max_requests;
        let mut idle = self.idle[endpoint].borrow_mut();
        if worn || pool.max_idle == 0 {
            return;
        }
        if idle.len() >= pool.max_idle {
            idle.remove(0);
        }
        idle.push(Idle { link, since_us: now_us });
    }

    /// Closes connections that were idle for too long, or that the other side has closed.
    pub(crate) fn sweep(&self, now_us: u64) {
        for idle in &self.idle {
            idle.borrow_mut().retain_mut(|idle| {
                !is_past(idle.since_us, self.compiled.pool.idle_timeout, now_us)
                    && !idle.link.conn.socket.is_disturbed()
            });
        }
    }
}

fn is_past(since_us: u64, limit: Duration, now_us: u64) -> bool {
    !limit.is_zero() && u128::from(now_us.saturating_sub(since_us)) >= limit.as_micros()
}

/// Places on a wheel at the most.
const MAX_WHEEL: i64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_spreads_by_weight() {
        assert_eq!(wheel(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(wheel(&[100, 100]), [0, 1]);
        assert_eq!(wheel(&[0, 3]), [1]);
        assert_eq!(wheel(&[0, 0]), [0u32; 0]);
        assert_eq!(wheel(&[]), [0u32; 0]);
        assert!(wheel(&[1, 1_000_000_007]).len() <= 10_001);
    }
}
