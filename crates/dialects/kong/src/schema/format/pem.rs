//! Certificates and keys.

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate};

use super::{Refusal, is_vault_reference};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

pub(super) fn check_certificate(text: &str) -> Result<(), Refusal> {
    let der = certificate_der(text)?;
    parse_certificate(&der).map(|_| ())
}

pub(super) fn check_private_key(text: &str) -> Result<(), Refusal> {
    public_half(text).map(|_| ()).map_err(|problem| format!("invalid key: {problem}").into())
}

/// A key of which the public half can be known: a public key, or a private one.
pub(super) fn check_public_key(text: &str) -> Result<(), Refusal> {
    if public_key(text).is_some() || public_half(text).is_ok() {
        return Ok(());
    }
    Err("invalid key".into())
}

/// The two halves of the field `pem` of a key, each of which may be missing.
pub(super) fn check_key_pair(pair: &Value) -> Result<(), Refusal> {
    let half = |name: &str| pair[name].as_str();
    let (public, private) = (half("public_key"), half("private_key"));
    if [public, private].into_iter().flatten().any(is_vault_reference) {
        return Ok(());
    }
    let public = match public {
        Some(text) => Some(public_key(text).ok_or("could not load public key")?),
        None => None,
    };
    let private = match private {
        Some(text) => {
            let load = |problem| Refusal::from(format!("could not load private key{problem}"));
            Some(public_half(text).map_err(load)?)
        }
        None => None,
    };
    match (public, private) {
        (Some(public), Some(private)) if public != private => {
            Err("public key does not match private key".into())
        }
        _ => Ok(()),
    }
}

/// Whether a certificate and a private key, both sound, belong together.
pub(crate) fn keys_match(certificate: &str, key: &str) -> bool {
    let of_certificate = certificate_der(certificate)
        .ok()
        .and_then(|der| Some(parse_certificate(&der).ok()?.public_key().raw.to_vec()));
    of_certificate == public_half(key).ok()
}

/// The algorithm of a certificate's key, as an object identifier.
pub(crate) fn key_type(certificate: &str) -> Option<String> {
    let der = certificate_der(certificate).ok()?;
    let certificate = parse_certificate(&der).ok()?;
    Some(certificate.public_key().algorithm.algorithm.to_id_string())
}

/// Whether a sound certificate is one of an authority; `now` is in seconds since the epoch.
pub(crate) fn check_ca_certificate(text: &str, now: i64) -> Result<(), Refusal> {
    if text.matches(CERTIFICATE).count() > 1 {
        return Err("please submit only one certificate at a time".into());
    }
    let der = certificate_der(text)?;
    let certificate = parse_certificate(&der)?;
    if certificate.validity().not_after.timestamp() < now {
        return Err("certificate expired, \"Not After\" time is in the past".into());
    }
    if !certificate.is_ca() {
        return Err("certificate does not appear to be a CA because it is missing the \"CA\" basic constraint".into());
    }
    Ok(())
}

/// The SHA-256 of a certificate's DER form, in lower-case hexadecimal.
pub(crate) fn certificate_digest(text: &str) -> Option<String> {
    let der = certificate_der(text).ok()?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    Some(hex::encode(digest))
}

fn certificate_der(text: &str) -> Result<CertificateDer<'static>, Refusal> {
    CertificateDer::from_pem_slice(text.as_bytes())
        .map_err(|problem| format!("invalid certificate: {problem}").into())
}

fn parse_certificate<'d>(der: &'d CertificateDer<'_>) -> Result<X509Certificate<'d>, Refusal> {
    X509Certificate::from_der(der)
        .map(|(_, certificate)| certificate)
        .map_err(|problem| format!("invalid certificate: {problem}").into())
}

/// The public half of a private key, as DER (RFC 5280 `SubjectPublicKeyInfo`).
fn public_half(text: &str) -> Result<Vec<u8>, String> {
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|e| e.to_string())?;
    let key = any_supported_type(&key).map_err(|e| e.to_string())?;
    let public = key.public_key().ok_or("its public half is unknown")?;
    Ok(public.as_ref().to_vec())
}

/// A public key, as DER.
fn public_key(text: &str) -> Option<Vec<u8>> {
    let der = rustls::pki_types::SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).ok()?;
    let (rest, _) = SubjectPublicKeyInfo::from_der(&der).ok()?;
    rest.is_empty().then(|| der.as_ref().to_vec())
}
