//! Kong's documents, management API, translation and voice.
//! Never imports: any other dialect, `dataplane`, `hosts`.

pub mod declarative;
pub mod entities;
pub mod schema;
pub mod settings;

config::catalogue! {
    /// The codes of this crate's findings.
    pub static CATALOGUE = declarative::codes::CODES, settings::codes::CODES;
}
