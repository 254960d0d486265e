//! For people: the lines of the documents with marks under what is meant.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::Colour;
use super::snippet::{Excerpt, Mark, Texts};
use crate::quote::must_be_escaped;
use crate::{Finding, Findings, Place, Severity, Sources};

pub(super) fn render(findings: &Findings, sources: &Sources, colour: Colour) -> String {
    let renderer = match colour {
        Colour::Never => Renderer::plain(),
        Colour::Always => Renderer::styled(),
    };
    let mut texts = Texts::new(sources, findings.secrets());
    let mut out = String::new();
    for (index, finding) in findings.in_order(sources).into_iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(&one(finding, sources, &mut texts, &renderer));
        out.push('\n');
    }
    out
}

fn one(finding: &Finding, sources: &Sources, texts: &mut Texts<'_>, renderer: &Renderer) -> String {
    let (marks, elsewhere) = marks(finding, texts);
    let excerpts = texts.excerpts(marks);
    let title =
        level(finding.severity).primary_title(printable(&finding.message)).id(finding.code.code);
    let mut group = Group::with_title(title);
    for excerpt in &excerpts {
        group = group.element(snippet(excerpt));
    }
    for (place, label) in elsewhere {
        group = elsewhere_element(group, place, label, sources);
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    let rendered = renderer.render(&[group]);
    excerpts.iter().fold(rendered, correct_column)
}

type Elsewhere<'a> = Vec<(&'a Place, Option<&'a str>)>;

/// The places whose lines can be shown, and those that can only be named.
fn marks<'a>(finding: &'a Finding, texts: &mut Texts<'_>) -> (Vec<Mark>, Elsewhere<'a>) {
    let primary = finding.place.iter().map(|place| (place, finding.label.as_deref()));
    let related =
        finding.related.iter().map(|related| (&related.place, Some(related.label.as_str())));
    let (mut marks, mut elsewhere) = (Vec::new(), Vec::new());
    for (index, (place, label)) in primary.chain(related).enumerate() {
        let span = if finding.source_hidden { None } else { texts.resolve(place) };
        match span {
            Some(span) => {
                let primary = index == 0 && finding.place.is_some();
                marks.push(Mark { span, primary, label: label.map(printable) });
            }
            None => elsewhere.push((place, label)),
        }
    }
    (marks, elsewhere)
}

fn snippet(excerpt: &Excerpt) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
    let path = if excerpt.cut.is_some() { PLACEHOLDER } else { &*excerpt.label };
    let annotations = excerpt.marks.iter().map(|(range, mark)| {
        let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        kind.span(range.clone()).label(mark.label.as_deref())
    });
    Snippet::source(excerpt.text.as_str())
        .line_start(excerpt.line as usize)
        .path(path)
        .annotations(annotations)
}

fn elsewhere_element<'a>(
    group: Group<'a>,
    place: &Place,
    label: Option<&'a str>,
    sources: &Sources,
) -> Group<'a> {
    let origin = place.origin(sources);
    let mut shown = Origin::path(printable(&origin.document));
    if origin.has_position() {
        shown = shown.line(origin.line as usize).char_column(origin.column as usize);
    }
    let group = group.element(shown);
    match label {
        Some(label) => group.element(Level::NOTE.message(printable(label))),
        None => group,
    }
}

/// Stands for the path of an excerpt whose beginning was cut; a private-use character, which [`printable`] text never has.
const PLACEHOLDER: &str = "\u{f8ff}";

/// The renderer counts columns in the text that it is given. Where the beginning of a line was cut, the place is put in
/// afterwards.
fn correct_column(rendered: String, excerpt: &Excerpt) -> String {
    let Some(column) = excerpt.cut else { return rendered };
    let Some(at) = rendered.find(PLACEHOLDER) else { return rendered };
    let rest = &rendered[at + PLACEHOLDER.len()..];
    let position = rest.find(|c: char| c != ':' && !c.is_ascii_digit()).unwrap_or(rest.len());
    format!("{}{}:{}:{column}{}", &rendered[..at], excerpt.label, excerpt.line, &rest[position..])
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    }
}

/// Text of a finding without characters that would steer the terminal.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if (must_be_escaped(character) && character != '\n') || character == '\u{f8ff}' {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}
