//! The certificate that is shown when none has been configured for a name.

use std::sync::{Arc, OnceLock};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::provider;

/// The fallback certificate: signed by itself for `localhost` (ECDSA on P-256), made when a
/// process first needs it, the same until it ends. It lets a handshake complete, so that a
/// client sees which certificate is missing; no client that verifies will believe in it.
pub(super) fn certificate() -> Result<Arc<CertifiedKey>, rcgen::Error> {
    static MADE: OnceLock<Arc<CertifiedKey>> = OnceLock::new();
    if let Some(made) = MADE.get() {
        return Ok(Arc::clone(made));
    }
    let made = make()?;
    // Of two made at the same time one stays.
    Ok(Arc::clone(MADE.get_or_init(|| made)))
}

fn make() -> Result<Arc<CertifiedKey>, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.distinguished_name.push(DnType::OrganizationName, "gateway fallback certificate");
    let certificate = params.self_signed(&key)?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider().key_provider.load_private_key(der);
    let key = key.expect("a key that was just made for ECDSA on P-256 can be used");
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_and_its_key_fits() {
        let (first, second) = (certificate().unwrap(), certificate().unwrap());
        assert!(Arc::ptr_eq(&first, &second));
        first.keys_match().unwrap();
    }
}
