//! A name and a password, as the `Basic` scheme writes them (RFC 7617 section 2).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// A name and a password, within the decoded text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credentials<'a> {
    pub(crate) name: &'a str,
    pub(crate) password: &'a [u8],
}

/// What a header's value says, decoded into `buffer`; `None` if it is not of the scheme, or names
/// nobody, or has no password.
pub(crate) fn read<'b>(
    scheme: &[u8],
    value: &[u8],
    buffer: &'b mut Vec<u8>,
) -> Option<Credentials<'b>> {
    buffer.clear();
    LENIENT.decode_vec(behind(scheme, value)?.trim_ascii(), buffer).ok()?;
    let colon = buffer.iter().position(|byte| *byte == b':')?;
    let (name, password) = (&buffer[..colon], &buffer[colon + 1..]);
    if name.is_empty() || password.is_empty() {
        return None;
    }
    Some(Credentials { name: std::str::from_utf8(name).ok()?, password })
}

/// Whether a header's value is of the scheme, whose name is compared without case.
pub(crate) fn is_of_scheme(scheme: &[u8], value: &[u8]) -> bool {
    behind(scheme, value).is_some()
}

fn behind<'v>(scheme: &[u8], value: &'v [u8]) -> Option<&'v [u8]> {
    let (name, rest) = value.split_at_checked(scheme.len())?;
    let blank = rest.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    (name.eq_ignore_ascii_case(scheme) && blank).then_some(rest)
}

/// Clients that leave the padding out are let in.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(value: &str) -> Option<(String, String)> {
        let mut buffer = Vec::new();
        let credentials = read(b"Basic", value.as_bytes(), &mut buffer)?;
        let password = String::from_utf8_lossy(credentials.password).into_owned();
        Some((credentials.name.to_owned(), password))
    }

    #[test]
    fn the_first_colon_ends_the_name() {
        let expected = Some(("al".to_owned(), "pass:word".to_owned()));
        for value in
            ["Basic YWw6cGFzczp3b3Jk", "basic YWw6cGFzczp3b3Jk", "BASIC  YWw6cGFzczp3b3Jk "]
        {
            assert_eq!(said(value), expected, "{value}");
        }
        let unpadded = Some(("al".to_owned(), "x".to_owned()));
        assert_eq!(said("Basic YWw6eA=="), unpadded);
        assert_eq!(said("Basic YWw6eA"), unpadded);
    }

    #[test]
    fn what_is_incomplete_is_nothing() {
        // No scheme, another, no blank, nothing behind it, no colon, no name, no password, no
        // base64, a name that is no text.
        for value in [
            "",
            "Bearer abc",
            "BasicYWw6eA==",
            "Basic",
            "Basic ",
            "Basic YWw=",
            "Basic Onh4",
            "Basic YWw6",
            "Basic !!",
            "Basic /zp4",
        ] {
            assert_eq!(said(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn names_and_passwords_come_back(name in "[^:\\PC]{1,12}", password in "\\PC{1,12}") {
            let text = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
            prop_assert_eq!(said(&format!("Basic {text}")), Some((name, password)));
        }

        #[test]
        fn nothing_makes_it_panic(value in "[Bb]?asic[ -~]{0,24}") {
            let _ = said(&value);
        }
    }
}
