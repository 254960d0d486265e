//! Kind `direct-response`: the gateway answers by itself. `README.md` is its reference page.

mod filter;

use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::filter::{DirectResponse, Config};
use crate::settings;

/// The gateway answers by itself.
pub(crate) struct Kind;

const NAME: &str = "direct-response";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(DirectResponse::prepare(config)?))
    }
}
