//! The `kong` command, for people and scripts that are used to it.

mod check;
mod config;
mod health;
mod node;
mod signal;
mod start;
mod wait;

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Parser, Subcommand};

use self::node::Node;
use crate::output::{self, Exit};

/// Do what the kong command does
///
/// Settings come from kong.conf and KONG_* variables, as there.
#[derive(Debug, Args)]
#[command(after_help = "\
A program that is a link to this one and called `kong` takes these commands itself.

Other than with Kong: a gateway keeps the KONG_* variables that it was started with, and `reload` reads only files again; \
`stop` waits for the requests at hand; what Kong needs a database for says so.")]
pub(crate) struct KongCommand {
    /// Say more
    #[arg(long = "v", global = true)]
    verbose: bool,
    /// Say all
    #[arg(long = "vv", global = true)]
    debug: bool,
    #[command(subcommand)]
    command: Command,
}

/// The command line of a program that is called `kong`.
#[derive(Debug, Parser)]
#[command(name = "kong", about = "Do what the kong command does", long_about = None, after_help = None::<&str>, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Kong {
    #[command(flatten)]
    pub(crate) command: KongCommand,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start in the background, and return when requests are served
    Start(start::Start),
    /// Stop
    Stop(Prefix),
    /// Stop when the requests at hand are answered
    Quit(signal::Quit),
    /// Stop, and start again
    Restart(start::Start),
    /// Read settings and configuration again, without losing a request
    Reload(Conf),
    /// Say whether it runs
    Health(Prefix),
    /// Say whether a kong.conf is right
    Check(check::Check),
    /// Work with declarative configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Make the folder that logs and such go to
    Prepare(Conf),
    /// Print the version of Kong whose place is taken
    Version {
        /// Print the version of Tripylon too
        #[arg(short, long)]
        all: bool,
    },
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// Which settings.
#[derive(Debug, Clone, Default, Args)]
struct Conf {
    /// The file with settings [default: /etc/kong/kong.conf, /etc/kong.conf]
    #[arg(short, long, value_name = "FILE")]
    conf: Option<PathBuf>,
    /// The folder that logs and such go to
    #[arg(short, long, value_name = "FOLDER")]
    prefix: Option<PathBuf>,
}

/// Which running gateway.
#[derive(Debug, Clone, Args)]
struct Prefix {
    /// The folder that it was started with
    #[arg(short, long, value_name = "FOLDER")]
    prefix: Option<PathBuf>,
    #[arg(short, long, value_name = "FILE", hide = true)]
    conf: Option<PathBuf>,
}

impl From<&Prefix> for Conf {
    fn from(from: &Prefix) -> Self {
        Self { conf: from.conf.clone(), prefix: from.prefix.clone() }
    }
}

impl KongCommand {
    pub(crate) fn run(self) -> Exit {
        let verbose = self.verbose || self.debug;
        let result = match self.command {
            Command::Start(command) => command.run(),
            Command::Stop(prefix) => signal::stop(&Conf::from(&prefix)),
            Command::Quit(command) => command.run(),
            Command::Restart(command) => signal::restart(command),
            Command::Reload(conf) => signal::reload(&conf),
            Command::Health(prefix) => health::run(&Conf::from(&prefix)),
            Command::Check(command) => command.run(verbose),
            Command::Config(command) => command.run(),
            Command::Prepare(conf) => Node::find(&conf).sound().and_then(|node| node.prepare()),
            Command::Version { all } => version(all),
            Command::Other(words) => other(&words),
        };
        match result {
            Ok(()) => Exit::Done,
            Err(error) => {
                let error = if verbose { format!("{error:?}") } else { format!("{error:#}") };
                let hint = "\n\n  Run with --v (verbose) or --vv (debug) for more details";
                eprintln!("Error: {error}{}", if verbose { "" } else { hint });
                Exit::Failed
            }
        }
    }
}

fn version(all: bool) -> anyhow::Result<()> {
    let kong = kong::VERSION;
    let text = match all {
        true => format!("Kong: {kong}\nTripylon: {}\n", env!("CARGO_PKG_VERSION")),
        false => format!("{kong}\n"),
    };
    Ok(output::print(&text)?)
}

/// Commands of Kong's that mean nothing here, and words that are none.
fn other(words: &[String]) -> anyhow::Result<()> {
    let name = words.first().map_or("", String::as_str);
    match name {
        "migrations" => bail!(
            "there is no database, and so nothing to migrate: the configuration is a file, named by `declarative_config`"
        ),
        "hybrid" => bail!(
            "there are no control and data planes to give certificates to: every node reads its configuration itself"
        ),
        "vault" => bail!(
            "secrets by reference are resolved when the configuration is read; there is no `kong vault` here"
        ),
        "drain" => bail!("there is no `kong drain` here; `kong quit` drains and then ends"),
        name => bail!("unknown command {}", ::config::quote(name)),
    }
}
