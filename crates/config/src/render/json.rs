//! The JSON format; [`Format::Json`](super::Format::Json) documents its keys.

use serde_json::{Map, Value};

use super::location::Location;
use crate::{Finding, Findings, Place, Sources};

pub(super) fn render(findings: &Findings, sources: &Sources) -> String {
    let all: Vec<Value> =
        findings.in_order(sources).into_iter().map(|finding| object(finding, sources)).collect();
    format!("{:#}\n", Value::Array(all))
}

fn object(finding: &Finding, sources: &Sources) -> Value {
    let mut object = Map::new();
    object.insert("code".into(), finding.code.code.into());
    object.insert("severity".into(), finding.severity.name().into());
    object.insert("message".into(), finding.message.as_str().into());
    object.append(&mut place(finding.place.as_ref(), sources));
    object.insert("label".into(), finding.label.as_deref().into());
    object.insert("help".into(), finding.help.as_deref().into());
    let suggestion = finding.suggestion.as_ref().map(|suggestion| {
        let mut object = place(Some(&suggestion.span.into()), sources);
        object.insert("replacement".into(), suggestion.replacement.as_str().into());
        Value::Object(object)
    });
    object.insert("suggestion".into(), suggestion.unwrap_or_default());
    let related = finding.related.iter().map(|related| {
        let mut object = place(Some(&related.place), sources);
        object.insert("message".into(), related.label.as_str().into());
        Value::Object(object)
    });
    object.insert("related".into(), related.collect());
    Value::Object(object)
}

fn place(place: Option<&Place>, sources: &Sources) -> Map<String, Value> {
    let location = place.map(|place| Location::of(place, sources));
    let file = location.as_ref().map(|location| location.file.as_ref());
    let start = location.as_ref().and_then(|location| location.start);
    let end = location.as_ref().and_then(|location| location.end);
    let entries: [(&str, Value); 5] = [
        ("file", file.into()),
        ("line", start.map(|(line, _)| line).into()),
        ("column", start.map(|(_, column)| column).into()),
        ("endLine", end.map(|(line, _)| line).into()),
        ("endColumn", end.map(|(_, column)| column).into()),
    ];
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
