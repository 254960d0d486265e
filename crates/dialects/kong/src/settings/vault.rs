//! Secrets by reference: `{vault://env/db-password}`.

use std::collections::BTreeMap;
use std::fmt;

/// The environment as a vault: the only one of Kong's bundled strategies without Enterprise.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EnvironmentVault {
    variables: BTreeMap<String, String>,
    /// What variables' names start with unless a `vaults` entity says otherwise.
    prefix: String,
}

/// A reference to a secret, taken apart: `{vault://<vault>/<resource>[/<key>][?…][#<version>]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretReference<'a> {
    /// The strategy, or the prefix of a `vaults` entity.
    pub vault: &'a str,
    /// What to look up there.
    pub resource: &'a str,
    /// A key of the JSON object that is found.
    pub key: Option<&'a str>,
    /// The option `prefix`.
    pub prefix: Option<&'a str>,
    /// 2 asks for the secret before the present one.
    pub version: Option<u32>,
}

impl<'a> SecretReference<'a> {
    /// Whether a value is meant as a reference.
    pub fn is_one(value: &str) -> bool {
        value.starts_with("{vault://") && value.ends_with('}')
    }

    /// Takes a reference apart.
    pub fn parse(value: &'a str) -> Result<Self, String> {
        let malformed = || "it is not of the form {vault://VAULT/RESOURCE[/KEY]}".to_owned();
        let inner = value
            .strip_prefix("{vault://")
            .and_then(|rest| rest.strip_suffix('}'))
            .ok_or_else(malformed)?;
        let (inner, version) = match inner.rsplit_once('#') {
            Some((rest, version)) => {
                let number = version.parse().map_err(|_| "its version is no number".to_owned())?;
                (rest, Some(number))
            }
            None => (inner, None),
        };
        let (path, options) = inner.split_once('?').unwrap_or((inner, ""));
        let (vault, path) = path.split_once('/').ok_or_else(malformed)?;
        let (resource, key) = match path.rsplit_once('/') {
            Some((resource, key)) if !key.is_empty() => (resource, Some(key)),
            Some((resource, _)) => (resource, None),
            None => (path, None),
        };
        if vault.is_empty() || resource.is_empty() {
            return Err(malformed());
        }
        let prefix = options.split('&').find_map(|option| option.strip_prefix("prefix="));
        Ok(Self { vault, resource, key, prefix, version })
    }
}

impl EnvironmentVault {
    /// The environment as a vault.
    pub(super) fn new(variables: BTreeMap<String, String>, prefix: String) -> Self {
        Self { variables, prefix }
    }

    /// The secret that a reference names, with the prefix of a `vaults` entity if it came by one.
    /// The error says what is missing, and nothing of what is there.
    pub fn get(
        &self,
        reference: &SecretReference<'_>,
        prefix: Option<&str>,
    ) -> Result<String, String> {
        let prefix = reference.prefix.or(prefix).unwrap_or(&self.prefix);
        let mut name = format!("{prefix}{}", reference.resource).to_uppercase().replace('-', "_");
        match reference.version {
            None | Some(1) => {}
            Some(2) => name.push_str("_PREVIOUS"),
            Some(_) => return Err("the environment has versions 1 and 2 only".into()),
        }
        let value = self
            .variables
            .get(&name)
            .ok_or_else(|| format!("the environment variable {name} is not set"))?;
        let Some(key) = reference.key else {
            return Ok(value.clone());
        };
        match serde_json::from_str(value) {
            Ok(serde_json::Value::Object(object)) => match object.get(key) {
                Some(serde_json::Value::String(text)) => Ok(text.clone()),
                Some(serde_json::Value::Null) | None => {
                    Err(format!("the object in the environment variable {name} has no `{key}`"))
                }
                Some(other) => Ok(other.to_string()),
            },
            _ => Err(format!("the environment variable {name} holds no JSON object")),
        }
    }
}

/// Says nothing of what is in it.
impl fmt::Debug for EnvironmentVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvironmentVault").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(reference: &str) -> Result<String, String> {
        let variables =
            [("MY_SECRET", "s"), ("MY_SECRET_PREVIOUS", "r"), ("X_DB", r#"{"user":"u","n":1}"#)];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let vault = EnvironmentVault::new(variables.into(), String::new());
        vault.get(&SecretReference::parse(reference)?, None)
    }

    #[test]
    fn names_are_upper_case_with_underscores() {
        assert_eq!(get("{vault://env/my-secret}"), Ok("s".into()));
        assert_eq!(get("{vault://env/my-secret#2}"), Ok("r".into()));
        assert_eq!(get("{vault://env/db/user?prefix=x-}"), Ok("u".into()));
        assert_eq!(get("{vault://env/x-db/n}"), Ok("1".into()));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (reference, message) in [
            ("{vault://env/other}", "the environment variable OTHER is not set"),
            (
                "{vault://env/my-secret/key}",
                "the environment variable MY_SECRET holds no JSON object",
            ),
            ("{vault://env/x-db/key}", "the object in the environment variable X_DB has no `key`"),
            ("{vault://env}", "it is not of the form {vault://VAULT/RESOURCE[/KEY]}"),
            ("{vault:///x}", "it is not of the form {vault://VAULT/RESOURCE[/KEY]}"),
            ("{vault://env/x#y}", "its version is no number"),
            ("{vault://env/my-secret#3}", "the environment has versions 1 and 2 only"),
        ] {
            assert_eq!(get(reference).expect_err(reference), message);
        }
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let variables = [("A".to_owned(), "hunter2".to_owned())].into();
        let shown = format!("{:?}", EnvironmentVault::new(variables, "p".into()));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
