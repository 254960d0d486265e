//! `tripylon man`.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_mangen::Man as Page;

use crate::cli::Cli;
use crate::output::{self, Exit, Usage};

/// Print a manual page, or write all of them into a folder
#[derive(Debug, Args)]
#[command(after_help = "\
Read one:      tripylon man check | man -l -
Install all:   tripylon man --to ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// The command whose page is wanted, such as `check`; the page of the program if there is none
    #[arg(conflicts_with = "to")]
    command: Vec<String>,
    /// Write all pages into this folder, which is made if it is not there
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let mut program = Cli::command();
        program.build();
        match &self.to {
            Some(folder) => {
                fs::create_dir_all(folder)
                    .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
                clap_mangen::generate_to(Cli::command(), folder)
                    .with_context(|| format!("no pages can be written to {}", folder.display()))?;
            }
            None => output::print(&page(find(&program, &self.command)?)?)?,
        }
        Ok(Exit::Done)
    }
}

fn page(command: &clap::Command) -> anyhow::Result<String> {
    // A page is named as the command is called, with dashes: `tripylon-check(1)`.
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut text = Vec::new();
    Page::new(command.clone().name(name)).render(&mut text)?;
    Ok(String::from_utf8(text)?)
}

fn find<'c>(program: &'c clap::Command, names: &[String]) -> anyhow::Result<&'c clap::Command> {
    names.iter().try_fold(program, |command, name| {
        command.find_subcommand(name).ok_or_else(|| {
            let known: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
            let parent = command.get_name();
            let known = match known.as_slice() {
                [] => "it has no commands".to_owned(),
                known => format!("there are {}", known.join(", ")),
            };
            Usage::error(format!("`{parent}` has no command `{name}`; {known}"))
        })
    })
}
