//! The names of counters in Redis.

use std::io::Write;

use super::super::period::Period;

/// The name of a counter: `{prefix}:{scope}:{identifier}:{window start in ms}:{period}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(Vec<u8>);

/// How keys of a policy are named.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
    scope: String,
    /// Braces stand around scope and identifier, so that a cluster keeps all counters of an
    /// identifier on one node (Redis cluster specification, "Hash tags").
    tagged: bool,
}

impl Keys {
    pub(super) fn new(prefix: &str, scope: &str, tagged: bool) -> Self {
        Self { prefix: prefix.to_owned(), scope: scope.to_owned(), tagged }
    }

    /// What all keys have in common.
    pub(super) fn name(&self) -> String {
        format!("{}:{}", self.prefix, self.scope)
    }

    /// The key of an identifier's counter in the window that began at `start`.
    pub(super) fn key(&self, identifier: &[u8], period: Period, start: u64) -> Key {
        let Self { prefix, scope, tagged } = self;
        let (open, close) = if *tagged { ("{", "}") } else { ("", "") };
        let mut key = Vec::with_capacity(prefix.len() + scope.len() + identifier.len() + 32);
        write!(key, "{prefix}:{open}{scope}:").expect("memory takes it");
        key.extend_from_slice(identifier);
        write!(key, "{close}:{start}:{}", period.as_str()).expect("memory takes it");
        Key(key)
    }
}

impl Key {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The slot of a cluster that holds it.
    pub(super) fn slot(&self) -> u16 {
        crc16(tag(&self.0)) % SLOTS
    }
}

/// How many slots a cluster has.
pub(super) const SLOTS: u16 = 16_384;

/// What of a key decides on its slot: what stands between the first `{` and the next `}`, unless
/// that is nothing.
fn tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|byte| *byte == b'}') {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

/// CRC-16/XMODEM, by which clusters spread keys.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NOON;

    fn key(scope: &str, tagged: bool, period: Period) -> String {
        let keys = Keys::new("ratelimit", scope, tagged);
        let key = keys.key(b"192.0.2.1", period, period.window(NOON + 1_234).start);
        String::from_utf8(key.0).unwrap()
    }

    #[test]
    fn keys_name_scope_identifier_and_window() {
        let expected = "ratelimit:r:s:192.0.2.1:1795608000000:hour";
        assert_eq!(key("r:s", false, Period::Hour), expected);
        let expected = "ratelimit:{r:s:192.0.2.1}:1795608001000:second";
        assert_eq!(key("r:s", true, Period::Second), expected);
    }

    /// The test values of the Redis cluster specification.
    #[test]
    fn slots_are_those_of_redis() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        let slot = |key: &str| Key(key.as_bytes().to_vec()).slot();
        assert_eq!(slot("foo"), 12_182);
        assert_eq!(slot("{user1000}.following"), slot("{user1000}.followers"));
        assert_eq!(tag(b"foo{}{bar}"), b"foo{}{bar}");
        assert_eq!(tag(b"foo{{bar}}zap"), b"{bar");
        assert_eq!(tag(b"foo{bar}{zap}"), b"bar");
        assert_eq!(tag(b"foo{bar"), b"foo{bar");
    }

    #[test]
    fn a_clusters_keys_of_one_identifier_stand_together() {
        for identifier in ["a", "", "}", "a}b{c", "{"] {
            let keys = Keys::new("p", "s", true);
            let slot = |period: Period| {
                keys.key(identifier.as_bytes(), period, period.window(NOON).start).slot()
            };
            assert!(Period::ALL.iter().all(|period| slot(*period) == slot(Period::Second)));
        }
    }
}
