//! TLS towards endpoints.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use filter::Problem;
use foldhash::fast::RandomState;
use model::{AuthorityId, CertificateAuthority, Fingerprint, UpstreamTls, fingerprint};
use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use webpki::{EndEntityCert, KeyUsage};

use super::{pair, pem, provider};

/// The authorities of a snapshot, and the configurations for its upstreams.
pub(crate) struct ClientTls {
    authorities: HashMap<AuthorityId, String, RandomState>,
    /// Outlives snapshots: an upstream whose TLS has not changed keeps its sessions.
    kept: Arc<Kept>,
}

#[derive(Default)]
struct Kept {
    configs: Mutex<HashMap<Fingerprint, Weak<ClientConfig>, RandomState>>,
    /// The system's authorities, read when first needed.
    system: OnceLock<Arc<RootCertStore>>,
}

impl ClientTls {
    /// Takes a snapshot's authorities, and the configurations still in use from the previous one.
    pub(crate) fn new(authorities: &[CertificateAuthority], previous: Option<&ClientTls>) -> Self {
        let kept = previous.map(|previous| Arc::clone(&previous.kept)).unwrap_or_default();
        kept.configs.lock().retain(|_, config| config.strong_count() > 0);
        let pems = authorities.iter().map(|a| (a.id.clone(), a.pem.clone()));
        Self { authorities: pems.collect(), kept }
    }

    /// The configuration for an upstream that speaks HTTP/1.1, or HTTP/2: the same one for the same
    /// settings and authorities as long as anybody holds it.
    ///
    /// # Errors
    /// If an authority or the client certificate cannot be used, or if there is nobody to trust.
    pub(crate) fn config(
        &self,
        settings: &UpstreamTls,
        http2: bool,
    ) -> Result<Arc<ClientConfig>, Problem> {
        let trusted: Vec<(&AuthorityId, &str)> = settings
            .authorities
            .iter()
            .filter_map(|id| Some((id, self.authorities.get(id)?.as_str())))
            .collect();
        let same = fingerprint(&(settings, &trusted, http2));
        let mut configs = self.kept.configs.lock();
        if let Some(config) = configs.get(&same).and_then(Weak::upgrade) {
            return Ok(config);
        }
        let mut config = self.build(settings, &trusted)?;
        config.alpn_protocols = vec![if http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        let config = Arc::new(config);
        configs.insert(same, Arc::downgrade(&config));
        Ok(config)
    }

    fn build(
        &self,
        settings: &UpstreamTls,
        trusted: &[(&AuthorityId, &str)],
    ) -> Result<ClientConfig, Problem> {
        let verifier: Arc<dyn ServerCertVerifier> = if settings.verify {
            let roots = self.roots(settings, trusted)?;
            verifier(roots, settings.verify_depth)
        } else {
            Arc::new(Unverified(provider()))
        };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider speaks TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &settings.client_certificate {
            Some(certificate) => {
                let pair = pair::read(&certificate.chain, &certificate.key)
                    .map_err(|problem| about("client certificate", problem))?;
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair)))
            }
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Ok(config)
    }

    fn roots(
        &self,
        settings: &UpstreamTls,
        trusted: &[(&AuthorityId, &str)],
    ) -> Result<Arc<RootCertStore>, Problem> {
        let system = settings.system_authorities || settings.authorities.is_empty();
        let mut roots = match system {
            true if trusted.is_empty() => return self.system(),
            true => RootCertStore::clone(&*self.system()?),
            false => RootCertStore::empty(),
        };
        for (id, text) in trusted {
            let what = format!("certificate authority `{id}`");
            for placed in pem::certificates(text).map_err(|problem| about(&what, problem))? {
                roots.add(placed.certificate).map_err(|error| {
                    let line = placed.line;
                    let message = format!("{what}: the certificate in line {line} cannot be used");
                    Problem::new("", format!("{message}: {error}"))
                })?;
            }
        }
        Ok(Arc::new(roots))
    }

    fn system(&self) -> Result<Arc<RootCertStore>, Problem> {
        if let Some(system) = self.kept.system.get() {
            return Ok(Arc::clone(system));
        }
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // Systems hold some certificates that cannot be used; the others still count.
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
            let message = format!("the system has no certificate authorities{why}");
            return Err(Problem::new("", message).help(
                "install the package ca-certificates, let SSL_CERT_FILE name a file of them, or \
                 name authorities in the configuration",
            ));
        }
        Ok(Arc::clone(self.kept.system.get_or_init(|| Arc::new(roots))))
    }
}

/// Says of what a problem speaks.
fn about(what: &str, problem: Problem) -> Problem {
    Problem { message: format!("{what}: {}", problem.message), ..problem }
}

fn verifier(roots: Arc<RootCertStore>, depth: Option<u8>) -> Arc<dyn ServerCertVerifier> {
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), provider())
        .build()
        .expect("there are roots, and no revocation lists that could be broken");
    match depth {
        None => inner,
        Some(depth) => Arc::new(WithDepth { inner, roots, depth: usize::from(depth) }),
    }
}

/// Believes in chains with a limited number of intermediate certificates.
#[derive(Debug)]
struct WithDepth {
    inner: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
    depth: usize,
}

impl WithDepth {
    /// Looks for a chain that is short enough.
    fn find_short(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), webpki::Error> {
        let short = |path: &webpki::VerifiedPath<'_>| match path.intermediate_certificates().count()
            <= self.depth
        {
            true => Ok(()),
            false => Err(webpki::Error::UnknownIssuer),
        };
        EndEntityCert::try_from(leaf)?.verify_for_usage(
            provider().signature_verification_algorithms.all,
            &self.roots.roots,
            intermediates,
            now,
            KeyUsage::server_auth(),
            None,
            Some(&short),
        )?;
        Ok(())
    }
}

impl ServerCertVerifier for WithDepth {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(leaf, intermediates, name, ocsp, now)?;
        // A chain cannot be longer than what was sent.
        if intermediates.len() > self.depth {
            self.find_short(leaf, intermediates, now)
                .map_err(|_| Error::Other(OtherError(Arc::new(TooDeep(self.depth)))))?;
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the certificate chain has more than {0} intermediate certificates")]
struct TooDeep(usize);

/// Believes any certificate, but still that its owner speaks: the handshake's signature counts.
#[derive(Debug)]
pub(super) struct Unverified(pub(super) Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Sessions that one upstream's configuration remembers, by server name.
const SESSIONS: usize = 256;

#[cfg(test)]
mod tests;
