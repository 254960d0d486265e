//! Counters in Redis.
//!
//! [`settings`] say how it is reached; [`dial`] makes a connection, [`node`] keeps it up behind a
//! breaker, [`cluster`] knows which node holds which keys, and [`link`] is what a worker has of
//! all that. [`key`] names counters and [`script`] counts.

mod cluster;
mod dial;
mod journal;
mod key;
mod link;
mod node;
mod script;
mod settings;
mod tls;

#[cfg(test)]
mod outage_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod topology_tests;

use std::sync::Arc;
use std::time::Duration;

use ::filter::{Problem, WorkerCx};
use redis::aio::MultiplexedConnection;
use redis::RedisResult;
use rustls::RootCertStore;
use tokio::time::Instant;

use self::key::Keys;
use self::link::{Link, Pool};
use self::node::Unavailable;
use self::script::Run;
use self::settings::{Settings, Topology};
use super::config::StoreConfig;
use super::limit::{Current, Verdict};

/// A prepared store.
#[derive(Debug)]
pub(super) struct RedisStore {
    settings: Settings,
    keys: Keys,
}

impl RedisStore {
    pub(super) fn prepare(config: &StoreConfig, scope: &str, problems: &mut Vec<Problem>) -> Self {
        let settings = Settings::prepare(config, problems);
        let cluster = settings.topology == Topology::Cluster;
        for (place, text) in [("/store/prefix", config.prefix.as_str()), ("/scope", scope)] {
            if cluster && text.contains(['{', '}']) {
                let message = "braces would spread one caller's counters over a cluster";
                problems.push(Problem::new(place, message).help("take them out"));
            }
        }
        if settings::sync_every(config.sync_rate, problems).is_some() {
            let problem = Problem::new("/store/sync_rate", "delayed counting is not offered");
            problems.push(problem.help("set it to -1: each request is then counted in Redis"));
        }
        Self { settings, keys: Keys::new(&config.prefix, scope, cluster) }
    }

    /// Starts the store on a worker. `roots` are trusted in place of the system's authorities.
    pub(super) fn start(&self, roots: Option<RootCertStore>, cx: &WorkerCx) -> RunningRedis {
        let pool = Pool::of(cx);
        let link = pool.link(&self.settings, roots, cx);
        RunningRedis { keys: self.keys.clone(), budget: self.settings.budget, link, _pool: pool }
    }
}

/// A store at work on one worker.
pub(super) struct RunningRedis {
    keys: Keys,
    budget: Duration,
    link: Arc<Link>,
    /// Keeps the pool as long as a link of it is in use.
    _pool: Arc<Pool>,
}

impl RunningRedis {
    /// The question whether an identifier may send a request, unless it is known that nobody
    /// would answer.
    pub(super) fn question(
        &self,
        identifier: &[u8],
        currents: &[Current],
        unix_ms: u64,
    ) -> Result<Run, Unavailable> {
        let key = |it: &Current| self.keys.key(identifier, it.limit.period, it.window);
        let run = Run::new(currents.iter().map(key).collect(), currents, unix_ms);
        if self.link.is_down(run.key()) { Err(Unavailable::Down) } else { Ok(run) }
    }

    /// Counts a request unless a limit is reached, and says how much is used. Waits no longer than
    /// a request may.
    pub(super) async fn take(
        &self,
        run: &Run,
        currents: &mut [Current],
    ) -> Result<Verdict, Unavailable> {
        let deadline = Instant::now() + self.budget;
        let question =
            async |connection: &mut MultiplexedConnection, asking| evaluate(run, connection, asking).await;
        let answer = self.link.ask(deadline, run.key(), question).await?;
        Ok(script::read(&answer, currents)?)
    }
}

/// Runs the script, with its code if the server does not know it.
async fn evaluate(
    run: &Run,
    connection: &mut MultiplexedConnection,
    asking: bool,
) -> RedisResult<Vec<u64>> {
    if asking {
        let (answer,) = redis::pipe()
            .cmd("ASKING")
            .ignore()
            .add_command(run.by_code())
            .query_async(connection)
            .await?;
        return Ok(answer);
    }
    match run.by_hash().query_async(connection).await {
        Err(error) if script::is_unknown(&error) => run.by_code().query_async(connection).await,
        answered => answered,
    }
}
