//! The codes of all crates that make findings.

use config::Code;

/// Every code, in the order of the numbers.
pub(crate) fn all() -> Vec<Code> {
    let catalogues = [config::CATALOGUE, control::CATALOGUE, kong::CATALOGUE];
    let mut codes = catalogues.concat();
    codes.sort_by_key(|code| code.code);
    codes
}

/// The code by its number (`TRI0102`, in any case) or its name (`unknown-field`).
pub(crate) fn find(text: &str) -> Option<Code> {
    all().into_iter().find(|code| code.code.eq_ignore_ascii_case(text) || code.name == text)
}

/// Whether a text looks like the number of a code: `TRI` and digits.
pub(crate) fn looks_like_one(text: &str) -> bool {
    let (head, digits) = text.split_at_checked(3).unwrap_or_default();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    head.eq_ignore_ascii_case("TRI") && is_number
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_and_names_are_used_once() {
        let codes = all();
        let numbers: BTreeSet<_> = codes.iter().map(|code| code.code).collect();
        let names: BTreeSet<_> = codes.iter().map(|code| code.name).collect();
        assert_eq!((numbers.len(), names.len()), (codes.len(), codes.len()));
        assert!(numbers.iter().all(|number| looks_like_one(number)));
    }

    #[test]
    fn a_code_is_found_by_number_and_by_name() {
        assert_eq!(find("tri0301"), Some(&control::NO_SUCH_PATH));
        assert_eq!(find("no-such-path"), Some(&control::NO_SUCH_PATH));
        assert_eq!(find("TRI"), None);
    }

    #[test]
    fn what_a_number_looks_like() {
        assert!(looks_like_one("TRI0301") && looks_like_one("tri9"));
        assert!(!looks_like_one("TRI") && !looks_like_one("TRACE") && !looks_like_one("GÉT1"));
    }
}
