//! Kind `jwt`: callers are known by a signed token (RFC 7519). `README.md` is its reference page.
//!
//! A token travels through the files in this order: [`source`] finds it in the request,
//! [`verified`] knows it if it was seen before, [`token`] takes it apart, [`key`] checks its
//! signature, [`claims`] its times; [`filter`] tells that story.

mod claims;
mod config;
mod filter;
mod json;
mod key;
mod pem;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod roca;
mod source;
mod token;
mod verified;

#[cfg(test)]
mod security_tests;
#[cfg(test)]
mod signing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wycheproof_tests;

use std::any::Any;
use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::config::{Config, CredentialData};
use self::filter::Jwt;
use self::key::Key;
use crate::settings;

/// Callers are known by a signed token.
pub(crate) struct Kind;

const NAME: &str = "jwt";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(Jwt::prepare(config)?))
    }

    fn prepare_credential(
        &self,
        credential: &model::Credential,
    ) -> Result<Arc<dyn Any + Send + Sync>, Vec<Problem>> {
        let data: CredentialData =
            settings::read(&credential.data.0).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        if credential.key.is_empty() {
            let message = "the key is empty: no token could name this credential";
            problems.push(Problem::new("", message).help("give a key, or remove the credential"));
        }
        match Key::prepare(&data) {
            Ok(key) if problems.is_empty() => return Ok(Arc::new(key)),
            Ok(_) => {}
            Err(problem) => problems.push(problem),
        }
        Err(problems)
    }
}
