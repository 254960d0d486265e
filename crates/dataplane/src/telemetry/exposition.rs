//! Numbers as Prometheus reads them (text format 0.0.4).

use std::fmt::{Display, Write};
use std::sync::atomic::Ordering;

use filter::Sample;

use super::limit::Limit;
use super::process::Process;
use super::registry::{Name, Sums};
use super::series::{BOUNDS, HistogramTotals, Totals};
use super::{Telemetry, VERSION};

/// A metric.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

/// What kind of number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! families {
    ($($item:ident = $name:literal, $kind:ident, $help:literal;)*) => {
        $(const $item: Family = Family { name: $name, kind: Kind::$kind, help: $help };)*

        /// Every metric but those that policies count.
        #[cfg(test)]
        pub(super) const FAMILIES: &[Family] = &[$($item),*];
    };
}

families! {
    BUILD = "tripylon_build_info", Gauge, "Always 1; the version is in the label.";
    UPTIME = "tripylon_uptime_seconds", Gauge, "Seconds since the gateway started.";
    READY = "tripylon_ready", Gauge, "1 while requests should be sent here.";
    WORKERS = "tripylon_workers", Gauge, "Worker threads.";
    STUCK = "tripylon_worker_stuck_total", Counter, "How often a worker ran on without giving a sign of life.";
    STUCK_NOW = "tripylon_workers_stuck", Gauge, "Workers that are stuck now.";
    REQUESTS = "tripylon_http_requests_total", Counter, "Requests answered, by route and status.";
    TOTAL = "tripylon_http_request_duration_seconds", Histogram,
        "From a request's first byte to its response's last.";
    GATEWAY = "tripylon_http_gateway_duration_seconds", Histogram,
        "What the gateway took before it asked an upstream; all of it if it asked none.";
    UPSTREAM = "tripylon_http_upstream_duration_seconds", Histogram,
        "From the first byte sent to an upstream to the end of its response's head, retries included.";
    RECEIVED = "tripylon_http_received_bytes_total", Counter, "Bytes of requests, heads included.";
    SENT = "tripylon_http_sent_bytes_total", Counter, "Bytes of responses, heads included.";
    ACCEPTED = "tripylon_connections_accepted_total", Counter, "Connections of clients accepted.";
    ACTIVE = "tripylon_connections_active", Gauge, "Connections of clients open.";
    IN_FLIGHT = "tripylon_http_requests_in_flight", Gauge, "Requests that have begun and not ended.";
    LIMITS = "tripylon_limit_reached_total", Counter,
        "Clients refused or let go because they wanted more than a limit allows, by limit.";
    FAILURES = "tripylon_upstream_failures_total", Counter, "Failed tries at endpoints, by kind.";
    FIT = "tripylon_upstream_endpoint_fit", Gauge,
        "1 while requests are sent to the address, 0 while health checks keep them away.";
    POLICY = "tripylon_policy_duration_seconds", Histogram,
        "Time that policies took, by kind; a sample of all requests.";
    RELOADS = "tripylon_config_reloads_total", Counter, "New configurations, by what became of them.";
    RELOADED = "tripylon_config_last_reload_timestamp_seconds", Gauge,
        "When this last became of a new configuration.";
    REVISION = "tripylon_config_revision", Gauge, "The revision of the configuration at work.";
    DROPPED = "tripylon_access_log_dropped_lines_total", Counter, "Log lines lost: the disk was slow or full.";
    RESIDENT = "process_resident_memory_bytes", Gauge, "Resident memory.";
    OPEN_FILES = "process_open_fds", Gauge, "Open file descriptors.";
    MAX_FILES = "process_max_fds", Gauge, "Most file descriptors that may be open.";
    CPU = "process_cpu_seconds_total", Counter, "User and system time.";
    THREADS = "process_threads", Gauge, "Threads.";
    STARTED = "process_start_time_seconds", Gauge, "When the process started.";
}

/// Addresses of upstreams that are told of, so that a scrape stays readable.
pub(super) const ENDPOINTS: usize = 10_000;

/// All numbers of a gateway.
pub(super) fn write(telemetry: &Telemetry) -> String {
    let sums = telemetry.registry.sums();
    let mut page = Page(String::with_capacity(16 << 10));
    gateway(telemetry, &sums, &mut page);
    requests(&sums.routes, &mut page);
    connections(&sums, &mut page);
    limits(&sums, &mut page);
    upstreams_and_policies(&sums, &mut page);
    endpoints(telemetry, &mut page);
    samples(&telemetry.counters.samples(), &mut page);
    process(telemetry, &mut page);
    page.0
}

fn gateway(telemetry: &Telemetry, sums: &Sums, page: &mut Page) {
    let reloads = &telemetry.reloads;
    page.family(&BUILD);
    page.line(BUILD.name, &[("version", VERSION)], 1);
    page.single(&UPTIME, telemetry.started.elapsed().as_secs_f64());
    page.single(&READY, u8::from(telemetry.ready.load(Ordering::Relaxed)));
    page.single(&WORKERS, sums.workers);
    let stuck = telemetry.stuck.lock().clone();
    page.family(&STUCK);
    for worker in 0..sums.workers {
        let times = stuck.times.get(worker).copied().unwrap_or(0);
        page.line(STUCK.name, &[("worker", &worker.to_string())], times);
    }
    page.single(&STUCK_NOW, stuck.now);
    let outcomes = [
        ("applied", &reloads.applied, &reloads.applied_unix_ms),
        ("rejected", &reloads.rejected, &reloads.rejected_unix_ms),
    ];
    page.family(&RELOADS);
    for (outcome, count, _) in &outcomes {
        page.line(RELOADS.name, &[("outcome", outcome)], count.load(Ordering::Relaxed));
    }
    page.family(&RELOADED);
    for (outcome, _, unix_ms) in &outcomes {
        let seconds = unix_ms.load(Ordering::Relaxed) as f64 / 1000.0;
        page.line(RELOADED.name, &[("outcome", outcome)], seconds);
    }
    page.single(&REVISION, reloads.revision.load(Ordering::Relaxed));
    page.single(&DROPPED, telemetry.dropped_lines());
}

fn requests(routes: &[(Name, Totals)], page: &mut Page) {
    page.family(&REQUESTS);
    for (name, totals) in routes {
        for (status, count) in &totals.statuses {
            // 0 stands for what has no status of its own.
            let status = if *status == 0 { "other".to_owned() } else { status.to_string() };
            let labels = [("service", &*name.service), ("route", &*name.route)];
            page.line(REQUESTS.name, &[labels[0], labels[1], ("status", &*status)], count);
        }
    }
    histograms(&TOTAL, routes, |totals| &totals.total, page);
    histograms(&GATEWAY, routes, |totals| &totals.gateway, page);
    histograms(&UPSTREAM, routes, |totals| &totals.upstream, page);
    counts(&RECEIVED, routes, |totals| totals.received, page);
    counts(&SENT, routes, |totals| totals.sent, page);
}

fn histograms(
    family: &Family,
    routes: &[(Name, Totals)],
    of: impl Fn(&Totals) -> &HistogramTotals,
    page: &mut Page,
) {
    page.family(family);
    for (name, totals) in routes {
        let labels = [("service", &*name.service), ("route", &*name.route)];
        page.histogram(family.name, &labels, of(totals));
    }
}

fn counts(
    family: &Family,
    routes: &[(Name, Totals)],
    of: impl Fn(&Totals) -> u64,
    page: &mut Page,
) {
    page.family(family);
    for (name, totals) in routes {
        let labels = [("service", &*name.service), ("route", &*name.route)];
        page.line(family.name, &labels, of(totals));
    }
}

fn connections(sums: &Sums, page: &mut Page) {
    let kinds = ["http", "https"];
    page.family(&ACCEPTED);
    for (kind, connections) in kinds.iter().zip(&sums.connections) {
        page.line(ACCEPTED.name, &[("listener", kind)], connections.accepted);
    }
    page.family(&ACTIVE);
    for (kind, connections) in kinds.iter().zip(&sums.connections) {
        page.line(ACTIVE.name, &[("listener", kind)], connections.active);
    }
    page.single(&IN_FLIGHT, sums.in_flight);
}

fn limits(sums: &Sums, page: &mut Page) {
    page.family(&LIMITS);
    for (limit, count) in Limit::ALL.iter().zip(&sums.limits) {
        page.line(LIMITS.name, &[("limit", limit.name())], count);
    }
}

fn upstreams_and_policies(sums: &Sums, page: &mut Page) {
    page.family(&FAILURES);
    for (kind, count) in &sums.failures {
        page.line(FAILURES.name, &[("kind", kind)], count);
    }
    page.family(&POLICY);
    for (kind, totals) in &sums.policies {
        page.histogram(POLICY.name, &[("policy", kind)], totals);
    }
}

/// The addresses of upstreams with health checks.
fn endpoints(telemetry: &Telemetry, page: &mut Page) {
    let upstreams = telemetry.upstreams.lock().clone();
    page.family(&FIT);
    let mut told = 0;
    for upstream in &upstreams {
        for (endpoint, fit) in upstream.endpoints() {
            if told < ENDPOINTS {
                let labels = [("upstream", upstream.name()), ("endpoint", &*endpoint)];
                page.line(FIT.name, &labels, u8::from(fit));
            }
            told += 1;
        }
    }
}

/// What policies count. Samples come in order of name.
fn samples(samples: &[Sample], page: &mut Page) {
    for same in samples.chunk_by(|a, b| a.name == b.name) {
        let name = sample_name(same[0].name);
        page.head(&name, Kind::Counter, same[0].help);
        for sample in same {
            let labels: Vec<_> = sample.labels.iter().map(|(k, v)| (*k, v.as_str())).collect();
            page.line(&name, &labels, sample.value);
        }
    }
}

/// Names of what policies count bear the gateway's, and say that they are counters.
fn sample_name(name: &str) -> String {
    format!("tripylon_{}_total", name.strip_suffix("_total").unwrap_or(name))
}

fn process(telemetry: &Telemetry, page: &mut Page) {
    let process = Process::read();
    for (family, value) in [
        (&RESIDENT, process.resident_bytes),
        (&OPEN_FILES, process.open_files),
        (&MAX_FILES, process.max_files),
        (&THREADS, process.threads),
    ] {
        if let Some(value) = value {
            page.single(family, value);
        }
    }
    if let Some(seconds) = process.cpu_seconds {
        page.single(&CPU, seconds);
    }
    page.single(&STARTED, telemetry.started_unix_ms as f64 / 1000.0);
}

/// The text so far.
struct Page(String);

impl Page {
    fn family(&mut self, family: &Family) {
        self.head(family.name, family.kind, family.help);
    }

    fn head(&mut self, name: &str, kind: Kind, help: &str) {
        self.0.push_str("# HELP ");
        self.0.push_str(name);
        self.0.push(' ');
        self.escaped(help, false);
        self.0.push_str("\n# TYPE ");
        self.0.push_str(name);
        self.0.push(' ');
        self.0.push_str(kind.name());
        self.0.push('\n');
    }

    fn single(&mut self, family: &Family, value: impl Display) {
        self.family(family);
        self.line(family.name, &[], value);
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        if !labels.is_empty() {
            self.0.push('{');
            self.labels(labels);
            self.0.push('}');
        }
        self.value(value);
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], totals: &HistogramTotals) {
        let mut count = 0;
        for (at, in_bucket) in totals.counts.iter().enumerate() {
            count += in_bucket;
            self.0.push_str(name);
            self.0.push_str("_bucket{");
            self.labels(labels);
            match BOUNDS.get(at) {
                Some(bound) => self.display(format_args!(",le=\"{}\"}}", *bound as f64 / 1e6)),
                None => self.0.push_str(",le=\"+Inf\"}"),
            }
            self.value(count);
        }
        for (suffix, value) in [("_sum", totals.sum_us as f64 / 1e6), ("_count", count as f64)] {
            self.0.push_str(name);
            self.0.push_str(suffix);
            self.0.push('{');
            self.labels(labels);
            self.0.push('}');
            self.value(value);
        }
    }

    fn labels(&mut self, labels: &[(&str, &str)]) {
        for (at, (name, value)) in labels.iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.escaped(value, true);
            self.0.push('"');
        }
    }

    fn value(&mut self, value: impl Display) {
        self.display(format_args!(" {value}\n"));
    }

    fn display(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a string takes everything");
    }

    /// Texts of help and labels: a line break would end the line, a quotation mark the label.
    fn escaped(&mut self, text: &str, quoted: bool) {
        for character in text.chars() {
            match character {
                '\n' => self.0.push_str("\\n"),
                '\\' => self.0.push_str("\\\\"),
                '"' if quoted => self.0.push_str("\\\""),
                other => self.0.push(other),
            }
        }
    }
}
