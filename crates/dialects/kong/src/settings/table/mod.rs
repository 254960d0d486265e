//! Every property of Kong 3.x, one row each. Settings are read, findings made, and the page
//! `docs/kong-settings.md` written from these rows; there is no other list.

mod datastore;
mod dns;
mod general;
mod hybrid;
mod manager;
mod nginx;
mod own;
mod runtime;

use super::property::Property;

/// A section of `kong.conf`.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Its title.
    pub title: &'static str,
    /// Its properties.
    pub properties: &'static [Property],
}

/// All sections.
pub const SECTIONS: &[Section] = &[
    general::SECTION,
    hybrid::SECTION,
    nginx::LISTENERS,
    nginx::TLS,
    nginx::BEHAVIOUR,
    nginx::INJECTED,
    datastore::SECTION,
    dns::SECTION,
    runtime::TUNING,
    runtime::EXTENSIONS,
    manager::SECTION,
    own::SECTION,
];

/// All properties.
pub fn properties() -> impl Iterator<Item = &'static Property> {
    SECTIONS.iter().flat_map(|section| section.properties)
}

/// The property of a name. A name that the user chose part of (`pluginserver_<name>_socket`) is
/// found under its pattern.
pub fn property(name: &str) -> Option<&'static Property> {
    properties().find(|property| match property.name.split_once("XXX") {
        None => property.name == name,
        Some((before, after)) => name
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|chosen| !chosen.is_empty()),
    })
}

/// Rows of a section: `name: Kind = "default", effect "what becomes of it" [harmless values];`.
macro_rules! rows {
    ($($name:ident: $kind:ident = $default:literal, $effect:ident $text:literal
        $([$($harmless:literal),+])?;)+) => {
        &[$($crate::settings::property::Property {
            name: stringify!($name),
            kind: $crate::settings::property::Kind::$kind,
            default: $default,
            effect: $crate::settings::property::Effect::$effect($text),
            harmless: &[$($($harmless),+)?],
        }),+]
    };
}
use rows;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Kong 3.10 has 213 properties; we have a few of our own.
    #[test]
    fn every_property_has_one_row() {
        let names: BTreeSet<_> = properties().map(|property| property.name).collect();
        assert_eq!(names.len(), properties().count(), "a name has two rows");
        assert_eq!(names.len(), 213 + own::SECTION.properties.len());
    }

    #[test]
    fn texts_read_as_sentences_in_a_table() {
        for property in properties() {
            let text = property.effect.text();
            assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text}", property.name);
            assert!(!text.contains('|'), "{}: a bar would end the table cell", property.name);
        }
    }

    #[test]
    fn chosen_names_are_found_under_their_pattern() {
        let found = property("pluginserver_go_socket").expect("a property");
        assert_eq!(found.name, "pluginserver_XXX_socket");
        assert_eq!(property("pluginserver__socket"), None);
        assert_eq!(property("pluginserver_names").expect("a property").name, "pluginserver_names");
    }
}
