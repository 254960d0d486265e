//! Everything that must pass before a change lands, in one command.

mod count;
mod needs;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use self::count::Count;
use crate::workspace::Workspace;
use crate::{cargo, tidy};

/// The stages, in order.
const STAGES: &[Stage] = &[
    Stage { name: "format", run: format },
    Stage { name: "tidy", run: |_| Ok((tidy::run()?, Count::default())) },
    Stage { name: "lint", run: lint },
    Stage { name: "unit", run: unit },
    Stage { name: "e2e", run: e2e },
];

struct Stage {
    name: &'static str,
    run: fn(&Workspace) -> Result<(bool, Count)>,
}

struct Outcome {
    stage: &'static str,
    passed: bool,
    count: Count,
    took: Duration,
}

/// Runs the stages by these names, or all; whether all passed.
///
/// A stage that fails does not keep the next one from running: one run shows all that is wrong.
pub(crate) fn run(names: &[&str]) -> Result<bool> {
    if let Some(unknown) = names.iter().find(|n| STAGES.iter().all(|s| s.name != **n)) {
        let known: Vec<&str> = STAGES.iter().map(|s| s.name).collect();
        bail!("there is no stage `{unknown}`; there are {}", known.join(", "));
    }
    let workspace = Workspace::load()?;
    let wanted = |stage: &&Stage| names.is_empty() || names.contains(&stage.name);
    let outcomes: Vec<Outcome> =
        STAGES.iter().filter(wanted).map(|stage| run_stage(stage, &workspace)).collect();
    Ok(summarise(&outcomes))
}

fn run_stage(stage: &Stage, workspace: &Workspace) -> Outcome {
    println!("\n── {} ──", stage.name);
    let began = Instant::now();
    let (passed, count) = (stage.run)(workspace).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        (false, Count::default())
    });
    Outcome { stage: stage.name, passed, count, took: began.elapsed() }
}

fn summarise(outcomes: &[Outcome]) -> bool {
    println!("\n── summary ──");
    let mut total = Count::default();
    for o in outcomes {
        let word = if o.passed { "passed" } else { "FAILED" };
        println!("{:8} {word} {:>6.1} s   {}", o.stage, o.took.as_secs_f64(), o.count);
        total.add(&o.count);
    }
    let failed_stages = outcomes.iter().filter(|o| !o.passed && o.count.failed == 0).count() as u64;
    println!("\n{} passed, {} failed", total.passed, total.failed + failed_stages);
    outcomes.iter().all(|o| o.passed)
}

fn format(workspace: &Workspace) -> Result<(bool, Count)> {
    let mut command = cargo::command(&workspace.root);
    command.args(["fmt", "--all", "--check"]);
    succeeds(command)
}

fn lint(workspace: &Workspace) -> Result<(bool, Count)> {
    let mut command = cargo::command(&workspace.root);
    command.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "--deny",
        "warnings",
    ]);
    succeeds(command)
}

fn unit(workspace: &Workspace) -> Result<(bool, Count)> {
    needs::programs()?;
    let mut command = cargo::command(&workspace.root);
    command.args([
        "test",
        "--workspace",
        "--exclude",
        "tripylon-e2e",
        "--locked",
        "--no-fail-fast",
    ]);
    count::run(command)
}

/// Builds the gateway, then runs it.
fn e2e(workspace: &Workspace) -> Result<(bool, Count)> {
    needs::programs()?;
    let mut build = cargo::command(&workspace.root);
    build.args(["build", "--package", "tripylon", "--locked"]);
    let (built, nothing) = succeeds(build)?;
    if !built {
        return Ok((false, nothing));
    }
    let mut command = cargo::command(&workspace.root);
    command.args(["test", "--package", "tripylon-e2e", "--locked", "--no-fail-fast"]);
    command.env("TRIPYLON_BIN", workspace.target.join("debug").join("tripylon"));
    count::run(command)
}

fn succeeds(mut command: Command) -> Result<(bool, Count)> {
    Ok((command.status()?.success(), Count::default()))
}
