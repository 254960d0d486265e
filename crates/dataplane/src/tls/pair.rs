//! A certificate chain and its private key.

use std::sync::Arc;

use filter::Problem;
use model::Secret;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::sign::CertifiedKey;
use x509_parser::parse_x509_certificate;

use super::pem::{self, Placed};
use super::provider;

/// Reads a PEM chain, leaf first, and the PEM private key of its leaf.
///
/// # Errors
/// If either cannot be read, or they do not belong together.
pub(super) fn read(chain: &str, key: &Secret) -> Result<Arc<CertifiedKey>, Problem> {
    let chain = pem::certificates(chain).map_err(|problem| about("certificate", problem))?;
    let key = pem::private_key(key.expose()).map_err(|problem| about("private key", problem))?;
    let key = provider().key_provider.load_private_key(key).map_err(|_| {
        Problem::new("", "private key: it cannot be used for TLS")
            .help("use RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, or Ed25519")
    })?;
    if let Some(public) = key.public_key() {
        belong_together(&chain, &public)?;
    }
    let chain = chain.into_iter().map(|placed| placed.certificate).collect();
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

/// Says of which of the two a problem speaks.
fn about(what: &str, problem: Problem) -> Problem {
    Problem { message: format!("{what}: {}", problem.message), ..problem }
}

fn belong_together(chain: &[Placed], key: &SubjectPublicKeyInfoDer<'_>) -> Result<(), Problem> {
    // Compared as bytes: certificates of X.509 version 1 are shown as well as those of version 3.
    let certifies = |placed: &Placed| {
        parse_x509_certificate(&placed.certificate)
            .is_ok_and(|(_, certificate)| certificate.public_key().raw == key.as_ref())
    };
    match chain.iter().position(certifies) {
        Some(0) => Ok(()),
        Some(later) => {
            let message = format!(
                "the private key belongs to the certificate in line {}, which is not the first",
                chain[later].line
            );
            Err(Problem::new("", message)
                .help("put the server's own certificate first, then the one that signed it"))
        }
        None => Err(Problem::new("", "the private key does not belong to the certificate")
            .help("compare `openssl x509 -pubkey -noout -in cert.pem` with `openssl pkey -pubout -in key.pem`")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};

    use super::*;

    /// A chain of one certificate, and its key.
    pub(in crate::tls) fn pair(
        name: &str,
        algorithm: &'static SignatureAlgorithm,
    ) -> (String, Secret) {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate =
            CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), Secret::new(key.serialize_pem()))
    }

    #[test]
    fn every_kind_of_key_is_read() {
        for algorithm in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
            &rcgen::PKCS_ED25519,
            &rcgen::PKCS_RSA_SHA256,
        ] {
            let (chain, key) = pair("a.test", algorithm);
            assert_eq!(read(&chain, &key).unwrap().cert.len(), 1);
        }
    }

    #[test]
    fn strangers_are_told_apart_from_a_wrong_order() {
        let (first, _) = pair("a.test", &rcgen::PKCS_ED25519);
        let (second, key) = pair("b.test", &rcgen::PKCS_ED25519);
        let problem = read(&first, &key).unwrap_err();
        assert_eq!(problem.message, "the private key does not belong to the certificate");
        let problem = read(&format!("{first}{second}"), &key).unwrap_err();
        let line = first.lines().count() + 1;
        let expected = format!("belongs to the certificate in line {line}, which is not the first");
        assert!(problem.message.ends_with(&expected), "{}", problem.message);
        assert_eq!(read(&format!("{second}{first}"), &key).unwrap().cert.len(), 2);
    }

    #[test]
    fn problems_say_which_text_they_are_about_and_repeat_nothing_of_it() {
        let (chain, key) = pair("a.test", &rcgen::PKCS_ED25519);
        assert_eq!(read("", &key).unwrap_err().message, "certificate: it is empty");
        let problem = read(&chain, &Secret::new("hunter2")).unwrap_err();
        assert_eq!(problem.message, "private key: it is not PEM");
        let unusable = "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----";
        let problem = read(&chain, &Secret::new(unusable)).unwrap_err();
        assert_eq!(problem.message, "private key: it cannot be used for TLS");
    }
}
