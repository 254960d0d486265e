//! Counting, logging and telling, as the engine uses it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;

use filter::{Client, Exchange, Identities, Now, View};
use model::{Origin, Scheme};

use super::*;

struct Known {
    identities: Identities,
    labels: Labels,
}

impl View for Known {
    fn identities(&self) -> &Identities {
        &self.identities
    }

    fn labels(&self, _: u32) -> &Labels {
        &self.labels
    }
}

/// `GET /a/./x?q=1` to `api.test`, begun at 10 ms, from 10.0.0.9 by way of a proxy.
pub(super) fn exchange() -> Exchange {
    exchange_of("r", "s")
}

pub(super) fn exchange_of(route: &str, service: &str) -> Exchange {
    let mut identities = Identities::default();
    identities.add_principal(Arc::new(model::Principal {
        id: "p".into(),
        public_id: "p-1".into(),
        name: Some("alice".into()),
        external_id: None,
        groups: vec![],
        described: None,
        origin: Origin::default(),
    }));
    let client = Client {
        connection: 1,
        address: "10.0.0.9".parse().unwrap(),
        peer: "127.0.0.1:5000".parse().unwrap(),
        local: "127.0.0.1:8000".parse().unwrap(),
        trusted: true,
        scheme: Scheme::Https,
        sni: None,
        tls: None,
    };
    let labels = labels(route, service);
    let mut x = Exchange::new(Rc::new(Known { identities, labels }), client);
    x.request.set_target("/a/./x?q=1", "/a/x");
    x.request.set_host("API.test", None);
    x.now = Now { unix_ms: 1_764_080_065_110, mono_us: 10_000 };
    x.id = 0xabc;
    x
}

fn labels(route: &str, service: &str) -> Labels {
    let (route, service) = (route.into(), service.into());
    Labels { route, service, ..Labels::default() }
}

/// 13 ms after the exchange began.
pub(super) fn now() -> Now {
    Now { unix_ms: 1_764_080_065_123, mono_us: 23_000 }
}

fn telemetry() -> Arc<Telemetry> {
    Telemetry::new(&AccessLogSettings::default(), Arc::default()).unwrap()
}

fn lines(telemetry: &Telemetry, start: &str) -> Vec<String> {
    let page = exposition::write(telemetry);
    page.lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect()
}

#[test]
fn requests_are_counted_by_route_over_all_workers() {
    let telemetry = telemetry();
    let workers = [telemetry.worker(), telemetry.worker()];
    let mut x = exchange();
    (x.response.status, x.timings.sent) = (200, 50);
    (x.timings.upstream_start, x.timings.upstream_head) = (10_090, 12_000);
    for worker in &workers {
        worker.done(&x, Some(&worker.series(&labels("r", "s"))), now());
    }
    x.response.status = 404;
    x.timings.upstream_start = 0;
    workers[0].done(&x, None, now());
    x.response.status = 0;
    workers[0].done(&x, Some(&workers[0].series(&labels("a \"b\"\\\n", ""))), now());
    assert_eq!(
        lines(&telemetry, "tripylon_http_requests_total"),
        [
            "tripylon_http_requests_total{service=\"\",route=\"\",status=\"404\"} 1",
            "tripylon_http_requests_total{service=\"\",route=\"a \\\"b\\\"\\\\\\n\",status=\"other\"} 1",
            "tripylon_http_requests_total{service=\"s\",route=\"r\",status=\"200\"} 2",
        ]
    );
    let of_route = "{service=\"s\",route=\"r\"";
    let histogram = |name: &str| lines(&telemetry, &format!("tripylon_http_{name}{of_route}"));
    assert_eq!(
        histogram("gateway_duration_seconds_bucket")[0],
        format!("tripylon_http_gateway_duration_seconds_bucket{of_route},le=\"0.0001\"}} 2")
    );
    assert_eq!(
        histogram("upstream_duration_seconds_sum"),
        [format!("tripylon_http_upstream_duration_seconds_sum{of_route}}} 0.00382")]
    );
    let total = histogram("request_duration_seconds_bucket");
    assert_eq!(total.len(), series::BOUNDS.len() + 1);
    assert!(total[6].ends_with(",le=\"0.01\"} 0") && total[7].ends_with(",le=\"0.025\"} 2"));
    assert!(total[16].ends_with(",le=\"+Inf\"} 2"));
    assert_eq!(
        histogram("sent_bytes_total"),
        [format!("tripylon_http_sent_bytes_total{of_route}}} 100")]
    );
}

#[test]
fn series_are_kept_while_configured_or_held() {
    let telemetry = telemetry();
    let worker = telemetry.worker();
    let mut x = exchange();
    x.response.status = 200;
    let (kept, gone) = (labels("kept", "s"), labels("gone", "s"));
    let series = [worker.series(&kept), worker.series(&gone)];
    assert!(Arc::ptr_eq(&series[0], &worker.series(&kept)));
    for series in &series {
        worker.done(&x, Some(series), now());
    }
    let count = || lines(&telemetry, "tripylon_http_requests_total").len();
    telemetry.serving(2, [&kept].into_iter());
    assert_eq!(count(), 2, "an exchange may still end");
    drop(series);
    assert_eq!(count(), 1);
    assert!(lines(&telemetry, "tripylon_http_requests_total")[0].contains("kept"));
    telemetry.serving(3, std::iter::empty());
    assert_eq!(count(), 0);
}

#[test]
fn the_number_of_series_is_bounded() {
    let telemetry = telemetry();
    let worker = telemetry.worker();
    let mut x = exchange();
    x.response.status = 200;
    for route in 0..registry::ROUTES + 10 {
        worker.done(&x, Some(&worker.series(&labels(&route.to_string(), "s"))), now());
    }
    let counts = lines(&telemetry, "tripylon_http_requests_total");
    assert_eq!(counts.len(), registry::ROUTES + 1);
    let others =
        "tripylon_http_requests_total{service=\"(others)\",route=\"(others)\",status=\"200\"} 10";
    assert!(counts.iter().any(|line| line == others));
}

#[test]
fn connections_policies_failures_and_counters_are_told() {
    let counters = Arc::<Counters>::default();
    let telemetry = Telemetry::new(&AccessLogSettings::default(), Arc::clone(&counters)).unwrap();
    let worker = telemetry.worker();
    for _ in 0..3 {
        worker.connection_opened(false);
    }
    worker.connection_opened(true);
    worker.connection_closed(false);
    let connections = lines(&telemetry, "tripylon_connections_");
    let expected = [
        "tripylon_connections_accepted_total{listener=\"http\"} 3",
        "tripylon_connections_accepted_total{listener=\"https\"} 1",
        "tripylon_connections_active{listener=\"http\"} 2",
        "tripylon_connections_active{listener=\"https\"} 1",
    ];
    assert_eq!(connections, expected);
    worker.begun();
    worker.begun();
    worker.ended();
    let in_flight = lines(&telemetry, "tripylon_http_requests_in_flight");
    assert_eq!(in_flight, ["tripylon_http_requests_in_flight 1"]);
    let jwt = worker.policy("jwt");
    assert_eq!((worker.policy("keys"), worker.policy("jwt")), (jwt + 1, jwt));
    worker.policy_time(jwt, 300);
    worker.policy_time(99, 1);
    let count = "tripylon_policy_duration_seconds_count{policy=\"jwt\"} 1";
    assert_eq!(lines(&telemetry, "tripylon_policy_duration_seconds_count{policy=\"jwt"), [count]);
    for _ in 0..2 {
        worker.upstream_failed(&exchange(), "a.test:80", "connect", &"refused", now());
    }
    let failures = ["tripylon_upstream_failures_total{kind=\"connect\"} 2"];
    assert_eq!(lines(&telemetry, "tripylon_upstream_failures_total"), failures);
    let _held = [
        counters.counter("limited", "Refused.", &[("by", "ip")]),
        counters.counter("limited", "Refused.", &[("by", "key")]),
    ];
    _held[0].add(4);
    assert_eq!(
        lines(&telemetry, "tripylon_limited"),
        ["tripylon_limited_total{by=\"ip\"} 4", "tripylon_limited_total{by=\"key\"} 0"]
    );
    assert_eq!(
        lines(&telemetry, "# TYPE tripylon_limited"),
        ["# TYPE tripylon_limited_total counter"]
    );
}

#[test]
fn each_metric_has_one_head_and_each_line_one_series() {
    let telemetry = telemetry();
    let worker = telemetry.worker();
    worker.done(&exchange(), None, now());
    let page = exposition::write(&telemetry);
    for family in exposition::FAMILIES {
        let heads = page.matches(&format!("# TYPE {} ", family.name)).count();
        assert_eq!(heads, 1, "{}", family.name);
    }
    let mut series: Vec<_> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once(' ').expect("a value").0)
        .collect();
    series.sort_unstable();
    let all = series.len();
    series.dedup();
    assert_eq!(series.len(), all);
}

#[test]
fn the_log_has_a_line_for_each_exchange() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let settings = AccessLogSettings {
        target: LogTarget::File(path.clone()),
        format: LogFormat::Template("$remote_addr $status".into()),
    };
    let telemetry = Telemetry::new(&settings, Arc::default()).unwrap();
    let worker = telemetry.worker();
    let mut x = exchange();
    for status in [200, 404] {
        x.response.status = status;
        worker.done(&x, None, now());
    }
    telemetry.reopen();
    telemetry.flush();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "10.0.0.9 200\n10.0.0.9 404\n");
    assert_eq!(telemetry.dropped_lines(), 0);
    let settings = AccessLogSettings { target: LogTarget::File(folder.path().into()), ..settings };
    assert!(Telemetry::new(&settings, Arc::default()).is_err());
}

fn ask(address: std::net::SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: status.test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[test]
fn the_status_listener_answers() {
    let telemetry = telemetry();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = status::serve(listener, Arc::clone(&telemetry)).unwrap();
    let (head, body) = ask(address, "/status/ready");
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert!(body.contains("no configuration is served yet"));
    let worker = telemetry.worker();
    worker.connection_opened(true);
    telemetry.serving(7, std::iter::empty());
    telemetry.reloaded(true);
    telemetry.reloaded(false);
    telemetry.set_ready(true);
    assert!(ask(address, "/status/ready").0.starts_with("http/1.1 200"));
    let (head, body) = ask(address, "/metrics");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(body.contains("\ntripylon_config_revision 7\n"));
    let status: serde_json::Value = serde_json::from_str(&ask(address, "/status").1).unwrap();
    assert_eq!(status["revision"], 7);
    assert_eq!(status["ready"], true);
    assert_eq!(status["workers"], 1);
    assert_eq!(status["connections"], serde_json::json!({"accepted": 1, "active": 1}));
    assert_eq!(status["requests"]["in_flight"], 0);
    assert_eq!(status["reloads"]["rejected"], 1);
    assert!(status["reloads"]["last_applied"].is_string());
    telemetry.set_ready(false);
    assert!(ask(address, "/status/ready").1.contains("shutting down"));
    drop(server);
    assert!(TcpStream::connect(address).is_err());
}
