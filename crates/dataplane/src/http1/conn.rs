//! One HTTP/1 connection: bodies in and out, whichever side it is on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use filter::Headers;
use tokio::io::AsyncWrite;

use super::chunked::{Decoder, Piece};
use crate::socket::{Buffer, Buffers, Socket};

/// A connection with what was read from it and what is still to be written to it.
pub(crate) struct Conn {
    pub(crate) socket: Socket,
    pub(crate) input: Buffer,
    /// Trailer fields of the body being read.
    pub(crate) trailers: Headers,
    reading: Reading,
    /// Bytes of the body being read that were consumed.
    body_bytes: u64,
    output: Vec<u8>,
    written: usize,
    writing: Writing,
    received: u64,
    sent: u64,
}

/// How the body being read ends.
#[derive(Debug, Default)]
enum Reading {
    #[default]
    Done,
    Length(u64),
    Chunked(Decoder),
    Close,
    /// `Close`, and the connection has closed.
    Closed,
}

/// How the body being written is framed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Writing {
    /// As it is: its length stands in the head, or the connection's end ends it.
    #[default]
    Plain,
    /// In chunks.
    Chunked,
}

/// What stands next of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Some data: see [`Conn::data`].
    Data,
    /// The end.
    End,
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The connection broke, or closed in the middle.
    #[error("the connection broke inside a body: {0}")]
    Io(#[from] io::Error),
    /// The coding is broken.
    #[error("malformed chunked body")]
    Malformed,
}

impl Conn {
    /// A connection on which nothing was read or written yet.
    pub(crate) fn new(socket: Socket) -> Self {
        Self {
            socket,
            input: Buffer::default(),
            trailers: Headers::new(),
            reading: Reading::Done,
            body_bytes: 0,
            output: Vec::new(),
            written: 0,
            writing: Writing::Plain,
            received: 0,
            sent: 0,
        }
    }

    /// Begins to read a body of known length.
    pub(crate) fn read_length(&mut self, length: u64) {
        self.start_reading(if length == 0 { Reading::Done } else { Reading::Length(length) });
    }

    /// Begins to read a body in chunks.
    pub(crate) fn read_chunked(&mut self) {
        self.start_reading(Reading::Chunked(Decoder::default()));
    }

    /// Begins to read a body that ends with the connection.
    pub(crate) fn read_to_close(&mut self) {
        self.start_reading(Reading::Close);
    }

    fn start_reading(&mut self, reading: Reading) {
        self.reading = reading;
        self.body_bytes = 0;
        self.trailers.clear();
    }

    /// Whether the body was read to its end.
    pub(crate) fn is_body_read(&self) -> bool {
        match &self.reading {
            Reading::Done | Reading::Closed => true,
            Reading::Chunked(decoder) => decoder.is_done(),
            Reading::Length(_) | Reading::Close => false,
        }
    }

    /// Bytes of the body that were consumed.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Bytes read from and written to the connection since the last call.
    pub(crate) fn take_traffic(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.received), std::mem::take(&mut self.sent))
    }

    /// Reads more into the input; 0 means the other side has closed.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let read = ready!(self.socket.poll_read(cx, &mut self.input))?;
        self.received += read as u64;
        Poll::Ready(Ok(read))
    }

    /// Finds the next piece of the body in what was read, without reading more.
    pub(crate) fn next(&mut self) -> Result<Option<Next>, BodyError> {
        match &mut self.reading {
            Reading::Done | Reading::Closed => Ok(Some(Next::End)),
            Reading::Length(_) | Reading::Close => {
                Ok((!self.input.is_empty()).then_some(Next::Data))
            }
            Reading::Chunked(decoder) => {
                match decoder.next(self.input.data(), &mut self.trailers) {
                    Err(_) => Err(BodyError::Malformed),
                    Ok(Piece::Partial) => Ok(None),
                    Ok(Piece::Data { skip, len }) => {
                        self.input.consume(skip);
                        Ok((len > 0).then_some(Next::Data))
                    }
                    Ok(Piece::End { skip }) => {
                        self.input.consume(skip);
                        Ok(Some(Next::End))
                    }
                }
            }
        }
    }

    /// Finds the next piece of the body, reading as needed.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, BodyError>> {
        loop {
            if let Some(next) = self.next()? {
                return Poll::Ready(Ok(next));
            }
            if ready!(self.poll_fill(cx))? == 0 {
                if !matches!(self.reading, Reading::Close) {
                    return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
                }
                self.reading = Reading::Closed;
            }
        }
    }

    /// The piece of the body that was found.
    pub(crate) fn data(&self) -> &[u8] {
        let data = self.input.data();
        match &self.reading {
            Reading::Done | Reading::Closed => &[],
            Reading::Length(left) => &data[..clamp(*left).min(data.len())],
            Reading::Chunked(decoder) => &data[..clamp(decoder.left()).min(data.len())],
            Reading::Close => data,
        }
    }

    /// Consumes bytes of the piece.
    pub(crate) fn consume(&mut self, len: usize) {
        self.input.consume(len);
        self.body_bytes += len as u64;
        match &mut self.reading {
            Reading::Length(left) => {
                *left -= len as u64;
                if *left == 0 {
                    self.reading = Reading::Done;
                }
            }
            Reading::Chunked(decoder) => decoder.consumed(len),
            Reading::Done | Reading::Close | Reading::Closed => {}
        }
    }

    /// What is to be written before any body: a head is appended here.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        if self.written > 0 && self.written == self.output.len() {
            self.output.clear();
            self.written = 0;
        }
        &mut self.output
    }

    /// Sets how the body that follows the head is framed.
    pub(crate) fn write_body(&mut self, writing: Writing) {
        self.writing = writing;
    }

    /// Whether everything was written.
    pub(crate) fn is_written(&self) -> bool {
        self.written == self.output.len()
    }

    /// Writes a piece of a body, behind what is still to be written; says how much of it was
    /// taken. In chunks the piece is copied: it may still have to be flushed.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.writing == Writing::Chunked {
            if self.output.len() - self.written > MAX_QUEUED {
                ready!(self.poll_flush(cx))?;
            }
            let output = self.output();
            write_hex(output, data.len());
            output.extend_from_slice(b"\r\n");
            output.extend_from_slice(data);
            output.extend_from_slice(b"\r\n");
            return Poll::Ready(Ok(data.len()));
        }
        // A small piece behind a head: to copy it is cheaper than to write from two places.
        let queued = self.output.len() - self.written;
        if queued > 0 && data.len() <= SMALL && queued + data.len() <= MAX_QUEUED {
            self.output.extend_from_slice(data);
            return Poll::Ready(Ok(data.len()));
        }
        loop {
            let queued = &self.output[self.written..];
            let socket = Pin::new(&mut self.socket);
            let wrote = if queued.is_empty() {
                ready!(socket.poll_write(cx, data))?
            } else {
                let pieces = [IoSlice::new(queued), IoSlice::new(data)];
                ready!(socket.poll_write_vectored(cx, &pieces))?
            };
            self.count_sent(wrote)?;
            let of_queued = wrote.min(self.output.len() - self.written);
            self.written += of_queued;
            if wrote > of_queued {
                return Poll::Ready(Ok(wrote - of_queued));
            }
        }
    }

    /// Writes the end of the body and everything before it.
    pub(crate) fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
        trailers: &Headers,
    ) -> Poll<io::Result<()>> {
        if self.writing == Writing::Chunked {
            self.writing = Writing::Plain;
            let output = self.output();
            output.extend_from_slice(b"0\r\n");
            for (name, value) in trailers.iter() {
                output.extend_from_slice(name.as_bytes());
                output.extend_from_slice(b": ");
                output.extend_from_slice(value);
                output.extend_from_slice(b"\r\n");
            }
            output.extend_from_slice(b"\r\n");
        }
        self.poll_flush(cx)
    }

    /// Writes everything that is still to be written.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.output.len() {
            let queued = &self.output[self.written..];
            let wrote = ready!(Pin::new(&mut self.socket).poll_write(cx, queued))?;
            self.count_sent(wrote)?;
            self.written += wrote;
        }
        self.output();
        if self.output.capacity() > MAX_QUEUED * 2 {
            self.output.shrink_to(MAX_QUEUED);
        }
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// Writes bytes that belong to no message, once everything before them was written.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = ready!(Pin::new(&mut self.socket).poll_write(cx, data))?;
        self.count_sent(wrote)?;
        Poll::Ready(Ok(wrote))
    }

    /// Gives a connection memory that begins to be used.
    pub(crate) fn equip(&mut self, buffers: &Buffers) {
        buffers.lend(&mut self.input);
        if self.output.capacity() == 0 {
            self.output = buffers.lend_output();
        }
    }

    /// Gives back the memory of an idle connection.
    pub(crate) fn release(&mut self, buffers: &Buffers) {
        if self.input.is_empty() && self.input.is_allocated() {
            buffers.take_back(&mut self.input);
        }
        if self.is_written() {
            buffers.take_output_back(std::mem::take(&mut self.output));
            self.written = 0;
        }
        self.trailers = Headers::new();
    }

    fn count_sent(&mut self, wrote: usize) -> io::Result<()> {
        if wrote == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.sent += wrote as u64;
        Ok(())
    }
}

fn clamp(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn write_hex(output: &mut Vec<u8>, number: usize) {
    use io::Write;
    write!(output, "{number:x}").expect("a vector takes everything");
}

/// Bytes of a piece that is gathered with what stands before it.
const SMALL: usize = 2 << 10;
/// Bytes that are gathered before they are written.
const MAX_QUEUED: usize = 32 << 10;
