//! Golden pairs: a Kong configuration beside the part of the model that it becomes.
//!
//! Every folder of `tests/translation` is a case, named after an area, two dashes, and what it
//! shows. In it stand `kong.yml`, perhaps `kong.conf`, and what is expected: `model.json` (the
//! lists of the model that belong to the area) and `findings.txt`. With `TRIPYLON_BLESS=1` in the
//! environment the expectations are written instead of compared.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use config::{Budget, Colour, Findings, Format, Sources, render};
use control::{Dialect, Documents};
use kong::settings::{Overrides, Settings};
use kong::{Kong, Options, RedisDefault};
use serde_json::{Map, Value};

/// The lists of the model that a case shows, by its area.
const AREAS: &[(&str, &[&str])] = &[
    ("certificates", &["certificates", "authorities"]),
    ("consumers", &["principals", "credentials"]),
    ("listeners", &["listeners"]),
    ("plugins", &["policies", "chains", "unrouted"]),
    ("routes", &["routes"]),
    ("upstreams", &["upstreams", "resolvers", "authorities"]),
    ("voice", &["voices"]),
];

#[test]
fn configurations_become_models() {
    let mut wrong = String::new();
    for folder in cases() {
        let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        let area = name.split("--").next().unwrap_or_default();
        let shown = AREAS.iter().find(|(other, _)| *other == area);
        let (_, shown) = shown.unwrap_or_else(|| panic!("{name}: there is no such area"));
        let (model, findings) = translate(&folder);
        let model = serde_json::to_string_pretty(&pick(model, shown)).expect("it is JSON") + "\n";
        for (file, actual) in [("model.json", model), ("findings.txt", findings)] {
            compare(&folder.join(file), &actual, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Every code of a translation is shown by a case.
#[test]
fn every_code_has_a_case() {
    let findings =
        cases().into_iter().map(|folder| fs::read_to_string(folder.join("findings.txt")));
    let findings: String = findings.map(|text| text.expect("every case has findings")).collect();
    let codes = kong::CATALOGUE.iter().filter(|code| code.code.starts_with("TRI12"));
    let missing: Vec<_> = codes.filter(|code| !findings.contains(code.code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/translation");
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut cases: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    cases.sort();
    cases
}

fn translate(folder: &Path) -> (Value, String) {
    let mut sources = Sources::new();
    let mut findings = Findings::new();
    let conf = fs::read_to_string(folder.join("kong.conf")).ok();
    if let Some(conf) = &conf {
        sources.add("kong.conf", conf.as_str());
    }
    let file = conf.as_deref().map(|text| ("kong.conf", text));
    let environment = [("SECRET".to_owned(), "from-the-environment".to_owned())];
    let (mut settings, of_settings) = Settings::read(file, environment, &Overrides::default());
    findings.merge(of_settings);
    findings.merge(settings.load_files(|path| fs::read_to_string(folder.join(path))));
    let redis = RedisDefault::parse("redis://cache.test:6380/2", "`--redis`");
    let kong = Kong::new(settings, Options { redis, ..Options::default() });

    let text = fs::read_to_string(folder.join("kong.yml")).expect("every case has one");
    let budget = Budget::FILES;
    let documents =
        config::read_auto(&mut sources, "kong.yml", text.as_str(), &budget, &mut findings);
    let items = documents.iter().collect();
    let translation = kong.translate(&Documents { sources: &sources, items });
    findings.merge(translation.findings);
    if !findings.has_errors() {
        let defects = model::check(&translation.model);
        assert!(defects.is_empty(), "{}: {defects:?}", folder.display());
    }
    let model = serde_json::to_value(&translation.model).expect("it is JSON");
    (model, render(&findings, &sources, Format::Human, Colour::Never))
}

/// The lists that a case shows, made easy to read.
fn pick(mut model: Value, shown: &[&str]) -> Map<String, Value> {
    for route in model["routes"].as_array_mut().into_iter().flatten() {
        route["rank"] = hexadecimal(&route["rank"]);
    }
    let chains = model["routes"].as_array().into_iter().flatten();
    let chains = chains.map(|route| (text(&route["id"]), route["chain"].clone()));
    model["chains"] = Value::Object(chains.collect());
    for route in model["routes"].as_array_mut().into_iter().flatten() {
        if let Some(route) = route.as_object_mut() {
            route.remove("chain");
        }
    }
    shown.iter().map(|list| ((*list).to_owned(), model[*list].take())).collect()
}

fn hexadecimal(bytes: &Value) -> Value {
    let bytes = bytes.as_array().into_iter().flatten().filter_map(Value::as_u64);
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a text can be written");
    }
    text.into()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn compare(path: &Path, actual: &str, wrong: &mut String) {
    if env::var_os("TRIPYLON_BLESS").is_some() {
        return fs::write(path, actual).expect("it can be written");
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if actual != expected {
        writeln!(wrong, "{} is\n{actual}", path.display()).expect("a text can be written");
    }
}
