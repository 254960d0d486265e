//! Secrets by reference, in fields of entities.

use std::collections::HashMap;

use config::{Finding, Findings, Origin};
use serde_json::Value;

use crate::entities::Vault;
use crate::settings::codes::VAULT_REFERENCE;
use crate::settings::{EnvironmentVault, SecretReference};

/// The environment, by itself and by the names that `vaults` entities give it.
pub(super) struct Vaults<'v> {
    environment: &'v EnvironmentVault,
    by_prefix: HashMap<&'v str, &'v Vault>,
}

impl<'v> Vaults<'v> {
    pub(super) fn new(environment: &'v EnvironmentVault, vaults: &'v [Vault]) -> Self {
        let by_prefix = vaults.iter().map(|vault| (vault.prefix.as_str(), vault)).collect();
        Self { environment, by_prefix }
    }

    /// The secret that a value refers to, or the value itself if it is no reference. A reference
    /// that leads nowhere is a finding; Kong would go on with an empty secret.
    pub(super) fn resolve(&self, value: &str, origin: &Origin, findings: &mut Findings) -> String {
        if !SecretReference::is_one(value) {
            return value.to_owned();
        }
        self.look_up(value).unwrap_or_else(|reason| {
            let message = format!("the reference leads nowhere: {reason}");
            findings.push(Finding::new(&VAULT_REFERENCE, message).at(origin));
            String::new()
        })
    }

    fn look_up(&self, value: &str) -> Result<String, String> {
        let reference = SecretReference::parse(value)?;
        let entity = self.by_prefix.get(reference.vault);
        let strategy = entity.map_or(reference.vault, |vault| vault.name.as_str());
        if strategy != "env" {
            return Err(format!("the vault `{strategy}` is not supported, `env` is"));
        }
        let prefix =
            entity.and_then(|vault| vault.config.as_ref()?.get("prefix")).and_then(Value::as_str);
        self.environment.get(&reference, prefix)
    }
}
