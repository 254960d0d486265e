//! A process that takes over from this one: the same command line, from what is now in the program's
//! file, on the same sockets.

use std::collections::BTreeMap;
use std::future::pending;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::{env, io, process};

use anyhow::Context;
use control::files::Text;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::OwnedReadHalf;

use super::TARGET;
use super::inheritance::{HANDOVER, LISTEN, Posted, READY, Will};

/// A process that has been started, and does not serve yet.
pub(super) struct Successor {
    child: Child,
    /// Says when it serves, and ends if it does not come to that.
    channel: OwnedReadHalf,
    serves: bool,
}

impl Successor {
    /// Starts it. Until it serves, this process does as before; from then on both accept.
    pub(super) fn start(
        sockets: &[OwnedFd],
        posted: &BTreeMap<&'static str, Text>,
    ) -> anyhow::Result<Self> {
        let (own, theirs) = UnixStream::pair()?;
        let theirs = OwnedFd::from(theirs);
        let mut numbers = Vec::new();
        for descriptor in [&theirs].into_iter().chain(sockets) {
            inherit(descriptor)?;
            numbers.push(descriptor.as_raw_fd().to_string());
        }
        let mut arguments = env::args_os();
        let program = arguments.next().context("this process does not know its program")?;
        let mut command = Command::new(&program);
        command.args(arguments).env(HANDOVER, format!("{}:{}", process::id(), numbers.join(",")));
        for name in LISTEN {
            command.env_remove(name);
        }
        let child = command.spawn();
        let child = child.with_context(|| format!("{} cannot be run", program.display()))?;
        drop(theirs);
        tracing::info!(target: TARGET, process = child.id(), "another process starts to take over");
        Ok(Self { child, channel: tell(own, posted)?, serves: false })
    }

    /// Waits until a successor serves, if there is one. If it ends before, there is none any more.
    pub(super) async fn ready(successor: &mut Option<Self>) -> bool {
        let Some(Self { child, channel, serves }) = successor else { return pending().await };
        let ready = channel.read_u8().await.is_ok_and(|word| word == READY);
        let process = child.id();
        *serves = ready;
        if ready {
            tracing::info!(target: TARGET, process, "another process has taken over");
        } else {
            tracing::error!(
                target: TARGET,
                process,
                "the other process has not come to serve; this one goes on"
            );
            *successor = None;
        }
        ready
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if !self.serves {
            // It has ended already, or must not begin to serve when this one is told to end.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Lets the next process that is started have a descriptor. This one starts no others meanwhile.
fn inherit(descriptor: &OwnedFd) -> io::Result<()> {
    fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(())
}

/// Says what was posted, and listens from then on.
fn tell(
    channel: UnixStream,
    posted: &BTreeMap<&'static str, Text>,
) -> anyhow::Result<OwnedReadHalf> {
    let posted = posted.iter().map(|(dialect, text)| Posted {
        dialect: (*dialect).to_owned(),
        label: text.label.to_string(),
        text: text.text.to_string(),
    });
    let will = serde_json::to_vec(&Will { posted: posted.collect() })?;
    channel.set_nonblocking(true)?;
    let (read, mut write) = tokio::net::UnixStream::from_std(channel)?.into_split();
    // It may be longer than what the system keeps for who has not read yet.
    tokio::spawn(async move {
        // A process that ends before it has read all has failed, and is found to have.
        let _ = write.write_all(&will).await;
        let _ = write.shutdown().await;
    });
    Ok(read)
}
