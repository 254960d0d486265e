//! Passing a response's body on.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use filter::Response;
use model::Timeouts;

use super::sending::{SendError, Sending, Wait, began_at};
use crate::downstream::{Body, Downstream};
use crate::http1::conn::{BodyError, Next};
use crate::http1::head::{ResponseBody, ResponseFraming};
use crate::stretch::Stretch;
use crate::telemetry::Limit;
use crate::upstream::{Lease, Link, LiveUpstream};
use crate::worker::Worker;

/// A response whose head has been read, and the connection on which its body follows.
pub(crate) struct Answer {
    pub(super) link: Link,
    pub(super) framing: ResponseFraming,
    pub(super) upstream: Rc<LiveUpstream>,
    pub(super) lease: Lease,
    pub(super) sending: Sending,
    pub(super) timeouts: Timeouts,
}

/// Which side broke off while a response's body was passed on.
#[derive(Debug)]
pub(crate) enum Broken {
    Client,
    Upstream { endpoint: String, error: String },
}

enum RelayError {
    Client,
    Upstream(BodyError),
}

impl Answer {
    /// How the response's body is framed towards the client.
    pub(crate) fn body(&self, response: &Response) -> Body {
        let named = || response.headers.get_str("content-length")?.parse().ok();
        match self.framing.body {
            ResponseBody::None if response.status == 204 => Body::None,
            ResponseBody::None => named().map_or(Body::None, Body::Named),
            ResponseBody::Length(length) => Body::Length(length),
            ResponseBody::Chunked | ResponseBody::Close => Body::Stream,
        }
    }

    /// How long nothing may come from the endpoint.
    pub(crate) fn read_timeout(&self) -> Duration {
        self.timeouts.read
    }

    /// Takes the connection for a tunnel.
    pub(crate) fn into_link(self) -> Link {
        self.link
    }

    /// Passes the response's body on, and what is still missing of the request. The connection
    /// is kept if both came to their end.
    pub(crate) async fn relay<D: Downstream>(
        mut self,
        worker: &Worker,
        down: &mut D,
    ) -> Result<(), Broken> {
        match self.framing.body {
            ResponseBody::None => self.link.conn.read_length(0),
            ResponseBody::Length(length) => self.link.conn.read_length(length),
            ResponseBody::Chunked => self.link.conn.read_chunked(),
            ResponseBody::Close => self.link.conn.read_to_close(),
        }
        let mut wait = Wait::New;
        if let Err(broken) = poll_fn(|cx| self.poll_relay(cx, worker, down, &mut wait)).await {
            return Err(match broken {
                RelayError::Client => Broken::Client,
                RelayError::Upstream(error) => {
                    let endpoint = self.lease.member.label.clone();
                    Broken::Upstream { endpoint, error: error.to_string() }
                }
            });
        }
        let mut link = self.link;
        let reusable = self.framing.keep_alive
            && self.sending.done
            && link.conn.is_body_read()
            && link.conn.input.is_empty();
        if reusable {
            link.conn.release(&worker.buffers);
            self.upstream.put(&self.lease, link, worker.recent().mono_us);
        }
        Ok(())
    }

    fn poll_relay<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        down: &mut D,
        wait: &mut Wait,
    ) -> Poll<Result<(), RelayError>> {
        let up = &mut self.link.conn;
        let mut moved = false;
        let sending = &mut self.sending;
        if !sending.done && !sending.refused {
            match sending.poll(cx, up, down, &mut moved) {
                Poll::Ready(Ok(())) => sending.done = true,
                Poll::Ready(Err(SendError::Client(_))) => {
                    return Poll::Ready(Err(RelayError::Client));
                }
                Poll::Ready(Err(SendError::Upstream)) => sending.refused = true,
                Poll::Pending => {}
            }
        }
        let mut stretch = Stretch::default();
        let now = loop {
            match up.next().map_err(RelayError::Upstream)? {
                Some(Next::Data) => match down.poll_send(cx, up.data()) {
                    Poll::Ready(sent) => {
                        up.consume(sent.map_err(|_| RelayError::Client)?);
                        moved = true;
                        if stretch.is_over(cx) {
                            break Wait::Send;
                        }
                    }
                    Poll::Pending => break Wait::Send,
                },
                Some(Next::End) => match down.poll_end(cx, &up.trailers) {
                    Poll::Ready(ended) => {
                        return Poll::Ready(ended.map_err(|_| RelayError::Client));
                    }
                    Poll::Pending => break Wait::Send,
                },
                None => {
                    // Nothing to pass on: what is gathered goes out before more is waited for.
                    match down.poll_flush(cx) {
                        Poll::Ready(flushed) => flushed.map_err(|_| RelayError::Client)?,
                        Poll::Pending => break Wait::Send,
                    }
                    match up.poll_next(cx) {
                        Poll::Ready(next) => {
                            next.map_err(RelayError::Upstream)?;
                            moved = true;
                        }
                        Poll::Pending => break Wait::Read,
                    }
                }
            }
        };
        if moved || *wait != now {
            let at = began_at(*wait, worker);
            *wait = now;
            let limit = match now {
                Wait::Read => self.timeouts.read,
                _ => down.limits().send_timeout,
            };
            down.deadline().arm(at, limit);
        }
        if down.deadline().poll_passed(cx) {
            return Poll::Ready(Err(match now {
                Wait::Read => RelayError::Upstream(io::Error::from(io::ErrorKind::TimedOut).into()),
                _ => {
                    worker.telemetry.limit_reached(Limit::SendTime);
                    RelayError::Client
                }
            }));
        }
        Poll::Pending
    }
}
