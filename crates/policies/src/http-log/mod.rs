//! Kind `http-log`: records are sent to an HTTP endpoint. `README.md` is its reference page.

mod config;
mod filter;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::config::Config;
use self::filter::HttpLog;
use crate::settings;

/// Records are sent to an HTTP endpoint.
pub(crate) struct Kind;

const NAME: &str = "http-log";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["/url", "/headers"]
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(HttpLog::prepare(config)?))
    }
}
