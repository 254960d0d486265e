//! The canonical form of a path.

use std::borrow::Cow;

use model::{EncodedSlash, PathRules};

use super::{CLASS, Class, escape_value, is_unreserved, push_escaped};
use super::{split_piece, without_parameters};

/// Why a path is refused. Each is answered with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not in origin form (RFC 9112 section 3.2.1).
    #[error("the path does not start with `/`")]
    NotAbsolute,
    /// `%` without two hexadecimal digits (RFC 3986 section 2.1).
    #[error("the path holds a `%` that is not followed by two hexadecimal digits")]
    InvalidEscape,
    /// `%00`: ends the path for software that works with C strings.
    #[error("the path holds an encoded NUL")]
    Nul,
    /// A raw space, control byte or DEL (RFC 9112 section 3.2: no whitespace in a target).
    #[error("the path holds a space or a control byte")]
    Control,
    /// A raw `\`, which some servers take for a slash.
    #[error("the path holds a backslash")]
    Backslash,
    /// A `?` or `#`: these end a path, and a fragment is never sent (RFC 9112 section 3.2).
    #[error("the path holds `?` or `#`")]
    Delimiter,
    /// `%2F` where the listener's rules forbid it.
    #[error("the path holds an encoded slash, which this listener refuses")]
    EncodedSlash,
    /// More `..` than segments before them.
    #[error("the path leads above the root")]
    AboveRoot,
    /// A segment that a server which decodes, or drops parameters, would take for `.` or `..`:
    /// `..%2F`, `..%5C`, `..;x`.
    #[error("the path hides `.` or `..` behind an encoded slash or a parameter")]
    HiddenDots,
    /// A segment that consists of parameters only, with others behind it: `/;x/a`.
    #[error("the path hides an empty segment behind a parameter")]
    HiddenEmpty,
}

/// Writes the canonical form of `raw`, a path without its query, to `out`, whose content it
/// replaces (RFC 3986 section 6.2.2).
///
/// Escapes of unreserved characters are decoded, all others written in upper case; characters
/// that may not stand in a path are escaped; `.` and `..` are resolved; with
/// [`PathRules::merge_slashes`] neighbouring slashes count as one before that. The result's
/// canonical form is the result itself.
///
/// # Errors
///
/// A path that a later reader could take for another one is refused, see [`Refused`]; `out`
/// is then of no use.
pub fn normalise(raw: &str, rules: PathRules, out: &mut String) -> Result<(), Refused> {
    out.clear();
    if !raw.starts_with('/') {
        return Err(Refused::NotAbsolute);
    }
    if is_canonical(raw) {
        out.push_str(raw);
        return Ok(());
    }
    out.reserve(raw.len());
    rebuild(&raw[1..], rules, out)
}

/// The canonical spelling of a literal piece of a path: for the patterns that canonical paths are
/// compared with. Nothing is refused and nothing resolved: `.` and slashes stay as they are.
pub(crate) fn canonical_literal(text: &str) -> Cow<'_, str> {
    let plain =
        |byte: &u8| matches!(CLASS[usize::from(*byte)], Class::Plain | Class::Slash | Class::Lead);
    if text.as_bytes().iter().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        match escape_value(rest) {
            Some(value) => {
                push_value(value, &mut out);
                rest = &rest[3..];
                continue;
            }
            None if plain(byte) || *byte == b'%' => out.push(char::from(*byte)),
            None => push_escaped(*byte, &mut out),
        }
        rest = tail;
    }
    Cow::Owned(out)
}

/// Whether a path that starts with `/` is canonical. May say no where it is.
fn is_canonical(path: &str) -> bool {
    let mut after_slash = false;
    for byte in path.bytes() {
        match CLASS[usize::from(byte)] {
            Class::Plain => after_slash = false,
            Class::Slash if !after_slash => after_slash = true,
            Class::Lead if !after_slash => {}
            _ => return false,
        }
    }
    true
}

/// Writes the segments of a path, given without its first slash.
fn rebuild(path: &str, rules: PathRules, out: &mut String) -> Result<(), Refused> {
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let start = out.len();
        out.push('/');
        push_segment(segment, rules.encoded_slash, out)?;
        match &out[start + 1..] {
            "." => out.truncate(start),
            ".." => {
                out.truncate(start);
                out.truncate(out.rfind('/').ok_or(Refused::AboveRoot)?);
            }
            "" if rules.merge_slashes && !is_last => {
                out.truncate(start);
                continue;
            }
            written => {
                judge(written, is_last)?;
                continue;
            }
        }
        // RFC 3986 section 5.2.4: `/a/.` is `/a/`, `/a/b/..` is `/a/`.
        if is_last {
            out.push('/');
        }
    }
    Ok(())
}

fn push_segment(segment: &str, slash: EncodedSlash, out: &mut String) -> Result<(), Refused> {
    let mut rest = segment.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match CLASS[usize::from(*byte)] {
            Class::Plain | Class::Slash | Class::Lead => out.push(char::from(*byte)),
            Class::Escaped => push_escaped(*byte, out),
            Class::Percent => {
                let [high, low, tail @ ..] = rest else { return Err(Refused::InvalidEscape) };
                rest = tail;
                match escape_value(&[b'%', *high, *low]).ok_or(Refused::InvalidEscape)? {
                    0 => return Err(Refused::Nul),
                    b'/' if slash == EncodedSlash::Refuse => return Err(Refused::EncodedSlash),
                    value => push_value(value, out),
                }
            }
            Class::Delimiter => return Err(Refused::Delimiter),
            Class::Backslash => return Err(Refused::Backslash),
            Class::Control => return Err(Refused::Control),
        }
    }
    Ok(())
}

/// The one spelling of a byte that was escaped.
fn push_value(value: u8, out: &mut String) {
    if is_unreserved(value) {
        out.push(char::from(value));
    } else {
        push_escaped(value, out);
    }
}

/// Refuses a segment that a less careful reader would split or shorten to another one.
fn judge(segment: &str, is_last: bool) -> Result<(), Refused> {
    let mut rest = segment;
    loop {
        let (piece, tail) = split_piece(rest);
        let name = without_parameters(piece);
        // A whole segment `.` or `..` never comes here: it has been resolved.
        if matches!(name, "." | "..") {
            return Err(Refused::HiddenDots);
        }
        if name.is_empty() && !piece.is_empty() && !(is_last && tail.is_empty()) {
            return Err(Refused::HiddenEmpty);
        }
        if tail.is_empty() {
            return Ok(());
        }
        rest = &tail["%2F".len()..];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MERGE: PathRules = PathRules { merge_slashes: true, encoded_slash: EncodedSlash::Keep };
    const KEEP: PathRules = PathRules { merge_slashes: false, encoded_slash: EncodedSlash::Keep };

    fn with(rules: PathRules, raw: &str) -> Result<String, Refused> {
        let mut out = String::from("left over");
        normalise(raw, rules, &mut out).map(|()| out)
    }

    #[track_caller]
    fn check(rules: PathRules, cases: &[(&str, &str)]) {
        for (raw, canonical) in cases {
            assert_eq!(with(rules, raw).as_deref(), Ok(*canonical), "{raw}");
        }
    }

    #[test]
    fn what_is_canonical_stays() {
        let paths = ["/", "/a", "/a/b/", "/a(b)", "/a+b", "/a;c=1/b", "/v1.2/x.y", "/@:!$&'()*,="];
        for path in paths {
            assert!(is_canonical(path), "{path}");
            check(MERGE, &[(path, path)]);
        }
        check(
            MERGE,
            &[("/a%20b%2Fc", "/a%20b%2Fc"), ("/...", "/..."), ("/.well-known/x", "/.well-known/x")],
        );
    }

    #[test]
    fn escapes_have_one_spelling() {
        check(
            MERGE,
            &[
                ("/fo%6F", "/foo"),
                ("/%7euser", "/~user"),
                ("/a%2bb%2fc", "/a%2Bb%2Fc"),
                ("/%e4%bd%a0", "/%E4%BD%A0"),
                ("/你", "/%E4%BD%A0"),
                ("/{a}|\"<>^`", "/%7Ba%7D%7C%22%3C%3E%5E%60"),
                ("/%2561dmin", "/%2561dmin"),
            ],
        );
    }

    #[test]
    fn dots_are_resolved() {
        check(
            MERGE,
            &[
                ("/a/./b", "/a/b"),
                ("/a/.", "/a/"),
                ("/a/b/..", "/a/"),
                ("/a/..", "/"),
                ("/a/../b/", "/b/"),
                ("/a/%2e%2E/b", "/b"),
                ("/.", "/"),
                ("/./", "/"),
                // RFC 3986 section 5.2.4.
                ("/a/b/c/./../../g", "/a/g"),
            ],
        );
    }

    #[test]
    fn slashes_are_merged_before_dots_are_resolved() {
        check(
            MERGE,
            &[("//", "/"), ("//a", "/a"), ("/a//", "/a/"), ("/a//../b", "/b"), ("/a/.//b", "/a/b")],
        );
        check(
            KEEP,
            &[
                ("//", "//"),
                ("//a", "//a"),
                ("/a//", "/a//"),
                ("/a//../b", "/a/b"),
                ("/.//a", "//a"),
            ],
        );
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        let cases = [
            ("", Refused::NotAbsolute),
            ("*", Refused::NotAbsolute),
            ("a/b", Refused::NotAbsolute),
            ("/a/%zz", Refused::InvalidEscape),
            ("/a%2", Refused::InvalidEscape),
            ("/a%", Refused::InvalidEscape),
            ("/a%+1", Refused::InvalidEscape),
            ("/a%00", Refused::Nul),
            ("/a b", Refused::Control),
            ("/a\tb", Refused::Control),
            ("/a\u{7f}", Refused::Control),
            ("/a\\b", Refused::Backslash),
            ("/a#b", Refused::Delimiter),
            ("/a?b", Refused::Delimiter),
            ("/..", Refused::AboveRoot),
            ("/a/../../b", Refused::AboveRoot),
            ("/a/%2e%2e%2fb", Refused::HiddenDots),
            ("/a/x%2f.%2fb", Refused::HiddenDots),
            ("/a/..;x/b", Refused::HiddenDots),
            ("/a/.;/b", Refused::HiddenDots),
            ("/a/;x/b", Refused::HiddenEmpty),
            ("/a/;x%2Fb", Refused::HiddenEmpty),
        ];
        for (raw, refused) in cases {
            assert_eq!(with(MERGE, raw), Err(refused), "{raw}");
        }
        check(MERGE, &[("/a/;jsessionid=1", "/a/;jsessionid=1"), ("/a..%2Fb", "/a..%2Fb")]);
    }

    #[test]
    fn encoded_slashes_can_be_refused() {
        let rules = PathRules { encoded_slash: EncodedSlash::Refuse, ..MERGE };
        assert_eq!(with(rules, "/a%2fb"), Err(Refused::EncodedSlash));
        assert_eq!(with(rules, "/a%5Cb").as_deref(), Ok("/a%5Cb"));
    }

    /// Each line: the case, the path as sent, and its canonical form or the reason of refusal.
    #[test]
    fn security_cases_hold() {
        let cases = include_str!("../../tests/data/path-confusion.tsv");
        let mut seen = 0;
        for line in cases.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            let [id, raw, expected] = fields[..] else { panic!("three fields: {line}") };
            let got = with(MERGE, raw).unwrap_or_else(|refused| format!("{refused:?}"));
            assert_eq!(got, expected, "{id}: {raw}");
            seen += 1;
        }
        assert_eq!(seen, 23);
    }

    #[test]
    fn literals_of_patterns_take_the_same_spelling() {
        assert_eq!(canonical_literal("/a(b)/.x"), "/a(b)/.x");
        assert_eq!(canonical_literal("/a b/{c}/%7e%2f%4"), "/a%20b/%7Bc%7D/~%2F%4");
        assert_eq!(canonical_literal("/ü\\d?"), "/%C3%BC%5Cd%3F");
    }

    fn raw_paths() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("/"),
            Just("//"),
            Just("."),
            Just(".."),
            Just("%2e"),
            Just("%2F"),
            Just("%5c"),
            Just("%61"),
            Just("%25"),
            Just(";"),
            Just("a"),
            Just("B~"),
            Just("ü"),
            Just("{"),
            Just("%C3"),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
    }

    fn rules() -> impl Strategy<Value = PathRules> {
        (any::<bool>(), any::<bool>()).prop_map(|(merge_slashes, keep)| PathRules {
            merge_slashes,
            encoded_slash: if keep { EncodedSlash::Keep } else { EncodedSlash::Refuse },
        })
    }

    proptest! {
        #[test]
        fn nothing_panics(raw in any::<String>(), rules in rules()) {
            let _ = with(rules, &raw);
            let _ = with(rules, &format!("/{raw}"));
            let _ = canonical_literal(&raw);
        }

        #[test]
        fn the_canonical_form_is_its_own(raw in raw_paths(), rules in rules()) {
            if let Ok(once) = with(rules, &raw) {
                prop_assert_eq!(with(rules, &once), Ok(once.clone()));
                prop_assert_eq!(canonical_literal(&once), once.as_str());
            }
        }

        #[test]
        fn canonical_paths_are_safe(raw in raw_paths(), rules in rules()) {
            if let Ok(path) = with(rules, &raw) {
                prop_assert!(path.starts_with('/') && path.is_ascii());
                prop_assert!(!rules.merge_slashes || !path.contains("//"));
                let decoded = path.replace("%2F", "/").replace("%5C", "/");
                for segment in decoded.split('/') {
                    prop_assert!(!matches!(without_parameters(segment), "." | ".."), "{}", path);
                }
            }
        }

        #[test]
        fn the_fast_path_agrees_with_the_slow_one(raw in raw_paths(), rules in rules()) {
            let mut slow = String::new();
            if is_canonical(&raw) {
                prop_assert_eq!(rebuild(&raw[1..], rules, &mut slow), Ok(()));
                prop_assert_eq!(slow, raw);
            }
        }
    }
}
