//! What a message speaks about.

use std::fmt;

use crate::quote;

/// Names a value for a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// A value that its reader named: `the service`.
    Named(&'a str),
    /// The value of a field: `` `port` of the service ``.
    Field { name: &'a str, owner: &'a str },
    /// An item of a list that is the value of a field: `` an item of `paths` of the service ``.
    Item { name: &'a str, owner: &'a str },
    /// An item of a list that its reader named: `an item of the routes`.
    ItemOf(&'a str),
    /// The value of a key of an object with keys of the writer's choice.
    Key(&'a str),
}

impl Subject<'_> {
    /// Names an item of this list.
    pub(crate) fn item(self) -> Self {
        match self {
            Subject::Field { name, owner } => Subject::Item { name, owner },
            Subject::Named(list) => Subject::ItemOf(list),
            Subject::Item { .. } | Subject::ItemOf(_) | Subject::Key(_) => {
                Subject::ItemOf("the list")
            }
        }
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Named(name) => write!(f, "the {name}"),
            Subject::Field { name, owner } => write!(f, "{} of the {owner}", quote(name)),
            Subject::Item { name, owner } => write!(f, "an item of {} of the {owner}", quote(name)),
            Subject::ItemOf(list) => write!(f, "an item of {list}"),
            Subject::Key(key) => write!(f, "the value of {}", quote(key)),
        }
    }
}
