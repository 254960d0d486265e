//! Kind `basic-auth`: callers are known by a name and a password. `README.md` is its reference
//! page.

mod filter;
mod password;

use std::any::Any;
use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::filter::{BasicAuth, Config};
use self::password::Password;
use crate::settings;

/// Callers are known by a name and a password.
pub(crate) struct Kind;

const NAME: &str = "basic-auth";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(BasicAuth::prepare(config)?))
    }

    fn prepare_credential(
        &self,
        credential: &model::Credential,
    ) -> Result<Arc<dyn Any + Send + Sync>, Vec<Problem>> {
        let password: Password =
            settings::read(&credential.data.0).map_err(|problem| vec![problem])?;
        Ok(Arc::new(password.prepare()?))
    }
}
