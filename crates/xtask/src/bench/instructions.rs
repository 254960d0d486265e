//! Instructions per request, counted by callgrind: they do not depend on what else the machine does.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::gateway::Gateway;
use super::process::version;
use super::{Bench, config, upstream};

/// Requests of the two runs whose difference counts: start and end of the process fall out of it,
/// but for what differs from start to start, which so many requests make small.
const REQUESTS: [usize; 2] = [2_000, 42_000];

/// What is counted, with the number of routes. None with many: what their reading takes differs
/// from start to start by more than the tolerance of all requests.
const SCENARIOS: [(&str, usize); 1] = [("one route", 1)];

/// Beyond this share a count is no longer the one of the table.
const TOLERANCE: f64 = 0.03;

/// Where counts are kept, relative to the root.
const TABLE: &str = "crates/xtask/instructions.json";

/// Instructions per request.
pub(super) struct Counted {
    /// What valgrind says that it is.
    pub(super) version: String,
    /// By scenario.
    pub(super) rows: Vec<Row>,
}

/// A scenario.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) now: f64,
    /// What the table has.
    pub(super) known: Option<f64>,
}

impl Row {
    /// How far the count is from the table's, as a share.
    pub(super) fn change(&self) -> Option<f64> {
        self.known.map(|known| self.now / known - 1.0)
    }
}

impl Counted {
    /// Whether no scenario costs more than the table allows.
    pub(super) fn is_within_tolerance(&self) -> bool {
        self.rows.iter().all(|row| row.change().is_none_or(|change| change <= TOLERANCE))
    }
}

/// Counts; `None` if valgrind is not installed. With `accept` the table is written anew.
pub(super) fn measure(bench: &Bench, accept: bool) -> Result<Option<Counted>> {
    let Some(version) = version("valgrind", "--version") else { return Ok(None) };
    let table = bench.workspace.root.join(TABLE);
    let known: BTreeMap<String, f64> = match std::fs::read_to_string(&table) {
        Ok(text) => serde_json::from_str(&text).with_context(|| TABLE)?,
        Err(_) => BTreeMap::new(),
    };
    let upstream = upstream::start()?;
    let mut rows = Vec::new();
    for (name, routes) in SCENARIOS {
        println!("instructions: {name}");
        let document = bench.folder.join("instructions.yml");
        std::fs::write(&document, config::document(routes, 0, upstream))?;
        let [few, many] = REQUESTS;
        let difference = count(bench, &document, many)? - count(bench, &document, few)?;
        let now = (difference / (many - few) as f64).round();
        println!("{now} a request");
        rows.push(Row { name, now, known: known.get(name).copied() });
    }
    if accept {
        let counts: BTreeMap<&str, f64> = rows.iter().map(|row| (row.name, row.now)).collect();
        std::fs::write(&table, serde_json::to_string_pretty(&counts)? + "\n")?;
    }
    Ok(Some(Counted { version, rows }))
}

/// Instructions of a gateway that serves so many requests, from its start to its end.
fn count(bench: &Bench, document: &Path, requests: usize) -> Result<f64> {
    let out = bench.folder.join("callgrind.out");
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
    command.arg(&bench.gateway);
    let gateway = Gateway::start(command, document)?;
    upstream::requests(gateway.port, requests)?;
    gateway.process.end()?;
    let text = std::fs::read_to_string(&out).context("callgrind wrote nothing")?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.context("callgrind tells no total")?.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_tolerance_is_noticed() {
        let counted = |now| Counted {
            version: String::new(),
            rows: vec![Row { name: "x", now, known: Some(100.0) }],
        };
        assert!(counted(102.9).is_within_tolerance());
        assert!(counted(50.0).is_within_tolerance());
        assert!(!counted(103.1).is_within_tolerance());
    }
}
