//! Kind `rate-limit`: callers may send so many requests a period. `README.md` is its reference
//! page.
//!
//! [`limit`] and [`period`] say what is counted in which window, [`identifier`] whose request it
//! is; a store counts, [`counters`] in memory or [`redis`]; [`tell`] tells the client; [`filter`]
//! tells that story.

mod config;
mod counters;
mod filter;
mod identifier;
mod limit;
mod period;
mod redis;
mod tell;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::config::Config;
use self::filter::RateLimit;
use crate::settings;

/// Callers may send so many requests a period.
pub(crate) struct Kind;

const NAME: &str = "rate-limit";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["/store/password", "/store/sentinel/password"]
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(RateLimit::prepare(config)?))
    }
}
