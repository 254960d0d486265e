//! Names that must be unique, and references to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Finding, Findings, Place, codes, did_you_mean, quote};

/// The objects of one kind by their names.
///
/// ```
/// use config::{Findings, Names, Origin};
///
/// let (mut services, mut findings) = (Names::new("service"), Findings::new());
/// services.define(&"orders".into(), Origin::new("a.yml", 2, 9), 1, &mut findings);
/// services.define(&"orders".into(), Origin::new("b.yml", 7, 9), 2, &mut findings);
/// assert_eq!(services.find("orders", Origin::new("b.yml", 9, 9), &mut findings), Some(&1));
/// assert_eq!(services.find("order", Origin::new("b.yml", 12, 9), &mut findings), None);
/// let codes: Vec<_> = findings.iter().map(|finding| finding.code.name).collect();
/// assert_eq!(codes, ["name-taken", "unknown-reference"]);
/// ```
#[derive(Debug)]
pub struct Names<T> {
    kind: &'static str,
    by_name: BTreeMap<Arc<str>, (Place, T)>,
}

impl<T> Names<T> {
    /// No names of a `kind`, such as `service`.
    pub fn new(kind: &'static str) -> Self {
        Self { kind, by_name: BTreeMap::new() }
    }

    /// Gives an object its name. If the name is taken, that is a finding, and the first object keeps it.
    pub fn define(
        &mut self,
        name: &Arc<str>,
        place: impl Into<Place>,
        object: T,
        findings: &mut Findings,
    ) {
        let place = place.into();
        if let Some((first, _)) = self.by_name.get(name) {
            findings.push(
                Finding::new(
                    &codes::NAME_TAKEN,
                    format!("two {}s are called {}", self.kind, quote(name)),
                )
                .at(place)
                .label("again here")
                .also(first.clone(), "first here")
                .help("rename or remove one of the two"),
            );
            return;
        }
        self.by_name.insert(Arc::clone(name), (place, object));
    }

    /// The object that is called `name`. If there is none, that is a finding at `place`, where the name is used.
    pub fn find(&self, name: &str, place: impl Into<Place>, findings: &mut Findings) -> Option<&T> {
        if let Some((_, object)) = self.by_name.get(name) {
            return Some(object);
        }
        let message = format!("there is no {} called {}", self.kind, quote(name));
        let finding = Finding::new(&codes::UNKNOWN_REFERENCE, message).at(place);
        findings.push(match did_you_mean(name, self.by_name.keys().map(AsRef::as_ref)) {
            Some(near) => {
                let finding = finding.label(format!("did you mean {}?", quote(near)));
                match self.by_name.get(near) {
                    Some((place, _)) => finding.also(place.clone(), "this one is there"),
                    None => finding,
                }
            }
            None => finding
                .label("not found")
                .help(format!("define the {}, or correct the name", self.kind)),
        });
        None
    }

    /// The object that is called `name`, without a finding if there is none.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.by_name.get(name).map(|(_, object)| object)
    }

    /// All names and objects, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &T)> {
        self.by_name.iter().map(|(name, (_, object))| (name, object))
    }
}
