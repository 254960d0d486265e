//! A client's connection as `h2` sees it: watched.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::burden::Burden;
use super::frames::Frames;
use crate::clock::SystemClock;
use crate::http1::conn::Conn;
use crate::socket::Socket;

/// A socket that gives what was read of it before once more, and stops where its client asks too
/// much.
pub(super) struct Wire {
    before: Vec<u8>,
    at: usize,
    socket: Socket,
    frames: Frames,
    watch: Rc<Watch>,
}

/// What has come of watching a connection.
pub(super) struct Watch {
    pub(super) burden: Burden,
    clock: Rc<SystemClock>,
    excessive: Cell<bool>,
    inside: Cell<Option<u32>>,
}

impl Watch {
    pub(super) fn new(clock: &Rc<SystemClock>) -> Rc<Self> {
        Rc::new(Self {
            burden: Burden::new(clock.mono_us()),
            clock: Rc::clone(clock),
            excessive: Cell::new(false),
            inside: Cell::new(None),
        })
    }

    /// Whether the client has asked too much. Nothing more is read from it.
    pub(super) fn is_excessive(&self) -> bool {
        self.excessive.get()
    }

    /// What the client has begun and not ended, if it could: see [`Frames::inside`].
    pub(super) fn inside(&self) -> Option<u32> {
        self.inside.get()
    }

    /// Looks at bytes that were read; says how many of them are to be taken notice of.
    fn look(&self, frames: &mut Frames, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let (passed, frame) = frames.next(&bytes[at..]);
            let allowed =
                frame.is_none_or(|frame| self.burden.charge(frame, || self.clock.mono_us()));
            if !allowed {
                self.excessive.set(true);
                break;
            }
            at += passed;
        }
        self.inside.set(frames.inside());
        at
    }
}

impl Wire {
    /// A connection on which the client sends frames behind the preface (RFC 9113 section 3.4).
    pub(super) fn new(conn: Conn, watch: &Rc<Watch>) -> Self {
        Self {
            before: conn.input.data().to_vec(),
            at: 0,
            socket: conn.socket,
            frames: Frames::after(super::PREFACE.len()),
            watch: Rc::clone(watch),
        }
    }

    fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.before[self.at..];
        if rest.is_empty() {
            return Pin::new(&mut self.socket).poll_read(cx, buffer);
        }
        let len = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..len]);
        self.at += len;
        if self.at == self.before.len() {
            (self.before, self.at) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        // Who polls the connection looks at the watch afterwards: nobody is to be woken.
        if wire.watch.is_excessive() {
            return Poll::Pending;
        }
        let start = buffer.filled().len();
        ready!(wire.poll_bytes(cx, buffer))?;
        let read = &buffer.filled()[start..];
        let taken = wire.watch.look(&mut wire.frames, read);
        buffer.set_filled(start + taken);
        if taken == 0 && wire.watch.is_excessive() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}
