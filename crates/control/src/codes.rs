//! The codes of findings about files (`TRI03xx`), whole models (`TRI04xx`) and what comes of
//! publishing one (`TRI05xx`).

mod files;
mod model;
mod runtime;

pub use files::*;
pub use model::*;
pub use runtime::*;

config::catalogue! {
    /// The codes of this crate.
    pub static CATALOGUE = files::CODES, model::CODES, runtime::CODES;
}
