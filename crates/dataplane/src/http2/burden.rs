//! What a client may ask for beside requests.
//!
//! HTTP/2 has frames that cost a server work and the client nothing: pings, settings, resets,
//! windows opened by a byte (RFC 9113 section 10.5). A client has an allowance for them.
//! They are charged to it; answered requests and time pay it back. The rule and where its numbers
//! come from: `docs/http2.md`.

use std::cell::Cell;

use super::frames::{DATA, Frame, WINDOW_UPDATE};

/// The allowances of one connection.
#[derive(Debug)]
pub(super) struct Burden {
    /// For whatever is not `DATA` with bytes and opens no window.
    control: Cell<u32>,
    /// For `WINDOW_UPDATE`.
    windows: Cell<u32>,
    /// Up to when time has paid, of [`filter::Now::mono_us`].
    paid_us: Cell<u64>,
}

impl Burden {
    pub(super) fn new(now_us: u64) -> Self {
        let (control, windows) = (Cell::new(ALLOWANCE), Cell::new(ALLOWANCE));
        Self { control, windows, paid_us: Cell::new(now_us) }
    }

    /// Charges a frame that was received. Says whether the client may have sent it.
    pub(super) fn charge(&self, frame: Frame, now_us: impl FnOnce() -> u64) -> bool {
        let allowance = match frame.kind {
            DATA if !frame.is_empty_data() => return true,
            WINDOW_UPDATE => &self.windows,
            _ => &self.control,
        };
        if allowance.get() == 0 {
            self.pay_for_time(now_us());
        }
        match allowance.get().checked_sub(1) {
            Some(rest) => allowance.set(rest),
            None => return false,
        }
        true
    }

    /// A response has begun: its request was worth its frame, and some more.
    pub(super) fn answered(&self) {
        self.pay(ANSWERED, ANSWERED);
    }

    /// A piece of a response was sent. What a window of a few bytes has cut to size pays nothing
    /// (CVE-2019-9511): the client opens the next one as small.
    pub(super) fn sent(&self, bytes: usize, cut: bool) {
        if !cut || bytes >= MEASLY {
            self.pay(1, WINDOWS_PER_PIECE);
        }
    }

    fn pay(&self, control: u32, windows: u32) {
        self.control.set((self.control.get() + control).min(ALLOWANCE));
        self.windows.set((self.windows.get() + windows).min(ALLOWANCE));
    }

    fn pay_for_time(&self, now_us: u64) {
        let earned = now_us.saturating_sub(self.paid_us.get()) / PER_US;
        self.paid_us.set(self.paid_us.get() + earned * PER_US);
        let earned = u32::try_from(earned).unwrap_or(ALLOWANCE).min(ALLOWANCE);
        self.pay(earned, earned);
    }
}

/// Frames that a client may send in advance, of either allowance. Envoy closes a connection of
/// whose first 500 streams most were reset
/// (`overload.premature_reset_total_stream_count`).
const ALLOWANCE: u32 = 500;
/// What an answered request pays: itself, and one frame more (its reset, a ping, a continuation).
const ANSWERED: u32 = 2;
/// Windows that a client may open for a piece of a response. Envoy's
/// `max_inbound_window_update_frames_per_data_frame_sent` is 10, of which it allows two each.
const WINDOWS_PER_PIECE: u32 = 20;
/// Bytes below which a piece that a window has cut does not count.
const MEASLY: usize = 256;
/// Microseconds that pay for a frame: ten frames a second are never too many.
const PER_US: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::super::frames::HEADERS;
    use super::*;

    const PING: Frame = Frame { kind: 6, flags: 0, length: 8 };
    const RESET: Frame = Frame { kind: 3, flags: 0, length: 4 };
    const REQUEST: Frame = Frame { kind: HEADERS, flags: 5, length: 20 };
    const WINDOW: Frame = Frame { kind: WINDOW_UPDATE, flags: 0, length: 4 };

    fn charge(burden: &Burden, frame: Frame) -> bool {
        burden.charge(frame, || 0)
    }

    #[test]
    fn a_flood_is_refused_after_the_allowance() {
        for frame in [PING, RESET, REQUEST, WINDOW, Frame { kind: DATA, flags: 0, length: 0 }] {
            let burden = Burden::new(0);
            let passed = (0..1000).take_while(|_| charge(&burden, frame)).count();
            assert_eq!(passed, 500, "{frame:?}");
        }
    }

    #[test]
    fn requests_reset_before_they_are_answered_are_two_frames_each() {
        let burden = Burden::new(0);
        let passed = (0..1000).take_while(|_| charge(&burden, REQUEST) && charge(&burden, RESET));
        assert_eq!(passed.count(), 250);
    }

    #[test]
    fn answered_requests_go_on_for_ever_with_a_frame_beside_each() {
        let burden = Burden::new(0);
        for _ in 0..10_000 {
            assert!(charge(&burden, REQUEST) && charge(&burden, PING));
            burden.answered();
        }
    }

    #[test]
    fn bodies_cost_nothing() {
        let burden = Burden::new(0);
        assert!((0..10_000).all(|_| charge(&burden, Frame { kind: DATA, flags: 0, length: 1 })));
    }

    #[test]
    fn windows_are_paid_by_what_is_sent_and_not_by_what_they_cut_to_nothing() {
        let burden = Burden::new(0);
        for _ in 0..1000 {
            assert!((0..20).all(|_| charge(&burden, WINDOW)));
            burden.sent(16 << 10, true);
        }
        let burden = Burden::new(0);
        let dribble = (0..1000).take_while(|_| {
            burden.sent(1, true);
            charge(&burden, WINDOW)
        });
        assert_eq!(dribble.count(), 500);
        // An upstream that says little at a time is no dribble.
        let burden = Burden::new(0);
        for _ in 0..1000 {
            assert!(charge(&burden, WINDOW) && charge(&burden, WINDOW));
            burden.sent(1, false);
        }
    }

    #[test]
    fn time_pays_ten_frames_a_second_and_never_more_than_the_allowance() {
        let burden = Burden::new(7);
        let flood = |now_us| (0..1000).take_while(|_| burden.charge(PING, || now_us)).count();
        assert_eq!(flood(7), 500);
        assert_eq!(flood(1_000_007), 10);
        assert_eq!(flood(1_050_007), 0);
        assert_eq!(flood(1_100_007), 1);
        assert_eq!(flood(86_400_000_000), 500);
    }
}
