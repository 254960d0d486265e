//! Crates that must not be compiled. `deny.toml` bans the same; this needs no further tool.

use std::path::Path;

use anyhow::Result;

use super::Problem;
use crate::cargo;
use crate::workspace::Workspace;

/// Each with its reason. A name may stand in `Cargo.lock` for a platform that we don't build for.
const BANNED: &[(&str, &str)] = &[
    ("ring", "aws-lc-rs is the one crypto provider"),
    ("openssl", "aws-lc-rs is the one crypto provider"),
    ("native-tls", "rustls is the one TLS stack"),
    ("boring", "aws-lc-rs is the one crypto provider"),
    ("serde_yaml", "unmaintained; YAML is read by serde-saphyr, in `config`"),
    ("serde_yml", "RUSTSEC-2025-0068; YAML is read by serde-saphyr, in `config`"),
    ("libyml", "RUSTSEC-2025-0067"),
    ("rsa", "RUSTSEC-2023-0071; aws-lc-rs does RSA"),
];

pub(super) fn check(workspace: &Workspace, problems: &mut Vec<Problem>) -> Result<()> {
    let tree = cargo::output(
        &workspace.root,
        &[
            "tree",
            "--locked",
            "--workspace",
            "--edges",
            "all",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ],
    )?;
    for line in tree.lines() {
        let Some(package) = line.split_whitespace().next() else { continue };
        let Some((name, reason)) = BANNED.iter().find(|(name, _)| *name == package) else {
            continue;
        };
        let problem = Problem::file(
            Path::new("Cargo.lock"),
            format!(
                "`{name}` would be compiled: {reason}; `cargo tree -i {name}` shows who wants it"
            ),
        );
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    Ok(())
}
