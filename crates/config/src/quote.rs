//! Parts of documents in messages.

/// The most characters that [`quote`] shows.
const SHOWN: usize = 60;

/// A piece of a document for use in a message: in backticks, on one line, and cut if it is long.
///
/// Control characters and characters that change the direction of text are escaped, so that a document can neither
/// steer the terminal it is shown on nor look like something else.
///
/// ```
/// assert_eq!(config::quote("orders"), "`orders`");
/// assert_eq!(config::quote("a\nb\u{1b}[2J"), "`a\\nb\\u{1b}[2J`");
/// ```
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("`");
    for (index, character) in text.chars().enumerate() {
        if index == SHOWN {
            quoted.push('…');
            break;
        }
        if must_be_escaped(character) {
            quoted.extend(character.escape_default());
        } else {
            quoted.push(character);
        }
    }
    quoted.push('`');
    quoted
}

/// Whether a character would not be seen as itself: controls, line and paragraph separators, and the marks of Unicode
/// Standard Annex #9 that change the direction of text.
pub(crate) fn must_be_escaped(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        let quoted = quote(&"x".repeat(1_000_000));
        assert_eq!(quoted.chars().count(), SHOWN + 3);
        assert!(quoted.ends_with("…`"));
    }

    #[test]
    fn direction_marks_are_shown() {
        assert_eq!(quote("admin\u{202e}"), "`admin\\u{202e}`");
    }
}
