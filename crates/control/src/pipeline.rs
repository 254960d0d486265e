//! From texts to a model: read, recognise, translate, merge, check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use config::{Budget, Document, Finding, Findings, Origin, Sources};
use model::Model;

use crate::files::{self, Text};
use crate::{Dialect, Documents, Introduction, LateView, codes};

/// What a gateway is configured from.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    /// From files, in order.
    pub files: Vec<Text>,
    /// What was said about the files.
    pub findings: Findings,
    /// From management APIs, by the name of the dialect.
    pub posted: BTreeMap<&'static str, Text>,
    /// Which of the two counts for a dialect that has both.
    pub precedence: Precedence,
}

/// Which documents of a dialect count if it has some from files and some from its API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precedence {
    /// Those from files: they were read again after the others came.
    #[default]
    Files,
    /// Those from the API.
    Posted,
}

impl Texts {
    /// The texts of files and folders, see [`files`].
    pub fn from_paths(paths: &[PathBuf]) -> Self {
        let collected = files::collect(paths);
        Self { files: collected.texts, findings: collected.findings, ..Self::default() }
    }

    /// The texts of the given files and folders, and then those that the settings name or hold.
    pub fn gather(paths: &[PathBuf], introduction: &Introduction) -> Self {
        let mut texts = Self::from_paths(&all_paths(paths, introduction));
        texts.files.extend(introduction.texts.iter().cloned());
        texts
    }
}

/// The given files and folders, and then those that the settings name and that are others.
pub fn all_paths(given: &[PathBuf], introduction: &Introduction) -> Vec<PathBuf> {
    let resolved = |path: &PathBuf| fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    let mut taken: BTreeSet<PathBuf> = given.iter().map(resolved).collect();
    let named = introduction.paths.iter().filter(|path| taken.insert(resolved(path)));
    let named: Vec<PathBuf> = named.cloned().collect();
    given.iter().cloned().chain(named).collect()
}

/// What came of the texts.
#[derive(Default)]
pub struct Build {
    /// What the documents mean. To be used only if no finding is an error.
    pub model: Model,
    /// What is to be said.
    pub findings: Findings,
    /// The texts that the findings point into.
    pub sources: Sources,
    /// The views of the dialects that took part, by name.
    pub views: BTreeMap<&'static str, LateView>,
    /// What was read, in order, by label.
    pub documents: Vec<Arc<str>>,
}

/// Reads texts and translates them. Every mistake becomes a finding; what is sound beside it is
/// still looked at, so that one run finds all mistakes.
pub fn build(introduction: &Introduction, texts: &Texts) -> Build {
    let mut build = Build {
        sources: introduction.sources.clone(),
        findings: introduction.findings.clone(),
        ..Build::default()
    };
    build.findings.merge(texts.findings.clone());
    let dialects = &introduction.dialects;
    let files: Vec<_> =
        texts.files.iter().flat_map(|text| build.read(text, &Budget::FILES)).collect();
    let posted: BTreeMap<_, _> = texts
        .posted
        .iter()
        .map(|(dialect, text)| (*dialect, build.read(text, &Budget::NETWORK)))
        .collect();
    let mut shares = build.deal(dialects, &files);
    for (dialect, share) in dialects.iter().zip(&mut shares) {
        let posted = posted.get(dialect.name());
        let files_count = texts.precedence == Precedence::Files && !share.is_empty();
        if let Some(posted) = posted.filter(|_| !files_count) {
            *share = posted.iter().collect();
        }
        build.translate(dialect.as_ref(), std::mem::take(share));
    }
    if !build.findings.has_errors() {
        build.check();
    }
    build
}

impl Build {
    /// The documents of a text, without the empty ones that a YAML stream may have.
    fn read(&mut self, text: &Text, budget: &Budget) -> Vec<Document> {
        let Text { label, text } = text;
        self.documents.push(Arc::clone(label));
        let (sources, findings) = (&mut self.sources, &mut self.findings);
        let before = findings.len();
        let mut documents =
            config::read_auto(sources, Arc::clone(label), Arc::clone(text), budget, findings);
        documents.retain(|document| !document.root.is_null());
        if documents.is_empty() && findings.len() == before {
            let message = format!("nothing stands in `{label}`");
            let origin = Origin::document(Arc::clone(label));
            findings.push(Finding::new(&codes::EMPTY_FILE, message).at(origin));
        }
        documents
    }

    /// Gives every document to the dialect that knows it.
    fn deal<'d>(
        &mut self,
        dialects: &[Box<dyn Dialect>],
        documents: &'d [Document],
    ) -> Vec<Vec<&'d Document>> {
        let mut shares = vec![Vec::new(); dialects.len()];
        for document in documents {
            match dialects.iter().position(|dialect| dialect.recognises(document)) {
                Some(owner) => shares[owner].push(document),
                None => self.unrecognised(document, dialects),
            }
        }
        shares
    }

    fn unrecognised(&mut self, document: &Document, dialects: &[Box<dyn Dialect>]) {
        let marks =
            dialects.iter().map(|dialect| format!("{} has {}", dialect.name(), dialect.mark()));
        let marks: Vec<_> = marks.collect();
        let what = document.root.kind_name();
        let message = format!("this is {what}, but no configuration that is known here");
        let finding = Finding::new(&codes::UNRECOGNISED, message)
            .at(document.root.head())
            .help(format!("a document of {}", marks.join("; one of ")));
        self.findings.push(finding);
    }

    fn translate(&mut self, dialect: &dyn Dialect, items: Vec<&Document>) {
        if items.is_empty() && !dialect.stands_alone() {
            return;
        }
        let documents = Documents { sources: &self.sources, items };
        let translation = dialect.translate(&documents);
        self.model.merge(translation.model);
        self.findings.merge(translation.findings);
        if let Some(view) = translation.view {
            self.views.insert(dialect.name(), view);
        }
    }

    fn check(&mut self) {
        if self.model.listeners.is_empty() {
            let message = "there is no document and nothing else that asks for an open port";
            self.findings.push(Finding::new(&codes::NOTHING_TO_SERVE, message));
        }
        for defect in model::check(&self.model) {
            let mut finding = Finding::new(&codes::INCONSISTENT, defect.message).at(defect.origin);
            if let Some(other) = defect.other {
                finding = finding.also(other, "the other one");
            }
            self.findings.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Words, introduction};

    fn texts(files: &[(&str, &str)]) -> Texts {
        let text =
            |(label, text): &(&str, &str)| Text { label: (*label).into(), text: (*text).into() };
        Texts { files: files.iter().map(text).collect(), ..Texts::default() }
    }

    fn codes(build: &Build) -> Vec<&'static str> {
        build.findings.iter().map(|finding| finding.code.name).collect()
    }

    fn words(build: &mut Build, dialect: &str) -> Vec<String> {
        let view = build.views.remove(dialect).expect("the dialect took part")();
        view.downcast::<Words>().expect("it is its view").0.clone()
    }

    #[test]
    fn documents_go_to_the_dialect_that_knows_them_in_order() {
        let texts = texts(&[("a.yml", "red: 1\n---\nblue: 2\n"), ("b.json", "{\"red\": \"3\"}")]);
        let mut build = build(&introduction(&["red", "blue"]), &texts);
        assert_eq!(codes(&build), [""; 0]);
        assert_eq!(
            (words(&mut build, "red"), words(&mut build, "blue")),
            (vec!["1".into(), "3".into()], vec!["2".into()])
        );
        assert_eq!(build.model.listeners.len(), 2);
    }

    #[test]
    fn every_mistake_is_found_at_once() {
        let texts = texts(&[
            ("a.yml", "green: 1\n"),
            ("b.yml", "# nothing\n"),
            ("c.yml", "red: [\n"),
            ("d.yml", "red: bad\n"),
        ]);
        let build = build(&introduction(&["red"]), &texts);
        let mut found = codes(&build);
        found.sort_unstable();
        assert_eq!(found, ["bad-word", "empty-file", "invalid-yaml", "unrecognised-document"]);
    }

    #[test]
    fn empty_documents_beside_others_are_passed_over() {
        let build =
            build(&introduction(&["red"]), &texts(&[("a.yml", "---\nred: 1\n---\n# end\n")]));
        assert_eq!(codes(&build), [""; 0]);
    }

    #[test]
    fn nothing_to_serve_is_an_error() {
        let build = build(&introduction(&["red"]), &texts(&[]));
        assert_eq!(codes(&build), ["nothing-to-serve"]);
    }

    #[test]
    fn two_documents_that_want_one_address_conflict() {
        let build = build(&introduction(&["red", "red"]), &texts(&[("a.yml", "red: 1\n")]));
        assert_eq!(codes(&build), [""; 0]);
        let mut twice = introduction(&["red", "blue"]);
        twice.dialects[1] = Box::new(crate::testing::Colour { name: "blue", port: 1 });
        let build = super::build(&twice, &texts_of_both());
        assert_eq!(codes(&build), ["inconsistent"]);
    }

    #[test]
    fn what_the_settings_name_is_read_once_and_what_they_hold_comes_last() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = |name: &str| {
            fs::write(folder.path().join(name), "red: 1\n").expect("written");
            folder.path().join(name)
        };
        let given = [file("b.yml")];
        let mut settings = introduction(&["red"]);
        settings.paths = vec![folder.path().join("./b.yml"), file("a.yml")];
        settings.texts = vec![Text { label: "the settings".into(), text: "red: 2".into() }];
        let texts = Texts::gather(&given, &settings);
        let labels: Vec<_> = texts.files.iter().map(|text| text.label.to_string()).collect();
        let path = |name: &str| folder.path().join(name).display().to_string();
        assert_eq!(labels, [path("b.yml"), path("a.yml"), "the settings".to_owned()]);
        assert!(texts.findings.is_empty());
    }

    fn texts_of_both() -> Texts {
        texts(&[("a.yml", "red: 1\n"), ("b.yml", "blue: 1\n")])
    }

    #[test]
    fn what_came_later_counts() {
        let mut texts = texts_of_both();
        let posted = Text { label: "the API".into(), text: "red: 7".into() };
        texts.posted.insert("red", posted);
        let dialects = introduction(&["red", "blue"]);
        assert_eq!(words(&mut build(&dialects, &texts), "red"), ["1"]);
        texts.precedence = Precedence::Posted;
        let mut posted = build(&dialects, &texts);
        assert_eq!(
            (words(&mut posted, "red"), words(&mut posted, "blue")),
            (vec!["7".into()], vec!["1".into()])
        );
        texts.files.remove(0);
        texts.precedence = Precedence::Files;
        assert_eq!(words(&mut build(&dialects, &texts), "red"), ["7"]);
    }
}
