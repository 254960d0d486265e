//! Paths of routes: how they must be written, and how older ones are rewritten.

use std::borrow::Cow;

use super::{Refusal, pcre, text};

/// What percent-encoding may hide without meaning something else (RFC 3986 section 2.2).
const RESERVED: &[u8] = b"!*'();:@&=+$,/?%#[]";

/// What means something in a regular expression and is not reserved in a URI.
const REGEX_ONLY: &[u8] = b".^-{}\\|";

pub(super) fn check_route_path(path: &str) -> Result<(), Refusal> {
    let Some(regex) = path.strip_prefix('~') else {
        // Other characters are let through here, unlike in the path of a service.
        if text::check_path_characters(path).is_ok() {
            text::check_percent_encoding(path)?;
        }
        let normal = normalise_path(path);
        if normal != path {
            return Err(format!("non-normalized path, consider use '{normal}' instead").into());
        }
        return Ok(());
    };
    match pcre::error(regex) {
        None => Ok(()),
        Some(error) => {
            let error = error.text(regex);
            Err(format!("invalid regex: '{regex}' (PCRE returned: {error})").into())
        }
    }
}

/// A path in its one form: unreserved characters decoded, `.` and `..` resolved, slashes merged.
fn normalise_path(path: &str) -> Cow<'_, str> {
    if !path.contains(['%', '.']) && !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let decoded = decode(path, |byte, out| out.push(byte));
    let mut segments: Vec<&str> = Vec::new();
    let mut is_directory = false;
    for segment in decoded.split('/') {
        is_directory = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let mut normal = String::with_capacity(decoded.len());
    for segment in &segments {
        normal.push('/');
        normal.push_str(segment);
    }
    if is_directory || segments.is_empty() {
        normal.push('/');
    }
    Cow::Owned(normal)
}

/// The path of a route of a document older than 3.0, where a path was a regular expression if it
/// looked like one.
pub(crate) fn migrated_path(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~/%".contains(&byte);
    if path.bytes().all(plain) {
        return normalise_path(path).into_owned();
    }
    let decoded = decode(path, |byte, out| {
        if REGEX_ONLY.contains(&byte) {
            out.push(b'\\');
        }
        out.push(byte);
    });
    format!("~{decoded}")
}

/// Decodes what is not reserved; the hexadecimal digits of what is become upper case.
fn decode(path: &str, mut write: impl FnMut(u8, &mut Vec<u8>)) -> String {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let value = match bytes[at..] {
            [b'%', high, low, ..] => hexadecimal(high, low),
            _ => None,
        };
        match value {
            Some(value) if RESERVED.contains(&value) => {
                out.extend(bytes[at..at + 3].to_ascii_uppercase());
                at += 3;
            }
            Some(value) => {
                write(value, &mut out);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_form() {
        for (path, normal) in [
            ("/a/b", "/a/b"),
            ("/", "/"),
            ("/%61bc", "/abc"),
            ("/a%2fb", "/a%2Fb"),
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/../a", "/a"),
            ("/a//b", "/a/b"),
            ("/a.b/", "/a.b/"),
        ] {
            assert_eq!(normalise_path(path), normal, "{path}");
        }
    }

    #[test]
    fn a_route_path_is_written_in_that_form() {
        assert_eq!(check_route_path("/abc"), Ok(()));
        assert_eq!(
            check_route_path("/%61bc"),
            Err("non-normalized path, consider use '/abc' instead".into())
        );
        assert_eq!(check_route_path("/a%zz"), Err("invalid url-encoded value: '%zz'".into()));
        assert_eq!(check_route_path("~/a(?<n>[0-9]+)$"), Ok(()));
    }

    #[test]
    fn older_paths_that_look_like_regular_expressions_become_some() {
        assert_eq!(migrated_path("/x\\d"), "~/x\\d");
        assert_eq!(migrated_path("/a.b"), "/a.b");
        assert_eq!(migrated_path("/a%2e(b|c)"), "~/a\\.(b|c)");
        assert_eq!(migrated_path("/%61//b"), "/a/b");
    }
}
