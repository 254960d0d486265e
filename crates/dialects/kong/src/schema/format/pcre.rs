//! Whether PCRE would compile a regular expression, told without PCRE.
//!
//! What the `regex` crate understands, PCRE compiles too. What it does not understand may be an extension
//! of PCRE's (look-around, back references, atomic groups, …), so that is looked through for the
//! mistakes that PCRE refuses. An expression that gets past this is accepted, and judged again by
//! whatever runs it.

/// Why PCRE refuses an expression.
pub(super) struct Error {
    problem: &'static str,
    /// Byte offset at which PCRE noticed.
    at: usize,
}

impl Error {
    /// The error as Kong shows it.
    pub(super) fn text(&self, regex: &str) -> String {
        let Error { problem, at } = self;
        match regex.get(*at..) {
            Some(rest) if !rest.is_empty() => {
                format!("pcre2_compile() failed: {problem} in \"{regex}\" at \"{rest}\"")
            }
            _ => format!("pcre2_compile() failed: {problem} in \"{regex}\""),
        }
    }
}

/// Only reads the expression: building it takes a hundred times as long, and is left to whatever runs it.
pub(super) fn error(regex: &str) -> Option<Error> {
    if regex_syntax::parse(regex).is_ok() { None } else { find_mistake(regex.as_bytes()) }
}

fn find_mistake(regex: &[u8]) -> Option<Error> {
    let mistake = |problem, at| Some(Error { problem, at });
    let mut open_groups = 0_usize;
    // Whether a quantifier may come next.
    let mut repeatable = false;
    let mut at = 0;
    while at < regex.len() {
        let (length, now_repeatable) = match regex[at..] {
            [b'\\'] => return mistake("\\ at end of pattern", at + 1),
            [b'\\', ..] => (2, true),
            [b'[', ..] => match class_length(&regex[at..]) {
                Some(length) => (length, true),
                None => {
                    return mistake("missing terminating ] for character class", regex.len());
                }
            },
            [b'(', b'?' | b'*', ..] => {
                open_groups += 1;
                (2, false)
            }
            [b'(', ..] => {
                open_groups += 1;
                (1, false)
            }
            [b')', ..] if open_groups == 0 => {
                return mistake("unmatched closing parenthesis", at);
            }
            [b')', ..] => {
                open_groups -= 1;
                (1, true)
            }
            [b'|', ..] => (1, false),
            [b'*' | b'+' | b'?', ..] if !repeatable => {
                return mistake("quantifier does not follow a repeatable item", at + 1);
            }
            // Lazy and possessive quantifiers.
            [b'*' | b'+' | b'?', b'?' | b'+', ..] => (2, false),
            [b'*' | b'+' | b'?', ..] => (1, false),
            _ => (1, true),
        };
        at += length;
        repeatable = now_repeatable;
    }
    (open_groups > 0).then_some(Error { problem: "missing closing parenthesis", at: regex.len() })
}

fn class_length(class: &[u8]) -> Option<usize> {
    let mut at = if class.get(1) == Some(&b'^') { 2 } else { 1 };
    // A bracket right at the beginning stands for itself.
    if class.get(at) == Some(&b']') {
        at += 1;
    }
    while at < class.len() {
        match class[at..] {
            [b'\\', ..] => at += 2,
            [b'[', b':', ..] => {
                at +=
                    class[at..].windows(2).position(|pair| pair == b":]").map_or(1, |end| end + 2);
            }
            [b']', ..] => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(regex: &str) -> Option<String> {
        error(regex).map(|error| error.text(regex))
    }

    #[test]
    fn extensions_of_pcre_are_no_mistakes() {
        for regex in ["/a(?=b)", "(a)\\1", "(?>a+)b", "a++b", "(?<!x)y", "[[:alpha:]]+", "(?R)?"] {
            assert_eq!(said(regex), None, "{regex}");
        }
    }

    #[test]
    fn mistakes_are_shown_in_their_place() {
        for (regex, expected) in [
            ("/a(b", "missing closing parenthesis in \"/a(b\""),
            ("/a)b", "unmatched closing parenthesis in \"/a)b\" at \")b\""),
            ("/[a", "missing terminating ] for character class in \"/[a\""),
            ("*a", "quantifier does not follow a repeatable item in \"*a\" at \"a\""),
            ("a\\", "\\ at end of pattern in \"a\\\""),
        ] {
            assert_eq!(said(regex), Some(format!("pcre2_compile() failed: {expected}")));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_expression_makes_it_panic(regex in ".{0,24}") {
            said(&regex);
        }
    }
}
