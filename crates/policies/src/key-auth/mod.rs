//! Kind `key-auth`: callers are known by a key that they send. `README.md` is its reference page.

mod config;
mod filter;

use std::any::Any;
use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::config::Config;
use self::filter::KeyAuth;
use crate::settings;

/// Callers are known by a key that they send.
pub(crate) struct Kind;

const NAME: &str = "key-auth";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(KeyAuth::prepare(config)?))
    }

    fn prepare_credential(
        &self,
        credential: &model::Credential,
    ) -> Result<Arc<dyn Any + Send + Sync>, Vec<Problem>> {
        let mut problems = Vec::new();
        if credential.key.is_empty() {
            problems.push(
                Problem::new("", "the key is empty").help("give a key, or remove the credential"),
            );
        }
        if credential.data.0.as_object().is_none_or(|data| !data.is_empty()) {
            let message = "a key is all there is to this credential: its data must be `{}`";
            problems.push(Problem::new("", message));
        }
        if problems.is_empty() { Ok(Arc::new(())) } else { Err(problems) }
    }
}
