//! What holds for every text, however it was made.

use config::{
    Budget, Colour, Findings, Format, Node, Sources, Value, read_auto, read_json, read_yaml, render,
};
use proptest::prelude::*;
use serde_json::{Map, Value as Json};

/// Any JSON value that fits the budgets, with texts of a pattern.
fn json(texts: &'static str) -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-1e15f64..1e15).prop_map(Json::from),
        texts.prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..6)
                .prop_map(|map| Json::from(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Pieces of which documents are made, in any order.
fn rubble() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~\n]{0,8}".prop_map(String::from),
        prop::sample::select(vec![
            "a: ",
            "- ",
            "\n",
            "\n  ",
            "&x ",
            "*x",
            "!!str ",
            "[",
            "]",
            "{",
            "}",
            "\"",
            "'",
            "|\n ",
            ">-\n ",
            "---\n",
            "...\n",
            "# c\n",
            "? ",
            ": ",
            "<<: ",
            ",",
            "\\u0041",
            "\u{feff}",
            "\t",
            "%YAML 1.2\n",
            "0x1f",
            "1e999",
            ".nan",
            "~",
            "ä",
            "\u{2028}",
        ])
        .prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Every span of a tree lies in its text, at a boundary of characters, and inside its parent's.
fn check_spans(node: &Node, text: &str) {
    let range = node.span.range();
    assert!(text.get(range.clone()).is_some(), "{range:?} of {} bytes", text.len());
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

fn every_rendering(findings: &Findings, sources: &Sources) {
    for format in [Format::Human, Format::Json, Format::Sarif, Format::Github] {
        let text = render(findings, sources, format, Colour::Never);
        if matches!(format, Format::Json | Format::Sarif) {
            serde_json::from_str::<Json>(&text).expect("it is JSON");
        }
    }
}

proptest! {
    #[test]
    fn json_means_the_same_as_to_another_reader(value in json(".{0,12}"), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.expect("it is JSON");
        let (mut sources, mut findings) = (Sources::new(), Findings::new());
        let read = read_json(&mut sources, "a.json", text.as_str(), &Budget::FILES, &mut findings);
        let read = read.expect("it is JSON");
        check_spans(&read.root, &text);
        prop_assert_eq!(read.root.to_json(), value);
        prop_assert!(findings.is_empty());
    }

    #[test]
    // YAML allows no control characters (YAML 1.2.2 section 5.1).
    fn json_is_yaml(value in json("\\PC{0,12}")) {
        let text = serde_json::to_string(&value).expect("it is JSON");
        let (mut sources, mut findings) = (Sources::new(), Findings::new());
        let read = read_yaml(&mut sources, "a.yml", text.as_str(), &Budget::FILES, &mut findings);
        prop_assert_eq!(read.len(), 1, "{:?}", findings);
        prop_assert_eq!(read[0].root.to_json(), value);
    }

    #[test]
    fn no_text_brings_a_reader_down(text in rubble()) {
        for yaml in [false, true] {
            let (mut sources, mut findings) = (Sources::new(), Findings::new());
            let read = if yaml { read_yaml } else { read_auto };
            let documents = read(&mut sources, "a", text.as_str(), &Budget::NETWORK, &mut findings);
            documents.iter().for_each(|document| check_spans(&document.root, &text));
            every_rendering(&findings, &sources);
        }
        let (mut sources, mut findings) = (Sources::new(), Findings::new());
        let read = read_json(&mut sources, "a", text.as_str(), &Budget::NETWORK, &mut findings);
        prop_assert_eq!(read.is_none(), findings.has_errors());
        every_rendering(&findings, &sources);
    }

    #[test]
    fn every_string_survives_yaml(text in "\\PC{0,30}") {
        let quoted = serde_json::to_string(&text).expect("a string");
        let (mut sources, mut findings) = (Sources::new(), Findings::new());
        let document = format!("key: {quoted}\n");
        let read = read_yaml(&mut sources, "a.yml", document.as_str(), &Budget::FILES, &mut findings);
        prop_assert_eq!(read[0].root.get("key").and_then(Node::as_str), Some(text.as_str()));
    }
}

/// Texts made to be expensive are refused within their budget.
#[test]
fn hostile_documents_are_refused() {
    let deep_lists = "[".repeat(100_000);
    let deep_maps = format!("{}1", "{\"a\":".repeat(100_000));
    let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let before = format!("*a{},", level - 1).repeat(9);
        laughs.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    let wide = format!("[{}1]", "1,".repeat(400_000));
    let block = (0..2_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>();
    for (name, text) in [
        ("lists", deep_lists),
        ("maps", deep_maps),
        ("laughs", laughs),
        ("wide", wide),
        ("block", block),
    ] {
        let (mut sources, mut findings) = (Sources::new(), Findings::new());
        read_auto(&mut sources, name, text, &Budget::NETWORK, &mut findings);
        assert!(findings.has_errors(), "{name}");
        assert!(findings.len() < 10, "{name}: {} findings", findings.len());
    }
}
