//! What of a request decides which member answers it.

use std::fmt::Write;

use filter::Exchange;
use model::{HashCookie, HashKey};
use smallvec::SmallVec;

use super::ring::Hash;
use crate::router::Found;

/// The key of a request.
#[derive(Default)]
pub(crate) struct Key {
    pub(super) hash: u32,
    /// The `Set-Cookie` of a key that was made for the client.
    pub(crate) cookie: Option<String>,
}

impl Key {
    /// The key of a request: the first of the values that it has.
    pub(super) fn of(
        keys: &[HashKey],
        x: &Exchange,
        found: &Found<'_>,
        random: impl FnOnce() -> u128,
    ) -> Self {
        let mut hash = Hash::new();
        for key in keys {
            if add(key, x, found, &mut hash) {
                break;
            }
            if let HashKey::Cookie(HashCookie { name, attributes: Some(attributes) }) = key {
                let value = uuid(random());
                hash.add(value.as_bytes());
                let cookie = Some(format!("{name}={value}; {attributes}"));
                return Self { hash: hash.value(), cookie };
            }
        }
        Self { hash: hash.value(), cookie: None }
    }
}

/// Adds the value of a key; says whether there is one.
fn add(key: &HashKey, x: &Exchange, found: &Found<'_>, hash: &mut Hash) -> bool {
    match key {
        HashKey::Principal => {
            let Some(caller) = &x.caller else { return false };
            hash.add(x.view.identities().principal(caller.principal).public_id.as_bytes());
        }
        // Writing into a hash never fails.
        HashKey::ClientAddress => drop(write!(hash, "{}", x.client.address)),
        HashKey::Header(name) => {
            let values = x.request.headers.get_all(name);
            return add_joined(values.map(|value| value.iter().copied()), b", ", hash);
        }
        HashKey::Cookie(cookie) => return add_cookie(cookie, x, hash),
        HashKey::Path => hash.add(x.request.path().as_bytes()),
        HashKey::QueryArgument(name) => {
            let query = x.request.query().unwrap_or_default();
            let mut values: SmallVec<[&str; 8]> = arguments(query, name).collect();
            values.sort_by(|a, b| decoded(a).cmp(decoded(b)));
            return add_joined(values.into_iter().map(decoded), b",", hash);
        }
        HashKey::PathCapture(group) => {
            let captures = found.captures(x.request.path());
            let value = captures.as_ref().and_then(|captures| match group.parse() {
                Ok(number) => captures.get(number),
                Err(_) => captures.name(group),
            });
            let Some(value) = value else { return false };
            hash.add(value.as_bytes());
        }
    }
    true
}

fn add_joined(
    values: impl Iterator<Item = impl Iterator<Item = u8>>,
    separator: &[u8],
    hash: &mut Hash,
) -> bool {
    let mut any = false;
    for value in values {
        if std::mem::replace(&mut any, true) {
            hash.add(separator);
        }
        value.for_each(|byte| hash.add(&[byte]));
    }
    any
}

fn add_cookie(cookie: &HashCookie, x: &Exchange, hash: &mut Hash) -> bool {
    let fields = x.request.headers.get_all("cookie");
    let mut pairs = fields.flat_map(|field| field.split(|byte| *byte == b';'));
    let value = pairs.find_map(|pair| {
        let pair = pair.trim_ascii();
        let at = pair.iter().position(|byte| *byte == b'=')?;
        (&pair[..at] == cookie.name.as_bytes()).then_some(&pair[at + 1..])
    });
    if let Some(value) = value {
        hash.add(value);
    }
    value.is_some()
}

/// The values of a query's arguments by a name, as they were written.
fn arguments<'q>(query: &'q str, name: &str) -> impl Iterator<Item = &'q str> {
    query.split('&').filter(|argument| !argument.is_empty()).filter_map(move |argument| {
        let (key, value) = argument.split_once('=').unwrap_or((argument, ""));
        decoded(key).eq(name.bytes()).then_some(value)
    })
}

/// The bytes of a part of a query (WHATWG URL section 5.1), without room for them.
fn decoded(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (byte, read) = match *rest {
            [b'%', high, low, ..] => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            [b'+', ..] => (b' ', 1),
            [byte, ..] => (byte, 1),
            [] => return None,
        };
        rest = &rest[read..];
        Some(byte)
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A random UUID (RFC 9562 section 5.4).
fn uuid(random: u128) -> String {
    let bits = random & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let text = format!("{bits:032x}");
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_say_that_they_are_random() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn arguments_are_found_and_decoded() {
        let values = |query, name| -> Vec<String> {
            arguments(query, name)
                .map(|value| String::from_utf8_lossy(&decoded(value).collect::<Vec<_>>()).into())
                .collect()
        };
        assert_eq!(values("u=1&v=2&u=%41+b&u&%75=x", "u"), ["1", "A b", "", "x"]);
        assert_eq!(values("u=%4&u=%zz", "u"), ["%4", "%zz"]);
        assert!(values("", "").is_empty() && values("v=u", "u").is_empty());
    }
}
