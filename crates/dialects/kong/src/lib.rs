//! Kong's documents, management API, translation and voice.
//! Never imports: any other dialect, `dataplane`, `hosts`.

pub mod admin;
pub mod declarative;
mod dialect;
pub mod entities;
pub mod schema;
pub mod settings;
mod tables;
mod translate;
mod voice;

pub use dialect::{Configuration, Kong, Options, RedisDefault};
pub use voice::VERSION;

config::catalogue! {
    /// The codes of this crate's findings.
    pub static CATALOGUE = declarative::codes::CODES, translate::codes::CODES, settings::codes::CODES;
}
