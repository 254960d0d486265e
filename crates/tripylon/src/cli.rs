//! The command line.

#[cfg(test)]
mod page;

use clap::{Parser, Subcommand};

use crate::command::{check, completions, demo, explain, man, routes, run};
use crate::kong_command::KongCommand;

/// One API gateway that natively speaks Kong, Emissary with the Kubernetes Gateway API, and AWS API Gateway.
///
/// It reads your documents as they are, tells you what is wrong with them and where, and proxies.
#[derive(Debug, Parser)]
#[command(name = "tripylon", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::Run),
    Check(check::Check),
    Routes(routes::Routes),
    Explain(explain::Explain),
    Demo(demo::Demo),
    Kong(KongCommand),
    /// Print the version
    Version,
    Completions(completions::Completions),
    Man(man::Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
