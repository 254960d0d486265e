//! Commands that run nothing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tripylon_e2e::gateway::{command, run_to_end};
use tripylon_e2e::{Client, wait};

/// A folder of documents, and the command that reads them.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let path = self.0.path().to_str().unwrap();
        let arguments: Vec<&str> =
            arguments.iter().map(|a| if *a == "FOLDER" { path } else { a }).collect();
        let output = run_to_end(&arguments, &[]);
        (output.status.code().unwrap_or(-1), text(&output))
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Ten mistakes of ten kinds, and where each stands: file, line, and a word of the message.
const MISTAKES: &[(&str, &str, u32, &str)] = &[
    ("01.yml", "_format_version: '3.0'\nservicez: []\n", 2, "services"),
    (
        "02.yml",
        "_format_version: '3.0'\nservices:\n- name: a\n  host: a\n  port: 99999\n",
        5,
        "port",
    ),
    ("03.yml", "_format_version: '3.0'\nservices:\n- url: http://b\n  retires: 3\n", 4, "retries"),
    ("04.yml", "_format_version: '3.0'\nroutes:\n- name: c\n  paths: [orders]\n", 4, "/"),
    ("05.yml", "_format_version: '3.0'\nroutes:\n- name: d\n  paths: ['~/a(']\n", 4, "("),
    ("06.yml", "_format_version: '3.0'\nroutes:\n- name: e\n  methods: [get]\n", 4, "method"),
    ("07.yml", "_format_version: '3.0'\nplugins:\n- name: rate-limitting\n", 3, "rate-limiting"),
    (
        "08.yml",
        "_format_version: '3.0'\nplugins:\n- name: rate-limiting\n  config: {minute: many}\n",
        4,
        "minute",
    ),
    ("09.yml", "_format_version: '3.0'\nservices: [\n", 2, "["),
    ("10.yml", "hello: world\n", 1, ""),
];

#[test]
fn ten_mistakes_are_ten_findings_each_with_its_place() {
    let files: Vec<_> = MISTAKES.iter().map(|(name, text, ..)| (*name, *text)).collect();
    let folder = Folder::new(&files);
    let (status, human) = folder.run(&["check", "FOLDER"]);
    assert_eq!(status, 1, "{human}");
    let (status, json) = folder.run(&["check", "--format", "json", "FOLDER"]);
    assert_eq!(status, 1);
    let findings = findings(&json);
    for (name, _, line, word) in MISTAKES {
        let found = findings.iter().any(|finding| {
            let finding = finding.to_string();
            finding.contains(name)
                && finding.contains(&format!("\"line\":{line},"))
                && finding.contains(word)
        });
        assert!(found, "{name}:{line} and {word:?} are in none of\n{findings:#?}");
        assert!(human.contains(&format!("{name}:{line}:")), "{name}:{line} is not in\n{human}");
    }
    let errors = findings.iter().filter(|f| f["severity"] == "error").count();
    assert_eq!(errors, MISTAKES.len(), "{findings:#?}");
}

/// The findings of `--format json`: an object a line, or one list.
fn findings(json: &str) -> Vec<Value> {
    if let Ok(whole) = serde_json::from_str::<Value>(json) {
        let list = if whole.is_array() { whole } else { whole["findings"].clone() };
        return list.as_array().cloned().unwrap_or_default();
    }
    json.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

const SHOP: &str = "\
_format_version: '3.0'
services:
- name: orders
  url: http://orders.internal:8080/api
  routes:
  - name: orders
    hosts: [shop.test]
    paths: [/orders]
  - name: order
    hosts: [shop.test]
    paths: ['~/orders/[0-9]+$']
    plugins:
    - name: key-auth
";

#[test]
fn a_sound_folder_passes() {
    let folder = Folder::new(&[("shop.yml", SHOP)]);
    let (status, text) = folder.run(&["check", "FOLDER"]);
    assert_eq!(status, 0, "{text}");
    let (status, _) = folder.run(&["check", "--format", "yaml", "FOLDER"]);
    assert_eq!(status, 2);
    let (status, text) = folder.run(&["check", "/nowhere/at/all.yml"]);
    assert!(status != 0 && text.contains("/nowhere/at/all.yml"), "{text}");
}

#[test]
fn routes_stand_in_the_order_in_which_they_are_matched() {
    let folder = Folder::new(&[("shop.yml", SHOP)]);
    let (status, text) = folder.run(&["routes", "FOLDER"]);
    assert_eq!(status, 0, "{text}");
    let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word} is not in\n{text}"));
    assert!(at("[0-9]+") < at("/orders*"), "the pattern comes first\n{text}");
    assert!(text.contains("shop.yml:"), "{text}");
}

#[test]
fn explain_says_who_wins_and_why() {
    let folder = Folder::new(&[("shop.yml", SHOP)]);
    let (status, text) = folder.run(&["explain", "GET", "http://shop.test/orders/7", "FOLDER"]);
    assert_eq!(status, 0, "{text}");
    for word in ["order", "key-auth", "orders.internal:8080", "shop.yml:"] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    let (status, text) = folder.run(&["explain", "GET", "http://other.test/orders/7", "FOLDER"]);
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("host"), "{text}");
}

#[test]
fn codes_are_explained() {
    let folder = Folder::new(&[("01.yml", MISTAKES[0].1)]);
    let (_, json) = folder.run(&["check", "--format", "json", "FOLDER"]);
    let code = findings(&json)[0]["code"].as_str().unwrap().to_owned();
    let (status, page) = folder.run(&["explain", &code]);
    assert_eq!(status, 0);
    assert!(page.contains(&code) && page.lines().count() > 3, "{page}");
    assert_eq!(folder.run(&["explain", "TRI9999"]).0, 2);
}

#[test]
fn help_version_completions_and_manual() {
    let folder = Folder::new(&[]);
    let (status, text) = folder.run(&["version"]);
    assert!(status == 0 && text.contains(env!("CARGO_PKG_VERSION")), "{text}");
    let (status, text) = folder.run(&["--help"]);
    assert!(
        status == 0 && ["run", "check", "explain", "demo"].iter().all(|c| text.contains(c)),
        "{text}"
    );
    assert!(folder.run(&["completions", "bash"]).1.contains("tripylon"));
    assert!(folder.run(&["man"]).1.contains(".TH"));
    assert_eq!(folder.run(&["run", "--nonsense"]).0, 2);
}

/// The demonstration says three curl lines that do what it says, and serves within a second.
#[test]
fn the_demonstration_is_true() {
    let port = tripylon_e2e::port::Port::claim();
    let began = Instant::now();
    let mut demo: Command = command();
    demo.args(["demo", "--port", &port.number().to_string()]);
    demo.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = demo.spawn().unwrap();
    let serves = || Client::connect(port.number()).is_ok();
    let up = wait::holds(wait::SOON, serves);
    let took = began.elapsed();
    let stdout = process.stdout.take().unwrap();
    let curls: Vec<String> = BufReader::new(stdout)
        .lines()
        .map_while(Result::ok)
        .filter(|line| line.trim_start().starts_with("curl "))
        .map(|line| line.trim().to_owned())
        .take(3)
        .collect();
    let mut statuses: Vec<u16> = curls.iter().map(|line| curl_status(line)).collect();
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(up && took < Duration::from_secs(3), "it took {took:?}");
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 401], "{curls:#?}");
}

/// The status that such a line gets: `curl -i URL`, perhaps with `-H 'NAME: VALUE'`.
fn curl_status(line: &str) -> u16 {
    let url = line.split(' ').find_map(|word| word.strip_prefix("http://127.0.0.1:"));
    let (port, path) = url.and_then(|url| url.split_once('/')).expect("curl is told a URL");
    let field =
        line.split_once("-H '").and_then(|(_, rest)| rest.trim_end_matches('\'').split_once(": "));
    let mut client = Client::connect(port.parse().unwrap()).unwrap();
    client.exchange("GET", &format!("/{path}"), field.as_slice()).unwrap().status
}
