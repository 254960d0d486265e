//! `tripylon run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::documents;
use crate::gateway::{self, EngineFlags, Plan};
use crate::output::Exit;
use crate::settings::SettingsFlags;

/// Serve what the documents say
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Signals: SIGHUP reads everything again. SIGUSR1 opens the logs anew. \
SIGUSR2 replaces the process by one of the program as it is now, without losing a request. SIGTERM, SIGINT and SIGQUIT take no new \
connections and end when the requests at hand are answered; a second one ends at once.

A change with errors is reported and leaves what runs as it is. Where logs, status and the Admin API are, and how \
many workers there are, is decided when the process starts.

Exit status: 0 after a signal, 1 if the documents cannot be served, 2 for wrong usage.")]
pub(crate) struct Run {
    /// Files and folders to read; what they are is recognised from their content
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Read files and folders again when they change (the default)
    #[arg(long, overrides_with = "no_watch")]
    pub(crate) watch: bool,
    /// Read them again only when a signal asks for it
    #[arg(long)]
    pub(crate) no_watch: bool,
    /// How long requests may take to end before the process does
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) drain: u64,
    /// Write the number of the process here when it serves
    #[arg(long, value_name = "PATH")]
    pub(crate) pid_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) engine: EngineFlags,
    #[command(flatten)]
    pub(crate) settings: SettingsFlags,
}

impl Run {
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let introducer = documents::introducer(&self.settings, &self.paths)?;
        gateway::serve(Plan {
            introducer,
            paths: self.paths,
            flags: self.engine,
            watch: !self.no_watch,
            drain: Duration::from_secs(self.drain),
            pid_file: self.pid_file,
            ready: Box::new(|_| {}),
        })
    }
}
