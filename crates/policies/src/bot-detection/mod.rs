//! Kind `bot-detection`: programs that crawl are refused, by the name they give. `README.md` is its reference page.

mod crawlers;
mod filter;

use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::filter::{BotDetection, Config};
use crate::settings;

/// Programs that crawl are refused, by the name they give.
pub(crate) struct Kind;

const NAME: &str = "bot-detection";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(BotDetection::prepare(config)?))
    }
}
