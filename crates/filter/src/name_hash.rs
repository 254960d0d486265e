//! Hashes of field names.

/// A hash of a field's name: the same for names that differ in case, or only in which punctuation
/// they have, as applications may take one for the other (RFC 3875 section 4.1.18). Tables of
/// well-known names are small; a few of a name's bytes tell most other names from all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NameHash(u16);

impl NameHash {
    /// The hash of a name.
    #[inline]
    pub fn of(name: &[u8]) -> Self {
        let len = name.len();
        let byte = |at: usize| u32::from(name.get(at).map_or(0, |byte| PLAIN[usize::from(*byte)]));
        let mixed = byte(0)
            ^ byte(len.wrapping_sub(1)).wrapping_mul(7)
            ^ byte(len.wrapping_sub(4)).wrapping_mul(31)
            ^ byte(len / 2).wrapping_mul(101)
            ^ (len as u32).wrapping_mul(59);
        Self(mixed as u16)
    }

    /// Its slot in a table of so many.
    #[inline]
    pub fn slot(self, slots: usize) -> usize {
        usize::from(self.0) % slots
    }
}

/// Whether an application may take one name for the other: they differ at most in case and in
/// which punctuation they have.
pub fn is_alike(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(a, b)| PLAIN[usize::from(*a)] == PLAIN[usize::from(*b)])
}

/// Letters in lower case, digits, and `-` for everything else.
const PLAIN: [u8; 256] = {
    let mut table = [b'-'; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() {
            table[byte] = b.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_alike_have_the_same_hash() {
        let names = ["X-Real-IP", "x-real-ip", "X_Real.IP"].map(str::as_bytes);
        for (one, other) in names.iter().zip(&names[1..]) {
            assert!(is_alike(one, other));
            assert_eq!(NameHash::of(one), NameHash::of(other));
        }
        assert!(!is_alike(b"x-real-ip", b"x-realip"));
        assert_ne!(NameHash::of(b"x-real-ip"), NameHash::of(b"x-realip"));
    }

    #[test]
    fn names_of_any_length_have_one() {
        for len in 0..70 {
            assert_eq!(NameHash::of(&vec![b'A'; len]), NameHash::of(&vec![b'a'; len]));
        }
    }
}
