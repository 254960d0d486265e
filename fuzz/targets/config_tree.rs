//! Documents, as YAML, as JSON, and as whichever of the two they look like.
#![no_main]

use config::{
    Budget, Colour, Findings, Format, Node, Sources, Value, read_auto, read_json, read_yaml,
};

libfuzzer_sys::fuzz_target!(|text: &str| {
    for read in [read_yaml, read_auto] {
        let (mut sources, mut findings) = (Sources::new(), Findings::new());
        let documents = read(&mut sources, "a", text, &Budget::NETWORK, &mut findings);
        documents.iter().for_each(|document| check_spans(&document.root, text));
        check_findings(&findings, &sources);
    }
    let (mut sources, mut findings) = (Sources::new(), Findings::new());
    let read = read_json(&mut sources, "a", text, &Budget::NETWORK, &mut findings);
    assert_eq!(read.is_none(), findings.has_errors());
    check_findings(&findings, &sources);
    if let Some(document) = read {
        check_spans(&document.root, text);
        // What is JSON here is JSON to others, and means the same.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let other: serde_json::Value = serde_json::from_str(text).expect("it was read as JSON");
        assert_eq!(document.root.to_json(), other);
    }
});

/// Every span lies in the text, at a boundary of characters.
fn check_spans(node: &Node, text: &str) {
    assert!(text.get(node.span.range()).is_some());
    match &node.value {
        Value::Seq(items) => items.iter().for_each(|item| check_spans(item, text)),
        Value::Map(entries) => {
            for entry in entries {
                assert!(text.get(entry.key_span.range()).is_some());
                check_spans(&entry.value, text);
            }
        }
        _ => {}
    }
}

/// Findings can be shown, whatever they point at.
fn check_findings(findings: &Findings, sources: &Sources) {
    for format in [Format::Human, Format::Json, Format::Sarif, Format::Github] {
        let text = config::render(findings, sources, format, Colour::Never);
        if matches!(format, Format::Json | Format::Sarif) {
            serde_json::from_str::<serde_json::Value>(&text).expect("it is JSON");
        }
    }
}
