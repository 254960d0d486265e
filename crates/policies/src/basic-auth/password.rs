//! What is known of a password.

use ::filter::Problem;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use serde::Deserialize;

/// The data of a credential.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Password {
    /// SHA-1 of the password and the suffix, hexadecimal.
    sha1: String,
    /// What stands behind the password when it is hashed.
    #[serde(default)]
    suffix: String,
}

/// What a password is held against.
pub(super) struct Digest {
    sha1: [u8; 20],
    suffix: String,
}

impl Password {
    pub(super) fn prepare(self) -> Result<Digest, Vec<Problem>> {
        match digest(&self.sha1) {
            Some(sha1) => Ok(Digest { sha1, suffix: self.suffix }),
            None => {
                let message = "the hash of the password is no SHA-1 in hexadecimal digits";
                let help = "give the password itself and let it be hashed, or its hash";
                Err(vec![Problem::new("/sha1", message).help(help)])
            }
        }
    }
}

impl Digest {
    /// Whether it is that of the password.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        context.update(password);
        context.update(self.suffix.as_bytes());
        verify_slices_are_equal(context.finish().as_ref(), &self.sha1).is_ok()
    }
}

fn digest(text: &str) -> Option<[u8; 20]> {
    let mut digest = [0; 20];
    if text.len() != 40 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16);
        let (high, low) = (value(digits[0])?, value(digits[1])?);
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_has_the_digest() {
        let sha1 = &"fcd8".repeat(10);
        let known = |suffix: &str| {
            let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
            context.update(b"secretsalt");
            let digest: [u8; 20] = context.finish().as_ref().try_into().unwrap();
            Digest { sha1: digest, suffix: suffix.into() }
        };
        assert!(known("salt").is_of(b"secret"));
        assert!(known("").is_of(b"secretsalt"));
        assert!(!known("salt").is_of(b"secrets"));
        assert!(!known("salt").is_of(b""));
        assert!(digest(sha1).is_some_and(|digest| digest[..2] == [0xfc, 0xd8]));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for text in ["", "fcd8", &"g".repeat(40), &"é".repeat(20), &"+f".repeat(20)] {
            assert_eq!(digest(text), None, "{text}");
        }
    }
}
