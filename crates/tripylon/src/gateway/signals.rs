//! What signals do.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use control::{Cause, Control};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task;

use super::TARGET;
use super::log::ErrorLog;
use super::successor::Successor;
use crate::output::Exit;

/// The signals that mean something to a gateway.
pub(crate) struct Signals {
    hangup: Signal,
    user1: Signal,
    user2: Signal,
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

/// What signals are about.
pub(crate) struct Obedient<'a> {
    pub(crate) control: &'a Control,
    pub(crate) engine: &'a Arc<dataplane::Gateway>,
    pub(crate) admin: Option<&'a kong::admin::Server>,
    pub(crate) log: &'a ErrorLog,
    /// How long requests may take to end at the end.
    pub(crate) limit: Duration,
}

impl Obedient<'_> {
    /// Starts the process that takes over.
    fn start_successor(&self) -> anyhow::Result<Successor> {
        let mut sockets = self.engine.listening_sockets()?;
        sockets.extend(
            self.admin
                .map(kong::admin::Server::listening_sockets)
                .transpose()?
                .into_iter()
                .flatten(),
        );
        Successor::start(&sockets, &self.control.state().posted)
    }

    /// Leaves everything to it that does not end by itself.
    fn leave(&self) {
        self.engine.leave_status();
        if let Some(admin) = self.admin {
            admin.leave();
        }
    }
}

/// What a gateway is asked to do.
enum Wish {
    /// SIGHUP.
    Reload,
    /// SIGUSR1: logs were renamed.
    ReopenLogs,
    /// SIGUSR2: another process takes over, from what is now in the program's file.
    Upgrade,
    /// SIGTERM, SIGINT or SIGQUIT, by its number.
    End(i32),
}

impl Signals {
    /// Begins to take signals; those that come before [`Signals::obey`] wait for it.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Does what signals ask for until one asks to end, or until another process has taken over, and
    /// then returns when nothing is left to do, at the latest after `limit`; or at once when a second signal asks to end.
    pub(crate) async fn obey(mut self, who: Obedient<'_>) -> Exit {
        let Obedient { engine, limit, .. } = who;
        let mut successor: Option<Successor> = None;
        loop {
            let wish = tokio::select! {
                wish = self.next() => wish,
                ready = Successor::ready(&mut successor) => match ready {
                    true => break who.leave(),
                    false => continue,
                },
            };
            match wish {
                // It is reported where all changes are.
                Wish::Reload => drop(who.control.reload(Cause::Signal)),
                Wish::ReopenLogs => {
                    who.log.reopen();
                    engine.reopen_logs();
                    tracing::info!(target: TARGET, "logs reopened");
                }
                Wish::Upgrade if successor.is_some() => {
                    tracing::warn!(target: TARGET, "another process is starting already");
                }
                Wish::Upgrade => match who.start_successor() {
                    Ok(started) => successor = Some(started),
                    Err(error) => tracing::error!(
                        target: TARGET,
                        "no other process takes over, and this one goes on: {error:#}"
                    ),
                },
                Wish::End(_) => break,
            }
        }
        drop(successor);
        let seconds = limit.as_secs();
        tracing::info!(target: TARGET,
            "draining: no new connections; the last of the old ones ends within {seconds} s"
        );
        let engine = Arc::clone(engine);
        let mut drained = task::spawn_blocking(move || engine.drain(limit));
        loop {
            tokio::select! {
                drained = &mut drained => {
                    match drained {
                        Ok(true) => tracing::info!(target: TARGET, "drained"),
                        _ => tracing::warn!(target: TARGET, "requests were cut off after {seconds} s"),
                    }
                    return Exit::Done;
                }
                wish = self.next() => if let Wish::End(number) = wish {
                    tracing::warn!(target: TARGET, "ended by a second signal; requests were cut off");
                    return Exit::Signal(number);
                },
            }
        }
    }

    async fn next(&mut self) -> Wish {
        let end = |kind: SignalKind| Wish::End(kind.as_raw_value());
        tokio::select! {
            _ = self.hangup.recv() => Wish::Reload,
            _ = self.user1.recv() => Wish::ReopenLogs,
            _ = self.user2.recv() => Wish::Upgrade,
            _ = self.terminate.recv() => end(SignalKind::terminate()),
            _ = self.interrupt.recv() => end(SignalKind::interrupt()),
            _ = self.quit.recv() => end(SignalKind::quit()),
        }
    }
}
