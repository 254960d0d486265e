//! Typed values of properties, with a finding for each that is not what it should be.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use config::{Finding, Findings, Origin, quote};

use super::property::{Kind, Property};
use super::vault::{EnvironmentVault, SecretReference};
use super::{codes, directives, table, units};

/// The value that somebody gave a property, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) value: String,
    pub(super) origin: Origin,
}

/// Reads typed values.
pub(super) struct Reader<'a> {
    pub(super) given: &'a BTreeMap<String, Given>,
    pub(super) findings: &'a mut Findings,
}

impl Reader<'_> {
    /// Where the property was given; if it was not, its name stands for it.
    pub(super) fn origin(&self, name: &str) -> Origin {
        match self.given.get(name) {
            Some(given) => given.origin.clone(),
            None => Origin::document(format!("default of {name}")),
        }
    }

    /// Whether somebody gave the property a value.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// A text: the given one, else the default; `None` if it is empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = match self.given.get(name) {
            Some(given) => given.value.as_str(),
            None => row(name).default,
        };
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The items of a list.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// A switch; the default's position if the value is none.
    pub(super) fn switch(&mut self, name: &str) -> bool {
        let read = |text: &str| match text.to_ascii_lowercase().as_str() {
            "on" | "true" | "yes" => Some(true),
            "off" | "false" | "no" => Some(false),
            _ => None,
        };
        self.parsed(name, "`on` or `off`", read).unwrap_or(false)
    }

    /// A number.
    pub(super) fn number<T: FromStr>(&mut self, name: &str, what: &str) -> Option<T> {
        self.parsed(name, what, |text| text.parse().ok())
    }

    /// The value by `read`; with a finding and the default's value if it is not of the form that
    /// `what` describes.
    pub(super) fn parsed<T>(
        &mut self,
        name: &str,
        what: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let default = || Some(row(name).default).filter(|text| !text.is_empty()).and_then(&read);
        match self.given.get(name) {
            Some(given) if !given.value.is_empty() => match read(&given.value) {
                Some(value) => Some(value),
                None => {
                    self.invalid(name, what);
                    default()
                }
            },
            _ => default(),
        }
    }

    /// The value of an injected directive, in the innermost of the contexts of proxied requests
    /// in which it is given; else by Kong's own default of it, if there is one.
    pub(super) fn directive<T>(
        &mut self,
        directive: &str,
        what: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let names =
            directives::PROXY_CONTEXTS.map(|context| format!("nginx_{context}_{directive}"));
        let given = names
            .iter()
            .find(|name| self.given.get(*name).is_some_and(|given| !given.value.is_empty()));
        if let Some(name) = given {
            match read(&self.given[name].value) {
                Some(value) => return Some(value),
                None => self.invalid(name, what),
            }
        }
        let default = names.iter().find_map(|name| table::property(name))?.default;
        read(default)
    }

    /// A size by an injected directive.
    pub(super) fn size(&mut self, directive: &str) -> Option<u64> {
        self.directive(
            directive,
            "a number of bytes, with `k` or `m` behind it if need be",
            units::size,
        )
    }

    /// A time by an injected directive.
    pub(super) fn time(&mut self, directive: &str) -> Option<Duration> {
        self.directive(directive, "a time such as `60s` or `500ms`", units::time)
    }

    /// Says that the given value is not what the property takes.
    pub(super) fn invalid(&mut self, name: &str, what: &str) {
        let Some(given) = self.given.get(name) else { return };
        let shown = match table::property(name).map(|property| property.kind) {
            Some(Kind::Secret) => "its value".to_owned(),
            _ => quote(&given.value),
        };
        self.findings.push(
            Finding::new(&codes::INVALID_VALUE, format!("`{name}`: {shown} is not {what}"))
                .at(&given.origin)
                .label(format!("must be {what}")),
        );
    }
}

/// Replaces vault references by the secrets they name. What cannot be had is a finding, and its
/// property counts as not given.
pub(super) fn resolve(
    given: &mut BTreeMap<String, Given>,
    vault: &EnvironmentVault,
    findings: &mut Findings,
) {
    given.retain(|name, given| {
        if !SecretReference::is_one(&given.value) {
            return true;
        }
        let found =
            SecretReference::parse(&given.value).and_then(|reference| match reference.vault {
                "env" => vault.get(&reference, None),
                other => Err(format!("the vault {} is not supported, `env` is", quote(other))),
            });
        match found {
            Ok(secret) => {
                given.value = secret;
                true
            }
            Err(reason) => {
                findings.push(
                    Finding::new(&codes::VAULT_REFERENCE, format!("`{name}`: {reason}"))
                        .at(&given.origin),
                );
                false
            }
        }
    });
}

/// The row of a property that the code asks for by name.
fn row(name: &str) -> &'static Property {
    table::property(name).expect("settings are read by the names of rows")
}
