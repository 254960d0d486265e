//! A connection to one server that is kept up, and a breaker in front of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use filter::LocalFuture;
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::super::config::Address;
use super::alarm::{Alarm, Alarms};
use super::dial::{DialError, Dialed, Dialer, Driver};
use super::journal::Journal;

/// A server as one worker sees it: a connection that all its requests share, one behind the other
/// without waiting for answers. While the server does not answer, nobody asks it but the task that
/// tries whether it is back. Dropped, it closes.
pub(super) struct Node {
    line: Arc<Line>,
    /// The task ends when this goes.
    _alive: oneshot::Sender<Infallible>,
}

/// Which server it is.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// The one that has all keys.
    Server,
    /// A node of a cluster.
    Member(Address),
}

/// Why a store gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unavailable {
    #[error("it did not answer and is not asked until it does")]
    Down,
    #[error("no answer in time")]
    Timeout,
    #[error("no node of the cluster holds the key's slot")]
    NoNode,
    #[error("{0}")]
    Redis(#[from] RedisError),
}

/// What the task and the requests share.
struct Line {
    target: Target,
    dialer: Arc<Dialer>,
    state: watch::Sender<State>,
    journal: Journal,
    alarm: Alarm,
}

#[derive(Clone)]
enum State {
    /// A connection is being made; it may be worth waiting for.
    Connecting,
    /// Requests are asked on this, the so-manieth connection.
    Up(u64, MultiplexedConnection),
    /// The breaker is open: nobody asks.
    Down,
}

/// How long the task waits before it tries again: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

impl Node {
    /// A node, and the task that keeps its connection up.
    pub(super) fn new(
        target: Target,
        dialer: Arc<Dialer>,
        alarms: &Alarms,
    ) -> (Self, LocalFuture<'static, ()>) {
        let name = match &target {
            Target::Server => dialer.settings.name(),
            Target::Member(address) => address.to_string(),
        };
        let (alive, dropped) = oneshot::channel();
        let line = Arc::new(Line {
            target,
            dialer,
            state: watch::Sender::new(State::Connecting),
            alarm: alarms.alarm(&name),
            journal: Journal::new(name),
        });
        let kept_up = Arc::clone(&line);
        let task = Box::pin(async move {
            tokio::select! {
                _ = dropped => {}
                () = kept_up.keep_up() => {}
                () = kept_up.alarm.on_raised(|| {
                    kept_up.open_breaker();
                }) => {}
            }
        });
        (Self { line, _alive: alive }, task)
    }

    /// The host of a node of a cluster; empty for the server that has all keys.
    pub(super) fn host(&self) -> &str {
        match &self.line.target {
            Target::Server => "",
            Target::Member(address) => &address.host,
        }
    }

    /// Whether the breaker is open: asking would fail at once.
    pub(super) fn is_down(&self) -> bool {
        matches!(*self.line.state.borrow(), State::Down)
    }

    /// Asks the server and waits until the deadline. A server that has not answered by then, or
    /// cannot be used, is not asked again until it answers the task.
    pub(super) async fn ask<T>(
        &self,
        deadline: Instant,
        question: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, Unavailable> {
        let Ok(connected) = timeout_at(deadline, self.line.connected()).await else {
            self.line.fail(None, &Unavailable::Timeout);
            return Err(Unavailable::Timeout);
        };
        let (number, mut connection) = connected?;
        let failure = match timeout_at(deadline, question(&mut connection)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if !is_useless(&error) => {
                if error.redirect_node().is_none() {
                    self.line.journal.refused(&error);
                }
                return Err(error.into());
            }
            Ok(Err(error)) => error.into(),
            Err(_) => Unavailable::Timeout,
        };
        self.line.fail(Some(number), &failure);
        Err(failure)
    }
}

impl Line {
    async fn connected(&self) -> Result<(u64, MultiplexedConnection), Unavailable> {
        let mut states = self.state.subscribe();
        let settled = states.wait_for(|state| !matches!(state, State::Connecting)).await;
        match settled.map(|state| state.clone()) {
            Ok(State::Up(number, connection)) => Ok((number, connection)),
            _ => Err(Unavailable::Down),
        }
    }

    /// Opens the breaker for what went wrong with a connection (none: with making one), unless
    /// there is another by now.
    fn fail(&self, number: Option<u64>, failure: &Unavailable) {
        let opened = self.state.send_if_modified(|state| {
            let same = match state {
                State::Connecting => number.is_none(),
                State::Up(current, _) => number == Some(*current),
                State::Down => false,
            };
            if same {
                *state = State::Down;
            }
            same
        });
        if opened {
            match failure {
                Unavailable::Timeout => self.alarm.raise(),
                _ => self.alarm.count(),
            }
            self.journal.lost(failure);
        }
    }

    /// Opens the breaker, whatever the connection; says whether it was closed.
    fn open_breaker(&self) -> bool {
        !matches!(self.state.send_replace(State::Down), State::Down)
    }

    /// Connects, waits until the connection is lost, and again.
    async fn keep_up(&self) {
        let mut pause = PAUSE.0;
        for number in 0.. {
            match self.dial().await {
                Ok(Dialed { connection, driver, .. }) => {
                    pause = PAUSE.0;
                    self.state.send_replace(State::Up(number, connection));
                    self.journal.found();
                    self.drive(driver).await;
                }
                Err(error) => {
                    if self.open_breaker() {
                        self.alarm.count();
                    }
                    self.journal.lost(&error);
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    async fn dial(&self) -> Result<Dialed, DialError> {
        match &self.target {
            Target::Server => self.dialer.server().await,
            Target::Member(address) => self.dialer.node(address).await,
        }
    }

    /// Reads and writes until the server closes the connection or the breaker opens.
    async fn drive(&self, driver: Driver) {
        let mut states = self.state.subscribe();
        tokio::select! {
            () = driver => {
                // Servers close connections that were idle; that alone is no reason not to ask.
                self.state.send_if_modified(|state| {
                    let closed = matches!(state, State::Up(..));
                    if closed {
                        *state = State::Connecting;
                    }
                    closed
                });
            }
            _ = states.wait_for(|state| matches!(state, State::Down)) => {}
        }
    }
}

/// Whether the connection or the server behind it is of no use any more.
fn is_useless(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, MasterDown, ReadOnly};
    match error.kind() {
        ErrorKind::Server(kind) => matches!(kind, BusyLoading | MasterDown | ReadOnly),
        ErrorKind::Io | ErrorKind::Parse | ErrorKind::AuthenticationFailed => true,
        _ => false,
    }
}
