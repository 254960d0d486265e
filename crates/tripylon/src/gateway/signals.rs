//! What signals do.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use control::{Cause, Control};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task;

use super::TARGET;
use super::log::ErrorLog;
use crate::output::Exit;

/// The signals that mean something to a gateway.
pub(crate) struct Signals {
    hangup: Signal,
    user1: Signal,
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

/// What a gateway is asked to do.
enum Wish {
    /// SIGHUP.
    Reload,
    /// SIGUSR1: logs were renamed.
    ReopenLogs,
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
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Does what signals ask for until one asks to end, and then returns when nothing is left to
    /// do, at the latest after `limit`; or at once when a second signal asks to end.
    pub(crate) async fn obey(
        mut self,
        control: &Control,
        engine: &Arc<dataplane::Gateway>,
        log: &ErrorLog,
        limit: Duration,
    ) -> Exit {
        loop {
            match self.next().await {
                // It is reported where all changes are.
                Wish::Reload => drop(control.reload(Cause::Signal)),
                Wish::ReopenLogs => {
                    log.reopen();
                    engine.reopen_logs();
                    tracing::info!(target: TARGET, "logs reopened");
                }
                Wish::End(_) => break,
            }
        }
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
            _ = self.terminate.recv() => end(SignalKind::terminate()),
            _ = self.interrupt.recv() => end(SignalKind::interrupt()),
            _ = self.quit.recv() => end(SignalKind::quit()),
        }
    }
}
