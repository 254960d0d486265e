//! Makes tokens, for tests.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Signs tokens with one key.
pub(super) struct Signer {
    algorithm: String,
    key: PrivateKey,
}

enum PrivateKey {
    Hmac(Vec<u8>),
    Rsa(&'static RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    /// A signer for an algorithm; RSA signers share one key, since making one takes a while.
    pub(super) fn new(algorithm: &str) -> Self {
        Self::with(algorithm, false)
    }

    /// A signer for an algorithm with another key than [`Signer::new`].
    pub(super) fn other(algorithm: &str) -> Self {
        Self::with(algorithm, true)
    }

    /// A signer for HS256.
    pub(super) fn secret(secret: &[u8]) -> Self {
        Self { algorithm: "HS256".into(), key: PrivateKey::Hmac(secret.to_vec()) }
    }

    fn with(algorithm: &str, other: bool) -> Self {
        let key = match algorithm.split_at(2) {
            ("HS", _) if other => PrivateKey::Hmac(b"another secret".to_vec()),
            ("HS", _) => PrivateKey::Hmac(b"a secret".to_vec()),
            ("RS" | "PS", _) => PrivateKey::Rsa(rsa(other)),
            ("ES", "256") => ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            ("ES", "384") => ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            ("ES", "512") => ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            _ => PrivateKey::Ed(Ed25519KeyPair::generate().unwrap()),
        };
        Self { algorithm: algorithm.to_owned(), key }
    }

    /// The data of the credential that verifies its tokens.
    pub(super) fn credential(&self) -> Value {
        let der: PublicKeyX509Der = match &self.key {
            PrivateKey::Hmac(secret) => {
                let secret = std::str::from_utf8(secret).unwrap();
                return json!({"algorithm": self.algorithm, "secret": secret});
            }
            PrivateKey::Rsa(key) => key.public_key().as_der().unwrap(),
            PrivateKey::Ec(key) => key.public_key().as_der().unwrap(),
            PrivateKey::Ed(key) => key.public_key().as_der().unwrap(),
        };
        json!({"algorithm": self.algorithm, "public_key": pem("PUBLIC KEY", der.as_ref())})
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_text(&json!({"alg": self.algorithm}).to_string(), &claims.to_string())
    }

    /// A token with this header and payload, whatever the header says.
    pub(super) fn sign_text(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature = self.signature(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            PrivateKey::Hmac(secret) => {
                let hash = match self.algorithm.as_str() {
                    "HS256" => hmac::HMAC_SHA256,
                    "HS384" => hmac::HMAC_SHA384,
                    _ => hmac::HMAC_SHA512,
                };
                hmac::sign(&hmac::Key::new(hash, secret), message).as_ref().to_vec()
            }
            PrivateKey::Rsa(key) => {
                let padding: &'static dyn RsaEncoding = match self.algorithm.as_str() {
                    "RS256" => &signature::RSA_PKCS1_SHA256,
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    _ => &signature::RSA_PSS_SHA512,
                };
                let mut bytes = vec![0; key.public_modulus_len()];
                key.sign(padding, &random, message, &mut bytes).unwrap();
                bytes
            }
            PrivateKey::Ec(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            PrivateKey::Ed(key) => key.sign(message).as_ref().to_vec(),
        }
    }
}

/// base64url, as in a token.
pub(super) fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// The bytes that base64url spells.
pub(super) fn decode(text: &str) -> Vec<u8> {
    try_decode(text).expect("base64url")
}

/// The bytes that base64url spells, if it is any.
pub(super) fn try_decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A PEM block.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn ec(algorithm: &'static signature::EcdsaSigningAlgorithm) -> PrivateKey {
    PrivateKey::Ec(EcdsaKeyPair::generate(algorithm).unwrap())
}

fn rsa(other: bool) -> &'static RsaKeyPair {
    static KEYS: LazyLock<Mutex<HashMap<bool, &'static RsaKeyPair>>> =
        LazyLock::new(Mutex::default);
    let mut keys = KEYS.lock().unwrap();
    keys.entry(other)
        .or_insert_with(|| Box::leak(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())))
}
