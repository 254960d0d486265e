//! What tests need on the machine, installed where that is ours to do.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A program that tests start.
struct Need {
    /// Names of programs that will do.
    programs: &'static [&'static str],
    /// The package of Debian and its children.
    package: &'static str,
    by_hand: &'static str,
}

const REDIS: Need = Need {
    programs: &["redis-server", "valkey-server"],
    package: "redis-server",
    by_hand: "tests start a Redis of their own and find neither \
        `redis-server` nor `valkey-server` on PATH.\n\
        Install one and run again: `apt-get install redis-server`, `dnf install valkey`, \
        `brew install redis`",
};

const SLAPD: Need = Need {
    programs: &["slapd"],
    package: "slapd",
    by_hand: "tests start an LDAP directory of their own and find no `slapd`.\n\
        Install it and run again: `apt-get install slapd`, `dnf install openldap-servers`, \
        `brew install openldap`",
};

/// Sees to all programs that tests start.
pub(super) fn programs() -> Result<()> {
    for need in [REDIS, SLAPD] {
        need.see_to()?;
    }
    Ok(())
}

impl Need {
    fn see_to(&self) -> Result<()> {
        if self.is_there() {
            return Ok(());
        }
        if !is_root()? || !on_path("apt-get") {
            bail!(self.by_hand);
        }
        println!("{} is missing; installing it with apt-get", self.package);
        self.apt_get(&["update", "--quiet"])?;
        let install = ["install", "--quiet", "--yes", "--no-install-recommends", self.package];
        self.apt_get(&install)?;
        if !self.is_there() {
            bail!(self.by_hand);
        }
        Ok(())
    }

    fn is_there(&self) -> bool {
        self.programs.iter().any(|program| on_path(program) || is_for_administrators(program))
    }

    /// `RUNLEVEL=1` keeps Debian's packages from starting their services: tests start their own.
    fn apt_get(&self, arguments: &[&str]) -> Result<()> {
        let status = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("RUNLEVEL", "1")
            .status()
            .context("cannot run apt-get")?;
        if !status.success() {
            bail!("`apt-get {}` failed.\n{}", arguments.join(" "), self.by_hand);
        }
        Ok(())
    }
}

/// Whether a program stands where only administrators look for programs.
fn is_for_administrators(program: &str) -> bool {
    let folders =
        ["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/opt/openldap/libexec"];
    folders.into_iter().any(|folder| Path::new(folder).join(program).is_file())
}

fn on_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|f: PathBuf| f.join(program)).any(|p| p.is_file())
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("cannot run `id -u`")?;
    Ok(output.stdout.trim_ascii() == b"0")
}
