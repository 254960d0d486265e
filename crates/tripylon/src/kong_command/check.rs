//! `kong check`.

use std::path::PathBuf;

use ::config::{Findings, Severity, Sources};
use anyhow::bail;
use clap::Args;
use kong::settings::CONF_FILES;

use super::Conf;
use super::node::Node;
use crate::output;

/// What Kong's command of this name takes.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The file with settings
    #[arg(value_name = "FILE", default_value = CONF_FILES[0])]
    file: PathBuf,
}

impl Check {
    pub(super) fn run(self, verbose: bool) -> anyhow::Result<()> {
        let file = self.file.display().to_string();
        let node = Node::find(&Conf { conf: Some(self.file), prefix: None });
        // Notes are for those who want to know all.
        let mut findings = Findings::new();
        let told = node.findings.iter().filter(|f| verbose || f.severity != Severity::Note);
        findings.extend(told.cloned());
        output::report(&findings, &Sources::new());
        if findings.has_errors() {
            bail!("configuration at {file} is invalid");
        }
        Ok(output::print(&format!("configuration at {file} is valid\n"))?)
    }
}
