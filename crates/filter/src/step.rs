//! What a policy does with an exchange, and what comes of it.

use std::future::Future;
use std::pin::Pin;

use crate::{Exchange, LocalReply};

/// A future that stays on its worker.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// How the exchange goes on.
#[derive(Debug)]
pub enum Flow {
    /// With the next policy.
    Continue,
    /// With this answer; the rest of the phase is skipped.
    Reply(Box<LocalReply>),
}

impl From<LocalReply> for Flow {
    fn from(reply: LocalReply) -> Self {
        Self::Reply(Box::new(reply))
    }
}

/// A policy's result, at once or later. A policy that answers at once never allocates.
pub enum Step<'a> {
    /// At once.
    Done(Flow),
    /// After something outside the worker has answered. It must end by itself: a policy that
    /// waits sets its own time limit.
    Wait(LocalFuture<'a, Flow>),
}

impl Step<'_> {
    /// Goes on at once.
    pub const CONTINUE: Self = Step::Done(Flow::Continue);
}

impl From<LocalReply> for Step<'_> {
    fn from(reply: LocalReply) -> Self {
        Step::Done(reply.into())
    }
}

/// A policy at work on one worker. It may keep state in cells: nothing else runs on its worker
/// while it runs, except while it waits.
pub trait Filter {
    /// Sees the request before it is sent on.
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let _ = exchange;
        Step::CONTINUE
    }

    /// Sees the response, the gateway's own ones included, before it is sent.
    /// A reply replaces the response.
    fn response<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let _ = exchange;
        Step::CONTINUE
    }

    /// Sees the exchange after its last byte.
    fn log(&self, exchange: &Exchange) {
        let _ = exchange;
    }

    /// Ends what the policy has under way, after its worker's last exchange. Others may run on.
    fn finish(&self) -> Option<LocalFuture<'_, ()>> {
        None
    }
}
