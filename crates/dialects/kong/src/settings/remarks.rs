//! What is to be said about properties that have no meaning here, or that nobody knows.

use std::collections::BTreeMap;

use config::{Finding, Findings, Severity, did_you_mean, quote};

use super::directives::{self, Injected};
use super::enterprise::ENTERPRISE;
use super::property::{Effect, Property};
use super::reader::Given;
use super::{codes, table};

/// Says it of everything that was given.
pub(super) fn remark(given: &BTreeMap<String, Given>, findings: &mut Findings) {
    for (name, given) in given {
        if let Some(property) = table::property(name) {
            about_property(name, property, given, findings);
        } else if let Some(injected) = directives::injected(name) {
            about_directive(name, injected, given, findings);
        } else if ENTERPRISE.contains(&name.as_str()) {
            findings.push(
                Finding::new(
                    &codes::ENTERPRISE_PROPERTY,
                    format!("`{name}` is a property of Kong Enterprise and has no effect here"),
                )
                .at(&given.origin),
            );
        } else {
            unknown(name, given, findings);
        }
    }
}

fn about_property(name: &str, property: &Property, given: &Given, findings: &mut Findings) {
    let value = given.value.as_str();
    let usual =
        same(value, property.default) || value.is_empty() || property.harmless.contains(&value);
    if usual {
        return;
    }
    let text = property.effect.text();
    let (code, severity, message) = match property.effect {
        Effect::Used(_) => return,
        Effect::Note(_) => {
            (&codes::NO_MEANING, Severity::Note, format!("`{name}` has no effect here: {text}"))
        }
        Effect::Warning(_) => {
            (&codes::NO_MEANING, Severity::Warning, format!("`{name}` has no effect here: {text}"))
        }
        Effect::Error(_) => {
            (&codes::UNSUPPORTED, Severity::Error, format!("`{name} = {value}`: {text}"))
        }
    };
    findings.push(Finding::new(code, message).severity(severity).at(&given.origin));
}

/// Whether two values say the same: case of switches and blanks between items do not matter.
fn same(value: &str, default: &str) -> bool {
    let plain = |text: &str| text.to_ascii_lowercase().replace(", ", ",");
    plain(value) == plain(default)
        || matches!((value, default), ("true" | "yes", "on") | ("false" | "no", "off"))
}

fn about_directive(name: &str, injected: Injected<'_>, given: &Given, findings: &mut Findings) {
    if given.value.is_empty() {
        return;
    }
    let effect = directives::effect(injected);
    let severity = match effect {
        Effect::Used(_) => return,
        Effect::Note(_) => Severity::Note,
        Effect::Warning(_) => Severity::Warning,
        Effect::Error(_) => Severity::Error,
    };
    let directive = injected.directive;
    let message = format!(
        "`{name}`: the nginx directive `{directive}` has no effect here: {}",
        effect.text()
    );
    let mut finding = Finding::new(&codes::DIRECTIVE, message).severity(severity).at(&given.origin);
    if let Some(meant) = did_you_mean(directive, directives::names()) {
        finding = finding.help(format!("did you mean `nginx_{}_{meant}`?", injected.context));
    }
    findings.push(finding);
}

fn unknown(name: &str, given: &Given, findings: &mut Findings) {
    let known = table::properties().map(|property| property.name).chain(ENTERPRISE.iter().copied());
    let mut finding =
        Finding::new(&codes::UNKNOWN_PROPERTY, format!("Kong has no property {}", quote(name)))
            .at(&given.origin);
    if let Some(meant) = did_you_mean(name, known) {
        finding = finding.help(format!("did you mean `{meant}` (KONG_{})?", meant.to_uppercase()));
    }
    findings.push(finding);
}
