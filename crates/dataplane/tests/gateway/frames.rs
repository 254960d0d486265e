//! A client that writes HTTP/2 frames by hand, right or wrong (RFC 9113 section 4.1).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// A setting's number (RFC 9113 section 6.5.2).
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;

/// A connection on which the preface was sent.
pub(crate) struct Frames {
    stream: TcpStream,
    read: Vec<u8>,
    written: Vec<u8>,
    /// Frames sent so far.
    pub(crate) sent: usize,
}

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With `GOAWAY` and this error.
    GoAway(u32),
    /// Without a word; or one that a reset has swallowed.
    Closed,
}

impl Frames {
    /// Connects and sends the preface with some settings (RFC 9113 section 3.4).
    pub(crate) fn connect(port: u16, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the gateway listens");
        stream.set_nodelay(true).expect("it is set");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout is set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout is set");
        let written = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let mut frames = Self { stream, read: Vec::new(), written, sent: 0 };
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        frames.frame(SETTINGS, 0, 0, &payload);
        frames.flush();
        frames
    }

    /// Queues a frame.
    pub(crate) fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let [_, a, b, c] = u32::try_from(payload.len()).expect("short").to_be_bytes();
        self.written.extend([a, b, c, kind, flags]);
        self.written.extend(stream.to_be_bytes());
        self.written.extend(payload);
        self.sent += 1;
    }

    /// Queues a `GET /`, or whatever a block of fields says.
    pub(crate) fn request(&mut self, stream: u32, block: &[u8]) {
        self.frame(HEADERS, END_HEADERS | END_STREAM, stream, block);
    }

    /// Writes what is queued; says whether the gateway still takes it.
    pub(crate) fn flush(&mut self) -> bool {
        let written = std::mem::take(&mut self.written);
        self.stream.write_all(&written).is_ok()
    }

    /// Leaves the last bytes of what is queued away.
    pub(crate) fn cut(&mut self, bytes: usize) {
        self.written.truncate(self.written.len() - bytes);
    }

    /// Writes part of a frame.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.written.extend(bytes);
        self.flush();
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        loop {
            if let [a, b, c, kind, flags, d, e, f, g, rest @ ..] = self.read.as_slice()
                && let Some(payload) = rest.get(..u32::from_be_bytes([0, *a, *b, *c]) as usize)
            {
                let stream = u32::from_be_bytes([*d, *e, *f, *g]);
                let (kind, flags, payload) = (*kind, *flags, payload.to_vec());
                self.read.drain(..9 + payload.len());
                return Some(Frame { kind, flags, stream, payload });
            }
            match self.fill() {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    panic!("neither a frame nor the end comes, after {} frames", self.sent)
                }
                Err(_) => return None,
            }
        }
    }

    /// Waits for a frame of a kind, and passes all others over.
    pub(crate) fn wait_for(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next()?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// Sends no more and waits for the connection's end.
    pub(crate) fn end(&mut self) -> End {
        self.flush();
        let mut end = End::Closed;
        while let Some(frame) = self.next() {
            if let (GOAWAY, [_, _, _, _, a, b, c, d, ..]) = (frame.kind, frame.payload.as_slice()) {
                end = End::GoAway(u32::from_be_bytes([*a, *b, *c, *d]));
            }
        }
        end
    }

    /// Whether the gateway has ended the connection already.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.stream.set_nonblocking(true).expect("it is set");
        let ended = loop {
            match self.fill() {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) => break error.kind() != ErrorKind::WouldBlock,
            }
        };
        self.stream.set_nonblocking(false).expect("it is set");
        ended
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 16 << 10];
        let read = self.stream.read(&mut bytes)?;
        self.read.extend_from_slice(&bytes[..read]);
        Ok(read)
    }
}

/// A block of `GET /` (RFC 7541, indexed fields and a literal).
pub(crate) fn get() -> Vec<u8> {
    block(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.test")])
}

/// A block of fields, all of them literals without indexing or Huffman coding (RFC 7541 section
/// 6.2.2). They may be as wrong as wanted.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        string(&mut block, name.as_bytes());
        string(&mut block, value.as_bytes());
    }
    block
}

/// A string literal (RFC 7541 section 5.2).
pub(crate) fn string(block: &mut Vec<u8>, text: &[u8]) {
    let most = 127;
    if text.len() < most {
        block.push(u8::try_from(text.len()).expect("short"));
    } else {
        block.push(127);
        let mut rest = text.len() - most;
        while rest >= 128 {
            block.push(u8::try_from(rest % 128 + 128).expect("a byte"));
            rest /= 128;
        }
        block.push(u8::try_from(rest).expect("a byte"));
    }
    block.extend(text);
}

const PATIENCE: Duration = Duration::from_secs(10);
