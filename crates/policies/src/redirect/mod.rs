//! Kind `redirect`: requests are sent elsewhere. `README.md` is its reference page.

mod filter;

use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::filter::{Redirect, Config};
use crate::settings;

/// Requests are sent elsewhere.
pub(crate) struct Kind;

const NAME: &str = "redirect";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(Redirect::prepare(config)?))
    }
}
