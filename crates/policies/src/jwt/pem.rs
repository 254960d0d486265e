//! Public keys written as PEM (RFC 7468).

use thiserror::Error;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::{PublicKey, RSAPublicKey};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::roca;

/// Why a text is no public key of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum PemError {
    /// There is no PEM block, or its base64 is broken.
    #[error("this is no PEM text")]
    NoPem,
    /// It is a private key.
    #[error("this is a private key, which a gateway must not have")]
    Private,
    /// It is something else.
    #[error("this PEM block holds no public key")]
    OtherLabel,
    /// The label promises what the bytes are not.
    #[error("this PEM block does not hold what its label says")]
    BadDer,
    /// It is an RSA key of a length that is not accepted.
    #[error("this RSA key has {0} bits; 2048 to 8192 are accepted")]
    Length(usize),
    /// It is an RSA key whose signatures anyone could make.
    #[error("this RSA key has a public exponent that gives no security")]
    Exponent,
    /// It is an RSA key whose private part can be computed.
    #[error("this RSA key was made by a faulty generator and can be broken (ROCA, CVE-2017-15361)")]
    Roca,
}

impl PemError {
    /// What to do about it.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::NoPem | Self::OtherLabel | Self::BadDer => {
                "give the whole block, from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----"
            }
            Self::Private => {
                "keep it where tokens are signed, and give its public half: \
                 openssl pkey -in key.pem -pubout"
            }
            Self::Length(_) | Self::Exponent | Self::Roca => {
                "make a new key where tokens are signed: openssl genrsa 2048"
            }
        }
    }
}

/// The DER of a public key: SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), or RSAPublicKey
/// (RFC 8017 appendix A.1.1). Of a certificate its key is taken and nothing else: who configured
/// it has judged it.
pub(super) fn public_key(text: &str) -> Result<Vec<u8>, PemError> {
    let (_, pem) = parse_x509_pem(text.as_bytes()).map_err(|_| PemError::NoPem)?;
    match pem.label.as_str() {
        "PUBLIC KEY" => {
            let info = whole(SubjectPublicKeyInfo::from_der(&pem.contents))?;
            judge(&info)?;
            Ok(pem.contents)
        }
        "RSA PUBLIC KEY" => {
            judge_rsa(&whole(RSAPublicKey::from_der(&pem.contents))?)?;
            Ok(pem.contents)
        }
        "CERTIFICATE" => {
            let certificate = pem.parse_x509().map_err(|_| PemError::BadDer)?;
            let info = &certificate.tbs_certificate.subject_pki;
            judge(info)?;
            Ok(info.raw.to_vec())
        }
        label if label.ends_with("PRIVATE KEY") => Err(PemError::Private),
        _ => Err(PemError::OtherLabel),
    }
}

fn whole<T, E>(parsed: Result<(&[u8], T), E>) -> Result<T, PemError> {
    match parsed {
        Ok(([], value)) => Ok(value),
        _ => Err(PemError::BadDer),
    }
}

fn judge(info: &SubjectPublicKeyInfo) -> Result<(), PemError> {
    match info.parsed().map_err(|_| PemError::BadDer)? {
        PublicKey::RSA(key) => judge_rsa(&key),
        _ => Ok(()),
    }
}

fn judge_rsa(key: &RSAPublicKey) -> Result<(), PemError> {
    let modulus = unsigned(key.modulus);
    let bits =
        modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err(PemError::Length(bits));
    }
    let exponent = unsigned(key.exponent);
    let odd = exponent.last().is_some_and(|last| last % 2 == 1);
    if !odd || exponent == [1] {
        return Err(PemError::Exponent);
    }
    if roca::is_vulnerable(modulus) { Err(PemError::Roca) } else { Ok(()) }
}

/// A DER integer without its leading zeros.
fn unsigned(integer: &[u8]) -> &[u8] {
    let zeros = integer.iter().take_while(|byte| **byte == 0).count();
    &integer[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_public_key_is_named() {
        let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        assert_eq!(public_key("nonsense"), Err(PemError::NoPem));
        assert_eq!(public_key(""), Err(PemError::NoPem));
        assert_eq!(public_key(&block("RSA PRIVATE KEY")), Err(PemError::Private));
        assert_eq!(public_key(&block("EC PRIVATE KEY")), Err(PemError::Private));
        assert_eq!(public_key(&block("X509 CRL")), Err(PemError::OtherLabel));
        for label in ["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"] {
            assert_eq!(public_key(&block(label)), Err(PemError::BadDer), "{label}");
        }
    }
}
