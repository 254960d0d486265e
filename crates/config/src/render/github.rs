//! GitHub Actions: `::error file=…,line=…::message`.
//!
//! Source: GitHub documentation, "Workflow commands for GitHub Actions", "Setting an error message"; the escapes are those
//! of the `actions/toolkit` package `core`.

use std::fmt::Write as _;

use super::location::Location;
use crate::{Finding, Findings, Severity, Sources};

pub(super) fn render(findings: &Findings, sources: &Sources) -> String {
    let mut commands = String::new();
    for finding in findings.in_order(sources) {
        command(&mut commands, finding, sources);
    }
    commands
}

fn command(out: &mut String, finding: &Finding, sources: &Sources) {
    out.push_str("::");
    out.push_str(match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    });
    out.push(' ');
    if let Some(place) = &finding.place {
        location(out, &Location::of(place, sources));
    }
    property(out, "title", &format!("{} {}", finding.code.code, finding.code.title));
    out.push_str("::");
    data(out, &message(finding, sources));
    out.push('\n');
}

fn location(out: &mut String, location: &Location) {
    if !location.is_document {
        return;
    }
    property(out, "file", &location.file);
    out.push(',');
    let Some((line, column)) = location.start else { return };
    let _ = write!(out, "line={line},");
    match location.end {
        // Columns are only allowed within one line.
        Some((end_line, _)) if end_line != line => {
            let _ = write!(out, "endLine={end_line},");
        }
        Some((_, end_column)) => {
            let _ = write!(out, "endLine={line},col={column},endColumn={end_column},");
        }
        None => {
            let _ = write!(out, "col={column},");
        }
    }
}

fn message(finding: &Finding, sources: &Sources) -> String {
    let mut message = finding.message.clone();
    let place = finding.place.as_ref().map(|place| Location::of(place, sources));
    if let Some(place) = place.filter(|place| !place.is_document) {
        // A workflow shows places in files only.
        let _ = write!(message, " ({})", place.file);
    }
    if let Some(label) = &finding.label {
        let _ = write!(message, "\n{label}");
    }
    for related in &finding.related {
        let _ = write!(message, "\n{}: {}", related.place.origin(sources), related.label);
    }
    if let Some(help) = &finding.help {
        let _ = write!(message, "\nhelp: {help}");
    }
    message
}

fn property(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push('=');
    for character in value.chars() {
        match character {
            ':' => out.push_str("%3A"),
            ',' => out.push_str("%2C"),
            _ => escape(out, character),
        }
    }
}

fn data(out: &mut String, value: &str) {
    value.chars().for_each(|character| escape(out, character));
}

fn escape(out: &mut String, character: char) {
    match character {
        '%' => out.push_str("%25"),
        '\r' => out.push_str("%0D"),
        '\n' => out.push_str("%0A"),
        _ => out.push(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, Place, codes};

    #[test]
    fn only_files_are_given_as_files() {
        let finding = |place: Place| Finding::new(&codes::CONFLICT, "two").at(place);
        let shown = |place| render(&finding(place).into(), &Sources::new());
        assert_eq!(
            shown(Place::File("a.yml".into())),
            "::error file=a.yml,title=TRI0203 settings contradict each other::two\n"
        );
        assert_eq!(
            shown(Place::Origin(Origin::document("environment variable X"))),
            "::error title=TRI0203 settings contradict each other::two (environment variable X)\n"
        );
    }

    #[test]
    fn nothing_of_a_document_can_become_a_command() {
        let finding = Finding::new(&codes::CONFLICT, "50% a\n::set-output name=x::y\r")
            .at(Origin::new("a,b:c.yml", 3, 4))
            .help("none");
        assert_eq!(
            render(&finding.into(), &Sources::new()),
            "::error file=a%2Cb%3Ac.yml,line=3,col=4,title=TRI0203 settings contradict each other\
             ::50%25 a%0A::set-output name=x::y%0D%0Ahelp: none\n"
        );
    }
}
