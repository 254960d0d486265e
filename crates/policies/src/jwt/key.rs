//! Keys that tokens are verified with.

use std::sync::OnceLock;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use filter::Problem;
use serde::Deserialize;

use super::config::CredentialData;
use super::pem;
use super::token::Jws;

/// A signature algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Algorithm {
    /// HMAC with SHA-256.
    #[default]
    #[serde(rename = "HS256")]
    Hs256,
    /// HMAC with SHA-384.
    #[serde(rename = "HS384")]
    Hs384,
    /// HMAC with SHA-512.
    #[serde(rename = "HS512")]
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// ECDSA on P-521 with SHA-512.
    #[serde(rename = "ES512")]
    Es512,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PSS with SHA-384.
    #[serde(rename = "PS384")]
    Ps384,
    /// RSASSA-PSS with SHA-512.
    #[serde(rename = "PS512")]
    Ps512,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// The algorithm by its exact name. `none` is not one.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Hs256,
            "HS384" => Self::Hs384,
            "HS512" => Self::Hs512,
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "ES512" => Self::Es512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }

    /// How its signatures are verified.
    fn primitive(self) -> Primitive {
        use Primitive::{Ec, Ed25519, Hmac, Rsa};
        match self {
            Self::Hs256 => Hmac(hmac::HMAC_SHA256),
            Self::Hs384 => Hmac(hmac::HMAC_SHA384),
            Self::Hs512 => Hmac(hmac::HMAC_SHA512),
            Self::Rs256 => Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Es256 => Ec(&signature::ECDSA_P256_SHA256_FIXED, "P-256"),
            Self::Es384 => Ec(&signature::ECDSA_P384_SHA384_FIXED, "P-384"),
            Self::Es512 => Ec(&signature::ECDSA_P521_SHA512_FIXED, "P-521"),
            Self::Ps256 => Rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Self::EdDsa => Ed25519(&signature::ED25519),
        }
    }
}

enum Primitive {
    Hmac(hmac::Algorithm),
    Rsa(&'static dyn VerificationAlgorithm),
    Ec(&'static dyn VerificationAlgorithm, &'static str),
    Ed25519(&'static dyn VerificationAlgorithm),
}

/// A credential's key, parsed once per snapshot.
pub(super) struct Key {
    /// The only algorithm that tokens of this credential may use: an attacker who could choose
    /// it could have a public key taken for a shared secret (RFC 8725 section 3.1).
    pub(super) algorithm: Algorithm,
    verifier: Verifier,
}

enum Verifier {
    Shared(Box<Secret>),
    Public(ParsedPublicKey),
}

/// A shared secret. Its keys are made when they are first used: each takes more than a kilobyte,
/// and of very many callers few are ever heard of.
struct Secret {
    text: Box<str>,
    hash: hmac::Algorithm,
    plain: OnceLock<Box<hmac::Key>>,
    /// The key that the secret spells in base64, if it does.
    decoded: OnceLock<Option<Box<hmac::Key>>>,
}

impl Secret {
    fn key(&self, is_base64: bool) -> Option<&hmac::Key> {
        let key = |bytes: &[u8]| Box::new(hmac::Key::new(self.hash, bytes));
        match is_base64 {
            true => self
                .decoded
                .get_or_init(|| decode_secret(&self.text).map(|bytes| key(&bytes)))
                .as_deref(),
            false => Some(self.plain.get_or_init(|| key(self.text.as_bytes()))),
        }
    }
}

/// Why a token is not verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unverified {
    /// The secret is no base64, but the policy says that it is.
    Key,
    /// The signature is not by this key.
    Signature,
}

impl Key {
    /// Parses a credential's key.
    pub(super) fn prepare(data: &CredentialData) -> Result<Self, Problem> {
        let algorithm = data.algorithm;
        let verifier = match algorithm.primitive() {
            Primitive::Hmac(hash) => shared(hash, data.secret.as_deref())?,
            Primitive::Rsa(verify) => public(data, algorithm, verify, "an RSA")?,
            Primitive::Ec(verify, curve) => public(data, algorithm, verify, &format!("a {curve}"))?,
            Primitive::Ed25519(verify) => public(data, algorithm, verify, "an Ed25519")?,
        };
        Ok(Self { algorithm, verifier })
    }

    /// Verifies a token's signature. The token must name this key's algorithm. Shared secrets
    /// are compared in constant time.
    pub(super) fn verify(&self, token: &Jws, secret_base64: bool) -> Result<(), Unverified> {
        let verified = match &self.verifier {
            Verifier::Shared(secret) => {
                let key = secret.key(secret_base64).ok_or(Unverified::Key)?;
                hmac::verify(key, token.signed, token.signature())
            }
            Verifier::Public(key) => key.verify_sig(token.signed, token.signature()),
        };
        verified.map_err(|_| Unverified::Signature)
    }
}

fn shared(hash: hmac::Algorithm, secret: Option<&str>) -> Result<Verifier, Problem> {
    let secret = secret.unwrap_or_default();
    if secret.is_empty() {
        return Err(Problem::new("/secret", "the secret is empty: anyone could sign with it")
            .help("give a secret of at least 32 random bytes"));
    }
    let (plain, decoded) = (OnceLock::new(), OnceLock::new());
    Ok(Verifier::Shared(Box::new(Secret { text: secret.into(), hash, plain, decoded })))
}

/// A secret that is written in base64, of either alphabet, padded or not: unlike a token it comes
/// from the operator.
fn decode_secret(secret: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let standard = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    let url_safe = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    let bytes = standard.decode(secret).or_else(|_| url_safe.decode(secret)).ok()?;
    (!bytes.is_empty()).then_some(bytes)
}

fn public(
    data: &CredentialData,
    algorithm: Algorithm,
    verify: &'static dyn VerificationAlgorithm,
    wanted: &str,
) -> Result<Verifier, Problem> {
    let problem = |message: String, help: &str| Problem::new("/public_key", message).help(help);
    let Some(text) = &data.public_key else {
        let message = format!("{algorithm:?} needs a public key, and there is none");
        return Err(problem(message, PEM_HELP));
    };
    let der = pem::public_key(text).map_err(|error| problem(error.to_string(), error.help()))?;
    ParsedPublicKey::new(verify, der).map(Verifier::Public).map_err(|_| {
        problem(format!("this is not {wanted} key, which {algorithm:?} needs"), PEM_HELP)
    })
}

const PEM_HELP: &str =
    "give the key of the algorithm as PEM: PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::jwt::signing::Signer;
    use crate::jwt::token::{Scratch, Token};
    use crate::testing::Gateway;

    const ALL: [&str; 13] = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256",
        "PS384", "PS512", "EdDSA",
    ];

    fn verify(key: &Key, token: &str, base64: bool) -> Result<(), Unverified> {
        let mut scratch = Scratch::default();
        let token = Token::parse(token.as_bytes(), "iss", &mut scratch).expect("a token");
        key.verify(&token.jws, base64)
    }

    fn key(data: serde_json::Value) -> Result<Key, Problem> {
        Key::prepare(&serde_json::from_value(data).expect("the shape of a credential"))
    }

    #[test]
    fn every_algorithm_verifies_its_own_and_nothing_else() {
        for name in ALL {
            let signer = Signer::new(name);
            let key = key(signer.credential()).unwrap();
            assert_eq!(Algorithm::parse(name), Some(key.algorithm));
            let token = signer.sign(&json!({"iss": "k"}));
            assert_eq!(verify(&key, &token, false), Ok(()), "{name}");
            let other = Signer::other(name).sign(&json!({"iss": "k"}));
            assert_eq!(verify(&key, &other, false), Err(Unverified::Signature), "{name}");
        }
    }

    #[test]
    fn secrets_may_be_written_in_base64() {
        let signer = Signer::new("HS256");
        let token = signer.sign(&json!({"iss": "k"}));
        for secret in ["c2VjcmV0Pz4_", "c2VjcmV0Pz4/", "c2VjcmV0Pz4_=="] {
            let key = key(json!({"secret": secret})).unwrap();
            let signed = Signer::secret(b"secret?>?").sign(&json!({"iss": "k"}));
            let expected = if secret.ends_with("_==") { Err(Unverified::Key) } else { Ok(()) };
            assert_eq!(verify(&key, &signed, true), expected, "{secret}");
            assert_eq!(verify(&key, &signed, false), Err(Unverified::Signature));
        }
        let key = key(json!({"secret": "no base64!"})).unwrap();
        assert_eq!(verify(&key, &token, true), Err(Unverified::Key));
    }

    #[test]
    fn keys_that_cannot_be_used_are_problems() {
        let message = |data| key(data).err().expect("a problem").message;
        assert_eq!(message(json!({})), "the secret is empty: anyone could sign with it");
        assert_eq!(
            message(json!({"secret": ""})),
            "the secret is empty: anyone could sign with it"
        );
        assert_eq!(
            message(json!({"algorithm": "Rs256".to_uppercase()})),
            "Rs256 needs a public key, and there is none"
        );
        let ec = Signer::new("ES256").credential()["public_key"].clone();
        assert_eq!(
            message(json!({"algorithm": "RS256", "public_key": ec})),
            "this is not an RSA key, which Rs256 needs"
        );
        assert_eq!(
            message(json!({"algorithm": "ES384", "public_key": ec})),
            "this is not a P-384 key, which Es384 needs"
        );
        let gateway = Gateway::new();
        let problems = gateway.credential_problems("jwt", json!({"algorithm": "none"}));
        assert_eq!(problems[0].pointer, "/algorithm");
        assert!(problems[0].message.starts_with("unknown variant `none`"), "{problems:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        /// Whatever is changed in a sound token, it is not accepted any more.
        #[test]
        fn mutated_tokens_are_never_accepted(
            name in prop::sample::select(&["HS256", "ES256", "PS256", "EdDSA"][..]),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            insert in any::<bool>(),
        ) {
            let signer = Signer::new(name);
            let key = key(signer.credential()).unwrap();
            let sound = signer.sign(&json!({"iss": "k", "exp": 4102444800u32})).into_bytes();
            let mut mutated = sound.clone();
            let at = at.index(sound.len());
            if insert { mutated.insert(at, byte) } else { mutated[at] = byte }
            prop_assume!(mutated != sound);
            let mut scratch = Scratch::default();
            let accepted = Token::parse(&mutated, "iss", &mut scratch)
                .is_ok_and(|token| token.jws.algorithm == key.algorithm && key.verify(&token.jws, false).is_ok());
            prop_assert!(!accepted, "{}", String::from_utf8_lossy(&mutated));
        }
    }
}
