//! From the command line to a model, without running anything.

use std::path::PathBuf;

use clap::Args;
use control::{Build, Introduction, Texts};

use crate::gateway::Detours;
use crate::gateway::rejections;
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
    #[command(flatten)]
    pub(crate) detours: Detours,
}

impl Documents {
    /// Reads, translates and checks everything, the way `run` does it.
    ///
    /// # Errors
    /// If there is nothing to read.
    pub(crate) fn build(&self) -> anyhow::Result<Build> {
        let introducer = introducer(&self.settings, &self.paths)?;
        Ok(self.build_from(introducer.introduce().0))
    }

    /// The same without what the settings name beside the documents.
    pub(crate) fn build_alone(&self) -> Build {
        let mut introduction = Introducer::new(&self.settings, &self.paths).introduce().0;
        introduction.paths.clear();
        introduction.texts.clear();
        self.build_from(introduction)
    }

    fn build_from(&self, introduction: Introduction) -> Build {
        let texts = Texts::gather(&self.paths, &introduction);
        let mut build = control::build(&introduction, &texts);
        if !build.findings.has_errors() {
            let rejections = dataplane::compile_check(
                &build.model,
                &policies::kinds(),
                &self.detours.connect_to,
            );
            build.findings.merge(rejections::findings(rejections));
        }
        build
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
            anstream::eprintln!("{tally}: see `tripylon check`\n");
        }
        Ok(Some(build))
    }
}

/// What reads the settings.
///
/// # Errors
/// If neither the command line nor the environment names anything to serve.
pub(crate) fn introducer(
    settings: &SettingsFlags,
    paths: &[PathBuf],
) -> anyhow::Result<Introducer> {
    let introducer = Introducer::new(settings, paths);
    if paths.is_empty() && !introducer.is_alone() {
        let message = "give a file or folder to read, or say in KONG_* variables what to serve";
        return Err(Usage::error(message));
    }
    Ok(introducer)
}
