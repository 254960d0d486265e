//! What an upstream does on one connection, step by step.

use std::time::Duration;

use super::{Journal, Seen};
use crate::http1::Wire;
use crate::wait::nap;

/// Steps, in order; after the last one the connection is closed.
#[derive(Debug, Clone, Default)]
pub struct Script {
    acts: Vec<Act>,
}

/// A step.
#[derive(Debug, Clone)]
pub enum Act {
    /// Reads a whole request and puts it into the journal; ends the script if none comes.
    Read,
    /// Reads a request's head and leaves its body.
    ReadHead,
    /// Reads so many bytes.
    ReadBytes(usize),
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes one at a time, with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Does nothing for a while.
    Wait(Duration),
    /// Ends the connection with a reset instead of a regular close.
    Reset,
    /// Sends back whatever comes, to the end of the connection.
    Mirror,
    /// Starts over.
    Again,
}

impl Script {
    pub fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        Self { acts: acts.into_iter().collect() }
    }

    /// Answers every request with these bytes.
    pub fn answering(bytes: impl AsRef<[u8]>) -> Self {
        Self::new([Act::Read, Act::Send(bytes.as_ref().to_vec()), Act::Again])
    }

    /// Whether the connection is to end regularly.
    pub(super) fn run(&self, wire: &mut Wire, port: u16, journal: &Journal) -> bool {
        let mut at = 0;
        while let Some(act) = self.acts.get(at) {
            at += 1;
            let done = match act {
                Act::Again => {
                    at = 0;
                    true
                }
                Act::Read => read(wire, port, journal),
                Act::ReadHead => matches!(wire.read_request_head(), Ok(Some(_))),
                Act::ReadBytes(count) => wire.read_exact(*count).is_ok(),
                Act::Send(bytes) => wire.write(bytes).is_ok(),
                Act::Drip(bytes, pause) => bytes.iter().all(|b| {
                    nap(*pause);
                    wire.write(&[*b]).is_ok()
                }),
                Act::Wait(time) => {
                    nap(*time);
                    true
                }
                Act::Reset => {
                    reset_on_close(wire);
                    return false;
                }
                Act::Mirror => {
                    mirror(wire);
                    return true;
                }
            };
            if !done {
                break;
            }
        }
        true
    }
}

fn read(wire: &mut Wire, port: u16, journal: &Journal) -> bool {
    match wire.read_request() {
        Ok(Some(request)) => {
            journal.add(Seen::new(port, &request));
            true
        }
        Ok(None) => false,
        Err(fault) => {
            journal.add_fault(port, &fault);
            false
        }
    }
}

/// A close with linger time 0 sends RST.
#[expect(unsafe_code, reason = "the standard library cannot set SO_LINGER")]
fn reset_on_close(wire: &mut Wire) {
    use std::os::fd::AsRawFd;
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let socket = wire.stream().tcp().as_raw_fd();
    // SAFETY: `linger` outlives the call, its size is given, and the socket is open.
    unsafe {
        libc::setsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        );
    }
}

fn mirror(wire: &mut Wire) {
    loop {
        let count = wire.unread().len().max(1);
        let Ok(bytes) = wire.read_exact(count) else { return };
        if wire.write(&bytes).is_err() {
            return;
        }
    }
}
