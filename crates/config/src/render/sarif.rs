//! SARIF 2.1.0 (OASIS Static Analysis Results Interchange Format, 27 March 2020).

use serde_json::{Map, Value, json};

use super::location::Location;
use crate::{Code, Finding, Findings, Place, Severity, Sources, Suggestion};

pub(super) fn render(findings: &Findings, sources: &Sources) -> String {
    let ordered = findings.in_order(sources);
    let mut codes: Vec<Code> = ordered.iter().map(|finding| finding.code).collect();
    codes.sort_unstable_by_key(|code| code.code);
    codes.dedup_by_key(|code| code.code);
    let rules: Vec<Value> = codes.iter().map(|code| rule(code)).collect();
    let results: Vec<Value> =
        ordered.iter().map(|finding| result(finding, &codes, sources)).collect();
    let driver = json!({
        "name": "tripylon",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.code,
        "name": pascal_case(code.name),
        "shortDescription": { "text": code.title },
        "fullDescription": { "text": code.means },
        "help": { "text": code.mend },
        "defaultConfiguration": { "level": level(code.severity) },
    })
}

fn result(finding: &Finding, codes: &[Code], sources: &Sources) -> Value {
    let mut result = Map::new();
    result.insert("ruleId".into(), finding.code.code.into());
    if let Ok(index) = codes.binary_search_by_key(&finding.code.code, |code| code.code) {
        result.insert("ruleIndex".into(), index.into());
    }
    result.insert("level".into(), level(finding.severity).into());
    result.insert("message".into(), json!({ "text": message(finding) }));
    let label = finding.label.as_deref();
    let locations: Vec<Value> =
        finding.place.iter().map(|place| location(place, label, None, sources)).collect();
    result.insert("locations".into(), locations.into());
    if !finding.related.is_empty() {
        let related = finding.related.iter().enumerate();
        let related = related
            .map(|(id, related)| location(&related.place, Some(&related.label), Some(id), sources));
        result.insert("relatedLocations".into(), related.collect());
    }
    if let Some(suggestion) = &finding.suggestion {
        result.insert("fixes".into(), json!([fix(suggestion, sources)]));
    }
    Value::Object(result)
}

/// SARIF has one text a result, and viewers show nothing else.
fn message(finding: &Finding) -> String {
    let parts = [Some(finding.message.as_str()), finding.label.as_deref(), finding.help.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn location(place: &Place, message: Option<&str>, id: Option<usize>, sources: &Sources) -> Value {
    let place = Location::of(place, sources);
    let mut location = Map::new();
    if let Some(id) = id {
        location.insert("id".into(), id.into());
    }
    if place.is_document {
        let mut physical = Map::new();
        physical.insert("artifactLocation".into(), artifact(&place.file));
        if let Some(region) = region(&place) {
            physical.insert("region".into(), region);
        }
        location.insert("physicalLocation".into(), physical.into());
    } else {
        location.insert("logicalLocations".into(), json!([{ "fullyQualifiedName": &*place.file }]));
    }
    if let Some(message) = message {
        location.insert("message".into(), json!({ "text": message }));
    }
    Value::Object(location)
}

fn region(place: &Location) -> Option<Value> {
    let (line, column) = place.start?;
    let mut region = json!({ "startLine": line, "startColumn": column.max(1) });
    if let Some((end_line, end_column)) = place.end {
        region["endLine"] = end_line.into();
        region["endColumn"] = end_column.into();
    }
    Some(region)
}

fn fix(suggestion: &Suggestion, sources: &Sources) -> Value {
    let place = Location::of(&suggestion.span.into(), sources);
    json!({
        "description": { "text": format!("write `{}`", suggestion.replacement) },
        "artifactChanges": [{
            "artifactLocation": artifact(&place.file),
            "replacements": [{
                "deletedRegion": region(&place),
                "insertedContent": { "text": suggestion.replacement },
            }],
        }],
    })
}

fn artifact(file: &str) -> Value {
    let scheme = if file.starts_with('/') { "file://" } else { "" };
    json!({ "uri": format!("{scheme}{}", percent_encoded(file)) })
}

/// RFC 3986 section 3.3, and no colon, so that a relative path is not taken for a scheme.
fn percent_encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(byte.into())
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn level(severity: Severity) -> &'static str {
    severity.name()
}

fn pascal_case(name: &str) -> String {
    let mut words = String::new();
    for word in name.split('-') {
        let mut characters = word.chars();
        words.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        words.push_str(characters.as_str());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    /// Code scanners refuse results of files without a physical location.
    #[test]
    fn a_file_as_a_whole_is_a_physical_location() {
        let shown = |place: Place| location(&place, None, None, &Sources::new());
        assert_eq!(
            shown(Place::File("a/b c.md".into())),
            json!({ "physicalLocation": { "artifactLocation": { "uri": "a/b%20c.md" } } })
        );
        assert_eq!(
            shown(Place::Origin(Origin::api("routes/x"))),
            json!({ "logicalLocations": [{ "fullyQualifiedName": "routes/x" }] })
        );
    }
}
