//! A client's HTTP/1 connection: request after request.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use filter::{BodyLength, Client, Exchange, Headers, Response, Version};
use model::{Answered, HttpSettings, Limits, reason};
use tokio::io::AsyncWriteExt;

use super::conn::{Conn, Next, Writing};
use super::head::{Framing, Refused, read_request};
use super::status;
use crate::downstream::{Body, Downstream, RequestError, Traffic};
use crate::exchange;
use crate::http2;
use crate::serve::Place;
use crate::timer::Deadline;
use crate::voice::{Lines, Sink, Voice};
use crate::worker::{Parts, Worker};

/// Serves a connection to its end. What has been read of it so far stands in `conn.input`. With a
/// reason for refusal the first request is answered with that.
pub(crate) async fn serve(
    worker: &Rc<Worker>,
    place: &Rc<Place>,
    mut conn: Conn,
    client: Client,
    deadline: &Deadline,
    refusal: Option<&'static str>,
) {
    let mut requests = 0;
    let after = loop {
        let Some(patience) = patience(worker, place, requests) else { break After::Close };
        let begun = first_byte(worker, place, &mut conn, deadline, patience).await;
        requests += 1;
        let after = match begun {
            true => one(worker, place, &mut conn, &client, deadline, refusal, requests).await,
            false => After::Abort,
        };
        if after == After::Http2 {
            return Box::pin(http2::serve(worker, place, conn, client, deadline)).await;
        }
        if after == After::NoHttp2 {
            conn.output().extend_from_slice(http2::REFUSAL);
            break After::Close;
        }
        // At the end, too: the next connection needs no new memory.
        conn.release(&worker.buffers);
        if after != After::Next {
            break after;
        }
    };
    if after == After::Close {
        close(worker, conn, deadline).await;
    }
}

/// How long the next request is waited for.
fn patience(worker: &Worker, place: &Place, requests: u64) -> Option<Duration> {
    let live = worker.live();
    let http = &live.listener(place.listener()?).http;
    Some(if requests == 0 { http.limits.head_timeout } else { http.keepalive })
}

/// What becomes of a connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The next request.
    Next,
    /// It is closed as soon as the client has had the chance to read the response.
    Close,
    /// HTTP/2 is spoken on it, whose preface has been read but not consumed.
    Http2,
    /// HTTP/2 should have been spoken on it, and is not.
    NoHttp2,
    /// It is closed at once: the client is gone, or must see that the response broke off.
    Abort,
}

/// Waits for a request; says whether one begins. While it waits the connection has no buffer.
async fn first_byte(
    worker: &Worker,
    place: &Place,
    conn: &mut Conn,
    deadline: &Deadline,
    patience: Duration,
) -> bool {
    if !conn.input.is_empty() {
        return true;
    }
    let began = worker.recent().mono_us;
    deadline.arm(began, patience);
    let mut leaving = false;
    poll_fn(|cx| {
        if place.is_closed() {
            return Poll::Ready(false);
        }
        worker.buffers.lend(&mut conn.input);
        if let Poll::Ready(read) = conn.poll_fill(cx) {
            return Poll::Ready(read.is_ok_and(|read| read > 0));
        }
        worker.buffers.take_back(&mut conn.input);
        if worker.is_draining() && !std::mem::replace(&mut leaving, true) {
            // Who was busy a moment ago has perhaps sent its next request already, and would find
            // it unanswered; its response will say that the connection ends.
            deadline.arm(began, FAREWELL);
        }
        match deadline.poll_passed(cx) {
            true => Poll::Ready(false),
            false => Poll::Pending,
        }
    })
    .await
}

/// Serves one request.
async fn one(
    worker: &Rc<Worker>,
    place: &Place,
    conn: &mut Conn,
    client: &Client,
    deadline: &Deadline,
    refusal: Option<&'static str>,
    requests: u64,
) -> After {
    let live = worker.live();
    let Some(listener) = place.listener() else { return After::Close };
    let http = &live.listener(listener).http;
    let mut spare = worker.take_spare(&live, client);
    conn.equip(&worker.buffers);
    let Parts { exchange: x, choices, .. } = spare.parts();
    x.now = worker.now();
    x.id = worker.random_id();
    x.nth = requests;
    if requests > 1 {
        // The first head has the time that its first byte was waited for.
        deadline.arm(x.now.mono_us, http.limits.head_timeout);
    }
    let first = requests == 1 && refusal.is_none();
    let head = poll_fn(|cx| poll_head(cx, conn, http, first, deadline, &mut x.request)).await;
    let head = match (head, refusal) {
        (Head::Ready(_), Some(reason)) => Head::Refused(Refused(reason)),
        (head, _) => head,
    };
    let after = match head {
        Head::Gone => After::Abort,
        Head::Http2 if http.http2 => After::Http2,
        Head::Http2 => After::NoHttp2,
        Head::Refused(Refused(reason)) => {
            let mut down = Http1::new(worker, conn, deadline, &http.limits, Framing::default());
            exchange::refuse(worker, &live, listener, x, choices, &mut down, reason).await;
            After::Close
        }
        Head::Ready(framing) => {
            conn.input.consume(framing.head);
            match x.request.body {
                BodyLength::None => conn.read_length(0),
                BodyLength::Known(length) => conn.read_length(length),
                BodyLength::Unknown => conn.read_chunked(),
            }
            let mut down = Http1::new(worker, conn, deadline, &http.limits, framing);
            let last = http.keepalive.is_zero()
                || (http.keepalive_requests > 0 && requests >= http.keepalive_requests);
            down.keep_alive &= !last;
            let whole = exchange::run(worker, &live, listener, x, choices, &mut down).await;
            match (whole, down.keep_alive) {
                (false, _) => After::Abort,
                (true, true) => rest_of_body(worker, conn, deadline).await,
                (true, false) => After::Close,
            }
        }
    };
    worker.put_back(spare);
    after
}

enum Head {
    Ready(Framing),
    Refused(Refused),
    /// The preface of HTTP/2.
    Http2,
    Gone,
}

fn poll_head(
    cx: &mut Context<'_>,
    conn: &mut Conn,
    http: &HttpSettings,
    first: bool,
    deadline: &Deadline,
    request: &mut filter::Request,
) -> Poll<Head> {
    loop {
        // With prior knowledge (RFC 9113 section 3.3): the preface is chosen so that no HTTP/1
        // request begins like it.
        let data = conn.input.data();
        let common = data.len().min(http2::PREFACE.len());
        let preface = first && data[..common] == http2::PREFACE[..common];
        if preface && common == http2::PREFACE.len() {
            return Poll::Ready(Head::Http2);
        }
        if !preface {
            match read_request(data, &http.limits, http.paths, request) {
                Ok(Some(framing)) => return Poll::Ready(Head::Ready(framing)),
                Ok(None) => {}
                Err(refused) => return Poll::Ready(Head::Refused(refused)),
            }
        }
        match conn.poll_fill(cx) {
            Poll::Ready(Ok(read)) if read > 0 => {}
            Poll::Ready(_) => return Poll::Ready(Head::Gone),
            Poll::Pending => {
                return match deadline.poll_passed(cx) {
                    true => Poll::Ready(Head::Refused(Refused(reason::REQUEST_TIMEOUT))),
                    false => Poll::Pending,
                };
            }
        }
    }
}

/// Reads past what is left of a request's body, so that the next request is found. A client that
/// still has much to send is better told to come back.
async fn rest_of_body(worker: &Worker, conn: &mut Conn, deadline: &Deadline) -> After {
    if conn.is_body_read() {
        return After::Next;
    }
    deadline.arm(worker.now_us(), LINGER);
    let limit = conn.body_bytes() + MAX_READ_PAST;
    poll_fn(|cx| {
        loop {
            match conn.poll_next(cx) {
                Poll::Ready(Ok(Next::End)) => return Poll::Ready(After::Next),
                Poll::Ready(Ok(Next::Data)) => {
                    let len = conn.data().len();
                    conn.consume(len);
                }
                Poll::Ready(Err(_)) => return Poll::Ready(After::Abort),
                Poll::Pending if deadline.poll_passed(cx) => return Poll::Ready(After::Close),
                Poll::Pending => return Poll::Pending,
            }
            if conn.body_bytes() > limit {
                return Poll::Ready(After::Close);
            }
        }
    })
    .await
}

/// Closes a connection so that the client can read what was sent: closing it with bytes unread
/// would make the kernel reset it, and the client lose the response (RFC 9112 section 9.6).
async fn close(worker: &Worker, mut conn: Conn, deadline: &Deadline) {
    let unread = !conn.is_body_read() || !conn.input.is_empty();
    deadline.arm(worker.now_us(), LINGER);
    if !conn.is_written() {
        poll_fn(|cx| match deadline.poll_passed(cx) {
            true => Poll::Ready(()),
            false => conn.poll_flush(cx).map(drop),
        })
        .await;
    }
    if unread || conn.socket.is_tls() {
        // A client that is gone needs no care.
        let mut shutdown = std::pin::pin!(conn.socket.shutdown());
        poll_fn(|cx| match deadline.poll_passed(cx) {
            true => Poll::Ready(()),
            false => shutdown.as_mut().poll(cx).map(drop),
        })
        .await;
    }
    if !unread {
        return;
    }
    let mut left = MAX_READ_PAST;
    worker.buffers.lend(&mut conn.input);
    poll_fn(|cx| {
        loop {
            let len = conn.input.data().len();
            conn.input.consume(len);
            match conn.poll_fill(cx) {
                Poll::Ready(Ok(read)) if read > 0 && left > 0 => {
                    left = left.saturating_sub(read as u64);
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending if deadline.poll_passed(cx) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    let len = conn.input.data().len();
    conn.input.consume(len);
    worker.buffers.take_back(&mut conn.input);
}

/// The client's side of one exchange.
struct Http1<'a> {
    worker: &'a Worker,
    conn: &'a mut Conn,
    deadline: &'a Deadline,
    limits: &'a Limits,
    /// The most bytes that the request's body may have.
    max_body: u64,
    websocket: bool,
    /// Whether the client waits for leave to send the body.
    waits: bool,
    /// Whether the connection takes another request afterwards.
    keep_alive: bool,
    /// Bytes of heads that were queued.
    heads: u64,
}

impl<'a> Http1<'a> {
    fn new(
        worker: &'a Worker,
        conn: &'a mut Conn,
        deadline: &'a Deadline,
        limits: &'a Limits,
        framing: Framing,
    ) -> Self {
        Self {
            worker,
            conn,
            deadline,
            limits,
            max_body: limits.max_body(),
            websocket: framing.websocket,
            waits: framing.expects_continue,
            keep_alive: framing.keep_alive,
            heads: 0,
        }
    }

    fn judge(&self, next: Next) -> Result<Next, RequestError> {
        let size = self.conn.body_bytes() + self.conn.data().len() as u64;
        if next == Next::Data && size > self.max_body {
            Err(RequestError::TooLarge)
        } else {
            Ok(next)
        }
    }

    /// Whether the connection can be kept although the body was not read to its end.
    fn may_read_past(&self, request: &filter::Request) -> bool {
        if self.conn.is_body_read() {
            return true;
        }
        let little = match request.body {
            BodyLength::None => true,
            BodyLength::Known(length) => length <= MAX_READ_PAST,
            BodyLength::Unknown => false,
        };
        // A client that was not told to go on may send the body or not (RFC 9110 10.1.1).
        little && !self.waits
    }
}

impl Downstream for Http1<'_> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, RequestError>> {
        let next = ready!(self.conn.poll_next(cx))?;
        Poll::Ready(self.judge(next))
    }

    fn next(&mut self) -> Result<Option<Next>, RequestError> {
        self.conn.next()?.map(|next| self.judge(next)).transpose()
    }

    fn data(&self) -> &[u8] {
        self.conn.data()
    }

    fn consume(&mut self, len: usize) {
        self.conn.consume(len);
    }

    fn trailers(&self) -> &Headers {
        &self.conn.trailers
    }

    fn send_continue(&mut self) {
        if std::mem::take(&mut self.waits) && self.conn.input.is_empty() {
            let head = b"HTTP/1.1 100 Continue\r\n\r\n";
            self.conn.output().extend_from_slice(head);
            self.heads += head.len() as u64;
        }
    }

    fn send_interim(&mut self, response: &Response) {
        let output = self.conn.output();
        let before = output.len();
        status::write_line(response.status, output);
        let mut lines = Lines(output);
        for field in response.headers.fields().filter(|field| !is_framing(field.name)) {
            lines.field(&field);
        }
        output.extend_from_slice(b"\r\n");
        self.heads += (output.len() - before) as u64;
    }

    fn begin(&mut self, x: &Exchange, voice: &Voice, answered: Answered, body: Body) {
        let http10 = x.request.version == Version::Http10;
        let to_close = body == Body::Stream && http10;
        if to_close || self.worker.is_draining() || !self.may_read_past(&x.request) {
            self.keep_alive = false;
        }
        let output = self.conn.output();
        let before = output.len();
        status::write_line(x.response.status, output);
        voice.response_headers(x, x.timings.begun, answered, &mut Lines(output));
        if answered != Answered::Upstream {
            // Who makes a response dates it (RFC 9110 section 6.6.1).
            self.worker.date.with(self.worker.recent().unix_seconds(), |date| {
                output.extend_from_slice(b"Date: ");
                output.extend_from_slice(date.as_bytes());
                output.extend_from_slice(b"\r\n");
            });
        }
        let mut writing = Writing::Plain;
        match body {
            Body::None => {}
            Body::Named(length) | Body::Length(length) => {
                output.extend_from_slice(b"Content-Length: ");
                crate::number::write(length, output);
                output.extend_from_slice(b"\r\n");
            }
            Body::Stream if http10 => {}
            Body::Stream => {
                output.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
                writing = Writing::Chunked;
            }
            Body::Tunnel => {
                output.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n");
                self.keep_alive = false;
            }
        }
        match self.keep_alive {
            _ if body == Body::Tunnel => {}
            true if http10 => output.extend_from_slice(b"Connection: keep-alive\r\n"),
            true => {}
            false => output.extend_from_slice(b"Connection: close\r\n"),
        }
        output.extend_from_slice(b"\r\n");
        self.heads += (output.len() - before) as u64;
        self.conn.write_body(writing);
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.conn.poll_send(cx, data)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.conn.poll_flush(cx)
    }

    fn poll_end(&mut self, cx: &mut Context<'_>, trailers: &Headers) -> Poll<io::Result<()>> {
        self.conn.poll_end(cx, trailers)
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A client that sends its next request ahead is there: no more is read meanwhile.
        while self.conn.is_body_read() && self.conn.input.is_empty() {
            match ready!(self.conn.poll_fill(cx)) {
                Ok(read) if read > 0 => {}
                _ => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }

    fn deadline(&self) -> &Deadline {
        self.deadline
    }

    fn limit_body(&mut self, bytes: u64) {
        self.max_body = self.max_body.min(bytes);
    }

    fn limits(&self) -> &Limits {
        self.limits
    }

    fn wants_websocket(&self) -> bool {
        self.websocket
    }

    fn tunnel(&mut self) -> Option<&mut Conn> {
        self.websocket.then_some(&mut *self.conn)
    }

    fn take_traffic(&mut self) -> Traffic {
        let (received, sent) = self.conn.take_traffic();
        Traffic { received, sent, heads: std::mem::take(&mut self.heads) }
    }
}

fn is_framing(name: &[u8]) -> bool {
    ["connection", "keep-alive", "transfer-encoding", "content-length", "upgrade"]
        .iter()
        .any(|framing| name.eq_ignore_ascii_case(framing.as_bytes()))
}

/// For how long after its last request a connection waits for another while the gateway drains.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long the gateway reads what a client still sends after its last response.
const LINGER: Duration = Duration::from_secs(5);
/// Bytes of a request's body that are read past at most.
const MAX_READ_PAST: u64 = 256 << 10;
