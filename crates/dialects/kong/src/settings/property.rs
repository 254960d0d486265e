//! What a property of `kong.conf` is, and what becomes of it here.

use std::fmt;

/// A property of `kong.conf`, also an environment variable `KONG_<NAME>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property {
    /// Its name; `XXX` stands for a name that the user chose.
    pub name: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// Its value if nothing else is said; empty for none.
    pub default: &'static str,
    /// What becomes of it.
    pub effect: Effect,
    /// Values besides the default that need no remark, although the effect is one.
    pub harmless: &'static [&'static str],
}

/// What the value of a property looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `on`, `true` or `yes`; `off`, `false` or `no`.
    Bool,
    /// A decimal number.
    Number,
    /// Texts with commas between them.
    List,
    /// A text that must not be shown.
    Secret,
}

/// What becomes of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is understood; the text says what it does.
    Used(&'static str),
    /// It has no meaning here and nothing is lost; the text says why.
    Note(&'static str),
    /// It has no meaning here and something will be different; the text says why and what.
    Warning(&'static str),
    /// The gateway cannot do what it asks for; the text says why.
    Error(&'static str),
}

impl Effect {
    /// What the property does, or why it has no meaning.
    pub fn text(self) -> &'static str {
        match self {
            Self::Used(text) | Self::Note(text) | Self::Warning(text) | Self::Error(text) => text,
        }
    }
}

impl Property {
    /// The environment variable.
    pub fn variable(&self) -> String {
        format!("KONG_{}", self.name.to_uppercase())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Bool => "on/off",
            Self::Number => "number",
            Self::List => "list",
            Self::Secret => "secret",
        })
    }
}
