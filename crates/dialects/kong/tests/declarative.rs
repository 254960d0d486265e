//! Documents as a running Kong 3.9.3 was seen to take or refuse them, in its own words.
//!
//! The data are recorded answers of its Admin API. `message` repeats `fields` as a Lua table whose
//! keys have no order, so it is not compared.

use config::{Budget, Document, Findings, Sources, read_yaml};
use kong::declarative::{self, Loaded, Options};
use kong::schema::RouterFlavor;
use serde_json::Value;

fn cases(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a case is JSON")).collect()
}

fn load(case: &Value) -> Loaded {
    let flavor = match case["flavor"].as_str() {
        Some("traditional") => RouterFlavor::Traditional,
        Some("expressions") => RouterFlavor::Expressions,
        _ => RouterFlavor::TraditionalCompatible,
    };
    let (mut sources, mut findings) = (Sources::new(), Findings::new());
    let text = case["config"].as_str().expect("a configuration is a text");
    let documents = read_yaml(&mut sources, "kong.yml", text, &Budget::FILES, &mut findings);
    let documents: Vec<&Document> = documents.iter().collect();
    let options = Options {
        now: 1_795_411_987,
        flavor,
        runnable: &|_| true,
        skip_unknown_plugins: false,
        redis_default: false,
        secret: &str::to_owned,
    };
    declarative::load(&sources, &documents, &options)
}

#[test]
fn documents_are_refused_in_kongs_words() {
    let mut wrong = Vec::new();
    for mut case in cases(include_str!("data/refused.jsonl")) {
        let flatten = case["flatten"] == true;
        let answer = load(&case).refusal.map(|refusal| refusal.body(flatten));
        let (found, expected) = (answer.map(comparable), comparable(case["body"].take()));
        if found.as_ref() != Some(&expected) {
            wrong.push(format!("{}\n  Kong {expected}\n  here {found:?}", case["case"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn documents_are_taken_that_kong_takes() {
    let mut wrong = Vec::new();
    for case in cases(include_str!("data/accepted.jsonl")) {
        let loaded = load(&case);
        wrong.extend(loaded.findings.iter().map(|found| format!("{}: {found}", case["case"])));
        wrong.extend(loaded.refusal.map(|refusal| format!("{}: {refusal:?}", case["case"])));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn comparable(mut body: Value) -> Value {
    if let Some(body) = body.as_object_mut() {
        body.shift_remove("message");
    }
    body
}
