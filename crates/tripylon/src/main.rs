//! The binary: reads flags, introduces the others to each other.
//! Never imports: `xtask`, `tripylon-e2e`.

mod cli;
mod codes;
mod command;
mod documents;
mod gateway;
mod kong_command;
mod output;
mod settings;
mod words;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use mimalloc::MiMalloc;

use crate::cli::Cli;
use crate::kong_command::Kong;
use crate::output::{Exit, Usage};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let exit = match is_called_kong() {
        true => Kong::parse().command.run(),
        false => command::run(Cli::parse().command).unwrap_or_else(|error| {
            let (red, plain) = (output::ERROR.render(), output::ERROR.render_reset());
            anstream::eprintln!("{red}error:{plain} {error:#}");
            match error.is::<Usage>() {
                true => Exit::Usage,
                false => Exit::Failed,
            }
        }),
    };
    exit.into()
}

/// Whether the program is called by the name of the one whose place it takes.
fn is_called_kong() -> bool {
    let program = std::env::args_os().next().unwrap_or_default();
    Path::new(&program).file_stem().is_some_and(|name| name == "kong")
}
