//! The catalogue of finding codes: what each means and how to mend it.
//!
//! A crate declares its codes with [`codes!`](crate::codes!), one file an area, and joins them with
//! [`catalogue!`](crate::catalogue!). The ranges of numbers are
//!
//! | range | area |
//! |---|---|
//! | `TRI00xx` | document syntax and budgets |
//! | `TRI01xx` | typed reading |
//! | `TRI02xx` | references and conflicts |
//! | `TRI03xx` | command line and files |
//! | `TRI04xx` | model and policies |
//! | `TRI05xx` | listeners and runtime |
//! | `TRI1xxx` and up | one thousand for each dialect |
//!
//! A code is never given a new meaning, and the code of a finding that went away is not used again.

use std::fmt;

use crate::Severity;

mod reference;
mod syntax;
mod typed;

pub use reference::*;
pub use syntax::*;
pub use typed::*;

/// A code, by reference to its entry in the catalogue.
pub type Code = &'static CodeInfo;

/// The entry of a code in the catalogue; `Display` gives the page that `tripylon explain CODE` shows.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// The code itself, such as `TRI0101`.
    pub code: &'static str,
    /// A name in lower case with dashes, such as `unknown-field`.
    pub name: &'static str,
    /// The usual severity.
    pub severity: Severity,
    /// A short title, such as `unknown field`.
    pub title: &'static str,
    /// What the finding means, in whole sentences.
    pub means: &'static str,
    /// How to mend it, in whole sentences.
    pub mend: &'static str,
    /// A document, or a piece of one, that has this finding; best with the mended form beside it.
    pub example: &'static str,
}

crate::catalogue! {
    /// The codes of this crate.
    pub static CATALOGUE = syntax::CODES, typed::CODES, reference::CODES;
}

impl fmt::Display for CodeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} ({})\n", self.code, self.title, self.severity)?;
        writeln!(f, "{}\n", self.means)?;
        writeln!(f, "How to mend it\n\n{}\n", self.mend)?;
        writeln!(f, "Example\n")?;
        for line in self.example.lines() {
            writeln!(f, "    {line}")?;
        }
        Ok(())
    }
}

/// Declares the codes of one area as statics, and `CODES`, the list of them.
///
/// ```
/// mod codes {
///     config::codes! {
///         /// A door without a handle.
///         NO_HANDLE = {
///             code: "TRI9001",
///             name: "no-handle",
///             severity: Error,
///             title: "door without handle",
///             means: "The door cannot be opened.",
///             mend: "Add `handle`.",
///             example: "door: {}",
///         }
///     }
/// }
/// config::catalogue! {
///     /// The codes of this crate.
///     pub static CATALOGUE = codes::CODES;
/// }
///
/// assert_eq!(CATALOGUE[0], &codes::NO_HANDLE);
/// ```
#[macro_export]
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = {
        code: $code:literal,
        name: $slug:literal,
        severity: $severity:ident,
        title: $title:literal,
        means: $means:expr,
        mend: $mend:expr,
        example: $example:expr $(,)?
    })+) => {
        $(
            $(#[$doc])*
            pub static $name: $crate::CodeInfo = $crate::CodeInfo {
                code: $code,
                name: $slug,
                severity: $crate::Severity::$severity,
                title: $title,
                means: $means,
                mend: $mend,
                example: $example,
            };
        )+

        /// All codes of this area, in order.
        pub(crate) const CODES: &[$crate::Code] = &[$(&$name),+];
    };
}

/// Joins the `CODES` of several areas into the catalogue of a crate.
#[macro_export]
macro_rules! catalogue {
    ($(#[$doc:meta])* $visibility:vis static $name:ident = $($area:path),+ $(,)? $(;)?) => {
        $(#[$doc])*
        $visibility static $name: &[$crate::Code] = {
            const AREAS: &[&[$crate::Code]] = &[$($area),+];
            const COUNT: usize = $crate::codes::count(AREAS);
            const JOINED: [$crate::Code; COUNT] = $crate::codes::join(AREAS);
            &JOINED
        };
    };
}

#[doc(hidden)]
pub const fn count(areas: &[&[Code]]) -> usize {
    let (mut total, mut area) = (0, 0);
    while area < areas.len() {
        total += areas[area].len();
        area += 1;
    }
    total
}

/// # Panics
/// If `COUNT` is not [`count`] of the areas.
#[doc(hidden)]
pub const fn join<const COUNT: usize>(areas: &[&[Code]]) -> [Code; COUNT] {
    let mut joined = [areas[0][0]; COUNT];
    let (mut next, mut area) = (0, 0);
    while area < areas.len() {
        let mut index = 0;
        while index < areas[area].len() {
            joined[next] = areas[area][index];
            next += 1;
            index += 1;
        }
        area += 1;
    }
    joined
}
