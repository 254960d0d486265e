//! `tripylon completions SHELL`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::output::{self, Exit};

/// Print a script that completes the command line
#[derive(Debug, Args)]
#[command(after_help = "\
For bash:  tripylon completions bash > ~/.local/share/bash-completion/completions/tripylon
For zsh:   tripylon completions zsh > \"${fpath[1]}/_tripylon\"
For fish:  tripylon completions fish > ~/.config/fish/completions/tripylon.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "tripylon", &mut script);
        output::print(&String::from_utf8(script)?)?;
        Ok(Exit::Done)
    }
}
