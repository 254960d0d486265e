//! `tripylon routes`.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};
use model::{Model, Origin, Route};
use serde::Serialize;

use crate::documents::Documents;
use crate::output::{self, Exit};
use crate::words;

/// Show the routes that were understood, in the order in which they are matched
#[derive(Debug, Args)]
#[command(after_help = "\
Patterns: /a is exactly this path, /a* any that begins so, /a/* this and all below it, ~^/a an expression.
`tripylon explain GET http://host/path PATH` says which of them takes a request, and why.")]
pub(crate) struct Routes {
    /// How routes are written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    #[command(flatten)]
    documents: Documents,
}

/// How something is written that is no list of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

impl Routes {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let Some(build) = self.documents.sound()? else { return Ok(Exit::Failed) };
        let rows = rows(&build.model);
        match self.format {
            Format::Json => output::print(&(serde_json::to_string_pretty(&rows)? + "\n"))?,
            Format::Human if rows.is_empty() => output::print("no routes\n")?,
            Format::Human => output::print(&table(&rows))?,
        }
        Ok(Exit::Done)
    }
}

/// A route in words.
#[derive(Debug, Serialize)]
struct Row<'m> {
    /// The table in which it competes.
    table: &'m str,
    /// Its name, or its id if it has none.
    route: &'m str,
    id: &'m str,
    service: &'m str,
    methods: &'m [String],
    hosts: Vec<String>,
    paths: Vec<String>,
    /// What else is asked for.
    conditions: Vec<String>,
    target: String,
    /// The names of the policies that may run, in the order of the request.
    policies: Vec<&'m str>,
    origin: &'m Origin,
}

/// The routes by table, those that are matched first at the top.
fn rows(model: &Model) -> Vec<Row<'_>> {
    let mut routes: Vec<&Route> = model.routes.iter().collect();
    routes.sort_by(|a, b| a.table.cmp(&b.table).then_with(|| b.rank.cmp(&a.rank)));
    routes.into_iter().map(|route| row(route, model)).collect()
}

fn row<'m>(route: &'m Route, model: &'m Model) -> Row<'m> {
    let when = &route.when;
    Row {
        table: route.table.as_str(),
        route: &route.labels.route,
        id: &route.labels.route_id,
        service: &route.labels.service,
        methods: &when.methods,
        hosts: when.hosts.iter().map(words::host).collect(),
        paths: when.paths.iter().map(words::path).collect(),
        conditions: words::conditions(when),
        target: words::target(&route.action, model),
        policies: policies(route, model),
        origin: &route.origin,
    }
}

/// The names of the policies of a chain in the order in which they run, each once.
fn policies<'m>(route: &Route, model: &'m Model) -> Vec<&'m str> {
    let mut seen = BTreeSet::new();
    let slots = words::visited(&route.chain).into_iter();
    let ids = slots.flat_map(|slot| slot.candidates.iter().flat_map(words::choices));
    let named = ids.filter_map(|id| model.policies.iter().find(|policy| policy.id == *id));
    named.map(|policy| policy.name.as_str()).filter(|name| seen.insert(*name)).collect()
}

fn table(rows: &[Row<'_>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    let several = rows.iter().any(|row| row.table != rows[0].table);
    let first = if several { vec!["TABLE"] } else { Vec::new() };
    let names: [&str; 8] =
        ["ROUTE", "METHODS", "HOSTS", "PATHS", "WHEN", "TO", "POLICIES", "ORIGIN"];
    table.set_header(first.iter().chain(&names));
    for row in rows {
        let first = several.then(|| row.table.to_owned());
        let cells = [
            row.route.to_owned(),
            or_any(row.methods),
            or_any(&row.hosts),
            or_any(&row.paths),
            row.conditions.join("\n"),
            row.target.clone(),
            row.policies.join("\n"),
            row.origin.to_string(),
        ];
        table.add_row(first.into_iter().chain(cells));
    }
    let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// One item a line; a part of a predicate without items does not restrict.
fn or_any(items: &[String]) -> String {
    if items.is_empty() { "any".to_owned() } else { items.join("\n") }
}
