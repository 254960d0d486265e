//! Field names, told apart quickly.

/// A hash of a field's name, whatever its case. Tables of well-known names are small; a few of a
/// name's bytes tell most other names from all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NameHash(u16);

impl NameHash {
    /// The hash of a name: of its length and of its first and last four bytes.
    #[inline]
    pub fn of(name: &[u8]) -> Self {
        let (first, last) = match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) => (u32::from_le_bytes(*first), u32::from_le_bytes(*last)),
            _ => (name.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)), 0),
        };
        // Letters differ from their other case in this bit only.
        let mixed = (first | CASE) ^ (last | CASE).rotate_left(13) ^ name.len() as u32;
        Self((mixed.wrapping_mul(0x9E37_79B1) >> 16) as u16)
    }

    /// Its slot in a table of so many.
    #[inline]
    pub fn slot(self, slots: usize) -> usize {
        usize::from(self.0) % slots
    }
}

/// Whether two names are the same but for their case (RFC 9110 section 5.1).
#[inline]
pub fn is_same_name(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (words, rest) = one.as_chunks();
    let (other_words, other_rest) = other.as_chunks();
    // The last word may overlap the one before it; a name shorter than a word has none.
    words.iter().zip(other_words).all(|(a, b)| lower(*a) == lower(*b))
        && match (one.last_chunk(), other.last_chunk()) {
            (Some(a), Some(b)) => lower(*a) == lower(*b),
            _ => rest.eq_ignore_ascii_case(other_rest),
        }
}

/// Makes the capital letters among eight bytes small ones.
#[inline]
fn lower(bytes: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(bytes);
    let ascii = word & (0x7f * ONES);
    // The highest bit of each byte says what the byte is.
    let from_a = ascii + (0x80 - u64::from(b'A')) * ONES;
    let behind_z = ascii + (0x7f - u64::from(b'Z')) * ONES;
    let capital = (from_a ^ behind_z) & !word & (0x80 * ONES);
    word | capital >> 2
}

/// The bit by which small letters differ from capital ones, in each of four bytes.
const CASE: u32 = 0x2020_2020;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_any_length_have_one() {
        for len in 0..70 {
            assert_eq!(NameHash::of(&vec![b'A'; len]), NameHash::of(&vec![b'a'; len]));
        }
        assert_ne!(NameHash::of(b"x-real-ip"), NameHash::of(b"x-realip"));
    }

    proptest! {
        #[test]
        fn names_are_the_same_in_any_case(
            one in prop::collection::vec(any::<u8>(), 0..40),
            other in prop::collection::vec(any::<u8>(), 0..40),
            at in 0_usize..40,
            byte: u8,
        ) {
            let mut near = one.to_ascii_uppercase();
            prop_assert!(is_same_name(&one, &near));
            prop_assert_eq!(NameHash::of(&one), NameHash::of(&near));
            if let Some(place) = near.get_mut(at) {
                *place = byte;
            }
            prop_assert_eq!(is_same_name(&one, &near), one.eq_ignore_ascii_case(&near));
            prop_assert_eq!(is_same_name(&one, &other), one.eq_ignore_ascii_case(&other));
        }
    }
}
