//! `docs/metrics.md` says what the code says.

use std::collections::BTreeSet;

use super::exposition::{self, FAMILIES};
use super::log::NAMED;
use super::log::tests::full_json_line;
use super::registry;
use super::tests::{exchange, now};
use super::{AccessLogSettings, Telemetry};

const PAGE: &str = include_str!("../../../../docs/metrics.md");

/// The cells of the table whose first column is headed so.
fn table(heading: &str) -> Vec<Vec<String>> {
    let start = format!("| {heading} |");
    let rows = PAGE.lines().skip_while(|line| !line.starts_with(&start)).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// The names in a cell, without their quotation.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(", ").map(|name| name.trim_matches('`'))
}

#[test]
fn every_metric_is_in_its_table() {
    let rows = table("metric");
    let told: Vec<_> = rows.iter().map(|row| (&*row[0], &*row[1], &*row[3])).collect();
    let known: Vec<_> = FAMILIES
        .iter()
        .map(|family| (format!("`{}`", family.name), family.kind.name(), family.help))
        .collect();
    let known: Vec<_> = known.iter().map(|(name, kind, help)| (&**name, *kind, *help)).collect();
    assert_eq!(told, known);
}

/// An upstream with health checks.
struct Orders;

impl super::Watched for Orders {
    fn name(&self) -> &str {
        "orders"
    }

    fn endpoints(&self) -> Vec<(String, bool)> {
        vec![("10.0.0.1:80".to_owned(), false)]
    }
}

#[test]
fn every_metric_has_the_labels_that_its_table_names() {
    let telemetry = Telemetry::new(&AccessLogSettings::default(), Default::default()).unwrap();
    let worker = telemetry.worker();
    let mut x = exchange();
    x.timings.upstream_start = 10_500;
    worker.done(&x, None, now());
    worker.policy_time(worker.policy("jwt"), 1);
    worker.upstream_failed(&x, "a.test:80", "connect", &"refused", now());
    telemetry.watch(vec![std::sync::Arc::new(Orders)]);
    let page = exposition::write(&telemetry);
    for row in table("metric") {
        let name = row[0].trim_matches('`');
        let bucket = format!("{name}_bucket");
        let line = page
            .lines()
            .find(|line| {
                let found = line.split(['{', ' ']).next();
                found == Some(name) || found == Some(&bucket)
            })
            .unwrap_or_else(|| panic!("{name} has a line"));
        let labels = line.split_once('{').map_or("", |(_, labels)| labels);
        let labels: Vec<_> = labels
            .split("\",")
            .filter_map(|label| Some(label.split_once('=')?.0))
            .filter(|label| *label != "le")
            .collect();
        assert_eq!(labels.join(", "), row[2], "{name}");
    }
}

#[test]
fn every_variable_is_in_its_table() {
    let rows = table("variable");
    let told: BTreeSet<_> = rows.iter().flat_map(|row| names(&row[0])).collect();
    let known: BTreeSet<_> = NAMED.iter().map(|(name, _)| format!("${name}")).collect();
    assert_eq!(told, known.iter().map(String::as_str).collect());
}

#[test]
fn every_field_is_in_its_table_in_its_place() {
    let told: Vec<_> =
        table("field").iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let line: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&full_json_line()).unwrap();
    assert_eq!(told, line.keys().cloned().collect::<Vec<_>>());
}

#[test]
fn bounds_are_those_of_the_code() {
    let routes =
        format!("At most {},{:03} routes", registry::ROUTES / 1000, registry::ROUTES % 1000);
    assert!(PAGE.contains(&routes));
    assert!(PAGE.contains(registry::OTHERS));
    assert!(PAGE.contains(&format!("one request in {}:", crate::live::SAMPLED)));
}
