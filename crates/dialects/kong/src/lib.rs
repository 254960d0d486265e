//! Kong's documents, management API, translation and voice.
//! Never imports: other dialects, `dataplane`, `hosts`.

pub mod entities;
