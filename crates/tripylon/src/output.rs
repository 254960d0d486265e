//! What goes to the terminal, and what the process ends with.

use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use config::{Colour, Findings, Format, Severity, Sources};

/// `error:` before a message.
pub(crate) const ERROR: Style = AnsiColor::BrightRed.on_default().bold();

/// Headings of what a command prints.
pub(crate) const HEADING: Style = Style::new().bold();

/// Places and other things that are looked at second.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// What wins, what is sound.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: all is well.
    Done,
    /// 1: the documents have errors, or what was asked for is not so.
    Failed,
    /// 2: the command line makes no sense.
    Usage,
    /// 128 and the number of the signal that cut the work off, as shells have it.
    Signal(i32),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => ExitCode::SUCCESS,
            Exit::Failed => ExitCode::from(1),
            Exit::Usage => ExitCode::from(2),
            Exit::Signal(number) => ExitCode::from(128 + u8::try_from(number).unwrap_or_default()),
        }
    }
}

/// A command line that is well-formed and yet makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

impl Usage {
    /// The error with this message.
    pub(crate) fn error(message: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self(message.into()))
    }
}

/// Writes to standard output; styles are left out unless it is a terminal. A reader that has seen
/// enough (`| head`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// The text in a style, for [`print`].
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes findings to standard output.
pub(crate) fn print_findings(
    findings: &Findings,
    sources: &Sources,
    format: Format,
) -> io::Result<()> {
    print(&config::render(findings, sources, format, Colour::of(&io::stdout())))
}

/// Writes findings for people to standard error.
pub(crate) fn report(findings: &Findings, sources: &Sources) {
    // Who closed standard error does not want to know.
    let _ = io::stderr().write_all(rendered(findings, sources).as_bytes());
}

/// Findings for people, as they suit standard error.
pub(crate) fn rendered(findings: &Findings, sources: &Sources) -> String {
    config::render(findings, sources, Format::Human, Colour::of(&io::stderr()))
}

/// `2 errors and 1 warning`; nothing if there is neither.
pub(crate) fn tally(findings: &Findings) -> Option<String> {
    let parts: Vec<String> = [Severity::Error, Severity::Warning]
        .into_iter()
        .map(|severity| (findings.count(severity), severity.name()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| self::count(count, name))
        .collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

/// `1 route`, `2 routes`, `3 policies`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use config::Finding;

    use super::*;

    #[test]
    fn errors_and_warnings_are_tallied_and_notes_are_not() {
        let finding = |severity| Finding::new(&control::SAME_FILE, "x").severity(severity);
        let mut findings = Findings::new();
        findings.push(finding(Severity::Note));
        assert_eq!(tally(&findings), None);
        findings.push(finding(Severity::Warning));
        assert_eq!(tally(&findings).as_deref(), Some("1 warning"));
        findings.push(finding(Severity::Error));
        findings.push(finding(Severity::Error));
        assert_eq!(tally(&findings).as_deref(), Some("2 errors and 1 warning"));
    }

    #[test]
    fn nouns_have_their_plural() {
        assert_eq!(count(0, "route"), "0 routes");
        assert_eq!(count(1, "policy"), "1 policy");
        assert_eq!(count(2, "policy"), "2 policies");
    }
}
