//! I1: a dialect's words do not occur in the crates of the middle.

use super::Problem;
use crate::workspace::Workspace;

/// The crates of the middle. Where dialects disagree, the disagreement is data in them.
const NEUTRAL: &[&str] =
    &["config", "model", "filter", "policies", "hosts", "dataplane", "control"];

/// Words of the dialects, lower case. What starts with one counts, in any case, joined to other
/// words or not.
const WORDS: &[&str] = &[
    "ambassador",
    "amzn",
    "apigateway",
    "apigw",
    "emissary",
    "getambassador",
    "gloo",
    "kong",
    "konnect",
];

pub(super) fn check(workspace: &Workspace, problems: &mut Vec<Problem>) {
    let neutral = workspace.members.iter().filter(|m| NEUTRAL.contains(&m.name.as_str()));
    for file in neutral.flat_map(|m| workspace.files_of(m)) {
        if let Some(word) = file.to_str().and_then(dialect_word) {
            problems.push(Problem::file(file, format!("`{word}` is a dialect's word (I1)")));
        }
        let Some(text) = workspace.read(file) else { continue };
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = dialect_word(line) {
                problems.push(Problem::line(
                    file,
                    number + 1,
                    format!(
                        "`{word}` is a dialect's word and does not belong into this crate (I1)"
                    ),
                ));
            }
        }
    }
}

/// The first word of a text that is a dialect's.
fn dialect_word(text: &str) -> Option<&str> {
    words(text).find(|word| {
        let word = word.to_ascii_lowercase();
        WORDS.iter().any(|w| word.starts_with(w))
    })
}

/// The words of a text, of `snake_case` and of `CamelCase`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphabetic()).flat_map(|run| {
        let bytes = run.as_bytes();
        let mut starts: Vec<usize> = (1..bytes.len())
            .filter(|&i| bytes[i].is_ascii_uppercase() && bytes[i - 1].is_ascii_lowercase())
            .collect();
        starts.insert(0, 0);
        let ends: Vec<usize> = starts[1..].iter().copied().chain([run.len()]).collect();
        starts.into_iter().zip(ends).map(|(start, end)| &run[start..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_words_however_they_are_joined() {
        for text in [
            "x-kong-request-id",
            "KONG_PREFIX",
            "struct KongRoute",
            "fromAmbassador",
            "x-amzn-trace",
        ] {
            assert!(dialect_word(text).is_some(), "{text}");
        }
    }

    #[test]
    fn leaves_other_words_alone() {
        for text in ["igloo", "hongkong", "x-amz-date", "", "a kin of ours"] {
            assert_eq!(dialect_word(text), None, "{text}");
        }
    }
}
