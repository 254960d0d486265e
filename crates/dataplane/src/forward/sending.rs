//! Sending a request's body, and what is waited for meanwhile.

use std::task::{Context, Poll, ready};

use crate::downstream::{Downstream, RequestError};
use crate::http1::conn::{Conn, Next};
use crate::stretch::Stretch;
use crate::worker::Worker;

/// How far the request has been sent.
#[derive(Default)]
pub(super) struct Sending {
    /// The start of the body, kept so that it can be sent again.
    pub(super) kept: Vec<u8>,
    /// Whether `kept` is the whole body.
    pub(super) whole: bool,
    /// How much of `kept` was sent on the connection at hand.
    pub(super) at: usize,
    /// Whether more than `kept` was taken from the client.
    pub(super) streamed: bool,
    /// Whether the request's last byte was sent.
    pub(super) done: bool,
    /// Whether the endpoint stopped taking the request.
    pub(super) refused: bool,
}

/// Who has to do something before sending goes on.
pub(super) enum WaitsFor {
    Client,
    Endpoint,
    Nothing,
}

/// Which side broke off.
pub(super) enum SendError {
    Client(RequestError),
    Upstream,
}

/// What a wait is for, so that its time starts anew when that changes.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    #[default]
    New,
    Client,
    Send,
    Read,
}

/// When a wait begins. Before the first one the clock was read just now.
pub(super) fn began_at(before: Wait, worker: &Worker) -> u64 {
    if before == Wait::New { worker.recent().mono_us } else { worker.now_us() }
}

impl Sending {
    /// Sends what is left of the request.
    pub(super) fn poll<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        up: &mut Conn,
        down: &mut D,
        moved: &mut bool,
    ) -> Poll<Result<(), SendError>> {
        while self.at < self.kept.len() {
            let sent = ready!(up.poll_send(cx, &self.kept[self.at..]));
            self.at += sent.map_err(|_| SendError::Upstream)?;
            *moved = true;
        }
        let mut stretch = Stretch::default();
        loop {
            if self.whole {
                return up.poll_end(cx, down.trailers()).map_err(|_| SendError::Upstream);
            }
            let next = match down.next().map_err(SendError::Client)? {
                Some(next) => next,
                None => {
                    // Nothing to send: what is gathered goes out before more is waited for.
                    ready!(up.poll_flush(cx)).map_err(|_| SendError::Upstream)?;
                    ready!(poll_flushed_next(cx, down)).map_err(SendError::Client)?
                }
            };
            if next == Next::End {
                self.whole = true;
                continue;
            }
            let sent = ready!(up.poll_send(cx, down.data())).map_err(|_| SendError::Upstream)?;
            down.consume(sent);
            (self.streamed, *moved) = (true, true);
            if stretch.is_over(cx) {
                return Poll::Pending;
            }
        }
    }

    pub(super) fn waits_for(&self, up: &Conn, down: &impl Downstream) -> WaitsFor {
        let all_sent = self.at == self.kept.len() && up.is_written() && down.data().is_empty();
        if self.done || self.refused {
            WaitsFor::Nothing
        } else if all_sent && !self.whole {
            WaitsFor::Client
        } else {
            WaitsFor::Endpoint
        }
    }
}

/// Waits for the next piece of the request's body, after everything queued for the client (leave
/// to go on, for one) has gone out.
pub(super) fn poll_flushed_next<D: Downstream>(
    cx: &mut Context<'_>,
    down: &mut D,
) -> Poll<Result<Next, RequestError>> {
    ready!(down.poll_flush(cx)).map_err(RequestError::Gone)?;
    down.poll_next(cx)
}
