//! Lua patterns, in which Kong's schemas say what texts may look like.
//!
//! The whole language of the Lua 5.1 reference manual (section 5.4.1) is here: classes, sets,
//! `*`, `+`, `-`, `?`, anchors, captures, `%b`, `%f` and back references.

use std::fmt;

/// The most steps that one search may take. A pattern with several repetitions is slow on a long
/// text that nearly matches; what takes this long does not match.
const STEPS: u32 = 5_000_000;

/// The deepest nesting of repetitions and captures within a search.
const DEPTH: u32 = 200;

/// A Lua pattern.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Box<[u8]>);

impl Pattern {
    /// Whether the pattern is found anywhere in `text`; at its beginning, if it is anchored.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let (pattern, anchored) = match self.0.strip_prefix(b"^") {
            Some(rest) => (rest, true),
            None => (&*self.0, false),
        };
        let mut search = Search { text, pattern, captures: Vec::new(), steps: STEPS, depth: DEPTH };
        let last = if anchored { 0 } else { text.len() };
        (0..=last).any(|start| {
            search.captures.clear();
            search.run(start, 0).is_some()
        })
    }
}

impl Pattern {
    /// The pattern as it is written.
    pub(crate) fn source(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a pattern is made of a text")
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl<'de> serde::Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Ok(Self::from(&*text))
    }
}

struct Search<'t> {
    text: &'t [u8],
    pattern: &'t [u8],
    captures: Vec<Capture>,
    steps: u32,
    depth: u32,
}

#[derive(Clone, Copy)]
struct Capture {
    start: usize,
    /// `None` while the capture is open.
    end: Option<usize>,
}

impl Search<'_> {
    /// The end of the match of the pattern from `p` with the text from `s`.
    fn run(&mut self, s: usize, p: usize) -> Option<usize> {
        self.depth = self.depth.checked_sub(1)?;
        let end = self.run_items(s, p);
        self.depth += 1;
        end
    }

    fn run_items(&mut self, mut s: usize, mut p: usize) -> Option<usize> {
        loop {
            self.steps = self.steps.checked_sub(1)?;
            match (self.pattern.get(p), self.pattern.get(p + 1)) {
                (None, _) => return Some(s),
                (Some(b'('), _) => return self.open(s, p + 1),
                (Some(b')'), _) => return self.close(s, p + 1),
                (Some(b'$'), None) => return (s == self.text.len()).then_some(s),
                (Some(b'%'), Some(b'b')) => {
                    s = self.balanced(s, p + 2)?;
                    p += 4;
                }
                (Some(b'%'), Some(b'f')) => {
                    p += 2;
                    let end = self.item_end(p)?;
                    let before = if s == 0 { 0 } else { self.text[s - 1] };
                    let after = self.text.get(s).copied().unwrap_or(0);
                    if self.item_holds(before, p, end) || !self.item_holds(after, p, end) {
                        return None;
                    }
                    p = end;
                }
                (Some(b'%'), Some(digit)) if digit.is_ascii_digit() => {
                    s = self.back_reference(s, *digit)?;
                    p += 2;
                }
                _ => {
                    let end = self.item_end(p)?;
                    match self.pattern.get(end) {
                        Some(b'?') => {
                            if self.holds_at(s, p, end)
                                && let Some(found) = self.run(s + 1, end + 1)
                            {
                                return Some(found);
                            }
                            p = end + 1;
                        }
                        Some(b'+') => {
                            return self
                                .holds_at(s, p, end)
                                .then(|| self.longest(s + 1, p, end))
                                .flatten();
                        }
                        Some(b'*') => return self.longest(s, p, end),
                        Some(b'-') => return self.shortest(s, p, end),
                        _ if self.holds_at(s, p, end) => {
                            s += 1;
                            p = end;
                        }
                        _ => return None,
                    }
                }
            }
        }
    }

    fn longest(&mut self, s: usize, p: usize, end: usize) -> Option<usize> {
        let mut count = 0;
        while self.holds_at(s + count, p, end) {
            self.steps = self.steps.checked_sub(1)?;
            count += 1;
        }
        (0..=count).rev().find_map(|taken| self.run(s + taken, end + 1))
    }

    fn shortest(&mut self, mut s: usize, p: usize, end: usize) -> Option<usize> {
        loop {
            if let Some(found) = self.run(s, end + 1) {
                return Some(found);
            }
            if !self.holds_at(s, p, end) {
                return None;
            }
            s += 1;
        }
    }

    fn open(&mut self, s: usize, p: usize) -> Option<usize> {
        // `()` captures a position, which is an empty text as far as matching goes.
        let (end, p) =
            if self.pattern.get(p) == Some(&b')') { (Some(s), p + 1) } else { (None, p) };
        self.captures.push(Capture { start: s, end });
        let found = self.run(s, p);
        if found.is_none() {
            self.captures.pop();
        }
        found
    }

    fn close(&mut self, s: usize, p: usize) -> Option<usize> {
        let open = self.captures.iter().rposition(|capture| capture.end.is_none())?;
        self.captures[open].end = Some(s);
        let found = self.run(s, p);
        if found.is_none() {
            self.captures[open].end = None;
        }
        found
    }

    fn back_reference(&self, s: usize, digit: u8) -> Option<usize> {
        let capture = self.captures.get(usize::from(digit.checked_sub(b'1')?))?;
        let wanted = &self.text[capture.start..capture.end?];
        self.text[s..].starts_with(wanted).then_some(s + wanted.len())
    }

    fn balanced(&self, s: usize, p: usize) -> Option<usize> {
        let (open, close) = (*self.pattern.get(p)?, *self.pattern.get(p + 1)?);
        if self.text.get(s) != Some(&open) {
            return None;
        }
        let mut level = 1_usize;
        for (at, byte) in self.text.iter().enumerate().skip(s + 1) {
            if *byte == close {
                level -= 1;
                if level == 0 {
                    return Some(at + 1);
                }
            } else if *byte == open {
                level += 1;
            }
        }
        None
    }

    /// Where the single-character item at `p` ends.
    fn item_end(&self, p: usize) -> Option<usize> {
        match self.pattern.get(p)? {
            b'%' => (p + 2 <= self.pattern.len()).then_some(p + 2),
            b'[' => {
                // A `]` right after the opening stands for itself.
                let mut at = if self.pattern.get(p + 1) == Some(&b'^') { p + 2 } else { p + 1 };
                loop {
                    at += if self.pattern.get(at)? == &b'%' { 2 } else { 1 };
                    if self.pattern.get(at) == Some(&b']') {
                        return Some(at + 1);
                    }
                }
            }
            _ => Some(p + 1),
        }
    }

    fn holds_at(&self, s: usize, p: usize, end: usize) -> bool {
        self.text.get(s).is_some_and(|byte| self.item_holds(*byte, p, end))
    }

    fn item_holds(&self, byte: u8, p: usize, end: usize) -> bool {
        match self.pattern[p] {
            b'.' => true,
            b'%' => class_holds(byte, self.pattern[p + 1]),
            b'[' => set_holds(byte, &self.pattern[p + 1..end - 1]),
            literal => literal == byte,
        }
    }
}

fn set_holds(byte: u8, set: &[u8]) -> bool {
    let (set, wanted) = match set.strip_prefix(b"^") {
        Some(rest) => (rest, false),
        None => (set, true),
    };
    let mut at = 0;
    while at < set.len() {
        match set[at..] {
            [b'%', class, ..] => {
                if class_holds(byte, class) {
                    return wanted;
                }
                at += 2;
            }
            [low, b'-', high, ..] => {
                if (low..=high).contains(&byte) {
                    return wanted;
                }
                at += 3;
            }
            _ => {
                if set[at] == byte {
                    return wanted;
                }
                at += 1;
            }
        }
    }
    !wanted
}

fn class_holds(byte: u8, class: u8) -> bool {
    let holds = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b' ' | b'\t'..=b'\r'),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    holds != class.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> bool {
        Pattern::from(pattern).is_match(text)
    }

    #[test]
    fn anchors_bind_to_the_ends() {
        assert!(found("^%u+$", "GET"));
        assert!(!found("^%u+$", "GeT"));
        assert!(found("%u+", "xGETx"));
        assert!(!found("^b", "ab"));
        assert!(found("a$b", "a$b"));
    }

    #[test]
    fn sets_know_ranges_classes_and_brackets() {
        assert!(found("^[a-c%d_]+$", "ab_3c"));
        assert!(!found("^[^a-c]+$", "xbz"));
        assert!(found("^[]x]+$", "]x"));
        assert!(found("^[^%s*&%%\\`][^*&%%\\`]*[^%s*&%%\\`]$", "/tmp/a b.log"));
        assert!(!found("^[^%s*&%%\\`][^*&%%\\`]*[^%s*&%%\\`]$", " /tmp/a.log"));
        assert!(found("[Ll][Ee][nn]", "Length"));
    }

    #[test]
    fn repetitions_give_back_what_the_rest_needs() {
        assert!(found("^a*ab$", "aaab"));
        assert!(found("^[a-z][a-z%d-]-[a-z%d]+$", "my-vault"));
        assert!(!found("^[a-z][a-z%d-]-[a-z%d]+$", "my-vault-"));
        assert!(found("^https?$", "http"));
        assert!(found("^x-y$", "xxy"));
        assert!(!found("^a+$", ""));
    }

    #[test]
    fn captures_can_be_referred_to() {
        assert!(found("^(.)(.)%2%1$", "abba"));
        assert!(!found("^(.)(.)%2%1$", "abab"));
        assert!(found("^()a()$", "a"));
    }

    #[test]
    fn balanced_pairs_and_frontiers() {
        assert!(found("^f%b()$", "f(a(b)c)"));
        assert!(!found("^f%b()$", "f(a(b)c"));
        assert!(found("%f[%a]the%f[%A]", "in the middle"));
        assert!(!found("%f[%a]the%f[%A]", "in there"));
    }

    #[test]
    fn a_search_ends_although_the_pattern_is_slow() {
        let text = "a".repeat(200_000);
        assert!(!found("%w*%p*@+%w*%.?%w*", &text));
    }

    #[test]
    fn a_broken_pattern_matches_nothing() {
        for pattern in ["[a", "%", "a%", "(a", "%b", "a)", "%1"] {
            assert!(!found(pattern, "zzz"), "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_and_no_text_make_it_panic(pattern in ".{0,24}", text in ".{0,24}") {
            found(&pattern, &text);
        }
    }
}
