//! Certificates that listeners show, and authorities.

use std::collections::HashMap;

use model::{AuthorityId, Certificate, CertificateAuthority, ClientCertificate, Origin, Secret};

use super::{Context, named};
use crate::entities::{self, Id};
use crate::settings::CertificateSource;

/// The chains and keys of the entities, with what they refer to.
pub(super) struct Pairs(HashMap<Id, Vec<(String, Secret)>>);

impl Pairs {
    pub(super) fn new(context: &mut Context<'_>) -> Self {
        let certificates = context.entities.certificates.iter();
        Self(certificates.map(|entity| (entity.id.clone(), pairs(entity, context))).collect())
    }

    /// A certificate as the gateway shows it to upstreams.
    pub(super) fn for_client(&self, id: &Id) -> Option<ClientCertificate> {
        let (chain, key) = self.0.get(id)?.first()?.clone();
        Some(ClientCertificate { chain, key })
    }
}

/// The certificates of entities, and that of the settings, which is shown where no name fits.
pub(super) fn certificates(context: &Context<'_>, pairs: &Pairs) -> Vec<Certificate> {
    let entities = context.entities;
    let mut names: HashMap<&Id, Vec<String>> = HashMap::new();
    for sni in &entities.snis {
        let name = sni.name.to_ascii_lowercase();
        names.entry(&sni.certificate.id).or_default().push(name);
    }
    let of_entities = entities.certificates.iter().map(|certificate| Certificate {
        id: named("certificate", &certificate.id).into(),
        snis: names.remove(&certificate.id).unwrap_or_default(),
        pairs: pairs.0.get(&certificate.id).cloned().unwrap_or_default(),
        default: false,
        origin: certificate.origins.entity().clone(),
    });
    of_settings(&context.settings.proxy_certificates).into_iter().chain(of_entities).collect()
}

/// The authorities of entities, and those that settings name.
pub(super) fn authorities(context: &Context<'_>) -> Vec<CertificateAuthority> {
    let of_entities = context.entities.ca_certificates.iter().map(|ca| CertificateAuthority {
        id: authority(&ca.id),
        pem: ca.cert.clone(),
        origin: ca.origins.entity().clone(),
    });
    let trusted = context.settings.upstream_tls.trusted.iter().enumerate();
    let of_settings = trusted.filter_map(|(index, source)| {
        let pem = source.text()?.to_owned();
        Some(CertificateAuthority {
            id: trusted_authority(index),
            pem,
            origin: source.origin.clone(),
        })
    });
    of_entities.chain(of_settings).collect()
}

/// The name of the authority that a `ca_certificates` entity becomes.
pub(super) fn authority(id: &Id) -> AuthorityId {
    named("ca_certificate", id).into()
}

/// The name of the authority that an element of `lua_ssl_trusted_certificate` becomes.
pub(super) fn trusted_authority(index: usize) -> AuthorityId {
    format!("kong:lua_ssl_trusted_certificate:{index}").into()
}

/// A certificate of the settings, as the gateway shows it to upstreams.
pub(super) fn client_certificate_of(source: &CertificateSource) -> Option<ClientCertificate> {
    let (chain, key) = texts(source)?;
    Some(ClientCertificate { chain, key })
}

/// Without one the data plane makes its own.
fn of_settings(sources: &[CertificateSource]) -> Option<Certificate> {
    let origin = sources.first()?.certificate.origin.clone();
    Some(Certificate {
        id: "kong:ssl_cert".into(),
        snis: Vec::new(),
        pairs: sources.iter().filter_map(texts).collect(),
        default: true,
        origin,
    })
}

/// Chain and key, if their files have been read; if not, a finding has said so.
fn texts(source: &CertificateSource) -> Option<(String, Secret)> {
    Some((source.certificate.text()?.to_owned(), Secret::new(source.key.text()?)))
}

fn pairs(certificate: &entities::Certificate, context: &mut Context<'_>) -> Vec<(String, Secret)> {
    let first = pair(certificate, ["/cert", "/key"], &certificate.cert, &certificate.key, context);
    let second = match (&certificate.cert_alt, &certificate.key_alt) {
        (Some(cert), Some(key)) => {
            Some(pair(certificate, ["/cert_alt", "/key_alt"], cert, key, context))
        }
        _ => None,
    };
    std::iter::once(first).chain(second).collect()
}

fn pair(
    certificate: &entities::Certificate,
    pointers: [&str; 2],
    chain: &str,
    key: &str,
    context: &mut Context<'_>,
) -> (String, Secret) {
    let places: [Origin; 2] = pointers.map(|pointer| certificate.origins.at(pointer));
    let chain = context.vaults.resolve(chain, &places[0], context.findings);
    let key = context.vaults.resolve(key, &places[1], context.findings);
    (chain, Secret::new(key))
}
