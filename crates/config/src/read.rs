//! Texts into trees.
//!
//! Reading never fails as such: what can be read is returned, what is wrong is a finding, and a broken YAML document does
//! not take the others of its stream with it. A caller that must not act on half a text asks [`Findings::has_errors`].

use std::sync::Arc;

use crate::{Budget, Document, Finding, Findings, Origin, SourceId, Sources, Span, codes};

mod build;
mod json;
mod scalar;
mod yaml;

/// Reads a text whose label ends with `.json` as JSON, one that ends with `.yaml` or `.yml` as YAML, and any other by what
/// it looks like.
///
/// The text is added to `sources`, so that findings can show it.
pub fn read_auto(
    sources: &mut Sources,
    label: impl Into<Arc<str>>,
    text: impl Into<Arc<str>>,
    budget: &Budget,
    findings: &mut Findings,
) -> Vec<Document> {
    let (source, text) = add(sources, label, text);
    match extension(sources.label(source)).as_deref() {
        Some("json") => json_document(source, &text, budget, findings).into_iter().collect(),
        Some("yaml" | "yml") => yaml_documents(source, &text, budget, findings),
        _ => guess(source, &text, budget, findings),
    }
}

/// Reads the documents of a YAML stream.
///
/// Scalars are resolved by the core schema of YAML 1.2.2 (section 10.3) with one exception: an integer with a leading zero
/// (`0123`), which YAML 1.1 reads as octal, is left a text. Merge keys (`<<`) are resolved as in YAML 1.1. The words `yes`,
/// `no`, `on` and `off` are texts; typed reading takes them where a boolean is wanted, with a warning.
///
/// The text is added to `sources`, so that findings can show it.
pub fn read_yaml(
    sources: &mut Sources,
    label: impl Into<Arc<str>>,
    text: impl Into<Arc<str>>,
    budget: &Budget,
    findings: &mut Findings,
) -> Vec<Document> {
    let (source, text) = add(sources, label, text);
    yaml_documents(source, &text, budget, findings)
}

/// Reads one JSON text (RFC 8259). Nothing beyond the standard is taken but a byte order mark at the beginning.
///
/// Integers keep all their digits up to 64 bits; numbers beyond the range of a double are refused. The text is added to
/// `sources`, so that findings can show it.
pub fn read_json(
    sources: &mut Sources,
    label: impl Into<Arc<str>>,
    text: impl Into<Arc<str>>,
    budget: &Budget,
    findings: &mut Findings,
) -> Option<Document> {
    let (source, text) = add(sources, label, text);
    json_document(source, &text, budget, findings)
}

/// The text of bytes from a file or a connection, or a finding if they are not UTF-8.
pub fn decode<'b>(label: &str, bytes: &'b [u8], findings: &mut Findings) -> Option<&'b str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            findings.push(not_text(label, bytes, error.valid_up_to()));
            None
        }
    }
}

fn add(
    sources: &mut Sources,
    label: impl Into<Arc<str>>,
    text: impl Into<Arc<str>>,
) -> (SourceId, Arc<str>) {
    let source = sources.add(label, text);
    (source, Arc::clone(sources.text(source)))
}

fn extension(label: &str) -> Option<String> {
    let name = label.rsplit(['/', '\\']).next()?;
    name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase())
}

/// JSON begins with a bracket, but so may YAML: if a text is none of both, the findings about JSON are those to show.
fn guess(source: SourceId, text: &str, budget: &Budget, findings: &mut Findings) -> Vec<Document> {
    let content = text.trim_start_matches('\u{feff}').trim_start();
    if !content.starts_with(['{', '[']) {
        return yaml_documents(source, text, budget, findings);
    }
    let mut about_json = Findings::new();
    if let Some(document) = json_document(source, text, budget, &mut about_json) {
        findings.merge(about_json);
        return vec![document];
    }
    let mut about_yaml = Findings::new();
    let documents = yaml_documents(source, text, budget, &mut about_yaml);
    findings.merge(if about_yaml.has_errors() { about_json } else { about_yaml });
    documents
}

fn yaml_documents(
    source: SourceId,
    text: &str,
    budget: &Budget,
    findings: &mut Findings,
) -> Vec<Document> {
    if fits(source, text, budget, findings) {
        yaml::read(source, text, budget, findings)
    } else {
        Vec::new()
    }
}

fn json_document(
    source: SourceId,
    text: &str,
    budget: &Budget,
    findings: &mut Findings,
) -> Option<Document> {
    fits(source, text, budget, findings)
        .then(|| json::read(source, text, budget, findings))
        .flatten()
}

/// Offsets of a span have 32 bits, whatever the budget says.
fn fits(source: SourceId, text: &str, budget: &Budget, findings: &mut Findings) -> bool {
    let limit = budget.bytes.min(u32::MAX as usize);
    if text.len() <= limit {
        return true;
    }
    findings.push(
        Finding::new(
            &codes::TOO_LARGE,
            format!("the document has {} bytes, the limit is {limit}", text.len()),
        )
        .at(Span::start_of(source))
        .hide_source()
        .help("split it into several documents"),
    );
    false
}

fn not_text(label: &str, bytes: &[u8], valid: usize) -> Finding {
    let read = &bytes[..valid];
    let line_start = read.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = 1 + read.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + String::from_utf8_lossy(&read[line_start..]).chars().count();
    let guess = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "this is UTF-16; save the file as UTF-8",
        [0x1f, 0x8b, ..] => "this is compressed with gzip; unpack it first",
        [b'P', b'K', ..] => "this is a ZIP archive; unpack it first",
        _ => "save the file as UTF-8",
    };
    Finding::new(&codes::NOT_TEXT, format!("byte {} is not part of a text in UTF-8", valid + 1))
        .at(Origin::new(label, saturate(line), saturate(column)))
        .help(guess)
}

/// Hides the text around a syntax error if it looks as if a secret stood there: before the document has been read, nobody
/// can say which of its values are secrets.
fn keep_secrets(finding: Finding, text: &str, span: Span) -> Finding {
    const AROUND: usize = 200;
    const WORDS: [&str; 6] = ["secret", "passw", "passphrase", "private", "token", "-----begin"];
    let bytes = text.as_bytes();
    let near = &bytes
        [(span.start as usize).saturating_sub(AROUND)..bytes.len().min(span.end as usize + AROUND)];
    let near = String::from_utf8_lossy(near).to_ascii_lowercase();
    let has_word = WORDS.iter().any(|word| near.contains(word));
    let has_key = near
        .split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '='))
        .any(|run| run.len() >= 32);
    if has_word || has_key { finding.hide_source() } else { finding }
}

fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
