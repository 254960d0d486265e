//! Kind `ldap-auth`: callers are known to an LDAP directory by a name and a password. `README.md` is
//! its reference page.

mod config;
mod directory;
mod filter;
mod seen;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::filter::{PolicyKind, Prepared, Problem};

use self::config::Config;
use self::filter::LdapAuth;
use crate::settings;

/// Callers are known to an LDAP directory by a name and a password.
pub(crate) struct Kind;

const NAME: &str = "ldap-auth";

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        Ok(Arc::new(LdapAuth::prepare(config)?))
    }
}
