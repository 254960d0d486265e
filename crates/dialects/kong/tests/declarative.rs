//! Documents as a running Kong 3.9.3 was seen to take or refuse them, in its own words.
//!
//! The data are recorded answers of its Admin API. `message` repeats `fields` as a Lua table whose
//! keys have no order, so it is not compared.

use config::{Budget, Document, Findings, Sources, read_yaml};
use kong::declarative::{self, Loaded, Options};
use kong::entities::Entities;
use kong::schema::RouterFlavor;
use proptest::prelude::*;
use serde_json::{Value, json};

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

#[test]
fn entities_are_completed_as_kong_does() {
    let mut wrong = Vec::new();
    for case in cases(include_str!("data/loaded.jsonl")) {
        let (mut found, mut expected) = (by_kind(&load(&case).entities), case["body"].clone());
        forget_clocks(&mut found);
        forget_clocks(&mut expected);
        if found != expected {
            wrong.push(format!("{}\n  Kong {expected}\n  here {found}", case["case"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// As Kong answers a document that it takes: by kind and id, for the kinds of the cases.
fn by_kind(entities: &Entities) -> Value {
    let mut kinds = serde_json::Map::new();
    let mut add = |kind: &str, list: Vec<Value>| {
        let by_id = list.into_iter().map(|row| (row["id"].as_str().unwrap_or("").to_owned(), row));
        let by_id: serde_json::Map<String, Value> = by_id.collect();
        if !by_id.is_empty() {
            kinds.insert(kind.to_owned(), by_id.into());
        }
    };
    add("services", rows(&entities.services));
    add("routes", rows(&entities.routes));
    add("consumers", rows(&entities.consumers));
    add("plugins", rows(&entities.plugins));
    for (kind, records) in &entities.others {
        add(kind, records.iter().map(|record| record.fields.clone().into()).collect());
    }
    kinds.into()
}

fn rows<T: serde::Serialize>(entities: &[T]) -> Vec<Value> {
    let row = |entity| serde_json::to_value(entity).expect("an entity is a JSON object");
    entities.iter().map(row).collect()
}

fn forget_clocks(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|name, _| name != "created_at" && name != "updated_at");
        fields.values_mut().for_each(forget_clocks);
    }
}

/// What a document of these words says, or what is said about it.
fn outcome(text: &str) -> Result<Entities, Vec<String>> {
    let loaded = load(&json!({ "config": text }));
    let said: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
    if loaded.refusal.is_some() || loaded.findings.has_errors() {
        Err(said)
    } else {
        Ok(loaded.entities)
    }
}

#[test]
fn old_formats_have_their_regular_expressions_marked() {
    let route = |version: &str, paths: &str| {
        let text = format!(
            "_format_version: \"{version}\"\nservices:\n- name: s\n  host: h\n  routes:\n  - name: r\n    paths: [{paths}]\n"
        );
        outcome(&text).map(|mut entities| entities.routes.remove(0).paths.unwrap_or_default())
    };
    assert_eq!(route("1.1", "/a\\d+, /plain"), Ok(vec!["~/a\\d+".into(), "/plain".into()]));
    assert_eq!(route("2.1", "/a(b|c)"), Ok(vec!["~/a(b|c)".into()]));
    assert_eq!(route("3.0", "/a\\d+"), Ok(vec!["/a\\d+".into()]));
    assert_eq!(route("3.0", "'~/a\\d+'"), Ok(vec!["~/a\\d+".into()]));
}

#[test]
fn others_are_referred_to_by_name_id_or_object() {
    let id = "11111111-1111-4111-8111-111111111111";
    for reference in ["orders", id, &format!("{{id: {id}}}"), "{name: orders}"] {
        let text = format!(
            "_format_version: \"3.0\"\nservices:\n- {{name: orders, id: {id}, url: 'http://h:1/x'}}\n\
             routes:\n- name: r\n  paths: [/]\n  service: {reference}\n"
        );
        let entities = outcome(&text).unwrap_or_else(|said| panic!("{reference}: {said:?}"));
        let service = entities.routes[0].service.as_ref().map(|service| service.id.as_str());
        assert_eq!(service, Some(id), "{reference}");
        let service = &entities.services[0];
        assert_eq!((service.port, service.path.as_deref()), (1, Some("/x")));
    }
}

#[test]
fn passwords_are_hashed_unless_they_are_already() {
    let password = |transform: &str| {
        let text = format!(
            "_format_version: \"3.0\"\n{transform}consumers:\n- username: a\n  basicauth_credentials:\n  - {{username: u, password: pw}}\n"
        );
        let entities = outcome(&text).unwrap_or_else(|said| panic!("{said:?}"));
        entities.others["basicauth_credentials"][0].fields["password"].clone()
    };
    assert_eq!(password("_transform: false\n"), "pw");
    let hashed = password("");
    assert_eq!(hashed.as_str().map(str::len), Some(40));
    assert_eq!(password("_transform: true\n"), hashed);
}

/// Values under names that mean something, most of them wrong.
fn documents() -> impl Strategy<Value = Value> {
    const NAMES: &str = "(_format_version|_transform|_comment|_info|services|routes|plugins|consumers|upstreams|targets|\
        certificates|snis|jwt_secrets|keyauth_credentials|acls|vaults|keys|key_sets|name|id|host|url|port|protocol|paths|\
        hosts|headers|methods|protocols|service|route|consumer|config|minute|policy|redis|redis_host|username|custom_id|key|\
        secret|algorithm|target|weight|tags|cert|expression|healthchecks|x)";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(3\\.0|1\\.1|s|/|~/a|/%61|\\*\\.a|http|tcp|http://h/|jwt|rate-limiting|key-auth|redis|local|header|\
            127\\.0\\.0\\.1:80|\\[::1\\]|11111111-1111-4111-8111-111111111111|)"
            .prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(NAMES, inner, 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is refused is refused by findings too, or a file would be taken for an empty one.
    #[test]
    fn every_document_is_taken_or_refused_for_a_reason(mut document in documents(), good in any::<bool>()) {
        if good && let Some(fields) = document.as_object_mut() {
            fields.insert("_format_version".into(), "3.0".into());
        }
        let loaded = load(&json!({ "config": document.to_string() }));
        prop_assert_eq!(loaded.refusal.is_some() && !loaded.findings.has_errors(), false);
        if loaded.findings.has_errors() {
            prop_assert_eq!(loaded.entities, Entities::default());
        }
        if let Some(refusal) = loaded.refusal {
            prop_assert_eq!(&refusal.body(true)["code"], 14);
        }
    }
}

#[test]
fn documents_are_recognised_with_their_mistakes_and_others_are_not() {
    let recognised = |text: &str| {
        let (mut sources, mut findings) = (Sources::new(), Findings::new());
        let documents = read_yaml(&mut sources, "x.yml", text, &Budget::FILES, &mut findings);
        declarative::recognises(&documents[0])
    };
    for own in [
        "_format_version: 3.0",
        "_format_verson: \"3.0\"\nservices:\n- name: s\n",
        "services: {}\nroutes: []\n",
        "upstreams:\n- name: u\nserivces: []\n",
    ] {
        assert!(recognised(own), "{own}");
    }
    for other in [
        "apiVersion: v1\nkind: Service\n",
        "version: 3\nservices:\n  web:\n    image: nginx\n",
        "plugins: [a, b]\nrules: {}\n",
        "[]",
        "{}",
        "text",
    ] {
        assert!(!recognised(other), "{other}");
    }
}
