//! The commands, one module each.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod man;
pub(crate) mod routes;
pub(crate) mod run;
mod version;

use crate::cli::Command;
use crate::output::Exit;

/// Does what was asked for.
pub(crate) fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Run(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Routes(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Kong(command) => Ok(command.run()),
        Command::Version => version::run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    }
}
