//! The syntax of `kong.conf`.

use std::collections::BTreeMap;

use config::{Finding, Findings, Origin, quote};

use super::Given;
use super::codes;

/// Where the `kong` command looks for `kong.conf` if it is not told, in this order. Without any of
/// them the defaults and the environment count.
pub const CONF_FILES: [&str; 2] = ["/etc/kong/kong.conf", "/etc/kong.conf"];

/// Reads the text of a `kong.conf`: `name = value` on each line, `#` starts a comment, `\#` is a
/// `#`. An empty value unsets the property.
pub(super) fn read(label: &str, text: &str, findings: &mut Findings) -> BTreeMap<String, Given> {
    let label: std::sync::Arc<str> = label.into();
    let mut given: BTreeMap<String, Given> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let content = without_comment(line);
        if content.trim().is_empty() {
            continue;
        }
        let at = |text: &str| Origin::new(label.clone(), number, column(line, text));
        let Some((name, value)) = content.split_once('=') else {
            findings.push(
                Finding::new(&codes::CONF_SYNTAX, "this line sets nothing: it has no `=`")
                    .at(at(content.trim()))
                    .help("write `name = value`, or start the line with `#`"),
            );
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        let origin = at(if value.is_empty() { name } else { value });
        let entry = Given { value: value.replace("\\#", "#"), origin };
        if let Some(first) = given.get(name) {
            findings.push(
                Finding::new(&codes::DUPLICATE_PROPERTY, format!("{} is set twice", quote(name)))
                    .at(&entry.origin)
                    .label("this value counts")
                    .also(&first.origin, "first here")
                    .help("remove one of the two lines"),
            );
        }
        given.insert(name.to_owned(), entry);
    }
    given
}

/// The line up to a `#` that no backslash precedes.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices('#').find(|(at, _)| !line[..*at].ends_with('\\'));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// The column of `part`, which is a piece of `line`, in characters from 1.
fn column(line: &str, part: &str) -> u32 {
    let start = (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
    u32::try_from(line.get(..start).unwrap_or_default().chars().count() + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> (Vec<String>, Vec<String>) {
        let mut findings = Findings::new();
        let given = read("kong.conf", text, &mut findings);
        let shown = |(name, given): (String, Given)| {
            let Origin { line, column, .. } = given.origin;
            format!("{line}:{column} {name}={}", given.value)
        };
        (given.into_iter().map(shown).collect(), findings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn comments_and_blanks_are_nothing() {
        let (values, findings) = values("# a\n\n   \n  # b = c\n prefix =  /opt/gateway  # why\n");
        assert_eq!(values, ["5:12 prefix=/opt/gateway"]);
        assert_eq!(findings, [""; 0]);
    }

    #[test]
    fn a_hash_may_be_escaped() {
        let (values, _) = values("pg_password = a\\#b#c\n");
        assert_eq!(values, ["1:15 pg_password=a#b"]);
    }

    #[test]
    fn values_may_hold_equals_signs_and_be_empty() {
        let (values, _) = values("a = x=1 y=2\nb =\n");
        assert_eq!(values, ["1:5 a=x=1 y=2", "2:1 b="]);
    }

    #[test]
    fn the_last_of_two_counts_and_lines_without_a_sign_are_errors() {
        let (values, findings) = values("a = 1\na = 2\nnonsense\n");
        assert_eq!(values, ["2:5 a=2"]);
        assert_eq!(
            findings,
            [
                "warning[TRI1502]: `a` is set twice (kong.conf:2:5)",
                "error[TRI1501]: this line sets nothing: it has no `=` (kong.conf:3:1)",
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "[a=# \\\\\\n\u{e9}\t]{0,40}") {
            values(&text);
        }
    }
}
