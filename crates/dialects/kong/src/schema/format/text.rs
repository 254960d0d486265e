//! Names, tags, headers, paths: short texts with an alphabet.

use super::Refusal;

/// The shared memory zones that every Kong has. Here they are names only.
pub(super) const SHARED_MEMORY: [&str; 11] = [
    "kong",
    "kong_locks",
    "kong_healthchecks",
    "kong_cluster_events",
    "kong_rate_limiting_counters",
    "kong_core_db_cache",
    "kong_core_db_cache_miss",
    "kong_db_cache",
    "kong_db_cache_miss",
    "kong_secrets",
    "prometheus_metrics",
];

/// Beginnings of keys under which the plugin `acme` keeps its own values.
const ACME_KEYS: [&str; 3] =
    ["kong_acme:renew_config:", "kong_acme:renew_last_run", "kong_acme:cert_key:"];

pub(super) fn check_path(text: &str) -> Result<(), Refusal> {
    check_path_characters(text)?;
    check_percent_encoding(text)
}

/// Only what RFC 3986 section 3.3 lets a path contain.
pub(super) fn check_path_characters(text: &str) -> Result<(), Refusal> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~/%:@!$&'()*+,;=".contains(&byte);
    if text.starts_with('/') && text.bytes().all(allowed) {
        return Ok(());
    }
    let problem = "(characters outside of the reserved list of RFC 3986 found)";
    Err(format!("invalid path: '{text}' {problem}").into())
}

pub(super) fn check_percent_encoding(text: &str) -> Result<(), Refusal> {
    let mut rest = text;
    while let Some(percent) = rest.find('%') {
        let triplet: String = rest[percent..].chars().take(3).collect();
        let encoded = triplet.len() == 3 && triplet[1..].bytes().all(|b| b.is_ascii_hexdigit());
        if !encoded {
            return Err(format!("invalid url-encoded value: '{triplet}'").into());
        }
        rest = &rest[percent + 3..];
    }
    Ok(())
}

pub(super) fn check_tag(text: &str) -> Result<(), Refusal> {
    let allowed = |byte: u8| !byte.is_ascii_control() && byte != b',' && byte != b'/';
    if text.bytes().all(allowed) {
        return Ok(());
    }
    let expected = "expected printable ascii (except `,` and `/`) or valid utf-8 sequences";
    Err(format!("invalid tag '{text}': {expected}").into())
}

pub(super) fn check_utf8_name(text: &str) -> Result<(), Refusal> {
    let allowed =
        |byte: u8| !byte.is_ascii() || byte.is_ascii_alphanumeric() || b".-_~".contains(&byte);
    if text.bytes().all(allowed) {
        return Ok(());
    }
    let expected = "the only accepted ascii characters are alphanumerics or ., -, _, and ~";
    Err(format!("invalid value '{text}': {expected}").into())
}

pub(super) fn check_header_name(text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err("no header name provided".into());
    }
    if is_header_name(text) {
        return Ok(());
    }
    let allowed = "allowed characters are A-Z, a-z, 0-9, '_', and '-'";
    Err(format!("bad header name '{text}', {allowed}").into())
}

/// A token of RFC 2616 section 2.2.
pub(super) fn check_token(text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err("no token provided".into());
    }
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/?={}[]".contains(&byte);
    if text.bytes().all(allowed) {
        return Ok(());
    }
    Err("contains one or more invalid characters. ASCII control characters (0-31;127), space, tab \
         and the characters ()<>@,;:\\\"/?={}[] are not allowed."
        .into())
}

/// `name` or `name:value`; the name, and the value if `both`, must be names of headers.
pub(super) fn check_header_pair(text: &str, both: bool) -> Result<(), Refusal> {
    let (name, value) =
        split_pair(text).map_or((None, None), |(name, value)| (Some(name), Some(value)));
    let check = |part: Option<&str>| match part {
        Some(name) if is_header_name(name) => Ok(()),
        part => Err(Refusal::from(format!("'{}' is not a valid header", part.unwrap_or("nil")))),
    };
    check(name)?;
    if both { check(value) } else { Ok(()) }
}

/// `name:value`, both of them something.
pub(super) fn check_pair(text: &str) -> Result<(), Refusal> {
    match split_pair(text) {
        Some((_, value)) if !value.is_empty() => Ok(()),
        pair => {
            let name = pair.map_or("", |(name, _)| name);
            Err(format!("key '{name}' has no value").into())
        }
    }
}

pub(super) fn check_shared_memory(text: &str) -> Result<(), Refusal> {
    if SHARED_MEMORY.contains(&text) {
        return Ok(());
    }
    Err(format!("failed validating: {text}").into())
}

pub(super) fn check_acme_namespace(text: &str) -> Result<(), Refusal> {
    match ACME_KEYS.iter().find(|reserved| text.starts_with(**reserved)) {
        None => Ok(()),
        Some(reserved) => {
            Err(format!("namespace can't be prefixed with reserved word: {reserved}").into())
        }
    }
}

fn is_header_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// What stands before the first colons and what stands after them; `None` if nothing stands before.
fn split_pair(text: &str) -> Option<(&str, &str)> {
    let end = text.find(':').unwrap_or(text.len());
    (end > 0).then(|| (&text[..end], text[end..].trim_start_matches(':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(result: Result<(), Refusal>) -> String {
        result.map_or_else(|refusal| refusal.into_owned(), |()| "ok".to_owned())
    }

    #[test]
    fn percent_signs_encode() {
        assert_eq!(said(check_path("/a%20b")), "ok");
        assert_eq!(said(check_path("/a%zz")), "invalid url-encoded value: '%zz'");
        assert_eq!(said(check_path("/a%2")), "invalid url-encoded value: '%2'");
        assert_eq!(said(check_percent_encoding("/%ü")), "invalid url-encoded value: '%ü'");
    }

    #[test]
    fn pairs_have_a_name_and_a_value() {
        assert_eq!(said(check_pair("a:b")), "ok");
        assert_eq!(said(check_pair("a:")), "key 'a' has no value");
        assert_eq!(said(check_header_pair("X-A:any thing", false)), "ok");
        assert_eq!(
            said(check_header_pair("X-A:any thing", true)),
            "'any thing' is not a valid header"
        );
        assert_eq!(said(check_header_pair(":x", false)), "'nil' is not a valid header");
    }

    #[test]
    fn names_and_tags() {
        assert_eq!(said(check_utf8_name("é_1~")), "ok");
        assert_eq!(said(check_tag("a tag")), "ok");
        assert!(said(check_tag("a,b")).starts_with("invalid tag 'a,b': expected printable"));
    }
}
