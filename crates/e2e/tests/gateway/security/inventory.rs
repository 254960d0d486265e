//! That every known attack is shown somewhere, or said to be open.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::wire;

#[derive(Deserialize)]
struct Known {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
}

/// `data/security/open.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Elsewhere {
    /// Shown by tests in a file of another crate.
    shown_by: BTreeMap<String, String>,
    /// Not shown yet, and the area that it waits for.
    open: BTreeMap<String, String>,
}

/// Where tests have the numbers of attacks in their names.
const SOURCES: &[&str] = &[
    include_str!("admin.rs"),
    include_str!("identity.rs"),
    include_str!("responses.rs"),
    include_str!("../access_log.rs"),
    include_str!("../command_line.rs"),
    include_str!("../http2.rs"),
    include_str!("../limits.rs"),
    include_str!("../proxy_protocol.rs"),
    include_str!("../seed.rs"),
    include_str!("../tls.rs"),
];

#[test]
fn every_attack_is_shown_or_said_to_be_open() {
    let known: Known = serde_json::from_str(include_str!("../../../data/security/cases.json"))
        .expect("cases.json");
    let elsewhere: Elsewhere =
        serde_json::from_str(include_str!("../../../data/security/open.json")).expect("open.json");
    let bytes: Vec<String> = wire::cases().iter().map(|c| c.id().to_owned()).collect();
    let named = |id: &str| {
        let name = format!("sec_{}", &id[4..]);
        SOURCES.iter().any(|source| source.contains(&name))
    };
    for Case { id } in &known.cases {
        let places = [
            bytes.contains(id) || named(id),
            elsewhere.shown_by.contains_key(id),
            elsewhere.open.contains_key(id),
        ];
        let count = places.iter().filter(|shown| **shown).count();
        assert_eq!(count, 1, "{id} stands in {count} of: tests here, `shown_by`, `open`");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (id, file) in &elsewhere.shown_by {
        assert!(root.join(file).is_file(), "{id} is shown by {file}, which does not exist");
    }
}
