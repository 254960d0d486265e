//! The client's side of an exchange, whatever HTTP version it speaks.

use std::io;
use std::task::{Context, Poll};

use filter::{Exchange, Headers, Response};
use model::{Answered, Limits, reason};

use crate::http1::conn::{BodyError, Conn, Next};
use crate::timer::Deadline;
use crate::voice::Voice;

/// What an exchange does with its client: read the request's body, write the response.
pub(crate) trait Downstream {
    /// Finds the next piece of the request's body, reading as needed.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, RequestError>>;

    /// The next piece of the request's body if it is already there.
    fn next(&mut self) -> Result<Option<Next>, RequestError>;

    /// The piece that was found.
    fn data(&self) -> &[u8];

    /// Consumes bytes of the piece.
    fn consume(&mut self, len: usize);

    /// The request's trailer fields, once its body has ended.
    fn trailers(&self) -> &Headers;

    /// Lets a client that waits for `100 Continue` go on (RFC 9110 section 10.1.1); called before
    /// the body is waited for.
    fn send_continue(&mut self);

    /// Queues an interim response (RFC 9110 section 15.2).
    fn send_interim(&mut self, response: &Response);

    /// Queues the response's head. `body` is how the body that follows is framed.
    fn begin(&mut self, exchange: &Exchange, voice: &Voice, answered: Answered, body: Body);

    /// Writes a piece of the response's body; says how much was taken.
    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>>;

    /// Writes everything that is queued.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends the response and writes everything that is queued.
    fn poll_end(&mut self, cx: &mut Context<'_>, trailers: &Headers) -> Poll<io::Result<()>>;

    /// Waits for the client to go away, while nothing else is expected of it.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// What the client waits for at most.
    fn deadline(&self) -> &Deadline;

    /// Lets the request's body be no larger than this, in bytes.
    fn limit_body(&mut self, bytes: u64);

    /// What the client is allowed.
    fn limits(&self) -> &Limits;

    /// Whether the client asks to switch to WebSocket on a connection of its own.
    fn wants_websocket(&self) -> bool;

    /// The connection, once it is a tunnel.
    fn tunnel(&mut self) -> Option<&mut Conn>;

    /// Bytes read and written since the last call.
    fn take_traffic(&mut self) -> Traffic;
}

/// Bytes read from and written to a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Bytes read.
    pub(crate) received: u64,
    /// Bytes written.
    pub(crate) sent: u64,
    /// How many of those written were heads.
    pub(crate) heads: u64,
}

/// How a response's body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// There is none.
    None,
    /// There is none, but the head names its length (to `HEAD`, with 304: RFC 9110 section 8.6).
    Named(u64),
    /// So many bytes.
    Length(u64),
    /// It ends when it ends.
    Stream,
    /// The connection becomes a tunnel.
    Tunnel,
}

/// Why a request's body cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// The client has gone, or its connection broke.
    #[error("the client has gone: {0}")]
    Gone(io::Error),
    /// The body is malformed.
    #[error("the request's body is malformed")]
    Malformed,
    /// The body is larger than the limit.
    #[error("the request's body is larger than the limit")]
    TooLarge,
    /// The client sent nothing for too long.
    #[error("the client stopped sending")]
    Timeout,
}

impl RequestError {
    /// The reason and status for which the gateway answers, if the client is still there.
    pub(crate) fn reply(&self) -> Option<(u16, &'static str)> {
        match self {
            Self::Gone(_) => None,
            Self::Malformed => Some((400, reason::BAD_REQUEST)),
            Self::TooLarge => Some((413, reason::BODY_TOO_LARGE)),
            Self::Timeout => Some((408, reason::REQUEST_TIMEOUT)),
        }
    }
}

impl From<BodyError> for RequestError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Io(error) => Self::Gone(error),
            BodyError::Malformed => Self::Malformed,
        }
    }
}
