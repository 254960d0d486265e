//! From the command line to a model, without running anything.

use std::path::PathBuf;

use clap::Args;
use control::{Build, Texts};

use crate::output::{self, Usage};
use crate::settings::{Introducer, SettingsFlags};

/// Which documents, and with what settings they are read.
#[derive(Debug, Clone, Args)]
pub(crate) struct Documents {
    /// Files and folders to read; what they are is recognised from their content
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: SettingsFlags,
}

impl Documents {
    /// Reads, translates and checks everything, the way `run` does it.
    ///
    /// # Errors
    /// If there is nothing to read.
    pub(crate) fn build(&self) -> anyhow::Result<Build> {
        let introducer = self.introducer()?;
        let introduction = introducer.introduce();
        let texts = Texts::gather(&self.paths, &introduction);
        Ok(control::build(&introduction, &texts))
    }

    /// The same for commands that show what was understood. Errors are shown instead, and there
    /// is nothing to return.
    ///
    /// # Errors
    /// If there is nothing to read.
    pub(crate) fn sound(&self) -> anyhow::Result<Option<Build>> {
        let build = self.build()?;
        if build.findings.has_errors() {
            output::report(&build.findings, &build.sources);
            return Ok(None);
        }
        if let Some(tally) = output::tally(&build.findings) {
            anstream::eprintln!("{tally}; `tripylon check` shows them\n");
        }
        Ok(Some(build))
    }

    /// What reads the settings.
    ///
    /// # Errors
    /// If neither the command line nor the environment names anything to serve.
    pub(crate) fn introducer(&self) -> anyhow::Result<Introducer> {
        let introducer = Introducer::new(&self.settings, &self.paths);
        if self.paths.is_empty() && !introducer.is_alone() {
            let message = "give a file or folder to read, or say in KONG_* variables what to serve";
            return Err(Usage::error(message));
        }
        Ok(introducer)
    }
}
