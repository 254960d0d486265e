//! What a client sends: `hmac username="…", algorithm="…", headers="…", signature="…"`
//! (draft-cavage-http-signatures, with a scheme of its own).

/// The parameters, as they stand in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Credentials<'a> {
    pub(super) username: &'a str,
    pub(super) algorithm: &'a str,
    /// Names of what is signed, separated by blanks.
    pub(super) headers: &'a str,
    /// Base64.
    pub(super) signature: &'a str,
}

/// Whether a header's value is of the scheme.
pub(super) fn is_of_scheme(value: &[u8]) -> bool {
    parameters(value).is_some()
}

/// Reads a header's value; `None` if it is not of the scheme, or does not hold each of the four
/// parameters once.
pub(super) fn read(value: &[u8]) -> Option<Credentials<'_>> {
    let mut rest = std::str::from_utf8(parameters(value)?).ok()?.trim_ascii();
    let [mut username, mut algorithm, mut headers, mut signature] = [None; 4];
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = after.strip_prefix('"')?.split_once('"')?;
        let place = match name.trim_ascii() {
            "username" => &mut username,
            "algorithm" => &mut algorithm,
            "headers" => &mut headers,
            "signature" => &mut signature,
            _ => return None,
        };
        // Of two, readers could pick different ones.
        if place.replace(value).is_some() {
            return None;
        }
        rest = after.trim_ascii();
        rest = match rest.strip_prefix(',') {
            Some(more) => Some(more.trim_ascii()).filter(|more| !more.is_empty())?,
            None => Some(rest).filter(|rest| rest.is_empty())?,
        };
    }
    Some(Credentials {
        username: username?,
        algorithm: algorithm?,
        headers: headers?,
        signature: signature?,
    })
}

fn parameters(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(SCHEME.len())?;
    let blank = rest.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    (scheme.eq_ignore_ascii_case(SCHEME) && blank).then_some(rest)
}

const SCHEME: &[u8] = b"hmac";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_may_stand_in_any_order() {
        let expected = Credentials {
            username: "al",
            algorithm: "hmac-sha256",
            headers: "date request-line",
            signature: "a+b/c==",
        };
        for value in [
            r#"hmac username="al", algorithm="hmac-sha256", headers="date request-line", signature="a+b/c==""#,
            r#"HMAC  signature="a+b/c==",username="al" ,headers="date request-line",  algorithm="hmac-sha256" "#,
        ] {
            assert_eq!(read(value.as_bytes()), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_is_incomplete_is_nothing() {
        for value in [
            "",
            "hmac",
            "hmac ",
            "hmac foo",
            "Basic Zm9v",
            r#"hmac username="al", algorithm="a", headers="date""#,
            r#"hmac username="al", username="bo", algorithm="a", headers="date", signature="s""#,
            r#"hmac username="al", algorithm="a", headers="date", signature="s", extra="1""#,
            r#"hmac username="al", algorithm="a", headers="date", signature="s","#,
            r#"hmac username="al" algorithm="a" headers="date" signature="s""#,
            r#"hmac username="al, algorithm=a"#,
        ] {
            assert_eq!(read(value.as_bytes()), None, "{value}");
        }
        assert!(is_of_scheme(b"hmac foo"));
        assert!(!is_of_scheme(b"hmacs foo"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(value in "hmac [a-z=\", \u{e9}]{0,40}") {
            let _ = read(value.as_bytes());
        }
    }
}
