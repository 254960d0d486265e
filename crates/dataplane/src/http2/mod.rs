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
    let streams = Streams::new(deadline);
    deadline.arm(worker.now_us(), rules.keepalive);
    while let Some((request, respond)) =
        next_stream(worker, place, &mut connection, &streams, deadline).await
    {
        deadline.arm(worker.now_us(), Duration::ZERO);
        let counted = streams.enter(worker, rules.keepalive);
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
        Some(Self { builder, patience: http.limits.head_timeout, keepalive: http.keepalive })
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
        let leave = worker.is_draining() || place.is_closed();
        // Streams that were opened before the client hears of it are still served.
        if (leave || (streams.open.get() == 0 && deadline.poll_passed(cx)))
            && !streams.leaving.replace(true)
        {
            connection.graceful_shutdown();
            deadline.arm(worker.now_us(), LEAVING);
        }
        match connection.poll_accept(cx) {
            Poll::Ready(Some(Ok(accepted))) => return Poll::Ready(Some(accepted)),
            Poll::Ready(_) => return Poll::Ready(None),
            Poll::Pending => {}
        }
        let over = streams.leaving.get() && streams.open.get() == 0 && deadline.poll_passed(cx);
        if over { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

/// The open streams of a connection.
struct Streams {
    open: Rc<Cell<usize>>,
    leaving: Cell<bool>,
    deadline: Deadline,
}

/// A stream's place among them; given up when its exchange is done.
struct Counted {
    open: Rc<Cell<usize>>,
    worker: Rc<Worker>,
    deadline: Deadline,
    keepalive: Duration,
}

impl Streams {
    fn new(deadline: &Deadline) -> Self {
        let deadline = deadline.clone();
        Self { open: Rc::default(), leaving: Cell::new(false), deadline }
    }

    fn enter(&self, worker: &Rc<Worker>, keepalive: Duration) -> Counted {
        self.open.set(self.open.get() + 1);
        let keepalive = if self.leaving.get() { LEAVING } else { keepalive };
        Counted {
            open: Rc::clone(&self.open),
            worker: Rc::clone(worker),
            deadline: self.deadline.clone(),
            keepalive,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
        if self.open.get() == 0 {
            self.deadline.arm(self.worker.now_us(), self.keepalive);
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
