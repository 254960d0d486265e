//! Differences from the recording that are meant, each with the section that gives its reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::compare::Difference;
use super::folder;

/// The page on which every accepted difference has its reason.
const PAGE: &str = "docs/kong-differences.md";

/// `data/kong/accepted.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Accepted {
    cases: BTreeMap<String, Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The heading on the page under which the reason stands.
    section: String,
    /// The paths that may differ: the start of each path, as differences show it.
    paths: Vec<String>,
}

impl Accepted {
    /// # Panics
    /// If the file is not what it should be, or names a section that the page does not have.
    pub(super) fn load() -> Self {
        let text = fs::read_to_string(folder().join("accepted.json")).expect("accepted.json");
        let accepted: Self = serde_json::from_str(&text).expect("accepted.json is well-formed");
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PAGE);
        let page = fs::read_to_string(page).unwrap_or_default();
        for (case, entry) in &accepted.cases {
            assert!(
                page.lines().any(|line| heading(line) == Some(&entry.section)),
                "accepted.json: {case} is explained under `{}`, which is no heading of {PAGE}",
                entry.section
            );
        }
        accepted
    }

    /// Whether something in a case is meant to differ.
    pub(super) fn names(&self, case: &str) -> bool {
        self.cases.contains_key(case)
    }

    /// The differences that are not accepted, and those that were accepted in vain.
    pub(super) fn judge(&self, case: &str, differences: Vec<Difference>) -> Vec<Difference> {
        let Some(entry) = self.cases.get(case) else { return differences };
        let covers = |path: &String, d: &Difference| d.path.starts_with(path.as_str());
        let idle = entry.paths.iter().filter(|path| !differences.iter().any(|d| covers(path, d)));
        let idle: Vec<_> = idle
            .map(|path| Difference::new(path, "the difference that accepted.json names", "none"))
            .collect();
        let mut left = differences;
        left.retain(|d| !entry.paths.iter().any(|path| covers(path, d)));
        left.extend(idle);
        left
    }
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    (text.len() < line.len()).then(|| text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(paths: &[&str]) -> Accepted {
        let entry = Entry {
            section: "Paths".into(),
            paths: paths.iter().map(|p| (*p).to_owned()).collect(),
        };
        Accepted { cases: [("t/c".to_owned(), entry)].into() }
    }

    #[test]
    fn accepts_what_it_names_and_nothing_else() {
        let differences = || {
            ["response.status", "upstream_saw.count"].map(|p| Difference::new(p, "1", "2")).to_vec()
        };
        let left = accepted(&["response."]).judge("t/c", differences());
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].path, "upstream_saw.count");
        assert_eq!(accepted(&["response."]).judge("t/other", differences()).len(), 2);
    }

    #[test]
    fn complains_of_what_differs_no_more() {
        assert_eq!(accepted(&["response."]).judge("t/c", Vec::new()).len(), 1);
    }

    #[test]
    fn finds_headings() {
        assert_eq!(heading("## Request paths"), Some("Request paths"));
        assert_eq!(heading("Request paths"), None);
    }
}
