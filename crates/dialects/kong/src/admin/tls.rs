//! TLS of the Admin API.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use thiserror::Error;

use crate::settings::{CertificateSource, Settings};

/// What is wrong with a certificate of the Admin API.
#[derive(Debug, Error)]
pub enum TlsProblem {
    /// The certificate is no PEM, or has none in it.
    #[error("`admin_ssl_cert`: no certificate can be read: {0}")]
    Certificate(String),
    /// The key is no PEM, has none in it, or is of a kind that is not supported.
    #[error("`admin_ssl_cert_key`: no private key can be read: {0}")]
    Key(String),
    /// The key is another certificate's.
    #[error("`admin_ssl_cert` and `admin_ssl_cert_key` do not belong together: {0}")]
    Pair(rustls::Error),
    /// No certificate could be made.
    #[error("no certificate can be made for the Admin API: {0}")]
    Own(rcgen::Error),
}

/// What a TLS listener of the Admin API shows and speaks: the certificates of the settings, whose
/// files have been read, or one that is made now. `http2` is whether HTTP/2 is offered.
///
/// # Errors
/// If a certificate or its key cannot be used.
pub fn tls(settings: &Settings, http2: bool) -> Result<Arc<ServerConfig>, TlsProblem> {
    let keys = match settings.admin_certificates.as_slice() {
        [] => vec![own()?],
        sources => sources.iter().map(certified).collect::<Result<_, _>>()?,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider supports TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Certificates(keys)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(Arc::new(config))
}

/// The first certificate whose key the client can check.
#[derive(Debug)]
struct Certificates(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let fits =
            |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        self.0.iter().find(fits).cloned()
    }
}

fn certified(source: &CertificateSource) -> Result<Arc<CertifiedKey>, TlsProblem> {
    let unread = || "its file was not read".to_owned();
    let certificate = source.certificate.text().ok_or_else(|| TlsProblem::Certificate(unread()))?;
    let key = source.key.text().ok_or_else(|| TlsProblem::Key(unread()))?;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificate.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| TlsProblem::Certificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(TlsProblem::Certificate("there is none in it".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| TlsProblem::Key(error.to_string()))?;
    certify(chain, &key)
}

fn own() -> Result<Arc<CertifiedKey>, TlsProblem> {
    let names = vec!["localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(TlsProblem::Own)?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| TlsProblem::Key(error.to_owned()))?;
    certify(vec![made.cert.der().clone()], &key)
}

fn certify(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, TlsProblem> {
    let key = any_supported_type(key).map_err(|error| TlsProblem::Key(error.to_string()))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(Arc::new(certified))
        }
        Err(error) => Err(TlsProblem::Pair(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Overrides;

    fn settings(certificate: &str, key: &str) -> Settings {
        let environment = [("KONG_ADMIN_SSL_CERT", certificate), ("KONG_ADMIN_SSL_CERT_KEY", key)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Settings::read(None, environment, &Overrides::default()).0
    }

    #[test]
    fn a_certificate_is_made_if_there_is_none() {
        let config = tls(&Settings::default(), true).expect("one can be made");
        assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let make = || rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).expect("made");
        let (one, other) = (make(), make());
        let (pem, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        assert!(tls(&settings(&pem, &key), false).is_ok());
        let mixed = tls(&settings(&pem, &other.signing_key.serialize_pem()), false);
        assert!(matches!(mixed, Err(TlsProblem::Pair(_))));
        let unread = tls(&settings("/no/such/file", &key), false);
        assert!(matches!(unread, Err(TlsProblem::Certificate(_))));
    }
}
