//! Kind `ip-restriction`: who may call, by address. `README.md` is its reference page.

mod address_set;
mod filter;

use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::filter::{Config, IpRestriction};
use crate::settings;

/// Who may call, by address.
pub(crate) struct Kind;

const NAME: &str = "ip-restriction";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(IpRestriction::prepare(config)?))
    }
}
