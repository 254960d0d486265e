//! The project's own benchmarks, and the page that tells what they found.
//!
//! A release build of the gateway is given configurations of four sizes and measured from outside:
//! how long it takes to read them, how much memory it keeps, and what a request costs it. Tools that
//! are not installed are named in the page, together with what is therefore not known.

mod config;
mod gateway;
mod instructions;
mod page;
mod peer;
mod process;
mod scale;
mod swap;
mod upstream;

use std::time::Duration;

use anyhow::{Result, bail};

use crate::cargo;
use crate::workspace::Workspace;

/// What the benchmarks run with.
struct Bench {
    workspace: Workspace,
    /// The gateway, built with the release profile.
    gateway: std::path::PathBuf,
    /// Where configurations are written.
    folder: std::path::PathBuf,
}

/// Runs everything, writes the page, and says whether instruction counts are within their
/// tolerance. `--accept` writes those that were counted into the table; `--instructions` counts
/// them and does nothing else.
pub(crate) fn run(flags: &[&str]) -> Result<bool> {
    let (mut accept, mut only_instructions) = (false, false);
    for flag in flags {
        match *flag {
            "--accept" => accept = true,
            "--instructions" => only_instructions = true,
            _ => bail!("`cargo xtask bench` takes `--accept` and `--instructions`, not `{flag}`"),
        }
    }
    let workspace = Workspace::load()?;
    let built = cargo::command(&workspace.root)
        .args(["build", "--release", "--locked", "--package", "tripylon"])
        .status()?;
    if !built.success() {
        bail!("the gateway does not build");
    }
    let folder = workspace.target.join("bench");
    std::fs::create_dir_all(&folder)?;
    let gateway = workspace.target.join("release/tripylon");
    let bench = Bench { workspace, gateway, folder };

    if only_instructions {
        let Some(counted) = instructions::measure(&bench, accept)? else {
            bail!("valgrind is not installed");
        };
        return Ok(counted.is_within_tolerance());
    }
    let scale = scale::measure(&bench)?;
    let swap = swap::measure(&bench)?;
    let peer = peer::measure(&bench)?;
    let instructions = instructions::measure(&bench, accept)?;
    let sound = instructions.as_ref().is_none_or(|counted| counted.is_within_tolerance());
    page::write(&bench, &scale, &swap, peer.as_ref(), instructions.as_ref())?;
    Ok(sound)
}

/// How long load lasts for one measurement.
const LOAD: Duration = Duration::from_secs(2);

/// Rounds of a measurement, of which the median counts.
const ROUNDS: usize = 5;

/// The middle one of some values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(super::median(vec![3.0, 1.0, 2.0]), 2.0);
        assert!(super::median(Vec::new()).is_nan());
    }
}
