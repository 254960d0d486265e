//! Field names, looked up for every field of every message.

use std::borrow::Cow;

use filter::{NameHash, is_same_name};

/// A map from field names to small values. A name that is not in it, as most are not, costs a
/// handful of instructions: its hash is known, and a slot of the table is empty.
pub(super) struct Names<T> {
    /// One more than the index of the first entry, by hash.
    first: Box<[u16; SLOTS]>,
    entries: Vec<Entry<T>>,
}

struct Entry<T> {
    name: Box<[u8]>,
    value: T,
    /// One more than the index of the next entry of the same hash.
    next: u16,
}

impl<T> Names<T> {
    /// No names.
    pub(super) fn new() -> Self {
        Self { first: Box::new([0; SLOTS]), entries: Vec::new() }
    }

    /// Adds a name, or replaces its value.
    pub(super) fn insert(&mut self, name: impl AsRef<[u8]>, value: T) {
        let name = name.as_ref();
        let hash = NameHash::of(name);
        if let Some(at) = self.position(hash, |known| is_same_name(known, name)) {
            self.entries[at].value = value;
            return;
        }
        let slot = &mut self.first[hash.slot(SLOTS)];
        self.entries.push(Entry { name: name.into(), value, next: *slot });
        *slot = u16::try_from(self.entries.len()).expect("a voice names fewer than 65,536 fields");
    }

    /// The value of a name, whatever its case.
    #[inline]
    pub(super) fn get(&self, name: &[u8]) -> Option<&T> {
        self.get_hashed(NameHash::of(name), name)
    }

    /// The value of a name whose hash is known.
    #[inline]
    pub(super) fn get_hashed(&self, hash: NameHash, name: &[u8]) -> Option<&T> {
        self.position(hash, |known| is_same_name(known, name)).map(|at| &self.entries[at].value)
    }

    #[inline]
    fn position(&self, hash: NameHash, is_it: impl Fn(&[u8]) -> bool) -> Option<usize> {
        let mut at = self.first[hash.slot(SLOTS)];
        while at != 0 {
            let entry = &self.entries[usize::from(at) - 1];
            if is_it(&entry.name) {
                return Some(usize::from(at) - 1);
            }
            at = entry.next;
        }
        None
    }
}

/// Names, looked up with all names that an application may take for them because they differ only
/// by punctuation, as `x_real_ip` and `x-real-ip` do (RFC 3875 section 4.1.18).
pub(super) struct AlikeNames<T>(Names<(Box<[u8]>, T)>);

impl<T> AlikeNames<T> {
    /// No names.
    pub(super) fn new() -> Self {
        Self(Names::new())
    }

    /// Adds a name, or replaces the value of one that it is alike.
    pub(super) fn insert(&mut self, name: &str, value: T) {
        self.0.insert(dashed(name.as_bytes()), (name.as_bytes().into(), value));
    }

    /// The value of a name that is alike, and whether it is that very name.
    #[inline]
    pub(super) fn get(&self, hash: NameHash, name: &[u8]) -> Option<(&T, bool)> {
        let (known, value) = match dashed(name) {
            Cow::Borrowed(name) => self.0.get_hashed(hash, name),
            Cow::Owned(dashed) => self.0.get(&dashed),
        }?;
        Some((value, is_same_name(known, name)))
    }
}

/// A name with `-` for all punctuation.
#[inline]
fn dashed(name: &[u8]) -> Cow<'_, [u8]> {
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'-');
    if name.iter().fold(true, |kept, byte| kept & is_kept(*byte)) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.iter().map(|byte| if is_kept(*byte) { *byte } else { b'-' }).collect())
}

/// Enough that the few names of a voice seldom share one.
const SLOTS: usize = 512;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        let mut names = Names::new();
        let known = ["via", "x-forwarded-for", "x-forwarded-host", "a", ""];
        for (value, name) in known.iter().enumerate() {
            names.insert(name, value);
        }
        names.insert("A", 9);
        assert_eq!(names.get(b"X-Forwarded-Host"), Some(&2));
        assert_eq!(names.get(b"x-forwarded-port"), None);
        assert_eq!(names.get(b"x_forwarded_host"), None);
        assert_eq!(names.get(b"a"), Some(&9));
        assert_eq!(names.get(b""), Some(&4));
    }

    #[test]
    fn names_that_applications_confuse_are_alike() {
        let mut names = AlikeNames::new();
        names.insert("x-real-ip", 1);
        names.insert("odd_name", 2);
        let get = |name: &[u8]| names.get(NameHash::of(name), name);
        assert_eq!(get(b"X-Real-IP"), Some((&1, true)));
        assert_eq!(get(b"X_Real.IP"), Some((&1, false)));
        assert_eq!(get(b"X-RealIP"), None);
        assert_eq!(get(b"Odd_Name"), Some((&2, true)));
        assert_eq!(get(b"odd-name"), Some((&2, false)));
    }

    proptest! {
        /// The table agrees with a plain list.
        #[test]
        fn agrees_with_a_list(
            known in prop::collection::vec("[a-c_-]{0,5}", 0..40),
            asked in prop::collection::vec("[a-cA-C_-]{0,5}", 0..40),
        ) {
            let mut names = Names::new();
            for (value, name) in known.iter().enumerate() {
                names.insert(name, value);
            }
            let mut alike = AlikeNames::new();
            known.iter().for_each(|name| alike.insert(name, ()));
            for name in asked {
                let expected = known.iter().rposition(|k| k.eq_ignore_ascii_case(&name));
                prop_assert_eq!(names.get(name.as_bytes()).copied(), expected);
                let plain = |n: &str| n.to_ascii_lowercase().replace('_', "-");
                let expected = known.iter().any(|k| plain(k) == plain(&name));
                let name = name.as_bytes();
                prop_assert_eq!(alike.get(NameHash::of(name), name).is_some(), expected);
            }
        }
    }
}
