//! What tests need on the machine, installed where that is ours to do.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

const BY_HAND: &str = "the whole-gateway tests start a Redis of their own and find neither \
    `redis-server` nor `valkey-server` on PATH.\n\
    Install one and run again: `apt-get install redis-server`, `dnf install valkey`, \
    `brew install redis`";

/// Sees to a `redis-server` or `valkey-server` on PATH.
pub(super) fn redis() -> Result<()> {
    if on_path("redis-server") || on_path("valkey-server") {
        return Ok(());
    }
    if !is_root()? || !on_path("apt-get") {
        bail!(BY_HAND);
    }
    println!("redis-server is missing; installing it with apt-get");
    apt_get(&["update", "--quiet"])?;
    apt_get(&["install", "--quiet", "--yes", "--no-install-recommends", "redis-server"])?;
    if !on_path("redis-server") {
        bail!(BY_HAND);
    }
    Ok(())
}

fn on_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|f: PathBuf| f.join(program)).any(|p| p.is_file())
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("cannot run `id -u`")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// `RUNLEVEL=1` keeps Debian's packages from starting their services: tests start their own.
fn apt_get(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("RUNLEVEL", "1")
        .status()
        .context("cannot run apt-get")?;
    if !status.success() {
        bail!("`apt-get {}` failed.\n{BY_HAND}", arguments.join(" "));
    }
    Ok(())
}
