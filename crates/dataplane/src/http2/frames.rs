//! Frame headers in a stream of bytes (RFC 9113 section 4.1).

/// What stands in a frame's header, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// The type (RFC 9113 section 6).
    pub(super) kind: u8,
    pub(super) flags: u8,
    /// Bytes of the payload.
    pub(super) length: u32,
}

impl Frame {
    /// Whether it is a `DATA` frame that brings nothing: no bytes, and not the stream's end. One
    /// with padding (RFC 9113 section 6.1) counts as such if it may consist of nothing else.
    pub(super) fn is_empty_data(self) -> bool {
        let most_padding = if self.flags & PADDED == 0 { 0 } else { 256 };
        self.kind == DATA && self.flags & END_STREAM == 0 && self.length <= most_padding
    }

    fn has_block(self) -> bool {
        matches!(self.kind, HEADERS | PUSH_PROMISE | CONTINUATION)
    }
}

/// Follows the frames of a connection, however its bytes are cut.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes to skip: of the preface, then of payloads.
    skip: usize,
    header: [u8; HEADER],
    /// Bytes of `header` that are there.
    have: usize,
    /// The type of the frame at hand.
    kind: u8,
    /// Frames so far, without those that go on with a header block.
    begun: u32,
    /// Whether a header block has begun and not ended (RFC 9113 section 4.3).
    in_block: bool,
}

impl Frames {
    /// Frames that follow so many bytes of something else.
    pub(super) fn after(preface: usize) -> Self {
        Self { skip: preface, header: [0; HEADER], have: 0, kind: DATA, begun: 0, in_block: false }
    }

    /// Goes over bytes up to the end of a frame's header. Says how many bytes that were, and
    /// which frame it is.
    pub(super) fn next(&mut self, bytes: &[u8]) -> (usize, Option<Frame>) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        let bytes = &bytes[skipped..];
        let taken = (HEADER - self.have).min(bytes.len());
        self.header[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
        self.have += taken;
        if self.have < HEADER {
            return (skipped + taken, None);
        }
        self.have = 0;
        let [a, b, c, kind, flags, ..] = self.header;
        let frame = Frame { kind, flags, length: u32::from_be_bytes([0, a, b, c]) };
        self.skip = frame.length as usize;
        self.kind = kind;
        if kind != CONTINUATION {
            self.begun = self.begun.wrapping_add(1);
        }
        if frame.has_block() {
            self.in_block = flags & END_HEADERS == 0;
        }
        (skipped + taken, Some(frame))
    }

    /// Whether something has begun that the client can end at once, and has not ended: a header
    /// block, or a frame other than `DATA`. The number tells it from what begins later.
    pub(super) fn inside(&self) -> Option<u32> {
        let inside = self.in_block || self.have > 0 || (self.skip > 0 && self.kind != DATA);
        inside.then_some(self.begun)
    }
}

const HEADER: usize = 9;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
const PUSH_PROMISE: u8 = 5;
pub(super) const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let [_, a, b, c] = u32::try_from(length).expect("short").to_be_bytes();
        let mut bytes = vec![a, b, c, kind, flags, 0, 0, 0, 1];
        bytes.resize(HEADER + length, 0xff);
        bytes
    }

    fn read(frames: &mut Frames, mut bytes: &[u8]) -> Vec<Frame> {
        let mut read = Vec::new();
        while !bytes.is_empty() {
            let (passed, frame) = frames.next(bytes);
            read.extend(frame);
            bytes = &bytes[passed..];
        }
        read
    }

    proptest! {
        #[test]
        fn frames_are_found_however_the_bytes_are_cut(
            sent in prop::collection::vec((0u8..12, any::<u8>(), 0usize..300), 0..20),
            cuts in prop::collection::vec(1usize..40, 1..20),
        ) {
            let mut bytes = b"preface".to_vec();
            for (kind, flags, length) in &sent {
                bytes.extend(written(*kind, *flags, *length));
            }
            let mut frames = Frames::after(7);
            let (mut found, mut rest, mut cuts) = (Vec::new(), &bytes[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let cut = (*cuts.next().expect("it goes on")).min(rest.len());
                found.extend(read(&mut frames, &rest[..cut]));
                rest = &rest[cut..];
            }
            let found: Vec<_> =
                found.iter().map(|f| (f.kind, f.flags, f.length as usize)).collect();
            prop_assert_eq!(found, sent);
        }
    }

    #[test]
    fn a_header_block_is_open_until_its_last_frame_has_come() {
        let mut frames = Frames::after(0);
        let steps: [(u8, u8, bool); 5] = [
            (HEADERS, 0, true),
            (CONTINUATION, 0, true),
            (CONTINUATION, END_HEADERS, false),
            (DATA, 0, false),
            (HEADERS, END_HEADERS | END_STREAM, false),
        ];
        for (kind, flags, inside) in steps {
            read(&mut frames, &written(kind, flags, 3));
            assert_eq!(frames.inside().is_some(), inside, "{kind} {flags}");
        }
    }

    #[test]
    fn a_body_may_pause_inside_a_frame_and_nothing_else_may() {
        for (kind, inside) in [(DATA, false), (HEADERS, true), (WINDOW_UPDATE, true)] {
            let bytes = written(kind, END_HEADERS, 4);
            let mut frames = Frames::after(0);
            read(&mut frames, &bytes[..HEADER + 2]);
            assert_eq!(frames.inside().is_some(), inside, "{kind}");
            read(&mut frames, &bytes[HEADER + 2..]);
            assert!(frames.inside().is_none());
            read(&mut frames, &bytes[..3]);
            assert!(frames.inside().is_some(), "a header that was cut, of whatever kind");
        }
    }

    #[test]
    fn data_that_may_be_all_padding_is_empty() {
        let is_empty = |flags, length| Frame { kind: DATA, flags, length }.is_empty_data();
        assert!(is_empty(0, 0) && is_empty(PADDED, 1) && is_empty(PADDED, 256));
        assert!(!is_empty(0, 1) && !is_empty(PADDED, 257) && !is_empty(END_STREAM, 0));
    }
}
