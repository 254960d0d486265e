//! Kind `cors`: which pages of other origins may read responses (the Fetch standard's CORS protocol). `README.md` is its reference page.

mod config;
mod filter;
mod origin;

use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::config::Config;
use self::filter::Cors;
use crate::settings;

/// Which pages of other origins may read responses.
pub(crate) struct Kind;

const NAME: &str = "cors";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(Cors::prepare(config)?))
    }
}
