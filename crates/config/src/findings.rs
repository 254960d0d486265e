//! The findings of a reading, in one place.

use std::fmt;

use crate::{Finding, Place, Severity, SourceId, Sources, Span};

/// An ordered collection of findings, and of the secrets that must not be shown with them.
///
/// It works as an error too: `Display` gives one line a finding.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    items: Vec<Finding>,
    secrets: Vec<Span>,
}

impl Findings {
    /// No findings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.items.push(finding);
    }

    /// Takes over all findings and secrets of `other`.
    pub fn merge(&mut self, mut other: Findings) {
        self.items.append(&mut other.items);
        self.secrets.append(&mut other.secrets);
    }

    /// Marks a secret: wherever lines of the document are shown with a finding, its characters are blotted out.
    pub fn redact(&mut self, secret: Span) {
        self.secrets.push(secret);
    }

    /// The places marked by [`redact`](Self::redact).
    pub fn secrets(&self) -> &[Span] {
        &self.secrets
    }

    /// Whether the document cannot be used.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(Finding::is_error)
    }

    /// How many findings of one severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.items.iter().filter(|finding| finding.severity == severity).count()
    }

    /// How many findings there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The findings in the order in which they were made.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.items.iter()
    }

    /// The findings in the order in which a reader wants them: by document, then by place; what has no place comes first.
    ///
    /// Documents stand in the order in which they were read, and after them whatever is known by its name only.
    pub fn in_order<'a>(&'a self, sources: &Sources) -> Vec<&'a Finding> {
        let mut ordered: Vec<(SortKey<'a>, &Finding)> =
            self.items.iter().map(|finding| (SortKey::of(finding, sources), finding)).collect();
        ordered.sort_by(|(left, _), (right, _)| left.cmp(right));
        ordered.into_iter().map(|(_, finding)| finding).collect()
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SortKey<'a> {
    Nowhere,
    Source(SourceId, u32, u32),
    Named(&'a str, u32, u32),
}

impl<'a> SortKey<'a> {
    fn of(finding: &'a Finding, sources: &Sources) -> Self {
        match &finding.place {
            None => SortKey::Nowhere,
            Some(Place::Span(span)) => SortKey::Source(span.source, span.line, span.column),
            Some(Place::Origin(origin)) => match sources.find(&origin.document) {
                Some(source) => SortKey::Source(source, origin.line, origin.column),
                None => SortKey::Named(&origin.document, origin.line, origin.column),
            },
            Some(Place::File(path)) => match sources.find(path) {
                Some(source) => SortKey::Source(source, 0, 0),
                None => SortKey::Named(path, 0, 0),
            },
        }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.items.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            finding.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Findings {}

impl From<Finding> for Findings {
    fn from(finding: Finding) -> Self {
        Self { items: vec![finding], secrets: Vec::new() }
    }
}

impl Extend<Finding> for Findings {
    fn extend<I: IntoIterator<Item = Finding>>(&mut self, findings: I) {
        self.items.extend(findings);
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}
