//! Kind `request-size-limit`: how large a request's body may be. `README.md` is its reference page.

mod filter;

use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::filter::{Config, RequestSizeLimit};
use crate::settings;

/// How large a request's body may be.
pub(crate) struct Kind;

const NAME: &str = "request-size-limit";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(RequestSizeLimit(config)))
    }
}
