//! The access log.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tripylon_e2e::{Client, Gateway, Start, Upstream, wait};

use crate::setup::proxy_to;

struct Logging {
    gateway: Gateway,
    path: PathBuf,
    _folder: tempfile::TempDir,
    _upstream: Upstream,
}

impl Logging {
    fn start(format: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let upstream = Upstream::echo();
        let target = path.to_str().unwrap();
        let gateway = Start::kong(proxy_to(&upstream))
            .arguments(&["--access-log", target, "--log-format", format])
            .go();
        Self { gateway, path, _folder: folder, _upstream: upstream }
    }

    fn ask(&self, target: &str, fields: &[(&str, &str)]) -> u16 {
        let mut client = Client::connect(self.gateway.proxy()).unwrap();
        client.exchange("GET", target, fields).unwrap().status
    }

    /// The lines, once there are so many.
    fn lines(&self, count: usize) -> Vec<String> {
        let read = || fs::read_to_string(&self.path).unwrap_or_default();
        wait::holds(wait::SOON, || read().lines().count() >= count);
        let lines: Vec<String> = read().lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), count, "{lines:#?}");
        lines
    }
}

#[test]
fn combined_is_that_of_nginx() {
    let log = Logging::start("combined");
    log.ask("/x?y=1&_b=hello", &[("Referer", "http://r.test/"), ("User-Agent", "test \"1\"")]);
    let line = log.lines(1).remove(0);
    assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
    let rest = r#"] "GET /x?y=1&_b=hello HTTP/1.1" 200 5 "http://r.test/" "test \x221\x22""#;
    assert!(line.ends_with(rest), "{line}");
    log.ask("/%00", &[]);
    assert!(log.lines(2)[1].contains("\" 400 "));
}

#[test]
fn json_is_an_object_a_line() {
    let log = Logging::start("json");
    log.ask("/x", &[]);
    let line: Value = serde_json::from_str(&log.lines(1)[0]).unwrap();
    assert_eq!(line["status"], 200);
    assert_eq!(line["client"], "127.0.0.1");
    assert!(line["request_id"].as_str().is_some_and(|id| id.len() == 32));
    assert!(line.to_string().contains("/x"));
}

#[test]
fn templates_say_what_is_logged() {
    let log =
        Logging::start("$request_method $uri $status $service/$route $http_x_a $sent_http_server");
    log.ask("/x?y", &[("X-A", "b c")]);
    assert_eq!(log.lines(1), ["GET /x 200 only/all b c echo/1"]);
}

#[test]
fn a_renamed_file_is_opened_anew_on_a_signal() {
    let log = Logging::start("$uri");
    log.ask("/one", &[]);
    assert_eq!(log.lines(1), ["/one"]);
    let rotated = log.path.with_extension("1");
    fs::rename(&log.path, &rotated).unwrap();
    log.gateway.signal(libc::SIGUSR1);
    assert!(wait::holds(wait::SOON, || log.path.exists()));
    log.ask("/two", &[]);
    assert_eq!(log.lines(1), ["/two"]);
    assert_eq!(fs::read_to_string(rotated).unwrap(), "/one\n");
}

#[test]
fn every_request_has_its_line_also_those_at_the_end() {
    let mut log = Logging::start("$uri");
    for n in 0..50 {
        log.ask(&format!("/{n}"), &[]);
    }
    log.gateway.signal(libc::SIGTERM);
    assert!(log.gateway.ended(wait::SOON).is_some_and(|status| status.success()));
    let mut lines = log.lines(50);
    lines.sort_by_key(|line| line[1..].parse::<u32>().unwrap());
    assert_eq!(lines[49], "/49");
}

#[test]
fn sec_170_one_event_is_one_line() {
    for format in ["combined", "json", "$request_uri $http_x_evil $http_user_agent"] {
        let log = Logging::start(format);
        let fields = [("X-Evil", "a\tb\"c\\"), ("User-Agent", "u\x1b[31m\"")];
        let status = log.ask("/%0d%0aevil%1b%22", &fields);
        let line = log.lines(1).remove(0);
        assert!(line.chars().all(|c| !c.is_control()), "{status} {line:?}");
        if format == "json" {
            serde_json::from_str::<Value>(&line).unwrap();
        }
    }
}
