//! Which word was meant.

/// The candidate that was most likely meant by `word`, if one is near enough to be worth a question.
///
/// Differences of case and of `-`, `_`, space and dot count for nothing, a final `s` for little.
///
/// ```
/// use config::did_you_mean;
///
/// let fields = ["paths", "strip_path", "hosts"];
/// assert_eq!(did_you_mean("Paths", fields), Some("paths"));
/// assert_eq!(did_you_mean("strip-path", fields), Some("strip_path"));
/// assert_eq!(did_you_mean("pahts", fields), Some("paths"));
/// assert_eq!(did_you_mean("timeout", fields), None);
/// ```
pub fn did_you_mean<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    // Nobody meant a field name by a text of this length, and the distance is quadratic in it.
    if word.len() > 100 {
        return None;
    }
    let wanted = fold(word);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| (distance(&wanted, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= tolerance(wanted.len().min(candidate.len())))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' ' | '.'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Swapped neighbours count as one edit, as typing does.
fn distance(wanted: &str, candidate: &str) -> usize {
    if candidate.len() > 2 * wanted.len() + 3 {
        return usize::MAX;
    }
    strsim::damerau_levenshtein(wanted, candidate)
}

fn tolerance(length: usize) -> usize {
    match length {
        0..=2 => 0,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_wins() {
        assert_eq!(did_you_mean("retires", ["retired", "retries"]), Some("retired"));
        assert_eq!(did_you_mean("retry", ["retries", "rate"]), None);
        assert_eq!(did_you_mean("path", ["paths", "path_handling"]), Some("paths"));
        assert_eq!(did_you_mean("connectTimeout", ["connect_timeout"]), Some("connect_timeout"));
    }

    #[test]
    fn short_words_are_not_guessed() {
        assert_eq!(did_you_mean("id", ["is", "ip"]), None);
        assert_eq!(did_you_mean("ID", ["id"]), Some("id"));
    }

    #[test]
    fn huge_words_cost_nothing() {
        assert_eq!(did_you_mean(&"a".repeat(1_000_000), ["a"]), None);
    }
}
