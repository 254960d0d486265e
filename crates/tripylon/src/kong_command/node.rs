//! The gateway that a `kong` command is about.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ::config::{Findings, Sources};
use anyhow::{Context, bail};
use kong::settings::{CONF_FILES, Settings};

use super::Conf;
use crate::gateway;
use crate::gateway::pid::{self, Running};
use crate::output;
use crate::settings::{Introducer, SettingsFlags};

/// A gateway, by its settings.
pub(super) struct Node {
    /// The file with settings.
    pub(super) conf: Option<PathBuf>,
    pub(super) settings: Settings,
    /// What was said about the settings.
    pub(super) findings: Findings,
}

impl Node {
    /// Reads the settings. What is wrong with them is kept for [`Node::sound`].
    pub(super) fn find(conf: &Conf) -> Self {
        let found = || CONF_FILES.iter().map(PathBuf::from).find(|path| path.exists());
        let file = conf.conf.clone().or_else(found);
        let flags = SettingsFlags {
            kong_conf: file.clone(),
            kong_prefix: conf.prefix.clone(),
            ..SettingsFlags::default()
        };
        let (settings, findings) = Introducer::new(&flags, &[]).settings();
        Self { conf: file, settings, findings }
    }

    /// Shows what is wrong with the settings.
    ///
    /// # Errors
    /// If they cannot be used.
    pub(super) fn sound(self) -> anyhow::Result<Self> {
        if self.findings.has_errors() {
            output::report(&self.findings, &Sources::new());
            let tally = output::tally(&self.findings).unwrap_or_default();
            bail!("the settings cannot be used: {tally}");
        }
        Ok(self)
    }

    /// The folder that logs and such go to.
    pub(super) fn prefix(&self) -> &Path {
        &self.settings.prefix
    }

    /// Where the running process names itself.
    pub(super) fn pid_file(&self) -> PathBuf {
        gateway::pid_file(self.prefix())
    }

    /// Makes the folders.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn prepare(&self) -> anyhow::Result<()> {
        let prefix = self.prefix();
        for folder in ["logs", "pids"] {
            fs::create_dir_all(prefix.join(folder)).with_context(|| {
                format!("could not create prefix directory '{}'", prefix.display())
            })?;
        }
        Ok(())
    }

    /// The process that runs.
    pub(super) fn running(&self) -> Option<Running> {
        pid::running(&self.pid_file())
    }

    /// The same where one is needed.
    ///
    /// # Errors
    /// If none runs, or there is no such folder.
    pub(super) fn must_run(&self) -> anyhow::Result<Running> {
        let prefix = self.prefix().display();
        if !self.prefix().exists() {
            bail!("no such prefix: {prefix}");
        }
        self.running().with_context(|| format!("nginx not running in prefix: {prefix}"))
    }

    /// Notes which file has the settings, for the process that reads them now and at every reload.
    /// Returns the link that leads to it.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn link_conf(&self) -> anyhow::Result<Option<PathBuf>> {
        let Some(conf) = &self.conf else { return Ok(None) };
        let (link, new) = (self.prefix().join(".kong_conf"), self.prefix().join(".kong_conf.new"));
        let result = fs::canonicalize(conf).and_then(|target| {
            // What an interrupted command has left.
            let _ = fs::remove_file(&new);
            symlink(target, &new)?;
            fs::rename(&new, &link)
        });
        result.with_context(|| format!("{} cannot be noted", conf.display()))?;
        Ok(Some(link))
    }
}
