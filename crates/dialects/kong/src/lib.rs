//! Kong's documents, management API, translation and voice.
//! Never imports: any other dialect, `dataplane`, `hosts`.

pub mod entities;
pub mod settings;
