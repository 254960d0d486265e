//! `statsd`: numbers of each request are sent to a StatsD server.

use model::{Fact, Shape};
use serde_json::{Value, json};

use super::super::{logging, numbers};
use super::{Offer, Reader};

pub(super) const OFFER: Offer = Offer { plugin: "statsd", kind: "statsd", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    numbers::place(reader);
    let transport = if reader.is_on("use_tcp") { "tcp" } else { "udp" };
    reader.set("use_tcp", "transport", transport);
    reader.copy_or("udp_packet_size", "packet_size", 0);
    reader.copy_or("tag_style", "tag_style", json!(null));
    statuses(reader);
    let prefix = prefix(reader);
    let metrics = reader.get("metrics").and_then(Value::as_array).into_iter().flatten();
    let metrics: Vec<Value> = metrics
        .filter_map(|metric| Translated { reader, metric, prefix: &prefix }.metric())
        .collect();
    reader.set("metrics", "metrics", metrics);
    logging::queue(reader);
}

fn statuses(reader: &mut Reader<'_, '_>) {
    let Some(Value::Array(ranges)) = reader.get("allow_status_codes") else { return };
    let range = |range: &Value| {
        let (from, to) = range.as_str()?.split_once('-')?;
        let bound = |text: &str| text.parse::<u64>().map_or(u16::MAX, |n| n.min(999) as u16);
        Some(json!([bound(from), bound(to)]))
    };
    let ranges: Vec<Value> = ranges.iter().filter_map(range).collect();
    reader.set("allow_status_codes", "statuses", ranges);
}

/// What stands before all names.
fn prefix(reader: &Reader<'_, '_>) -> Vec<Shape> {
    let prefix = reader.text("prefix").unwrap_or("kong");
    match reader.is_on("hostname_in_prefix") {
        true => {
            let machine = numbers::replace(Shape::Fact(Fact::Machine), ".");
            vec![text(&format!("{prefix}.node.")), machine]
        }
        false => vec![text(prefix)],
    }
}

/// A metric on its way into the policy.
struct Translated<'t, 'r, 'c> {
    reader: &'t Reader<'r, 'c>,
    metric: &'t Value,
    prefix: &'t [Shape],
}

impl Translated<'_, '_, '_> {
    /// None for `shdict_usage`: there are no shared dictionaries to tell of.
    fn metric(&self) -> Option<Value> {
        let name = self.metric["name"].as_str()?;
        let one = || Shape::Constant(1.into());
        let (behind, value, kind) = match name {
            "status_count" => (self.status(vec![]), one(), "c"),
            "unique_users" => (self.of_user(vec![text(".user.uniques")]), self.user(), "s"),
            "request_per_user" => {
                let name = vec![text(".user."), self.user(), text(".request.count")];
                (self.of_user(name), one(), "c")
            }
            "status_count_per_user" => {
                let status = Shape::Fact(Fact::Status);
                let name = vec![text(".user."), self.user(), text(".status."), status];
                (self.of_user(name), one(), "c")
            }
            "status_count_per_workspace" => {
                (self.status(vec![text(&format!(".workspace.{}", self.workspace()))]), one(), "c")
            }
            "status_count_per_user_per_route" => {
                let status = Shape::Fact(Fact::Status);
                let pieces = [text(".user."), self.user(), text(".status."), status];
                let name = self.behind(text(".route."), [vec![route("route_id")], pieces.into()].concat());
                let of_route = Shape::If(Fact::Route("route_id".into()), Box::new(name));
                (self.if_user(of_route), one(), "c")
            }
            plain => {
                let (name, value) = numbers::measured(plain)?;
                let kind = numbers::kind(self.metric.get("stat_type"));
                (self.scoped(vec![text(&format!(".{name}"))]), value, kind)
            }
        };
        Some(self.write(behind, value, kind))
    }

    fn write(&self, name: Shape, value: Shape, kind: &str) -> Value {
        let rate = self.metric.get("sample_rate").filter(|rate| !rate.is_null());
        numbers::metric(name, value, kind, rate, &self.tags())
    }

    fn status(&self, mut before: Vec<Shape>) -> Shape {
        before.extend([text(".status."), Shape::Fact(Fact::Status)]);
        self.scoped(before)
    }

    /// A name behind the scope, of requests of a consumer.
    fn of_user(&self, behind: Vec<Shape>) -> Shape {
        self.if_user(self.scoped(behind))
    }

    fn if_user(&self, name: Shape) -> Shape {
        Shape::If(numbers::consumer_fact(self.identifier("consumer")), Box::new(name))
    }

    /// The service as scope, or what stands for none.
    fn scoped(&self, behind: Vec<Shape>) -> Shape {
        let identifier = self.identifier("service");
        let fact = Fact::Route(identifier.to_owned());
        let character = if identifier == "service_id" { "-" } else { "." };
        let service = numbers::replace(Shape::Fact(fact.clone()), character);
        let matched = self.behind(text(".service."), [vec![service], behind.clone()].concat());
        let unmatched = self.behind(text(".global.unmatched"), behind);
        Shape::FirstOf(vec![Shape::If(fact, Box::new(matched)), unmatched])
    }

    /// A name behind the prefix.
    fn behind(&self, first: Shape, rest: Vec<Shape>) -> Shape {
        Shape::Joined([self.prefix, &[first], &rest].concat())
    }

    fn user(&self) -> Shape {
        numbers::consumer(self.identifier("consumer"))
    }

    fn workspace(&self) -> String {
        match self.identifier("workspace") {
            "workspace_name" => "default".to_owned(),
            _ => logging::WORKSPACE.replace('-', "_"),
        }
    }

    /// How the metric, or else the plugin, names a consumer, service or workspace.
    fn identifier(&self, what: &str) -> &str {
        let own = self.metric[format!("{what}_identifier")].as_str();
        own.or_else(|| self.reader.text(&format!("{what}_identifier_default"))).unwrap_or_default()
    }

    /// What tags tell if there is a style for them.
    fn tags(&self) -> Vec<(String, Shape)> {
        if self.reader.text("tag_style").is_none() {
            return Vec::new();
        }
        let tags = [
            ("workspace", text(&self.workspace())),
            ("service", route(self.identifier("service"))),
            ("route", route("route_id")),
            ("consumer", self.user()),
            ("status", Shape::Fact(Fact::Status)),
        ];
        tags.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

fn route(name: &str) -> Shape {
    Shape::Fact(Fact::Route(name.to_owned()))
}

fn text(text: &str) -> Shape {
    Shape::Constant(text.into())
}
