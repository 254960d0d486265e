//! HTTP/2 (RFC 9113) towards clients, with the `h2` crate: each stream is an exchange.

mod request;
mod rewind;
mod stream;

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use filter::Client;
use h2::RecvStream;
use h2::server::{Builder, Connection, SendResponse};
use model::Limits;

use crate::exchange;
use crate::http1::conn::Conn;
use crate::http1::head::Refused;
use crate::serve::Place;
use crate::timer::Deadline;
use crate::worker::Worker;
use rewind::Rewind;
use stream::Stream;

/// What a client with prior knowledge sends first (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves a connection to its end. What has been read of it so far stands in `conn.input`.
pub(crate) async fn serve(
    worker: &Rc<Worker>,
    place: &Rc<Place>,
    conn: Conn,
    client: Client,
    deadline: &Deadline,
) {
    let Some(rules) = Rules::of(worker, place) else { return };
    deadline.arm(worker.now_us(), rules.patience);
    let shake = rules.builder.handshake(Rewind::new(conn));
    let mut shake = std::pin::pin!(shake);
    let shaken = poll_fn(|cx| match shake.as_mut().poll(cx) {
        Poll::Ready(connection) => Poll::Ready(connection.ok()),
        Poll::Pending if deadline.poll_passed(cx) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    let Some(mut connection) = shaken.await else { return };
    let streams = Streams::new(&rules);
    deadline.arm(worker.now_us(), rules.patience);
    while let Some((request, mut respond)) =
        next_stream(worker, place, &mut connection, &streams, deadline).await
    {
        if streams.open() >= MAX_STREAMS as usize {
            // Streams that the client has reset count until their exchanges have ended: opening
            // and resetting them at once gets a client no more of them.
            respond.send_reset(h2::Reason::REFUSED_STREAM);
            continue;
        }
        deadline.arm(worker.now_us(), Duration::ZERO);
        let counted = streams.enter(worker, deadline);
        let (worker, place, client) = (Rc::clone(worker), Rc::clone(place), client.clone());
        tokio::task::spawn_local(async move {
            one(&worker, &place, &client, request, respond).await;
            drop(counted);
        });
    }
}

/// What a listener says about HTTP/2 connections.
struct Rules {
    builder: Builder,
    patience: Duration,
    keepalive: Duration,
    /// Requests after which the client is told to leave; 0 for no limit.
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
            .max_header_list_size(u32::try_from(http.limits.head).unwrap_or(u32::MAX))
            .max_send_buffer_size(SEND_BUFFER)
            .max_concurrent_reset_streams(MAX_RESETS)
            .max_pending_accept_reset_streams(MAX_RESETS)
            .max_local_error_reset_streams(Some(MAX_ERRORS))
            .reset_stream_duration(RESET_MEMORY);
        let (patience, requests) = (http.limits.head_timeout, http.keepalive_requests);
        // To a deadline, no time at all would mean no end.
        let keepalive = http.keepalive.max(Duration::from_millis(1));
        Some(Self { builder, patience, keepalive, requests })
    }
}

/// Waits for the next stream, and meanwhile moves all others on. `None` when the connection ends.
async fn next_stream(
    worker: &Worker,
    place: &Place,
    connection: &mut Connection<Rewind, Bytes>,
    streams: &Streams,
    deadline: &Deadline,
) -> Option<(http::Request<RecvStream>, SendResponse<Bytes>)> {
    poll_fn(|cx| {
        let leave = worker.is_draining() || place.is_closed() || streams.are_enough();
        // Streams that were opened before the client hears of it are still served.
        if (leave || (streams.open() == 0 && deadline.poll_passed(cx))) && !streams.leave() {
            connection.graceful_shutdown();
            deadline.arm(worker.now_us(), LEAVING);
        }
        match connection.poll_accept(cx) {
            Poll::Ready(Some(Ok(accepted))) => return Poll::Ready(Some(accepted)),
            Poll::Ready(_) => return Poll::Ready(None),
            Poll::Pending => {}
        }
        let over = streams.is_leaving() && streams.open() == 0 && deadline.poll_passed(cx);
        if over { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

/// The streams of a connection.
struct Streams(Rc<Count>);

struct Count {
    open: Cell<usize>,
    /// How many more may come before the client is told to leave.
    left: Cell<u64>,
    leaving: Cell<bool>,
    keepalive: Duration,
}

/// A stream's place among them; given up when its exchange is done.
struct Counted {
    count: Rc<Count>,
    worker: Rc<Worker>,
    deadline: Deadline,
}

impl Streams {
    fn new(rules: &Rules) -> Self {
        let left = if rules.requests == 0 { u64::MAX } else { rules.requests };
        Self(Rc::new(Count {
            open: Cell::new(0),
            left: Cell::new(left),
            leaving: Cell::new(false),
            keepalive: rules.keepalive,
        }))
    }

    fn open(&self) -> usize {
        self.0.open.get()
    }

    fn are_enough(&self) -> bool {
        self.0.left.get() == 0
    }

    fn is_leaving(&self) -> bool {
        self.0.leaving.get()
    }

    /// Takes note that the client is told to leave; says whether it was before.
    fn leave(&self) -> bool {
        self.0.leaving.replace(true)
    }

    fn enter(&self, worker: &Rc<Worker>, deadline: &Deadline) -> Counted {
        let count = Rc::clone(&self.0);
        count.open.set(count.open.get() + 1);
        count.left.set(count.left.get().saturating_sub(1));
        Counted { count, worker: Rc::clone(worker), deadline: deadline.clone() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let count = &self.count;
        count.open.set(count.open.get() - 1);
        if count.open.get() == 0 {
            let limit = if count.leaving.get() { LEAVING } else { count.keepalive };
            self.deadline.arm(self.worker.now_us(), limit);
            // The connection's task must hear of the deadline.
            self.deadline.alarm().ring();
        }
    }
}

/// Serves one stream.
async fn one(
    worker: &Rc<Worker>,
    place: &Place,
    client: &Client,
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) {
    let live = worker.live();
    let Some(listener) = place.listener() else {
        // The client may ask again elsewhere (RFC 9113 section 8.7).
        respond.send_reset(h2::Reason::REFUSED_STREAM);
        return;
    };
    let http = &live.listener(listener).http;
    let mut spare = worker.take_spare(&live, client);
    let (x, choices) = spare.parts();
    x.now = worker.now();
    x.id = worker.random_id();
    let (head, body) = request.into_parts();
    let read = request::read(&head, &body, http, &mut x.request);
    let received = request::size(&head);
    let deadline = worker.wheel.deadline();
    let limits: &Limits = &http.limits;
    let mut down = Stream::new(worker, body, respond, &deadline, limits, received);
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
/// Streams that the gateway resets for the client's errors before the connection is closed.
const MAX_ERRORS: usize = 64;
/// How long a reset stream is remembered.
const RESET_MEMORY: Duration = Duration::from_secs(1);
/// How long a client has for its last streams after it was told to leave.
const LEAVING: Duration = Duration::from_secs(1);
