//! Algorithms, and secrets that are ready to be used with them.

use std::sync::OnceLock;

use ::filter::Problem;
use aws_lc_rs::hmac;
use serde::Deserialize;

/// What signatures are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Algorithm {
    #[serde(rename = "hmac-sha1")]
    Sha1,
    #[serde(rename = "hmac-sha256")]
    Sha256,
    #[serde(rename = "hmac-sha384")]
    Sha384,
    #[serde(rename = "hmac-sha512")]
    Sha512,
}

impl Algorithm {
    pub(super) const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "hmac-sha1",
            Self::Sha256 => "hmac-sha256",
            Self::Sha384 => "hmac-sha384",
            Self::Sha512 => "hmac-sha512",
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// The data of a credential.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretData {
    /// The secret that client and gateway share.
    secret: String,
}

/// A secret, and for each algorithm that was used the key that it makes.
pub(super) struct Secret {
    secret: String,
    keys: [OnceLock<hmac::Key>; Algorithm::ALL.len()],
}

impl Secret {
    pub(super) fn prepare(data: SecretData) -> Result<Self, Vec<Problem>> {
        if data.secret.is_empty() {
            let message = "the secret is empty: anybody could sign with it";
            let problem = Problem::new("/secret", message);
            return Err(vec![problem.help("give a secret, or remove the credential")]);
        }
        Ok(Self { secret: data.secret, keys: Default::default() })
    }

    pub(super) fn key(&self, algorithm: Algorithm) -> &hmac::Key {
        self.keys[algorithm as usize]
            .get_or_init(|| hmac::Key::new(algorithm.hmac(), self.secret.as_bytes()))
    }
}
