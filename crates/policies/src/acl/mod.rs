//! Kind `acl`: who may call, by the groups that they are in. `README.md` is its reference page.

mod filter;

use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::filter::{Acl, Config};
use crate::settings;

/// Who may call, by the groups that they are in.
pub(crate) struct Kind;

const NAME: &str = "acl";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(Acl::prepare(config)?))
    }
}
