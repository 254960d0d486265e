//! Kind `correlation-id`: requests bear an id that upstreams and clients can name. `README.md` is its reference page.

mod filter;

use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::filter::{CorrelationId, Config};
use crate::settings;

/// Requests bear an id that upstreams and clients can name.
pub(crate) struct Kind;

const NAME: &str = "correlation-id";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(CorrelationId::prepare(config)?))
    }
}
