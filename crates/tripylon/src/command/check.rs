//! `tripylon check`.

use clap::Args;
use config::Format;
use control::Build;

use crate::documents::Documents;
use crate::output::{self, Exit};

/// Say what is wrong with documents, and where, without running anything
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 if the documents can be run (there may be warnings), 1 if not, 2 for wrong usage.
`tripylon explain CODE` says more about a finding.")]
pub(crate) struct Check {
    /// How findings are written: human, json, sarif (for code scanners), github (for workflows)
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = format(), hide_possible_values = true)]
    format: Format,
    #[command(flatten)]
    documents: Documents,
}

impl Check {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let build = self.documents.build()?;
        output::print_findings(&build.findings, &build.sources, self.format)?;
        if self.format == Format::Human {
            let gap = if build.findings.is_empty() { "" } else { "\n" };
            output::print(&format!("{gap}{}\n", verdict(&build)))?;
        }
        let exit = if build.findings.has_errors() { Exit::Failed } else { Exit::Done };
        // The process ends: the system frees all of it at once, we would piece by piece.
        std::mem::forget(build);
        Ok(exit)
    }
}

/// Reads one of [`Format::ALL`]; shells complete the names.
fn format() -> impl clap::builder::TypedValueParser<Value = Format> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};

    PossibleValuesParser::new(Format::ALL.map(Format::name))
        .map(|name| name.parse().expect("it is the name of a format"))
}

/// The last line: what was found, or what the documents mean.
fn verdict(build: &Build) -> String {
    let documents = output::count(build.documents.len(), "document");
    let tally = output::tally(&build.findings);
    if build.findings.has_errors() {
        let tally = tally.unwrap_or_default();
        return output::styled(output::ERROR, &format!("{tally} in {documents}"));
    }
    let sound = output::styled(output::GOOD, "sound");
    let meaning = [
        (build.model.listeners.len(), "listener"),
        (build.model.routes.len(), "route"),
        (build.model.policies.len(), "policy"),
        (build.model.upstreams.len(), "upstream"),
        (build.model.principals.len(), "caller"),
    ];
    let meaning: Vec<_> = meaning.map(|(number, noun)| output::count(number, noun)).to_vec();
    let tally = tally.map(|tally| format!(" ({tally})")).unwrap_or_default();
    format!("{sound}: {documents} with {}{tally}", meaning.join(", "))
}
