//! `datadog`: numbers of each request are sent to an agent of Datadog, which speaks StatsD.

use model::{Fact, Shape};
use serde_json::Value;

use super::super::{logging, numbers};
use super::{Offer, Reader};

pub(super) const OFFER: Offer = Offer { plugin: "datadog", kind: "statsd", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    numbers::place(reader);
    reader.config.insert("tag_style".into(), "dogstatsd".into());
    let prefix = reader.text("prefix").unwrap_or("kong").to_owned();
    let metrics = reader.get("metrics").and_then(Value::as_array).into_iter().flatten();
    let metrics: Vec<Value> =
        metrics.filter_map(|metric| translate_metric(reader, &prefix, metric)).collect();
    reader.set("metrics", "metrics", metrics);
    logging::queue(reader);
}

fn translate_metric(reader: &Reader<'_, '_>, prefix: &str, metric: &Value) -> Option<Value> {
    let (name, value) = numbers::measured(metric["name"].as_str()?)?;
    let name = Shape::Constant(format!("{prefix}.{name}").into());
    let rate = metric.get("sample_rate").filter(|rate| !rate.is_null());
    let kind = numbers::kind(metric.get("stat_type"));
    Some(numbers::metric(name, value, kind, rate, &tags(reader, metric)))
}

/// The service, the status, the consumer if the metric says how to name one, and its own tags.
fn tags(reader: &Reader<'_, '_>, metric: &Value) -> Vec<(String, Shape)> {
    let name = |field, otherwise: &str| reader.text(field).unwrap_or(otherwise).to_owned();
    let service = Shape::Fact(Fact::Route("service_name_or_host".into()));
    let nobody = Shape::Constant("".into());
    let service = Shape::FirstOf(vec![numbers::replace(service, "."), nobody]);
    let mut tags = vec![
        (name("service_name_tag", "name"), service),
        (name("status_tag", "status"), Shape::Fact(Fact::Status)),
    ];
    if let Some(identifier) = metric["consumer_identifier"].as_str() {
        tags.push((name("consumer_tag", "consumer"), numbers::consumer(identifier)));
    }
    let own = metric["tags"].as_array().into_iter().flatten();
    tags.extend(own.map(|tag| (String::new(), Shape::Constant(tag.clone()))));
    tags
}
