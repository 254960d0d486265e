//! Counters in Redis.
//!
//! [`settings`] say how it is reached; [`dial`] makes a connection, [`node`] keeps it up behind a
//! breaker, of which the other workers hear by [`alarm`]; [`cluster`] knows which node holds which keys, and [`link`] is what a worker has of
//! all that. [`key`] names counters and [`script`] counts; [`asking`] does so for each request,
//! [`buffered`] now and then.

mod alarm;
mod asking;
mod buffered;
#[cfg(test)]
mod buffered_tests;
mod cluster;
mod dial;
mod journal;
mod key;
mod link;
mod node;
mod script;
mod settings;

#[cfg(test)]
mod outage_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod topology_tests;

use std::time::Duration;

use ::filter::{Problem, WorkerCx};

pub(super) use self::asking::Asking;
pub(super) use self::buffered::Buffered;
use self::key::Keys;
use self::link::Pooled;
use self::settings::{Settings, Topology};
use super::config::StoreConfig;

/// A prepared store.
#[derive(Debug)]
pub(super) struct RedisStore {
    settings: Settings,
    keys: Keys,
    /// How often counts are exchanged; none if Redis is asked for each request.
    sync_every: Option<Duration>,
}

/// A store at work on one worker.
pub(super) enum RunningRedis {
    /// Redis is asked for each request.
    Asking(Asking),
    /// Requests are counted in memory, and counts exchanged with Redis.
    Buffered(Buffered),
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
        let sync_every = settings::sync_every(config.sync_rate, problems);
        Self { settings, keys: Keys::new(&config.prefix, scope, cluster), sync_every }
    }

    /// Starts the store on a worker.
    pub(super) fn start(&self, cx: &WorkerCx) -> RunningRedis {
        let link = Pooled::start(&self.settings, cx);
        match self.sync_every {
            None => RunningRedis::Asking(Asking::new(&self.settings, &self.keys, link)),
            Some(every) => {
                RunningRedis::Buffered(Buffered::start(&self.settings, &self.keys, every, link, cx))
            }
        }
    }
}
