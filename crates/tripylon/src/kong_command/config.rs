//! `kong config`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::Conf;
use super::node::Node;
use crate::documents::Documents;
use crate::gateway::Detours;
use crate::output;
use crate::settings::SettingsFlags;

/// What `kong config init` writes.
const SAMPLE: &str = include_str!("sample.yml");

/// What Kong's command of this name takes.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether a file with declarative configuration is right
    Parse {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        conf: Conf,
    },
    /// Write a sample, kong.yml by default
    Init {
        /// The file
        #[arg(value_name = "FILE", default_value = "kong.yml")]
        file: PathBuf,
        #[command(flatten)]
        conf: Conf,
    },
    #[command(external_subcommand)]
    Other(Vec<String>),
}

impl Command {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Parse { file, conf } => parse(file, &conf),
            Self::Init { file, .. } => init(&file),
            Self::Other(words) => {
                let name = words.first().map_or("", String::as_str);
                match name {
                    "db_import" | "db_export" => bail!(
                        "there is no database; `declarative_config` names the file that is served"
                    ),
                    name => bail!("unknown command config {}", ::config::quote(name)),
                }
            }
        }
    }
}

fn parse(file: PathBuf, conf: &Conf) -> anyhow::Result<()> {
    let node = Node::find(conf).sound()?;
    let settings = SettingsFlags {
        kong_conf: node.conf.clone(),
        kong_prefix: conf.prefix.clone(),
        ..SettingsFlags::default()
    };
    let documents = Documents { paths: vec![file], settings, detours: Detours::default() };
    let build = documents.build_alone();
    if build.findings.has_errors() {
        bail!("Failed parsing:\n{}", output::rendered(&build.findings, &build.sources).trim_end());
    }
    output::report(&build.findings, &build.sources);
    Ok(output::print("parse successful\n")?)
}

fn init(file: &std::path::Path) -> anyhow::Result<()> {
    let shown = file.display();
    let mut opened = match OpenOptions::new().write(true).create_new(true).open(file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{shown} already exists in the current directory.\nWill not overwrite it.")
        }
        result => result.with_context(|| format!("{shown} cannot be written"))?,
    };
    Ok(opened.write_all(SAMPLE.as_bytes())?)
}
