//! Every configuration that Kong 3.9.3 was recorded with becomes a model that can run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use config::{Budget, Severity, Sources};
use control::{Dialect, Documents};
use kong::settings::{Overrides, Settings};
use kong::{Kong, Options};
use serde_json::Value;

/// The configurations, by topic and case, with the environment that they run in.
fn configurations() -> BTreeMap<String, (String, Vec<(String, String)>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/data/kong");
    let mut configurations = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the recordings are there") {
        let path = entry.expect("it can be read").path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("it is a text");
        for line in text.lines() {
            let case: Value = serde_json::from_str(line).expect("a case is JSON");
            let refused = case.get("config_load").is_some();
            let Some(config) = case["config"].as_str().filter(|_| !refused) else { continue };
            let environment = case["kong"]["env"].as_object().into_iter().flatten();
            let environment = environment
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
            let word = |field: &str| case[field].as_str().unwrap_or_default();
            let name = format!("{}: {}", word("topic"), word("case"));
            configurations.insert(name, (config.to_owned(), environment.collect()));
        }
    }
    configurations
}

/// Cases with an option that is not offered yet, and its finding.
const WAITING: &[(&str, &str)] = &[
    ("hmac-auth: validate_request_body", "TRI1206"),
    ("http-log: custom headers and custom_fields_by_lua", "TRI1206"),
    ("key-auth: key_in_body hide_credentials", "TRI1206"),
    ("request-termination: echo with trigger", "TRI1206"),
];

#[test]
fn recorded_configurations_become_models() {
    let mut wrong = Vec::new();
    let configurations = configurations();
    assert!(configurations.len() > 100, "only {} configurations", configurations.len());
    for (name, (config, environment)) in configurations {
        let overrides = Overrides::default();
        let (settings, mut findings) = Settings::read(None, environment, &overrides);
        let kong = Kong::new(settings, Options::default());
        let mut sources = Sources::new();
        let budget = Budget::FILES;
        let documents = config::read_yaml(&mut sources, "kong.yml", config, &budget, &mut findings);
        let items = documents.iter().collect();
        let translation = kong.translate(&Documents { sources: &sources, items });
        findings.merge(translation.findings);
        let waiting = WAITING.iter().find(|(case, _)| *case == name).map(|(_, code)| *code);
        assert!(waiting.is_none() || findings.has_errors(), "{name} need not wait any more");
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        let errors = errors.filter(|finding| waiting != Some(finding.code.code));
        wrong.extend(errors.map(|found| format!("{name}: {found}")));
        let defects = model::check(&translation.model);
        wrong.extend(defects.iter().map(|defect| format!("{name}: {defect}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
