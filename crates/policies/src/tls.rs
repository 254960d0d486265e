//! TLS towards servers that policies speak to.

use std::sync::Arc;

use filter::Problem;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Whose certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Trust {
    /// Those of the authorities that the system trusts.
    pub(crate) system: bool,
    /// Those of these.
    pub(crate) authorities: Vec<CertificateDer<'static>>,
}

/// Stands for the authorities that the system trusts.
pub(crate) const SYSTEM: &str = "system";

/// The trust in authorities that are given in PEM, or as [`SYSTEM`]. `pointer` is where they stand,
/// `verify` what a user sets to false to trust everyone.
pub(crate) fn trust(
    named: &[String],
    pointer: &str,
    verify: &str,
    problems: &mut Vec<Problem>,
) -> Trust {
    let mut trust = Trust { system: false, authorities: Vec::new() };
    for (ix, text) in named.iter().enumerate() {
        if text == SYSTEM {
            trust.system = true;
            continue;
        }
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        let found = match found {
            Ok(found) if found.is_empty() => Err("there is no certificate in it".to_owned()),
            Ok(found) => usable(found),
            Err(error) => Err(format!("it is no PEM: {error}")),
        };
        match found {
            Ok(found) => trust.authorities.extend(found),
            Err(why) => {
                let message = format!("a certificate authority cannot be used: {why}");
                let problem = Problem::new(format!("{pointer}/{ix}"), message);
                problems.push(problem.help("give certificates in PEM, or `system`"));
            }
        }
    }
    if named.is_empty() {
        let message = "no certificate can be verified if no authority is trusted";
        let problem = Problem::new(pointer, message);
        problems.push(problem.help(format!("name one, or `system`; or set {verify} to false")));
    }
    trust
}

fn usable(
    certificates: Vec<CertificateDer<'static>>,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|error| error.to_string())?;
    }
    Ok(certificates)
}

/// The authorities to trust. Reads files if the system's are among them.
pub(crate) fn roots(trust: &Trust) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trust.authorities.iter().cloned());
    if trust.system {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    roots
}

/// Certificates must come from one of these authorities.
pub(crate) fn verifying(roots: RootCertStore) -> Result<ClientConfig, String> {
    if roots.is_empty() {
        return Err("the system trusts no certificate authority, so no certificate can be \
                    verified: install the authorities, or set `tls_verify` to false"
            .to_owned());
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| error.to_string())?;
    Ok(config(provider, verifier))
}

/// Any certificate will do whose key the server has.
pub(crate) fn trusting() -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    config(provider.clone(), Arc::new(AnyCertificate(provider)))
}

fn config(provider: Arc<CryptoProvider>, verifier: Arc<dyn ServerCertVerifier>) -> ClientConfig {
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the default protocol versions")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth()
}

#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
