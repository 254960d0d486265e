//! What the status listener says.

use tripylon_e2e::{Client, Gateway, Upstream, wait};

use crate::setup::{gateway, proxy_to};

fn text(gateway: &Gateway, target: &str) -> (u16, String) {
    let mut client = Client::connect(gateway.status()).unwrap();
    let response = client.exchange("GET", target, &[]).unwrap();
    (response.status, response.text().to_owned())
}

fn metrics(gateway: &Gateway) -> String {
    let (status, text) = text(gateway, "/metrics");
    assert_eq!(status, 200);
    text
}

/// The sum of a metric's values over the series whose labels hold all these.
fn sum(metrics: &str, name: &str, labels: &[&str]) -> f64 {
    let series = metrics.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|l| line.contains(l))
    });
    series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[test]
fn a_gateway_that_serves_is_ready() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    assert_eq!(text(&gateway, "/status/ready").0, 200);
    let (status, body) = text(&gateway, "/status");
    assert_eq!(status, 200);
    let status: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(status.is_object());
}

#[test]
fn requests_are_counted_by_route_service_and_status() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    for target in ["/", "/?_status=404", "/?_status=404", "/?_size=100000"] {
        client.exchange("GET", target, &[]).unwrap();
    }
    let labels = ["route=\"all\"", "service=\"only\""];
    let counted = |status: &str| {
        let status = format!("=\"{status}\"");
        sum(&metrics(&gateway), "tripylon_http_requests_total", &[labels[0], labels[1], &status])
    };
    assert!(wait::holds(wait::SOON, || counted("404") == 2.0), "{}", metrics(&gateway));
    assert!(wait::holds(wait::SOON, || counted("200") == 2.0));
    let text = metrics(&gateway);
    assert!(sum(&text, "tripylon_http_sent_bytes_total", &labels) > 100_000.0, "{text}");
    let upstream = "tripylon_http_upstream_duration_seconds_count";
    assert_eq!(sum(&text, upstream, &labels), 4.0, "{text}");
    assert!(text.lines().any(|l| l.starts_with("# TYPE ") && l.ends_with(" histogram")), "{text}");
}

#[test]
fn reloads_are_counted() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let reloads = |outcome: &str| {
        sum(&metrics(&gateway), "tripylon_config_reloads_total", &[&format!("\"{outcome}\"")])
    };
    let [applied, rejected] = ["applied", "rejected"].map(reloads);
    gateway.rewrite(&proxy_to(&upstream).replace("[/]", "[/x]"));
    assert!(wait::holds(wait::SOON, || reloads("applied") > applied), "{}", metrics(&gateway));
    gateway.rewrite("_format_version: [\n");
    assert!(wait::holds(wait::SOON, || reloads("rejected") > rejected), "{}", metrics(&gateway));
}

#[test]
fn connections_and_failures_are_counted() {
    let gateway = {
        let upstream = Upstream::echo();
        gateway(&upstream)
    };
    let mut client = Client::connect(gateway.proxy()).unwrap();
    assert_eq!(client.exchange("GET", "/", &[]).unwrap().status, 502);
    let value = |name: &str, labels: &[&str]| sum(&metrics(&gateway), name, labels);
    let failed = || value("tripylon_upstream_failures_total", &["\"connect\""]) > 0.0;
    assert!(wait::holds(wait::SOON, failed), "{}", metrics(&gateway));
    assert_eq!(value("tripylon_connections_active", &["\"http\""]), 1.0);
    drop(client);
    let ended = || value("tripylon_connections_active", &["\"http\""]) == 0.0;
    assert!(wait::holds(wait::SOON, ended), "{}", metrics(&gateway));
}
