//! Certificates, and TLS towards upstreams.

use config::Finding;

use super::codes;
use super::http::on_or_off;
use super::reader::Reader;
use super::source::TextSource;

/// A certificate chain and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateSource {
    /// PEM chain.
    pub certificate: TextSource,
    /// PEM private key.
    pub key: TextSource,
}

/// TLS towards upstreams where a service does not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTls {
    /// Whether certificates are verified.
    pub verify: bool,
    /// How many intermediate certificates a chain may have.
    pub verify_depth: u8,
    /// Files with authorities.
    pub trusted: Vec<TextSource>,
    /// Whether the system's authorities are trusted too.
    pub trust_system: bool,
    /// What is shown to upstreams that ask for a certificate.
    pub client_certificate: Option<CertificateSource>,
}

/// The pairs of a list of certificates and a list of keys.
pub(super) fn certificates(
    reader: &mut Reader<'_>,
    certificates: &str,
    keys: &str,
) -> Vec<CertificateSource> {
    let (chains, private) = (reader.list(certificates), reader.list(keys));
    if chains.len() != private.len() {
        let message = format!(
            "`{certificates}` names {} and `{keys}` names {}: each certificate needs its key",
            count(chains.len(), "certificate"),
            count(private.len(), "key"),
        );
        let named = if chains.len() > private.len() { certificates } else { keys };
        let origin = reader.origin(named);
        reader.findings.push(Finding::new(&codes::INVALID_VALUE, message).at(origin));
    }
    let (chain_origin, key_origin) = (reader.origin(certificates), reader.origin(keys));
    let pairs = chains.iter().zip(&private).map(|(chain, key)| CertificateSource {
        certificate: TextSource::pem(chain, chain_origin.clone()),
        key: TextSource::pem(key, key_origin.clone()),
    });
    pairs.collect()
}

pub(super) fn tls(reader: &mut Reader<'_>) -> UpstreamTls {
    let verify = reader.directive("proxy_ssl_verify", "`on` or `off`", on_or_off);
    let depth =
        reader.directive("proxy_ssl_verify_depth", "a number up to 100", |text| text.parse().ok());
    let trusted = reader.list("lua_ssl_trusted_certificate");
    let origin = reader.origin("lua_ssl_trusted_certificate");
    let files = trusted.iter().filter(|item| *item != "system");
    UpstreamTls {
        verify: verify.unwrap_or(false),
        verify_depth: depth
            .or_else(|| reader.number("lua_ssl_verify_depth", "a number up to 100"))
            .unwrap_or(1),
        trusted: files.map(|item| TextSource::pem(item, origin.clone())).collect(),
        trust_system: trusted.is_empty() || trusted.iter().any(|item| item == "system"),
        client_certificate: client_certificate(reader),
    }
}

fn client_certificate(reader: &mut Reader<'_>) -> Option<CertificateSource> {
    if !reader.switch("client_ssl") {
        return None;
    }
    let (certificate, key) = (reader.text("client_ssl_cert"), reader.text("client_ssl_cert_key"));
    let (Some(certificate), Some(key)) = (certificate, key) else {
        let message = "`client_ssl = on` needs `client_ssl_cert` and `client_ssl_cert_key`";
        let origin = reader.origin("client_ssl");
        reader.findings.push(Finding::new(&codes::INVALID_VALUE, message).at(origin));
        return None;
    };
    Some(CertificateSource {
        certificate: TextSource::pem(&certificate, reader.origin("client_ssl_cert")),
        key: TextSource::pem(&key, reader.origin("client_ssl_cert_key")),
    })
}

fn count(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}
