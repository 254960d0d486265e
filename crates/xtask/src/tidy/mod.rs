//! Rules of the house that the compiler does not know.

mod architecture;
mod bans;
mod imports;
mod links;
mod sources;
mod words;

use std::fmt;
use std::path::Path;

use anyhow::Result;

use crate::workspace::Workspace;

/// Prints what is wrong; whether nothing is.
pub(crate) fn run() -> Result<bool> {
    let workspace = Workspace::load()?;
    let mut problems = Vec::new();
    imports::check(&workspace, &mut problems)?;
    bans::check(&workspace, &mut problems)?;
    words::check(&workspace, &mut problems);
    sources::check(&workspace, &mut problems);
    links::check(&workspace, &mut problems);
    architecture::check(&workspace, &mut problems);
    for problem in &problems {
        eprintln!("{problem}");
    }
    match problems.len() {
        0 => println!(
            "tidy: {} crates, {} files: nothing to mend",
            workspace.members.len(),
            workspace.files.len()
        ),
        n => eprintln!("tidy: {n} to mend"),
    }
    Ok(problems.is_empty())
}

/// Something to mend.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    place: String,
    what: String,
}

impl Problem {
    /// About a whole file.
    fn file(file: &Path, what: impl Into<String>) -> Self {
        Self { place: file.display().to_string(), what: what.into() }
    }

    /// About a line, counted from 1.
    fn line(file: &Path, line: usize, what: impl Into<String>) -> Self {
        Self { place: format!("{}:{line}", file.display()), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}
