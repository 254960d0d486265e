//! Regular expressions: judged when routes are compiled, built when a request first needs them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use regex::bytes::{Captures, Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Where a match must begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Anchor {
    /// Begins where the text begins. For paths.
    Start,
    /// Is the whole text. For hosts.
    Whole,
    /// Anywhere in the text. For values.
    None,
}

/// A regular expression that is built on first use. Matching takes time linear in the text.
#[derive(Debug)]
pub(super) struct Pattern {
    text: Box<str>,
    built: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Judges an expression, and anchors it. Also returns the literal bytes that every match
    /// begins with, as far as they are text.
    ///
    /// # Errors
    ///
    /// The expression is malformed, or needs more memory than [`SIZE_LIMIT`].
    pub(super) fn parse(text: &str, anchor: Anchor) -> Result<(Self, String), String> {
        let hir = parse(text, anchor != Anchor::None).map_err(|error| error.to_string())?;
        let mut literal = Vec::new();
        push_literal(&hir, &mut literal);
        let cost = cost(&hir);
        let pattern =
            Self { text: anchored(hir, anchor).to_string().into(), built: OnceLock::new() };
        if cost > LAZY_COST {
            let built = pattern.build().map_err(|error| error.to_string())?;
            pattern.built.get_or_init(|| Some(built));
        }
        Ok((pattern, String::from_utf8(literal).unwrap_or_default()))
    }

    /// Where the match ends, if there is one.
    pub(super) fn find(&self, text: &[u8]) -> Option<usize> {
        self.regex()?.find(text).map(|found| found.end())
    }

    /// Whether there is a match.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    /// What the groups captured.
    pub(super) fn captures<'t>(&self, text: &'t [u8]) -> Option<Captures<'t>> {
        self.regex()?.captures(text)
    }

    fn regex(&self) -> Option<&Regex> {
        let built = self.built.get_or_init(|| {
            let built = self.build();
            built
                .inspect_err(|error| tracing::error!(%error, "a judged pattern does not build"))
                .ok()
        });
        built.as_ref()
    }

    fn build(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.text).size_limit(SIZE_LIMIT).dfa_size_limit(CACHE_LIMIT).build()
    }
}

/// Patterns by their text: equal ones are kept once.
#[derive(Default)]
pub(super) struct Patterns<'a> {
    known: HashMap<(&'a str, Anchor), (Arc<Pattern>, String), foldhash::fast::RandomState>,
}

impl<'a> Patterns<'a> {
    /// The pattern of this text, and its literal beginning, see [`Pattern::parse`].
    pub(super) fn intern(
        &mut self,
        text: &'a str,
        anchor: Anchor,
    ) -> Result<(Arc<Pattern>, String), String> {
        if let Some(known) = self.known.get(&(text, anchor)) {
            return Ok(known.clone());
        }
        let (pattern, literal) = Pattern::parse(text, anchor)?;
        let pattern = (Arc::new(pattern), literal);
        self.known.insert((text, anchor), pattern.clone());
        Ok(pattern)
    }
}

/// Paths and hosts are ASCII: there the ASCII meaning of `\w` and the like matches the same, with
/// tables a hundred times smaller. An expression that names Unicode classes is read with them.
fn parse(text: &str, is_ascii: bool) -> Result<Hir, Box<regex_syntax::Error>> {
    let with = |unicode| {
        let mut parser = ParserBuilder::new().utf8(false).unicode(unicode).build();
        parser.parse(text).map_err(Box::new)
    };
    if is_ascii && let Ok(hir) = with(false) {
        return Ok(hir);
    }
    with(true)
}

fn anchored(hir: Hir, anchor: Anchor) -> Hir {
    match anchor {
        Anchor::Start => Hir::concat(vec![Hir::look(Look::Start), hir]),
        Anchor::Whole => Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]),
        Anchor::None => hir,
    }
}

/// Adds the literal bytes that every match of an anchored expression begins with. Says whether
/// these are all that the expression matches, so that what follows it may add to them.
fn push_literal(hir: &Hir, out: &mut Vec<u8>) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Look(Look::Start) if out.is_empty() => true,
        HirKind::Literal(literal) => {
            out.extend_from_slice(&literal.0);
            true
        }
        HirKind::Capture(capture) => push_literal(&capture.sub, out),
        HirKind::Concat(parts) => parts.iter().all(|part| push_literal(part, out)),
        HirKind::Look(_) | HirKind::Class(_) | HirKind::Repetition(_) | HirKind::Alternation(_) => {
            false
        }
    }
}

/// About how many states an expression compiles to.
fn cost(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        // A range of characters becomes several of bytes.
        HirKind::Class(Class::Unicode(class)) => class.ranges().len().saturating_mul(4),
        HirKind::Capture(capture) => cost(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(cost).fold(parts.len(), usize::saturating_add)
        }
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1));
            cost(&repetition.sub).saturating_add(1).saturating_mul(times as usize)
        }
    }
}

/// Bytes that an expression may take once built: the `regex` crate's own default, so that what a
/// dialect has checked with it can be built here.
const SIZE_LIMIT: usize = 10 << 20;

/// Bytes that the matching of one expression may cache, per thread.
const CACHE_LIMIT: usize = 256 << 10;

/// An expression that costs more is built at once, to see whether it stays within [`SIZE_LIMIT`].
/// Far below: a state takes less than 100 bytes.
const LAZY_COST: usize = 20_000;

#[cfg(test)]
impl Pattern {
    /// Bytes on the heap until the expression is built.
    pub(super) fn heap_size(&self) -> usize {
        size_of::<Self>() + 2 * size_of::<usize>() + self.text.len().next_multiple_of(16) + 16
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str, anchor: Anchor) -> Pattern {
        Pattern::parse(text, anchor).expect("a valid expression").0
    }

    fn literal(text: &str) -> String {
        Pattern::parse(text, Anchor::Start).expect("a valid expression").1
    }

    #[test]
    fn paths_match_from_their_start() {
        let find = |text, path: &str| pattern(text, Anchor::Start).find(path.as_bytes());
        assert_eq!(find("/foo", "/foobar"), Some(4));
        assert_eq!(find("/foo", "/x/foo"), None);
        assert_eq!(find("/foo$", "/foobar"), None);
        assert_eq!(find("/a|/b", "/x/b"), None);
        assert_eq!(find("/a|/b", "/b/x"), Some(2));
        assert_eq!(find("(?i)/FOO", "/foo"), Some(4));
        assert_eq!(find("(?x) /a # comment", "/ab"), Some(2));
        assert_eq!(find(r"/\w+?/", "/ab/c"), Some(4));
        assert_eq!(find(r"/[^/]+", "/a%2Fb/c"), Some(6));
        assert_eq!(find(r"/\p{Greek}*x", "/x"), Some(2));
    }

    #[test]
    fn hosts_match_whole() {
        let regex = pattern("a|ab", Anchor::Whole);
        assert!(regex.is_match(b"ab") && regex.is_match(b"a") && !regex.is_match(b"abc"));
    }

    #[test]
    fn groups_keep_their_names() {
        let regex = pattern(r"/item/(?<id>\d+)/(.*)", Anchor::Start);
        let captures = regex.captures(b"/item/42/x").expect("it matches");
        assert_eq!(captures.name("id").map(|group| group.as_bytes()), Some(&b"42"[..]));
        assert_eq!(captures.get(2).map(|group| group.as_bytes()), Some(&b"x"[..]));
    }

    #[test]
    fn literal_beginnings_are_found() {
        assert_eq!(literal(r"/users/\d+$"), "/users/");
        assert_eq!(literal("/a/b"), "/a/b");
        assert_eq!(literal("^/a/b$"), "/a/b");
        assert_eq!(literal("/ab*"), "/a");
        assert_eq!(literal("/(v1)/(x|y)"), "/v1/");
        assert_eq!(literal("(?i)/a"), "/");
        assert_eq!(literal("/a|/b"), "");
        assert_eq!(literal(r"/a\.b"), "/a.b");
        assert_eq!(literal(""), "");
    }

    #[test]
    fn bad_and_huge_expressions_are_refused() {
        assert!(Pattern::parse("/(", Anchor::Start).is_err());
        assert!(Pattern::parse("/a)(?:b", Anchor::Start).is_err());
        assert!(Pattern::parse(r"/(?=a)", Anchor::Start).is_err());
        let error = Pattern::parse("(a{1000}){1000}", Anchor::Start).expect_err("too big");
        assert!(error.contains("size limit"), "{error}");
        let (built, _) = Pattern::parse("[a-z]{1,1000}[b-x]{1,300}{1,40}", Anchor::Start)
            .expect("big, but not too big");
        assert!(built.built.get().is_some());
        let (lazy, _) = Pattern::parse(r"/[\w-]{1,64}", Anchor::Start).expect("small");
        assert!(lazy.built.get().is_none());
    }

    #[test]
    fn exponential_looking_expressions_stay_linear() {
        let regex = pattern("/(a+)+$", Anchor::Start);
        let path = format!("/{}b", "a".repeat(8000));
        assert_eq!(regex.find(path.as_bytes()), None);
    }

    fn expressions() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("a"),
            Just("b"),
            Just("/"),
            Just("."),
            Just(r"\w"),
            Just("[^/]"),
            Just("$"),
            Just("(?i:A)"),
            Just(r"\b"),
            Just("^"),
            Just("é"),
            Just("[^é]"),
        ]
        .prop_map(str::to_owned);
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(?:{a}|{b})")),
                (inner.clone(), prop_oneof![Just("*"), Just("+?"), Just("?"), Just("{1,2}")])
                    .prop_map(|(sub, times)| format!("({sub}){times}")),
            ]
        })
    }

    proptest! {
        /// A match that begins at the start is found exactly if the leftmost match is one, and
        /// begins with the literal.
        #[test]
        fn anchoring_changes_nothing_else(text in expressions(), path in "[abA/x]{0,8}") {
            let plain = regex::Regex::new(&text).expect("a valid expression");
            let expected = plain.find(&path).filter(|found| found.start() == 0).map(|found| found.end());
            let (anchored, literal) = Pattern::parse(&text, Anchor::Start).expect("a valid expression");
            prop_assert_eq!(anchored.find(path.as_bytes()), expected, "{}", anchored.text);
            prop_assert!(expected.is_none() || path.starts_with(&literal));

            let whole = regex::Regex::new(&format!("^(?:{text})$")).expect("a valid expression");
            let ours = pattern(&text, Anchor::Whole);
            prop_assert_eq!(ours.is_match(path.as_bytes()), whole.is_match(&path));
            prop_assert_eq!(pattern(&text, Anchor::None).is_match(path.as_bytes()), plain.is_match(&path));
        }
    }
}
