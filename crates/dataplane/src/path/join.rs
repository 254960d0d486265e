//! The path that an upstream sees.

use model::{PathJoin, PathRewrite};

use super::normalise::canonical_literal;
use super::{split_piece, without_parameters};

/// Writes the upstream's path for a canonical path of which the route matched the first
/// `matched` bytes to `out`, whose content it replaces.
///
/// The base is escaped where it needs to be. Stripping never makes the rest of the path climb
/// above the base: leading `.` and `..` segments of what remains (prefix `/a`, path `/a../b`)
/// are dropped, also those that a decoding server would take for such.
pub fn join(rewrite: &PathRewrite, path: &str, matched: usize, out: &mut String) {
    out.clear();
    let base = canonical_literal(&rewrite.base);
    let rest = path.get(matched..).unwrap_or_default();
    match (rewrite.strip, rewrite.join) {
        (true, PathJoin::Segments) => join_segments(&base, without_dots(rest), path, out),
        (true, PathJoin::Text) => join_text(&base, without_dots(rest), out),
        (false, PathJoin::Segments) if !base.ends_with('/') => {
            out.push_str(&base);
            if path != "/" {
                out.push_str(path);
            }
        }
        (false, _) => {
            out.push_str(&base);
            out.push_str(path.strip_prefix('/').unwrap_or(path));
        }
    }
}

fn join_segments(base: &str, rest: &str, path: &str, out: &mut String) {
    let open = base.strip_suffix('/').unwrap_or(base);
    out.push_str(open);
    if rest.starts_with('/') {
        out.push_str(rest);
    } else if !rest.is_empty() {
        out.push('/');
        out.push_str(rest);
    } else if open.is_empty() || path.ends_with('/') && (path.len() > 1 || open != base) {
        out.push('/');
    }
}

fn join_text(base: &str, rest: &str, out: &mut String) {
    out.push_str(base);
    let doubled = base.ends_with('/') && rest.starts_with('/');
    out.push_str(if doubled { &rest[1..] } else { rest });
}

/// The rest of a path without the `.` and `..` at its start that only came to be segments
/// because the bytes before them were cut off.
fn without_dots(mut rest: &str) -> &str {
    loop {
        let (piece, tail) = split_piece(rest);
        if !matches!(without_parameters(piece), "." | "..") {
            return rest;
        }
        rest = tail.strip_prefix('/').unwrap_or(tail);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(base: &str, strip: bool, join_as: PathJoin, path: &str, matched: usize) -> String {
        let rewrite = PathRewrite { base: base.into(), strip, join: join_as };
        let mut out = String::from("left over");
        join(&rewrite, path, matched, &mut out);
        out
    }

    /// What a real gateway was seen to send on.
    #[test]
    fn recorded_joins() {
        let cases = include_str!("../../tests/data/path-join.tsv");
        let mut seen = 0;
        for line in cases.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            let [base, route, strip, path, sent] = fields[..] else {
                panic!("five fields: {line}")
            };
            seen += 1;
            if sent == "-" {
                assert!(!path.starts_with(route), "{line}");
                continue;
            }
            let got = joined(base, strip == "strip", PathJoin::Segments, path, route.len());
            assert_eq!(got, sent, "{line}");
        }
        assert_eq!(seen, 164);
    }

    #[test]
    fn every_line_of_the_table() {
        let cases = [
            ("/", true, "/a", 2, "/"),
            ("/s/", true, "/a/", 3, "/s/"),
            ("/s/", true, "/", 1, "/s/"),
            ("/s/", true, "/a", 2, "/s"),
            ("/s/", true, "/a/x", 2, "/s/x"),
            ("/s/", true, "/ax", 2, "/s/x"),
            ("/s/", false, "/a/x", 2, "/s/a/x"),
            ("/s", true, "/a/", 3, "/s/"),
            ("/s", true, "/a", 2, "/s"),
            ("/s", true, "/", 1, "/s"),
            ("/s", true, "/a/x", 2, "/s/x"),
            ("/s", true, "/ax", 2, "/s/x"),
            ("/s", false, "/", 1, "/s"),
            ("/s", false, "/a", 1, "/s/a"),
        ];
        for (base, strip, path, matched, sent) in cases {
            let got = joined(base, strip, PathJoin::Segments, path, matched);
            assert_eq!(got, sent, "{base} {strip} {path} {matched}");
        }
    }

    #[test]
    fn text_joins_drop_one_of_two_slashes() {
        let text = |base, strip, path, matched| joined(base, strip, PathJoin::Text, path, matched);
        assert_eq!(text("/s/", true, "/a/x", 2), "/s/x");
        assert_eq!(text("/s", true, "/a/x", 2), "/s/x");
        assert_eq!(text("/s", true, "/ax", 2), "/sx");
        assert_eq!(text("/s", true, "/a", 2), "/s");
        assert_eq!(text("/s", false, "/a", 2), "/sa");
        assert_eq!(text("/s/", false, "/a", 2), "/s/a");
    }

    #[test]
    fn stripping_never_climbs() {
        let strip = |path, matched| joined("/s", true, PathJoin::Segments, path, matched);
        assert_eq!(strip("/a../b", 2), "/s/b");
        assert_eq!(strip("/a..", 2), "/s");
        assert_eq!(strip("/a./../b", 2), "/s/b");
        assert_eq!(strip("/a..;x/b", 2), "/s/b");
        assert_eq!(strip("/a..%2F..%5Cb", 2), "/s/%2F..%5Cb");
        assert_eq!(strip("/a...", 2), "/s/...");
    }

    #[test]
    fn bases_are_escaped() {
        assert_eq!(joined("/a b", true, PathJoin::Segments, "/x/y", 2), "/a%20b/y");
    }

    proptest! {
        /// No dot segment that is not in the base gets to the upstream, wherever the match ended.
        #[test]
        fn no_dots_come_to_be(
            path in "(/[a.;]{0,4}(%2F|%5C)?){1,5}",
            matched in 0usize..12,
            base in prop_oneof![Just("/"), Just("/s"), Just("/s/"), Just("/s.")],
            strip: bool,
        ) {
            let rules = model::PathRules { merge_slashes: true, encoded_slash: model::EncodedSlash::Keep };
            let mut canonical = String::new();
            if super::super::normalise(&path, rules, &mut canonical).is_ok() {
                let sent = joined(base, strip, PathJoin::Segments, &canonical, matched);
                prop_assert!(sent.starts_with('/'));
                prop_assert!(!sent.contains("//"), "{}", sent);
                for segment in sent.replace("%2F", "/").replace("%5C", "/").split('/') {
                    prop_assert!(!matches!(without_parameters(segment), "." | ".."), "{}", sent);
                }
            }
        }
    }
}
