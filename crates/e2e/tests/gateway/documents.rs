//! Documents in their several forms.

use std::process::{Command, Stdio};

use tripylon_e2e::gateway;
use tripylon_e2e::port::Port;
use tripylon_e2e::{Client, Start, Upstream, wait};

use crate::setup::{proxy_to, service};

fn target(port: u16, path: &str) -> Option<String> {
    let mut client = Client::connect(port).ok()?;
    let response = client.exchange("GET", path, &[]).ok()?;
    (response.status == 200).then(|| response.json()["target"].as_str().map(str::to_owned))?
}

#[test]
fn json_is_taken_as_yaml_is() {
    let upstream = Upstream::echo();
    let document = format!(
        r#"{{"_format_version": "3.0", "services": [{{"url": "http://{}", "routes": [{{"paths": ["/a"]}}]}}]}}"#,
        upstream.address()
    );
    let gateway = Start::kong("_format_version: '3.0'\n").file("kong.json", document).go();
    assert_eq!(target(gateway.proxy(), "/a/b").as_deref(), Some("/b"));
}

/// Before 3.0 an expression needed no `~`: what looks like one was one.
#[test]
fn older_formats_mean_what_they_meant() {
    let upstream = Upstream::echo();
    for version in ["1.1", "2.1"] {
        let document = service(upstream.port(), "", "    strip_path: false\n")
            .replace("'3.0'", &format!("'{version}'"))
            .replace("[/]", "['/orders/\\d+$', /plain]");
        let gateway = Start::kong(document).go();
        assert_eq!(target(gateway.proxy(), "/orders/7").as_deref(), Some("/orders/7"), "{version}");
        assert_eq!(target(gateway.proxy(), "/plain/x").as_deref(), Some("/plain/x"), "{version}");
        assert_eq!(target(gateway.proxy(), "/orders/x"), None, "{version}");
    }
}

/// Whether such a process serves at its port, with no TLS listener and no admin API.
fn serves(command: &mut Command, listen: &str, port: u16) -> bool {
    let process = command
        .env("KONG_PROXY_LISTEN", listen)
        .env("KONG_ADMIN_LISTEN", "off")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut process = process.unwrap();
    let served = wait::holds(wait::SOON, || target(port, "/x").is_some());
    process.kill().unwrap();
    process.wait().unwrap();
    served
}

#[test]
fn a_document_may_stand_in_the_environment() {
    let (upstream, port) = (Upstream::echo(), Port::claim());
    let mut run = gateway::command();
    run.arg("run").env("KONG_DECLARATIVE_CONFIG_STRING", proxy_to(&upstream));
    assert!(serves(&mut run, &format!("127.0.0.1:{}", port.number()), port.number()));
}

#[test]
fn one_address_for_all_listeners() {
    let (upstream, port) = (Upstream::echo(), Port::claim());
    let mut run = gateway::command();
    run.args(["run", "--bind", "127.0.0.1"]);
    run.env("KONG_DECLARATIVE_CONFIG_STRING", proxy_to(&upstream));
    // An address for documentation, which no machine has (RFC 5737).
    assert!(serves(&mut run, &format!("192.0.2.1:{}", port.number()), port.number()));
}

#[test]
fn what_a_plugin_is_not_there_for_can_be_left_out() {
    let upstream = Upstream::echo();
    let plugins = "  plugins:\n  - name: pre-function\n    config: {access: ['return']}\n";
    let document = service(upstream.port(), plugins, "");
    let words = Start::kong(document.as_str()).try_go().err().expect("it is an error");
    assert!(words.contains("pre-function"), "{words}");
    let gateway = Start::kong(document).arguments(&["--skip-unknown-plugins"]).go();
    assert!(target(gateway.proxy(), "/x").is_some());
    assert!(gateway.said().contains("pre-function"));
}
