//! Findings for people, editors and code hosts.

use std::str::FromStr;

use crate::{Findings, Sources};

mod github;
mod human;
mod json;
mod location;
mod sarif;
mod snippet;

/// How findings are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// For people: the lines of the documents with marks under what is meant.
    #[default]
    Human,
    /// For programs: a JSON array with one object a finding.
    ///
    /// | key | value |
    /// |---|---|
    /// | `code` | such as `"TRI0101"` |
    /// | `severity` | `"error"`, `"warning"` or `"note"` |
    /// | `message` | what is wrong |
    /// | `file` | path or label of the document, or name of the API object; `null` if there is none |
    /// | `line`, `column` | where it begins, from 1, columns in characters; `null` if there is no position |
    /// | `endLine`, `endColumn` | the position after its last character; `null` if not known |
    /// | `label` | what is said at the place itself, or `null` |
    /// | `help` | how to mend it, or `null` |
    /// | `suggestion` | `null`, or an object with the five keys of a place and `replacement`, the text to write there |
    /// | `related` | an array of objects with the five keys of a place and `message` |
    Json,
    /// For code scanners: SARIF 2.1.0, one run.
    Sarif,
    /// For GitHub Actions: a workflow command a finding, which shows it beside the changed lines.
    Github,
}

/// Whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// With the escape sequences of ANSI terminals.
    Always,
}

/// Writes findings in the order of [`Findings::in_order`]. Only [`Format::Human`] has colours.
///
/// The text ends with a line feed unless it is empty; no findings are an empty text for people and for GitHub, and a whole
/// document without results in the other formats.
pub fn render(findings: &Findings, sources: &Sources, format: Format, colour: Colour) -> String {
    match format {
        Format::Human => human::render(findings, sources, colour),
        Format::Json => json::render(findings, sources),
        Format::Sarif => sarif::render(findings, sources),
        Format::Github => github::render(findings, sources),
    }
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 4] = [Format::Human, Format::Json, Format::Sarif, Format::Github];

    /// The name that [`from_str`](Self::from_str) takes.
    pub fn name(self) -> &'static str {
        match self {
            Format::Human => "human",
            Format::Json => "json",
            Format::Sarif => "sarif",
            Format::Github => "github",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Format::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let names = Format::ALL.map(Format::name).join(", ");
            format!("the format is one of {names}")
        })
    }
}

impl Colour {
    /// What suits a stream: colours only on a terminal, and the wishes of `NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE`.
    pub fn of(stream: &impl anstream::stream::RawStream) -> Self {
        match anstream::AutoStream::choice(stream) {
            anstream::ColorChoice::Never => Colour::Never,
            _ => Colour::Always,
        }
    }
}
