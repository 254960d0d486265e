//! The client's side of an exchange on a stream.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use filter::{Exchange, Headers, Response};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use model::{Answered, Limits};

use super::burden::Burden;
use crate::downstream::{Body, Downstream, RequestError, Traffic};
use crate::http1::chunked::is_allowed_in_trailers;
use crate::http1::conn::{Conn, Next};
use crate::timer::Deadline;
use crate::voice::{Fields, Sink, Voice};
use crate::worker::Worker;

/// A stream.
pub(super) struct Stream<'a> {
    worker: &'a Worker,
    burden: &'a Burden,
    deadline: &'a Deadline,
    limits: &'a Limits,
    /// The most bytes that the request's body may have.
    max_body: u64,
    request: RecvStream,
    /// What was received of the body and not consumed.
    piece: Bytes,
    ended: bool,
    trailers: Headers,
    body_bytes: u64,
    /// Whether the client waits for leave to send the body.
    waits: bool,
    respond: SendResponse<Bytes>,
    response: Option<SendStream<Bytes>>,
    /// Why the response's head could not be sent.
    failed: Option<h2::Error>,
    finished: bool,
    /// Bytes of the response's body that are still to be sent, if that is known.
    left: Option<u64>,
    traffic: Traffic,
}

impl<'a> Stream<'a> {
    pub(super) fn new(
        worker: &'a Worker,
        burden: &'a Burden,
        request: RecvStream,
        respond: SendResponse<Bytes>,
        deadline: &'a Deadline,
        limits: &'a Limits,
        received: u64,
    ) -> Self {
        Self {
            worker,
            burden,
            deadline,
            limits,
            max_body: limits.max_body(),
            request,
            piece: Bytes::new(),
            ended: false,
            trailers: Headers::new(),
            body_bytes: 0,
            waits: false,
            respond,
            response: None,
            failed: None,
            finished: false,
            left: None,
            traffic: Traffic { received, ..Traffic::default() },
        }
    }

    /// Takes note whether the client waits for leave to send the body.
    pub(super) fn waits(&mut self, waits: bool) {
        self.waits = waits;
    }

    /// Ends the stream: a response that broke off must not look complete. Of a client that still
    /// sends although the response is complete, `h2` asks no more once everything that is queued
    /// has been sent (`NO_ERROR`, RFC 9113 section 8.1); a reset from here would overtake it.
    pub(super) fn close(mut self, whole: bool) {
        if whole {
            return;
        }
        match &mut self.response {
            Some(response) => response.send_reset(Reason::INTERNAL_ERROR),
            None => self.respond.send_reset(Reason::INTERNAL_ERROR),
        }
    }

    fn head(&self, status: u16) -> http::Response<()> {
        let mut head = http::Response::new(());
        // Room for the fields of an ordinary response, so that the map need not grow.
        head.headers_mut().reserve(ORDINARY_FIELDS);
        // Statuses are from 100 to 999 by now.
        *head.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        head
    }

    fn judge(&self) -> Result<Next, RequestError> {
        let size = self.body_bytes + self.piece.len() as u64;
        match size > self.max_body {
            true => Err(RequestError::TooLarge),
            false => Ok(Next::Data),
        }
    }

    fn response(&mut self) -> io::Result<&mut SendStream<Bytes>> {
        if let Some(error) = self.failed.take() {
            return Err(io::Error::other(error));
        }
        self.response.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Downstream for Stream<'_> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, RequestError>> {
        loop {
            if !self.piece.is_empty() {
                return Poll::Ready(self.judge());
            }
            if self.ended {
                return Poll::Ready(Ok(Next::End));
            }
            if let Some(piece) = ready!(self.request.poll_data(cx)) {
                self.piece = piece.map_err(|error| RequestError::Gone(io::Error::other(error)))?;
                self.traffic.received += self.piece.len() as u64;
                continue;
            }
            let trailers = ready!(self.request.poll_trailers(cx));
            let trailers = trailers.map_err(|error| RequestError::Gone(io::Error::other(error)))?;
            for (name, value) in trailers.iter().flatten() {
                if is_allowed_in_trailers(name.as_str()) {
                    self.trailers.push(name.as_str(), value.as_bytes());
                }
            }
            self.ended = true;
        }
    }

    fn next(&mut self) -> Result<Option<Next>, RequestError> {
        match (self.piece.is_empty(), self.ended) {
            (false, _) => self.judge().map(Some),
            (true, true) => Ok(Some(Next::End)),
            (true, false) => Ok(None),
        }
    }

    fn data(&self) -> &[u8] {
        &self.piece
    }

    fn consume(&mut self, len: usize) {
        self.piece.advance(len);
        self.body_bytes += len as u64;
        // Fails only for more than was received.
        let _ = self.request.flow_control().release_capacity(len);
    }

    fn trailers(&self) -> &Headers {
        &self.trailers
    }

    fn send_continue(&mut self) {
        if std::mem::take(&mut self.waits) {
            // A stream that was reset meanwhile is found out about when its body is read.
            let _ = self.respond.send_informational(self.head(100));
        }
    }

    fn send_interim(&mut self, response: &Response) {
        let mut head = self.head(response.status);
        let mut fields = Fields::new(head.headers_mut());
        response.headers.fields().for_each(|field| fields.field(&field));
        let _ = self.respond.send_informational(head);
    }

    fn begin(&mut self, x: &Exchange, voice: &Voice, answered: Answered, body: Body) {
        let mut head = self.head(x.response.status);
        let mut fields = Fields::new(head.headers_mut());
        voice.response_headers(x, x.timings.begun, answered, &mut fields);
        if answered != Answered::Upstream {
            // Who makes a response dates it (RFC 9110 section 6.6.1).
            let (date, now) = (&self.worker.date, self.worker.recent());
            if let Ok(date) = date.with(now.unix_seconds(), HeaderValue::from_str) {
                head.headers_mut().insert(header::DATE, date);
            }
        }
        if let Body::Named(length) | Body::Length(length) = body {
            head.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        self.finished = matches!(body, Body::None | Body::Named(_) | Body::Length(0));
        self.left = match body {
            Body::Length(length) => Some(length),
            _ => None,
        };
        let fields = head.headers().iter().map(|(n, v)| (n.as_str().len() + v.len()) as u64);
        let size = fields.sum::<u64>();
        self.traffic.sent += size;
        self.traffic.heads += size;
        match self.respond.send_response(head, self.finished) {
            Ok(response) => {
                self.response = Some(response);
                self.burden.answered();
            }
            Err(error) => self.failed = Some(error),
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.left;
        let response = self.response()?;
        if let Poll::Ready(reset) = response.poll_reset(cx) {
            let error = reset
                .map_or_else(io::Error::other, |reason| io::Error::other(h2::Error::from(reason)));
            return Poll::Ready(Err(error));
        }
        response.reserve_capacity(data.len().min(MAX_PIECE));
        let capacity = match response.capacity() {
            0 => match ready!(response.poll_capacity(cx)) {
                Some(capacity) => capacity.map_err(io::Error::other)?,
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            },
            capacity => capacity,
        };
        let len = capacity.min(data.len());
        let piece = Bytes::copy_from_slice(&data[..len]);
        let left = left.map(|left| left.saturating_sub(len as u64));
        // The last piece ends the stream: an empty frame less.
        let last = left == Some(0);
        response.send_data(piece, last).map_err(io::Error::other)?;
        (self.left, self.finished) = (left, last);
        self.traffic.sent += len as u64;
        self.burden.sent(len, len < data.len());
        Poll::Ready(Ok(len))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The connection's task writes what its streams have queued.
        Poll::Ready(Ok(()))
    }

    fn poll_end(&mut self, _: &mut Context<'_>, trailers: &Headers) -> Poll<io::Result<()>> {
        if self.finished && self.failed.is_none() {
            return Poll::Ready(Ok(()));
        }
        self.finished = true;
        let response = self.response()?;
        let ended = if trailers.is_empty() {
            response.send_data(Bytes::new(), true)
        } else {
            let mut map = HeaderMap::new();
            let mut fields = Fields::new(&mut map);
            trailers.fields().for_each(|field| fields.field(&field));
            response.send_trailers(map)
        };
        Poll::Ready(ended.map_err(io::Error::other))
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.respond.poll_reset(cx).map(drop)
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
        false
    }

    fn tunnel(&mut self) -> Option<&mut Conn> {
        None
    }

    fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }
}

/// Fields of a response's head, as a rule at most.
const ORDINARY_FIELDS: usize = 24;
/// Bytes that are queued at once.
const MAX_PIECE: usize = 16 << 10;
