//! HTTP/2 (RFC 9113) towards clients, with the `h2` crate: each stream is an exchange.

mod burden;
mod frames;
mod request;
mod stream;
mod wire;

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use filter::Client;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use model::Limits;

use crate::exchange;
use crate::http1::conn::Conn;
use crate::http1::head::Refused;
use crate::serve::Place;
use crate::telemetry::Limit;
use crate::timer::Deadline;
use crate::worker::{Parts, Worker};
use stream::Stream;
use wire::{Watch, Wire};

/// What a client with prior knowledge sends first (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client is told that speaks HTTP/2 where only HTTP/1.1 is spoken, in the frames that it
/// understands: no settings (RFC 9113 section 3.4), then `GOAWAY` with `HTTP_1_1_REQUIRED`
/// (section 7).
pub(crate) const REFUSAL: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0d";

/// Serves a connection to its end. What has been read of it so far stands in `conn.input`.
pub(crate) async fn serve(
    worker: &Rc<Worker>,
    place: &Rc<Place>,
    conn: Conn,
    client: Client,
    deadline: &Deadline,
) {
    let Some(rules) = Rules::of(worker, place) else { return };
    let watch = Watch::new(&worker.clock);
    deadline.arm(worker.now_us(), rules.patience);
    let shake = rules.builder.handshake(Wire::new(conn, &watch));
    let mut shake = std::pin::pin!(shake);
    let shaken = poll_fn(|cx| match shake.as_mut().poll(cx) {
        Poll::Ready(connection) => Poll::Ready(connection.ok()),
        Poll::Pending if deadline.poll_passed(cx) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    let Some(mut connection) = shaken.await else { return };
    let streams = Streams::new(worker, &rules, watch, deadline);
    while let Some((request, mut respond)) = streams.next(place, &mut connection).await {
        if streams.open.get() >= MAX_STREAMS as usize {
            // Streams that the client has reset count until their exchanges have ended: opening
            // and resetting them at once gets a client no more of them.
            respond.send_reset(Reason::REFUSED_STREAM);
            continue;
        }
        let entered = Entered::new(&streams);
        let (place, client) = (Rc::clone(place), client.clone());
        // In a box, as a connection's future is.
        tokio::task::spawn_local(Box::pin(async move {
            one(&entered.0, &place, &client, request, respond).await;
        }));
    }
}

/// What a listener says about HTTP/2 connections.
struct Rules {
    builder: Builder,
    patience: Duration,
    keepalive: Duration,
    /// Requests after which the client is told to leave.
    requests: u64,
}

impl Rules {
    fn of(worker: &Worker, place: &Place) -> Option<Self> {
        let live = worker.live();
        let http = &live.listener(place.listener()?).http;
        let mut builder = Builder::new();
        builder
            .max_concurrent_streams(MAX_STREAMS)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(request::list_size(&http.limits))
            .max_send_buffer_size(SEND_BUFFER)
            .max_concurrent_reset_streams(MAX_RESETS)
            .max_pending_accept_reset_streams(MAX_RESETS)
            .max_local_error_reset_streams(Some(MAX_ERRORS))
            .reset_stream_duration(RESET_MEMORY);
        let patience = http.limits.head_timeout;
        // To a deadline, no time at all would mean no end.
        let keepalive = http.keepalive.max(Duration::from_millis(1));
        let requests = match http.keepalive_requests {
            0 => u64::MAX,
            requests => requests,
        };
        Some(Self { builder, patience, keepalive, requests })
    }
}

/// The streams of a connection.
struct Streams {
    worker: Rc<Worker>,
    watch: Rc<Watch>,
    open: Cell<usize>,
    /// How many more may come before the client is told to leave.
    left: Cell<u64>,
    /// Whether the client was told to open no more.
    leaving: Cell<bool>,
    /// Whether the connection ends whatever is open.
    ending: Cell<bool>,
    /// For the next stream, or for the end.
    deadline: Deadline,
    keepalive: Duration,
    /// For what the client has begun to send.
    patience: Duration,
    begun: Deadline,
    inside: Cell<Option<u32>>,
}

impl Streams {
    fn new(worker: &Rc<Worker>, rules: &Rules, watch: Rc<Watch>, deadline: &Deadline) -> Rc<Self> {
        deadline.arm(worker.now_us(), rules.patience);
        Rc::new(Self {
            worker: Rc::clone(worker),
            watch,
            open: Cell::new(0),
            left: Cell::new(rules.requests),
            leaving: Cell::new(false),
            ending: Cell::new(false),
            deadline: deadline.clone(),
            keepalive: rules.keepalive,
            patience: rules.patience,
            begun: worker.wheel.deadline(),
            inside: Cell::new(None),
        })
    }

    /// Waits for the next stream, and meanwhile moves all others on. `None` when the connection
    /// ends.
    async fn next(
        &self,
        place: &Place,
        connection: &mut Connection<Wire, Bytes>,
    ) -> Option<(http::Request<RecvStream>, SendResponse<Bytes>)> {
        poll_fn(|cx| {
            self.take_leave(cx, place, connection);
            loop {
                match connection.poll_accept(cx) {
                    Poll::Ready(Some(Ok(accepted))) => return Poll::Ready(Some(accepted)),
                    Poll::Ready(Some(Err(error))) => {
                        let calm = error.reason() == Some(Reason::ENHANCE_YOUR_CALM);
                        if calm && error.is_library() {
                            self.worker.telemetry.limit_reached(Limit::Frames);
                        }
                        return Poll::Ready(None);
                    }
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Pending if self.is_too_much(cx) => self.end(connection),
                    Poll::Pending => break,
                }
            }
            let idle = self.leaving.get() && self.open.get() == 0;
            let over = (idle || self.ending.get()) && self.deadline.poll_passed(cx);
            if over { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }

    /// Tells the client to open no more streams (RFC 9113 section 6.8), if it is time to. Those
    /// that were opened before it hears of it are still served.
    fn take_leave(
        &self,
        cx: &Context<'_>,
        place: &Place,
        connection: &mut Connection<Wire, Bytes>,
    ) {
        let leave = self.worker.is_draining() || place.is_closed() || self.left.get() == 0;
        let idle = self.open.get() == 0 && self.deadline.poll_passed(cx);
        if (leave || idle) && !self.leaving.replace(true) {
            connection.graceful_shutdown();
            self.deadline.arm(self.worker.now_us(), LEAVING);
        }
    }

    /// Whether the client asks too much, or takes too long over what it has begun; true only once.
    fn is_too_much(&self, cx: &Context<'_>) -> bool {
        let inside = self.watch.inside();
        if inside != self.inside.replace(inside) {
            let limit = inside.map_or(Duration::ZERO, |_| self.patience);
            self.begun.arm(self.worker.now_us(), limit);
        }
        let late = inside.is_some() && self.begun.poll_passed(cx);
        (late || self.watch.is_excessive()) && !self.ending.replace(true)
    }

    /// Ends the connection and all that is open on it (RFC 9113 section 10.5).
    fn end(&self, connection: &mut Connection<Wire, Bytes>) {
        connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        let excessive = self.watch.is_excessive();
        let limit = if excessive { Limit::Frames } else { Limit::HeadTime };
        self.worker.telemetry.limit_reached(limit);
        self.leaving.set(true);
        self.deadline.arm(self.worker.now_us(), LEAVING);
    }
}

/// A stream's place among the open ones; given up when its exchange is done.
struct Entered(Rc<Streams>);

impl Entered {
    fn new(streams: &Rc<Streams>) -> Self {
        streams.open.set(streams.open.get() + 1);
        streams.left.set(streams.left.get().saturating_sub(1));
        if !streams.ending.get() {
            streams.deadline.arm(streams.worker.now_us(), Duration::ZERO);
        }
        Self(Rc::clone(streams))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let streams = &*self.0;
        streams.open.set(streams.open.get() - 1);
        if streams.open.get() == 0 && !streams.ending.get() {
            let limit = if streams.leaving.get() { LEAVING } else { streams.keepalive };
            streams.deadline.arm(streams.worker.now_us(), limit);
            // The connection's task must hear of the deadline.
            streams.deadline.alarm().ring();
        }
    }
}

/// Serves one stream.
async fn one(
    streams: &Streams,
    place: &Place,
    client: &Client,
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) {
    let worker = &streams.worker;
    let live = worker.live();
    let Some(listener) = place.listener() else {
        // The client may ask again elsewhere (RFC 9113 section 8.7).
        respond.send_reset(Reason::REFUSED_STREAM);
        return;
    };
    let http = &live.listener(listener).http;
    let mut spare = worker.take_spare(&live, client);
    let Parts { exchange: x, choices, deadline } = spare.parts();
    x.now = worker.now();
    x.id = worker.random_id();
    // A client's streams have odd numbers (RFC 9113 section 5.1.1).
    x.nth = u64::from(respond.stream_id().as_u32()).div_ceil(2);
    let (head, body) = request.into_parts();
    let read = request::read(&head, &body, http, &mut x.request);
    let received = request::size(&head);
    let limits: &Limits = &http.limits;
    let burden = &streams.watch.burden;
    let mut down = Stream::new(worker, burden, body, respond, deadline, limits, received);
    down.waits(matches!(&read, Ok(true)));
    let whole = match read {
        Ok(_) => exchange::run(worker, &live, listener, x, choices, &mut down).await,
        Err(Refused(reason)) => {
            exchange::refuse(worker, &live, listener, x, choices, &mut down, reason).await;
            true
        }
    };
    down.close(whole);
    worker.put_back(spare);
}

/// Streams that a client may have open at once (RFC 9113 section 5.1.2).
const MAX_STREAMS: u32 = 128;
/// Bytes that a client may send on a stream before it must wait.
const STREAM_WINDOW: u32 = 256 << 10;
/// Bytes that a client may send on a connection before it must wait.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Bytes of a stream that wait to be sent.
const SEND_BUFFER: usize = 64 << 10;
/// Reset streams that are remembered, or wait to be looked at, before the connection is closed.
const MAX_RESETS: usize = 32;
/// Streams that the gateway resets for the client's errors, in a connection's whole life, before
/// it is closed (CVE-2025-8671). Streams beyond `MAX_STREAMS` are among them.
const MAX_ERRORS: usize = 256;
/// How long a reset stream is remembered.
const RESET_MEMORY: Duration = Duration::from_secs(1);
/// How long a client has for its last streams after it was told to leave.
const LEAVING: Duration = Duration::from_secs(1);
