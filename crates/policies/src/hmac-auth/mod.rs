//! Kind `hmac-auth`: callers are known by a signature over parts of the request. `README.md` is its
//! reference page.

mod algorithm;
mod credentials;
mod date;
mod filter;
mod signing;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::algorithm::{Secret, SecretData};
use self::filter::{Config, HmacAuth};
use crate::settings;

/// Callers are known by a signature over parts of the request.
pub(crate) struct Kind;

const NAME: &str = "hmac-auth";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(HmacAuth::prepare(config)?))
    }

    fn prepare_credential(
        &self,
        credential: &model::Credential,
    ) -> Result<Arc<dyn Any + Send + Sync>, Vec<Problem>> {
        let data: SecretData =
            settings::read(&credential.data.0).map_err(|problem| vec![problem])?;
        Ok(Arc::new(Secret::prepare(data)?))
    }
}
