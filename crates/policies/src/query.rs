//! Arguments of a request's query.

use std::borrow::Cow;

use url::form_urlencoded;

/// The values of an argument by its decoded name, decoded, in order. Names are case-sensitive.
pub(crate) fn values<'a>(query: &'a str, name: &str) -> impl Iterator<Item = Cow<'a, [u8]>> {
    form_urlencoded::parse(query.as_bytes()).filter(move |(key, _)| key == name).map(
        |(_, value)| match value {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
    )
}

/// The query without the arguments by these names, all else byte for byte as it was; `None` if
/// there is no such argument.
pub(crate) fn without(query: &str, names: &[impl AsRef<str>]) -> Option<String> {
    let is_named = |argument: &str| {
        let (name, _) = form_urlencoded::parse(argument.as_bytes()).next().unwrap_or_default();
        names.iter().any(|unwanted| *unwanted.as_ref() == *name)
    };
    if !query.split('&').any(is_named) {
        return None;
    }
    let kept: Vec<&str> = query.split('&').filter(|argument| !is_named(argument)).collect();
    Some(kept.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        let all = |query, name| values(query, name).collect::<Vec<_>>();
        let expected: [&[u8]; 4] = [b"1", b"3 4", b"5", b""];
        assert_eq!(all("a=1&b=2&a=%33+4&%61=5&a", "a"), expected);
        assert!(all("A=1", "a").is_empty());
        assert!(all("", "a").is_empty());
    }

    #[test]
    fn what_stays_is_not_touched() {
        assert_eq!(without("x=1&k=2&y=%7E&k", &["k"]).as_deref(), Some("x=1&y=%7E"));
        assert_eq!(without("%6b=2", &["k"]).as_deref(), Some(""));
        assert_eq!(without("x=k&&kk=1", &["k"]), None);
        assert_eq!(without("a=1&b=2&c=3", &["c", "a"]).as_deref(), Some("b=2"));
    }
}
