//! What a dialect must offer.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;

use config::{Document, Findings, Sources};
use model::Model;

use crate::files::Text;

/// One world of documents: which documents are its own, and what they mean.
pub trait Dialect: Send + Sync {
    /// The name in messages and in the interface, lower case.
    fn name(&self) -> &'static str;

    /// Whether a document is one of this dialect's, judged by its content alone. A document with
    /// mistakes is still recognised, so that its author is told about them in the right words.
    fn recognises(&self, document: &Document) -> bool;

    /// What a document of this dialect must have to be recognised, for a message:
    /// "`_format_version` at its top".
    fn mark(&self) -> &'static str;

    /// Whether the dialect serves without any document, because the operator asked for it by
    /// other means, for example an environment variable.
    fn stands_alone(&self) -> bool {
        false
    }

    /// Says in the model's words what the documents mean. Pure and total: no I/O, no time, no
    /// randomness; a mistake becomes a finding and takes nothing else with it.
    fn translate(&self, documents: &Documents<'_>) -> Translation;
}

/// The documents of one dialect, in the order in which they were read.
#[derive(Debug, Clone)]
pub struct Documents<'a> {
    /// The texts in which they stand.
    pub sources: &'a Sources,
    /// The documents.
    pub items: Vec<&'a Document>,
}

/// What documents mean.
#[derive(Default)]
pub struct Translation {
    /// As much as could be understood. Used only if no finding is an error.
    pub model: Model,
    /// What is to be said about the documents.
    pub findings: Findings,
    /// What the dialect's management API wants to know of them, kept with the revision. Made once
    /// the documents run, and only then: it may take memory and time.
    pub view: Option<LateView>,
}

/// A dialect's own view of its documents. Only the dialect knows the type.
pub type View = Arc<dyn Any + Send + Sync>;

/// A view that is still to be made.
pub type LateView = Box<dyn FnOnce() -> View + Send>;

/// The dialects that take part, made from the settings that hold at the time.
#[derive(Default)]
pub struct Introduction {
    /// The dialects; of several that recognise a document the first gets it.
    pub dialects: Vec<Box<dyn Dialect>>,
    /// What is to be said about the settings. An error keeps everything as it was.
    pub findings: Findings,
    /// The texts that the findings point into.
    pub sources: Sources,
    /// Files and folders that the settings name. One that the command line gives too is read once.
    pub paths: Vec<PathBuf>,
    /// Documents that stand in the settings themselves.
    pub texts: Vec<Text>,
}
