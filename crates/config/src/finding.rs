//! What is to be said about a document.

use std::fmt;
use std::sync::Arc;

use crate::{Code, Origin, Sources, Span};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Note,
    /// Works, but surely not as meant, or not for long.
    Warning,
    /// The document cannot be used.
    Error,
}

/// Where a finding points.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// A place in a text that is still at hand.
    Span(Span),
    /// A place whose text may be gone, or an object of an API.
    Origin(Origin),
    /// A file or folder as a whole, whether or not it was read.
    File(Arc<str>),
}

/// Something to be said about a document: what, where, why and how to mend it.
///
/// Built in steps; only code and message are needed:
///
/// ```
/// use config::{Finding, Origin, codes};
///
/// let finding = Finding::new(&codes::CONFLICT, "two routes answer the same request")
///     .at(Origin::new("b.yml", 4, 7))
///     .label("the same path again")
///     .also(Origin::new("a.yml", 9, 7), "first here")
///     .help("give one of them a longer path");
/// assert!(finding.is_error());
/// ```
///
/// Parts of documents that stand in a message should go through [`quote`](crate::quote).
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// Where it is.
    pub place: Option<Place>,
    /// What is to be said at the place itself.
    pub label: Option<String>,
    /// Other places that it is about.
    pub related: Vec<Related>,
    /// How to mend it.
    pub help: Option<String>,
    /// A text that would mend it.
    pub suggestion: Option<Suggestion>,
    /// Whether the text of the documents must not be shown.
    pub source_hidden: bool,
}

/// A second place that a finding is about.
#[derive(Debug, Clone)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What is there.
    pub label: String,
}

/// A text that would mend the document.
#[derive(Debug, Clone)]
pub struct Suggestion {
    /// What to replace.
    pub span: Span,
    /// What to write there.
    pub replacement: String,
}

impl Finding {
    /// A finding with the severity that is usual for its code, and without a place.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity,
            message: message.into(),
            place: None,
            label: None,
            related: Vec::new(),
            help: None,
            suggestion: None,
            source_hidden: false,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn at(mut self, place: impl Into<Place>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// What is to be said at the place itself; a few words.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// A second place, in the same document or in another one, and what is there.
    #[must_use]
    pub fn also(mut self, place: impl Into<Place>, label: impl Into<String>) -> Self {
        self.related.push(Related { place: place.into(), label: label.into() });
        self
    }

    /// How to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A text that would mend it, for editors to offer. A reader sees [`help`](Self::help), so say it there too.
    #[must_use]
    pub fn suggest(mut self, span: Span, replacement: impl Into<String>) -> Self {
        self.suggestion = Some(Suggestion { span, replacement: replacement.into() });
        self
    }

    /// Changes the severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Never shows the text of the document with this finding, because a secret may stand there.
    ///
    /// To blot out single values wherever their lines are shown, see [`Findings::redact`].
    #[must_use]
    pub fn hide_source(mut self) -> Self {
        self.source_hidden = true;
        self
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The code, the message and, where the text is not needed for it, the place.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: {}", self.severity, self.code.code, self.message)?;
        match &self.place {
            Some(Place::Origin(origin)) => write!(f, " ({origin})"),
            Some(Place::File(path)) => write!(f, " ({path})"),
            Some(Place::Span(span)) => write!(f, " (line {}, column {})", span.line, span.column),
            None => Ok(()),
        }
    }
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Place {
    /// The place in a form that needs no text.
    pub fn origin(&self, sources: &Sources) -> Origin {
        match self {
            Place::Span(span) => sources.origin(*span),
            Place::Origin(origin) => origin.clone(),
            Place::File(path) => Origin::document(Arc::clone(path)),
        }
    }
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Place::Span(span)
    }
}

impl From<Origin> for Place {
    fn from(origin: Origin) -> Self {
        Place::Origin(origin)
    }
}

impl From<&Origin> for Place {
    fn from(origin: &Origin) -> Self {
        Place::Origin(origin.clone())
    }
}
