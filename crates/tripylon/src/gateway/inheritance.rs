//! What this process was given by the one before it, or by the service manager that started it.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::{env, fs, process};

use anyhow::{Context, bail};
use control::files::Text;
use dataplane::InheritedSockets;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use serde::{Deserialize, Serialize};

/// Names what a process hands over: its own number, then descriptors: first the channel on which the
/// two talk, then listening sockets. `4711:7,8,9`.
pub(super) const HANDOVER: &str = "TRIPYLON_HANDOVER";
/// What a service manager sets: whom the sockets are for, and how many, from descriptor 3 on
/// (sd_listen_fds(3)).
pub(super) const LISTEN: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// What was inherited; nothing, for most processes.
#[derive(Default)]
pub(super) struct Inheritance {
    /// Sockets that listen already.
    pub(super) sockets: InheritedSockets,
    /// The way to the process before, which serves until it is told to drain.
    predecessor: Option<UnixStream>,
}

/// What the process before says.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Will {
    /// Documents that it had from management APIs.
    pub(super) posted: Vec<Posted>,
}

/// A document that was posted.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Posted {
    pub(super) dialect: String,
    pub(super) label: String,
    pub(super) text: String,
}

impl Inheritance {
    /// Takes what the environment names. To be called once, before descriptors of this process's
    /// own are opened and threads run.
    ///
    /// # Errors
    /// If what is named is not there.
    pub(super) fn take() -> anyhow::Result<Self> {
        let variable = |name| env::var(name).ok();
        let mut inheritance = Self::default();
        if let Some(named) = variable(HANDOVER).and_then(|text| handover(&text, parent())) {
            let mut named = named.context(HANDOVER)?.into_iter().map(adopt);
            let channel = named.next().context("no channel is named")??;
            inheritance.predecessor = Some(UnixStream::from(channel));
            for socket in named {
                inheritance.sockets.add(socket?)?;
            }
        } else if let Some(count) = activation(variable(LISTEN[0]), variable(LISTEN[1])) {
            for number in 0..count {
                let socket = adopt(FIRST + number)?;
                inheritance.sockets.add(socket).with_context(|| {
                    format!(
                        "descriptor {}: only sockets that listen (ListenStream=, Accept=no)",
                        FIRST + number
                    )
                })?;
            }
        }
        Ok(inheritance)
    }

    /// What was posted to the process before for the dialect of this name.
    ///
    /// # Errors
    /// If that process says nothing, or nonsense.
    pub(super) fn posted(
        &mut self,
        dialect: &'static str,
    ) -> anyhow::Result<BTreeMap<&'static str, Text>> {
        let Some(channel) = &mut self.predecessor else { return Ok(BTreeMap::new()) };
        let mut said = String::new();
        channel.read_to_string(&mut said).context("the process before says nothing")?;
        let will: Will = serde_json::from_str(&said).context("what the process before says")?;
        let own = will.posted.into_iter().filter(|posted| posted.dialect == dialect);
        Ok(own
            .map(|posted| (dialect, Text { label: posted.label.into(), text: posted.text.into() }))
            .collect())
    }

    /// Tells the process before that it may drain. It finds out too if this one ends without.
    pub(super) fn say_ready(&mut self) {
        if let Some(mut channel) = self.predecessor.take() {
            // A process that is gone needs no word.
            let _ = channel.write_all(&[READY]);
        }
    }

    /// Whether there was a process before, which serves still.
    pub(super) fn is_promised() -> bool {
        env::var(HANDOVER).is_ok_and(|text| handover(&text, parent()).is_some())
    }
}

/// What a process says that serves.
pub(super) const READY: u8 = b'r';
/// The first descriptor of a service manager's.
const FIRST: RawFd = 3;

fn parent() -> u32 {
    std::os::unix::process::parent_id()
}

/// The descriptors that are handed over, if it is by this parent: the variable may be older.
fn handover(text: &str, parent: u32) -> Option<anyhow::Result<Vec<RawFd>>> {
    let (from, numbers) = text.split_once(':')?;
    (from.parse() == Ok(parent)).then(|| {
        let number = |text: &str| match text.parse() {
            Ok(number) if number >= FIRST => Ok(number),
            _ => bail!("`{text}` is no descriptor"),
        };
        numbers.split(',').map(number).collect()
    })
}

/// How many sockets a service manager has opened for this process.
fn activation(listen_pid: Option<String>, listen_fds: Option<String>) -> Option<RawFd> {
    let own = listen_pid?.parse() == Ok(process::id());
    listen_fds?.parse().ok().filter(|count| own && *count > 0)
}

/// Takes a descriptor that was named to this process, and keeps it from the processes that this one
/// may start.
#[expect(unsafe_code, reason = "a number from the environment becomes a descriptor")]
fn adopt(number: RawFd) -> io::Result<OwnedFd> {
    let what = fs::read_link(format!("/proc/self/fd/{number}")).map_err(|_| {
        io::Error::new(io::ErrorKind::NotFound, format!("descriptor {number} is not open"))
    })?;
    if !what.to_string_lossy().starts_with("socket:") {
        let message = format!("descriptor {number} is no socket: {}", what.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    // SAFETY: it is open, and by the protocol it is for this process alone, which takes each once.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    fcntl(&socket, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_parent_hands_over_counts() {
        assert_eq!(handover("7:3,4", 7).expect("from the parent").expect("numbers"), [3, 4]);
        assert!(handover("7:3,4", 8).is_none());
        assert!(handover("", 8).is_none());
        assert!(handover("7:3,x", 7).expect("from the parent").is_err());
        assert!(
            handover("7:1", 7).expect("from the parent").is_err(),
            "the standard output is none"
        );
    }

    #[test]
    fn only_what_a_service_manager_opened_for_this_process_counts() {
        let own = process::id().to_string();
        let count = |pid: &str, fds: &str| activation(Some(pid.into()), Some(fds.into()));
        assert_eq!(count(&own, "2"), Some(2));
        assert_eq!(count("1", "2"), None);
        assert_eq!(count(&own, "0"), None);
        assert_eq!(activation(None, Some("2".into())), None);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let error = adopt(987_654).expect_err("no such descriptor");
        assert!(error.to_string().contains("987654"));
    }
}
