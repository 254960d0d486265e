//! The binary: reads flags, introduces the others to each other.
//! Never imports: `xtask`, `tripylon-e2e`.

mod cli;
mod codes;
mod command;
mod documents;
mod output;
mod settings;
mod words;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::output::{Exit, Usage};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = command::run(cli.command).unwrap_or_else(|error| {
        anstream::eprintln!(
            "{}error:{} {error:#}",
            output::ERROR.render(),
            output::ERROR.render_reset()
        );
        match error.is::<Usage>() {
            true => Exit::Usage,
            false => Exit::Failed,
        }
    });
    exit.into()
}
