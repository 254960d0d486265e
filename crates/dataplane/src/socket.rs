//! A byte stream to a client or an endpoint, and the buffers bytes are read into.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection, in plain text or TLS.
pub(crate) enum Socket {
    Plain(TcpStream),
    ServerTls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
    ClientTls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl Socket {
    /// Reads into the buffer's free part; 0 means the other side has closed.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Buffer,
    ) -> Poll<io::Result<usize>> {
        let mut free = ReadBuf::new(buffer.free());
        ready!(Pin::new(self).poll_read(cx, &mut free))?;
        let read = free.filled().len();
        buffer.filled(read);
        Poll::Ready(Ok(read))
    }

    /// Whether it is more than a byte stream: it is closed with words.
    pub(crate) fn is_tls(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// Whether the other side has sent something or closed, as far as is known without asking
    /// the kernel. On a connection that should be silent, either means that it is of no use.
    pub(crate) fn is_disturbed(&mut self) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        Pin::new(self).poll_read(&mut cx, &mut buffer).is_ready()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::ServerTls(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::ClientTls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, data),
            Self::ServerTls(stream) => Pin::new(stream).poll_write(cx, data),
            Self::ClientTls(stream) => Pin::new(stream).poll_write(cx, data),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::ServerTls(stream) => Pin::new(stream).poll_flush(cx),
            Self::ClientTls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::ServerTls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::ClientTls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::ServerTls(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::ClientTls(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// Bytes that were read and not consumed yet. Its memory comes from a worker's [`Buffers`] and
/// is given back while the connection is idle.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// What was read and not consumed.
    pub(crate) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Forgets the first bytes of the data.
    pub(crate) fn consume(&mut self, len: usize) {
        self.start += len;
        debug_assert!(self.start <= self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Whether there is no data.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether it has memory.
    pub(crate) fn is_allocated(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Makes room for at least one more byte, by growth if there is none left.
    pub(crate) fn make_room(&mut self) {
        if self.end < self.bytes.len() {
            return;
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        } else {
            let len = (self.bytes.len() * 2).max(BUFFER);
            self.bytes.resize(len, 0);
        }
    }

    fn free(&mut self) -> &mut [u8] {
        self.make_room();
        &mut self.bytes[self.end..]
    }

    fn filled(&mut self, len: usize) {
        self.end += len;
    }
}

/// A worker's free buffers.
#[derive(Default)]
pub(crate) struct Buffers {
    free: RefCell<Vec<Vec<u8>>>,
    /// Those that heads are written into.
    outputs: RefCell<Vec<Vec<u8>>>,
}

impl Buffers {
    /// Gives an empty buffer memory, if it has none.
    pub(crate) fn lend(&self, buffer: &mut Buffer) {
        if !buffer.is_allocated() {
            let free = self.free.borrow_mut().pop();
            buffer.bytes = free.unwrap_or_else(|| vec![0; BUFFER]);
        }
    }

    /// Memory for what is to be written.
    pub(crate) fn lend_output(&self) -> Vec<u8> {
        self.outputs.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(OUTPUT))
    }

    /// Takes memory back that nothing is left to be written of.
    pub(crate) fn take_output_back(&self, mut output: Vec<u8>) {
        output.clear();
        let mut outputs = self.outputs.borrow_mut();
        if (OUTPUT..=BUFFER).contains(&output.capacity()) && outputs.len() < KEPT {
            outputs.push(output);
        }
    }

    /// Takes an empty buffer's memory back.
    pub(crate) fn take_back(&self, buffer: &mut Buffer) {
        debug_assert!(buffer.is_empty());
        let bytes = std::mem::take(&mut buffer.bytes);
        let mut free = self.free.borrow_mut();
        if bytes.len() == BUFFER && free.len() < KEPT {
            free.push(bytes);
        }
    }
}

/// Bytes of an ordinary buffer: a head and the first piece of a body.
const BUFFER: usize = 16 << 10;
/// Bytes that an ordinary head has room in.
const OUTPUT: usize = 1 << 10;
/// Free buffers that a worker keeps, of each kind.
const KEPT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_buffer_is_compacted_before_it_grows() {
        let mut buffer = Buffer::default();
        Buffers::default().lend(&mut buffer);
        buffer.filled(BUFFER);
        buffer.consume(10);
        assert_eq!(buffer.free().len(), 10);
        buffer.filled(10);
        assert_eq!(buffer.data().len(), BUFFER);
        assert_eq!(buffer.free().len(), BUFFER);
    }

    #[test]
    fn only_ordinary_buffers_are_kept() {
        let buffers = Buffers::default();
        let mut buffer = Buffer::default();
        buffers.lend(&mut buffer);
        buffers.take_back(&mut buffer);
        assert_eq!(buffers.free.borrow().len(), 1);
        buffers.lend(&mut buffer);
        buffer.filled(BUFFER);
        buffer.make_room();
        buffer.consume(BUFFER);
        buffers.take_back(&mut buffer);
        assert_eq!(buffers.free.borrow().len(), 0);
    }
}
