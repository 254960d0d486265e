//! Sending a request to an upstream and its response back.

mod head;
mod relay;
mod sending;

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use filter::{BodyLength, Exchange, LocalReply, Method, Try, Version};
use model::{Answered, HostRule, Timeouts, reason};

pub(crate) use relay::{Answer, Broken};

use head::write_framing;
pub(crate) use head::{server_name, write_target};
use sending::{SendError, Sending, Wait, WaitsFor, began_at, poll_flushed_next};

use crate::downstream::{Downstream, RequestError};
use crate::http1::conn::{Conn, Next};
use crate::http1::head::{BadResponse, ResponseFraming, read_response};
use crate::live::Live;
use crate::router::Found;
use crate::snapshot::CompiledForward;
use crate::upstream::{ConnectError, Link, LiveMember, LiveUpstream, Outcome, connect};
use crate::voice::{RequestFacts, Voice};
use crate::worker::Worker;

/// Why there is no response.
pub(crate) enum Failure {
    /// The gateway answers in the upstream's place.
    Reply(Box<LocalReply>, Answered),
    /// The client is gone: nobody to answer.
    Gone,
}

/// What every try needs.
struct Attempt<'a, D> {
    worker: &'a Worker,
    forward: &'a CompiledForward,
    voice: &'a Voice,
    down: &'a mut D,
    /// The part of the path that the route's predicate matched, in bytes.
    matched: usize,
    /// The address that was connected to, or whose connection is used again.
    address: Cell<Option<SocketAddr>>,
}

/// Why a try failed.
enum Failed {
    Connect(ConnectError),
    /// The connection broke or closed before a response; whether it had been used before.
    Broken {
        error: io::Error,
        reused: bool,
    },
    Timeout,
    BadResponse(BadResponse),
    Client(RequestError),
}

/// Sends a request upstream and waits for the head of the response, which is then in
/// `x.response`.
pub(crate) async fn forward<D: Downstream>(
    worker: &Worker,
    live: &Live,
    forward: &CompiledForward,
    voice: &Voice,
    found: Found<'_>,
    x: &mut Exchange,
    down: &mut D,
) -> Result<Answer, Failure> {
    let upstream = live.upstreams[choose(worker, forward) as usize].clone();
    let mut sending = Sending::default();
    let (matched, address) = (found.matched, Cell::default());
    let mut attempt = Attempt { worker, forward, voice, down, matched, address };
    if x.request.body != BodyLength::None {
        attempt.down.send_continue();
        if let Err(error) = attempt.keep_start(&mut sending).await {
            return Err(attempt.client_failed(x, &error, Answered::Local));
        }
    }
    let mut tries = forward.forward.retry.tries;
    let mut key = upstream.key(x, &found, || worker.random_id());
    let mut tried = Vec::new();
    let mut began = worker.now_us();
    x.timings.upstream_start = began;
    loop {
        let Some(lease) = upstream.pick(&key, &tried) else {
            if attempt.settles(&upstream).await {
                continue;
            }
            let reply = LocalReply::new(503, reason::NO_ENDPOINT, "no endpoint is available");
            return Err(Failure::Reply(Box::new(reply), Answered::Local));
        };
        if let Some(cookie) = key.cookie.take() {
            x.reply_headers.push("Set-Cookie", cookie);
        }
        x.timings.tries += 1;
        attempt.address.set(None);
        let failed = match attempt.try_member(x, &upstream, &lease, &mut sending).await {
            Ok((link, framing)) => {
                let (status, now) = (x.response.status, worker.now_us());
                (x.timings.upstream_head, x.timings.upstream_status) = (now, status);
                x.tries.push(attempt.tried(began, now, status, false));
                upstream.note(&lease.member, Outcome::Status(status));
                upstream.note_latency(&lease.member, now - began, now);
                let timeouts = forward.forward.timeouts;
                return Ok(Answer { link, framing, upstream, lease, sending, timeouts });
            }
            Err(failed) => failed,
        };
        let stale = matches!(failed, Failed::Broken { reused: true, .. });
        let again = failed.may_try_again(x, &sending) && (tries > 0 || stale);
        if let Some(kind) = failed.kind().filter(|_| !(again && stale)) {
            let endpoint = &lease.member.label;
            worker.telemetry.upstream_failed(x, endpoint, kind, &failed, worker.now());
        }
        if !(again && stale) {
            x.tries.push(attempt.tried(began, worker.now_us(), failed.status(), true));
        }
        if !stale && let Some(outcome) = failed.outcome() {
            let now = worker.now_us();
            upstream.note(&lease.member, outcome);
            upstream.note_latency(&lease.member, FAILURE_US.max(now - began), now);
            began = now;
        }
        if !again {
            x.timings.upstream_head = worker.now_us();
            return Err(attempt.failed(x, failed));
        }
        // That a kept connection was closed meanwhile says nothing about the endpoint.
        if !stale {
            tries -= 1;
            tried.push(lease.member());
        }
    }
}

fn choose(worker: &Worker, forward: &CompiledForward) -> u32 {
    if let [(upstream, _)] = forward.upstreams[..] {
        return upstream;
    }
    let mut lot = worker.random_below(forward.weights.max(1));
    for (upstream, weight) in &forward.upstreams {
        match lot.checked_sub(*weight) {
            Some(rest) => lot = rest,
            None => return *upstream,
        }
    }
    forward.upstreams[0].0
}

impl<D: Downstream> Attempt<'_, D> {
    /// Reads the start of the body: all of it if it is small, so that a slow client holds no
    /// connection to an endpoint and the request can be tried again.
    async fn keep_start(&mut self, sending: &mut Sending) -> Result<(), RequestError> {
        let limit = self.forward.forward.buffering.request;
        let worker = self.worker;
        let down = &mut *self.down;
        let mut waiting = false;
        poll_fn(|cx| {
            while sending.kept.len() <= limit {
                // What is already there is taken even if nothing is to be waited for.
                let next = match down.next()? {
                    Some(next) => next,
                    None if limit == 0 => return Poll::Ready(Ok(())),
                    None => match poll_flushed_next(cx, down) {
                        Poll::Ready(next) => next?,
                        Poll::Pending => {
                            if !std::mem::replace(&mut waiting, true) {
                                down.deadline().arm(worker.now_us(), down.limits().body_timeout);
                            }
                            return match down.deadline().poll_passed(cx) {
                                true => Poll::Ready(Err(RequestError::Timeout)),
                                false => Poll::Pending,
                            };
                        }
                    },
                };
                waiting = false;
                if next == Next::End {
                    sending.whole = true;
                    return Poll::Ready(Ok(()));
                }
                let len = down.data().len();
                sending.kept.extend_from_slice(down.data());
                down.consume(len);
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Waits until it is known where the names of an upstream lead, for as long as a connection may
    /// take. Says whether something has become known.
    async fn settles(&mut self, upstream: &LiveUpstream) -> bool {
        let limit = self.forward.forward.timeouts.connect;
        self.down.deadline().arm(self.worker.now_us(), limit);
        let deadline = self.down.deadline().clone();
        let mut settling = pin!(upstream.compiled.settle());
        poll_fn(|cx| match settling.as_mut().poll(cx) {
            Poll::Pending if deadline.poll_passed(cx) => Poll::Ready(false),
            polled => polled,
        })
        .await
    }

    async fn try_member(
        &mut self,
        x: &mut Exchange,
        upstream: &LiveUpstream,
        member: &LiveMember,
        sending: &mut Sending,
    ) -> Result<(Link, ResponseFraming), Failed> {
        sending.at = 0;
        sending.done = false;
        sending.refused = false;
        let timeouts = self.forward.forward.timeouts;
        let (mut link, reused) = self.link(x, upstream, member, &timeouts).await?;
        link.conn.equip(&self.worker.buffers);
        let host = Self::host(self.forward, x, member);
        self.write_head(x, host, sending, &mut link.conn);
        let framing = self.exchange_heads(x, &mut link.conn, sending, &timeouts, reused).await?;
        link.requests += 1;
        Ok((link, framing))
    }

    /// A connection, kept or new; and which it is.
    async fn link(
        &mut self,
        x: &Exchange,
        upstream: &LiveUpstream,
        member: &LiveMember,
        timeouts: &Timeouts,
    ) -> Result<(Link, bool), Failed> {
        let worker = self.worker;
        let tls = upstream.compiled.tls.as_ref();
        let host = tls.is_some().then(|| Self::host(self.forward, x, member));
        let server_name = host.map(server_name);
        if let Some(link) = upstream.take(member, server_name, worker.recent().mono_us) {
            self.address.set(Some(link.address));
            return Ok((link, true));
        }
        self.down.deadline().arm(worker.now_us(), timeouts.connect);
        let deadline = self.down.deadline().clone();
        let down = &mut *self.down;
        let tried = &self.address;
        let connecting = connect(&member.member, tls, server_name, &upstream.dns, &deadline, tried);
        let mut connecting = pin!(connecting);
        // Requests that their clients have given up must not add up while an endpoint is slow to
        // take connections (CVE-2023-44487).
        poll_fn(|cx| match connecting.as_mut().poll(cx) {
            Poll::Ready(link) => {
                Poll::Ready(link.map(|link| (link, false)).map_err(Failed::Connect))
            }
            Poll::Pending if down.poll_gone(cx).is_ready() => Poll::Ready(Err(Failed::gone())),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// The `Host` that the endpoint is sent.
    fn host<'b>(forward: &'b CompiledForward, x: &'b Exchange, member: &'b LiveMember) -> &'b str {
        match &forward.forward.host {
            HostRule::Endpoint => &member.member.host_header,
            HostRule::Client => x.request.headers.get_str("host").unwrap_or_default(),
            HostRule::Fixed(host) => host,
        }
    }

    fn write_head(&self, x: &Exchange, host: &str, sending: &Sending, conn: &mut Conn) {
        let websocket = self.down.wants_websocket();
        let output = conn.output();
        output.extend_from_slice(x.request.method.as_str().as_bytes());
        output.push(b' ');
        let rewrite = &self.forward.forward.path;
        let mut target = self.worker.scratch.borrow_mut();
        write_target(x, rewrite, self.matched, &mut target, output);
        output.extend_from_slice(b" HTTP/1.1\r\nHost: ");
        output.extend_from_slice(host.as_bytes());
        output.extend_from_slice(match websocket {
            true => b"\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n",
            false => b"\r\nConnection: keep-alive\r\n".as_slice(),
        });
        let matched_prefix = if rewrite.strip { &x.request.path()[..self.matched] } else { "" };
        let facts = RequestFacts { matched_prefix };
        self.voice.request_headers(x, &facts, &mut crate::voice::Lines(output));
        let writing = write_framing(x, sending, self.down.trailers(), output);
        output.extend_from_slice(b"\r\n");
        conn.write_body(writing);
    }

    /// Sends the request and reads the response's head. Both run at once: an endpoint may answer
    /// before it has seen all of the request.
    async fn exchange_heads(
        &mut self,
        x: &mut Exchange,
        up: &mut Conn,
        sending: &mut Sending,
        timeouts: &Timeouts,
        reused: bool,
    ) -> Result<ResponseFraming, Failed> {
        let (worker, down) = (self.worker, &mut *self.down);
        let to_head = x.request.method == Method::Head;
        let mut interim = 0;
        let mut wait = Wait::default();
        let mut fresh = false;
        poll_fn(|cx| {
            let mut moved = false;
            if !sending.done && !sending.refused {
                match sending.poll(cx, up, down, &mut moved) {
                    Poll::Ready(Ok(())) => sending.done = true,
                    Poll::Ready(Err(SendError::Client(error))) => {
                        return Poll::Ready(Err(Failed::Client(error)));
                    }
                    // It may have answered before it closed: see whether it has.
                    Poll::Ready(Err(SendError::Upstream)) => sending.refused = true,
                    Poll::Pending => {}
                }
            }
            loop {
                if fresh {
                    match read_response(up.input.data(), to_head, &mut x.response) {
                        Err(error) => return Poll::Ready(Err(Failed::BadResponse(error))),
                        Ok(Some(framing)) if is_interim(x.response.status) => {
                            interim += 1;
                            if interim > MAX_INTERIM {
                                let error = BadResponse::TooLarge;
                                return Poll::Ready(Err(Failed::BadResponse(error)));
                            }
                            up.input.consume(framing.head);
                            if x.request.version > Version::Http10 && x.response.status != 100 {
                                down.send_interim(&x.response);
                            }
                            continue;
                        }
                        Ok(Some(_)) if x.response.status == 101 && !down.wants_websocket() => {
                            let error = BadResponse::Malformed;
                            return Poll::Ready(Err(Failed::BadResponse(error)));
                        }
                        Ok(Some(framing)) => {
                            up.input.consume(framing.head);
                            return Poll::Ready(Ok(framing));
                        }
                        Ok(None) => fresh = false,
                    }
                }
                match up.poll_fill(cx) {
                    Poll::Ready(Ok(read)) if read > 0 => (fresh, moved) = (true, true),
                    Poll::Ready(result) => {
                        let closed = io::Error::from(io::ErrorKind::UnexpectedEof);
                        let error = result.err().unwrap_or(closed);
                        let reused = reused && up.input.is_empty();
                        return Poll::Ready(Err(Failed::Broken { error, reused }));
                    }
                    Poll::Pending => break,
                }
            }
            // Hints are of use as long as the response is not there.
            if interim > 0
                && let Poll::Ready(Err(error)) = down.poll_flush(cx)
            {
                return Poll::Ready(Err(Failed::Client(RequestError::Gone(error))));
            }
            let (now, limit) = match sending.waits_for(up, down) {
                WaitsFor::Client => (Wait::Client, down.limits().body_timeout),
                WaitsFor::Endpoint => (Wait::Send, timeouts.send),
                WaitsFor::Nothing => (Wait::Read, timeouts.read),
            };
            if moved || wait != now {
                let at = began_at(wait, worker);
                wait = now;
                down.deadline().arm(at, limit);
            }
            if wait == Wait::Read && down.poll_gone(cx).is_ready() {
                return Poll::Ready(Err(Failed::gone()));
            }
            if down.deadline().poll_passed(cx) {
                return Poll::Ready(Err(match wait {
                    Wait::Client => Failed::Client(RequestError::Timeout),
                    _ => Failed::Timeout,
                }));
            }
            Poll::Pending
        })
        .await
    }

    /// What is remembered of a try.
    fn tried(&self, started: u64, ended: u64, status: u16, failed: bool) -> Try {
        Try { address: self.address.get(), started, ended, status, failed }
    }

    fn client_failed(&self, x: &Exchange, error: &RequestError, answered: Answered) -> Failure {
        let limit = x.request.body_limit().filter(|_| matches!(error, RequestError::TooLarge));
        let own = limit.filter(|limit| limit.bytes < self.down.limits().max_body());
        match error.reply() {
            None => Failure::Gone,
            Some((status, reason)) => {
                let reason = own.map_or(reason, |limit| limit.reason);
                let reply = LocalReply::new(status, reason, error.to_string());
                Failure::Reply(Box::new(reply), answered)
            }
        }
    }

    /// The answer to a request that no endpoint has answered.
    fn failed(&self, x: &Exchange, failed: Failed) -> Failure {
        let (status, reason, answered) = match failed {
            Failed::Client(error) => return self.client_failed(x, &error, Answered::Failure),
            Failed::Connect(ConnectError::Unresolved(_)) => {
                (503, reason::UNRESOLVED, Answered::Local)
            }
            Failed::Connect(ConnectError::Timeout) | Failed::Timeout => {
                (504, reason::GATEWAY_TIMEOUT, Answered::Failure)
            }
            Failed::Connect(_) | Failed::Broken { .. } | Failed::BadResponse(_) => {
                (502, reason::BAD_GATEWAY, Answered::Failure)
            }
        };
        let message = "the upstream did not answer";
        Failure::Reply(Box::new(LocalReply::new(status, reason, message)), answered)
    }
}

impl Failed {
    /// The client has given up waiting.
    fn gone() -> Self {
        Self::Client(RequestError::Gone(io::ErrorKind::ConnectionAborted.into()))
    }

    /// The status that stands for it.
    fn status(&self) -> u16 {
        match self {
            Self::Connect(ConnectError::Timeout) | Self::Timeout => 504,
            _ => 502,
        }
    }

    /// What it is called in metrics; `None` if no endpoint is to blame.
    fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Connect(ConnectError::Unresolved(_)) => Some("unresolved"),
            Self::Connect(ConnectError::Timeout) => Some("connect_timeout"),
            Self::Connect(_) => Some("connect"),
            Self::Broken { .. } => Some("broken"),
            Self::Timeout => Some("timeout"),
            Self::BadResponse(_) => Some("bad_response"),
            Self::Client(_) => None,
        }
    }

    /// What it says of the endpoint; `None` if nothing.
    fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Connect(ConnectError::Timeout) | Self::Timeout => Some(Outcome::Timeout),
            Self::Connect(ConnectError::ServerName(_)) | Self::Client(_) => None,
            Self::Connect(_) | Self::Broken { .. } | Self::BadResponse(_) => Some(Outcome::Broken),
        }
    }

    /// Whether another endpoint may be asked (RFC 9110 section 9.2.2: not with a method that may
    /// have taken effect, unless nothing of the request was sent).
    fn may_try_again(&self, x: &Exchange, sending: &Sending) -> bool {
        match self {
            Self::Connect(ConnectError::Unresolved(_) | ConnectError::ServerName(_)) => false,
            Self::Connect(_) => !sending.streamed,
            Self::Broken { .. } | Self::Timeout => {
                x.request.method.is_idempotent() && !sending.streamed
            }
            Self::BadResponse(_) | Self::Client(_) => false,
        }
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Broken { error, .. } => write!(f, "the connection broke: {error}"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::BadResponse(error) => error.fmt(f),
            Self::Client(error) => error.fmt(f),
        }
    }
}

/// Interim responses are passed on or dropped; a switch of protocols counts as the final one.
fn is_interim(status: u16) -> bool {
    (100..200).contains(&status) && status != 101
}

/// A failure counts as a latency of at least so many microseconds: one that comes at once must not
/// make an endpoint the fastest.
const FAILURE_US: u64 = 1_000_000;
/// Interim responses to one request.
const MAX_INTERIM: usize = 16;
