//! Whether two values are the same, without keeping both.

use serde::Serialize;

/// A digest of a value: equal values have equal fingerprints. Not cryptographic; it compares a
/// configuration with its predecessor, both from the same operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u128);

/// The fingerprint of a value's serialised form.
pub fn fingerprint<T: Serialize + ?Sized>(value: &T) -> Fingerprint {
    use std::hash::{BuildHasher, Hasher};

    struct Digest<H>(H, H);
    impl<H: Hasher> std::io::Write for Digest<H> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.write(bytes);
            self.1.write(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    // The writer splits the same value in the same pieces, so hashing piece by piece is stable.
    let seeds = (
        foldhash::quality::FixedState::with_seed(0x7472_6970),
        foldhash::quality::FixedState::with_seed(0x796c_6f6e),
    );
    let mut digest = Digest(seeds.0.build_hasher(), seeds.1.build_hasher());
    serde_json::to_writer(&mut digest, value).expect("model values serialise to JSON");
    Fingerprint(u128::from(digest.0.finish()) << 64 | u128::from(digest.1.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_agree_and_different_ones_do_not() {
        assert_eq!(fingerprint(&vec!["a", "b"]), fingerprint(&vec!["a", "b"]));
        assert_ne!(fingerprint(&vec!["a", "b"]), fingerprint(&vec!["ab"]));
        assert_ne!(fingerprint("1"), fingerprint(&1));
    }
}
