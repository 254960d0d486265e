//! TLS towards clients.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use filter::Problem;
use foldhash::fast::RandomState;
use model::{Certificate, CertificateId, Fingerprint, TlsSettings, TlsVersion, fingerprint};
use parking_lot::Mutex;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

use super::names::{Names, Shown};
use super::{fallback, pair, provider};

/// All certificates of a snapshot, and the configurations of its TLS listeners.
pub(crate) struct ServerTls {
    shared: Arc<Shared>,
    /// Encrypts sessions for the clients to keep, with a key that changes every six hours and is
    /// accepted for twelve. One for the life of the gateway: all workers and all snapshots
    /// resume each other's sessions.
    tickets: Result<Arc<dyn ProducesTickets>, rustls::Error>,
}

/// What snapshots with the same certificates share.
struct Shared {
    certificates: Fingerprint,
    names: Arc<Names>,
    pairs: Pairs,
    configs: Mutex<Vec<(bool, TlsSettings, Arc<ServerConfig>)>>,
}

type Pairs = HashMap<Fingerprint, Arc<CertifiedKey>, RandomState>;

impl ServerTls {
    /// Reads all certificates. What has not changed since the previous snapshot is taken over
    /// from it. A certificate with a problem is left out and its problem returned.
    pub(crate) fn compile(
        certificates: &[Certificate],
        previous: Option<&ServerTls>,
    ) -> (ServerTls, Vec<(CertificateId, Problem)>) {
        let mut problems = Vec::new();
        let same = fingerprint(&certificates.iter().map(what_counts).collect::<Vec<_>>());
        let shared = match previous {
            Some(previous) if previous.shared.certificates == same => Arc::clone(&previous.shared),
            _ => {
                let known = previous.map(|previous| &previous.shared.pairs);
                Arc::new(Shared::compile(certificates, same, known, &mut problems))
            }
        };
        let tickets = match previous.map(|previous| &previous.tickets) {
            Some(Ok(tickets)) => Ok(Arc::clone(tickets)),
            _ => Ticketer::new(),
        };
        (Self { shared, tickets }, problems)
    }

    /// The configuration of a listener: the same one for the same settings and certificates.
    ///
    /// # Errors
    /// If the settings leave nothing that could be spoken.
    pub(crate) fn config(
        &self,
        http2: bool,
        settings: &TlsSettings,
    ) -> Result<Arc<ServerConfig>, Problem> {
        let mut configs = self.shared.configs.lock();
        let known = configs.iter().find(|(h2, known, _)| *h2 == http2 && known == settings);
        if let Some((_, _, config)) = known {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.build(http2, settings)?);
        configs.push((http2, settings.clone(), Arc::clone(&config)));
        Ok(config)
    }

    fn build(&self, http2: bool, settings: &TlsSettings) -> Result<ServerConfig, Problem> {
        let fallback = fallback::certificate()
            .map_err(|error| Problem::new("", format!("no fallback certificate: {error}")))?;
        let resolver = Resolver { names: Arc::clone(&self.shared.names), fallback };
        let versions = versions(&settings.versions);
        let mut config = ServerConfig::builder_with_provider(with_suites(&settings.cipher_suites))
            .with_protocol_versions(&versions)
            .map_err(|_| nothing_to_speak(&settings.cipher_suites))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        // Without tickets there is no resumption at all: a store on this side would be a lock
        // shared by all workers.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        if settings.session_tickets {
            let tickets = self.tickets.clone();
            config.ticketer = tickets.map_err(|error| {
                Problem::new("", format!("no key for session tickets: {error}"))
            })?;
            config.send_tls13_tickets = TICKETS;
        }
        let protocols: &[&[u8]] = if http2 { &[b"h2", HTTP11, HTTP10] } else { &[HTTP11, HTTP10] };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }
}

impl Shared {
    fn compile(
        certificates: &[Certificate],
        same: Fingerprint,
        known: Option<&Pairs>,
        problems: &mut Vec<(CertificateId, Problem)>,
    ) -> Self {
        let mut names = Names::default();
        let mut pairs = Pairs::default();
        for certificate in certificates {
            let before = problems.len();
            let mut read = Vec::with_capacity(certificate.pairs.len());
            for pair @ (chain, key) in &certificate.pairs {
                let same = fingerprint(pair);
                let known = known.and_then(|known| known.get(&same)).cloned();
                match known.map_or_else(|| pair::read(chain, key), Ok) {
                    Ok(pair) => {
                        pairs.insert(same, Arc::clone(&pair));
                        read.push(pair);
                    }
                    Err(problem) => problems.push((certificate.id.clone(), problem)),
                }
            }
            match Shown::new(read) {
                Some(shown) if problems.len() == before => add(&mut names, certificate, &shown),
                Some(_) => {}
                None if problems.len() == before => {
                    let problem = Problem::new("", "it has neither certificate nor key");
                    problems.push((certificate.id.clone(), problem));
                }
                None => {}
            }
        }
        Self { certificates: same, names: Arc::new(names), pairs, configs: Mutex::new(Vec::new()) }
    }
}

fn add(names: &mut Names, certificate: &Certificate, shown: &Shown) {
    for name in &certificate.snis {
        names.add(name, shown);
    }
    if certificate.default {
        names.add_default(shown);
    }
}

/// What of a certificate makes a difference: where it stands does not.
fn what_counts(
    certificate: &Certificate,
) -> (&CertificateId, &[String], &[(String, model::Secret)], bool) {
    (&certificate.id, &certificate.snis, &certificate.pairs, certificate.default)
}

fn versions(wanted: &[TlsVersion]) -> Vec<&'static SupportedProtocolVersion> {
    let known = [(TlsVersion::Tls13, &TLS13), (TlsVersion::Tls12, &TLS12)];
    let known = known.into_iter();
    known.filter(|(v, _)| wanted.is_empty() || wanted.contains(v)).map(|(_, v)| v).collect()
}

/// The provider with these suites of TLS 1.2 and all of TLS 1.3.
fn with_suites(wanted: &[String]) -> Arc<CryptoProvider> {
    if wanted.is_empty() {
        return provider();
    }
    let mut provider = CryptoProvider::clone(&provider());
    provider.cipher_suites.retain(|suite| {
        suite.tls13().is_some() || wanted.iter().any(|name| *name == suite_name(suite))
    });
    Arc::new(provider)
}

fn suite_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite())
}

/// Only TLS 1.2 is to be spoken, and with no suite that is known.
fn nothing_to_speak(wanted: &[String]) -> Problem {
    let known = provider();
    let known = known.cipher_suites.iter().filter(|suite| suite.tls13().is_none());
    let known: Vec<_> = known.map(suite_name).collect();
    let message = format!("none of the cipher suites is known here: {}", wanted.join(", "));
    Problem::new("", message).help(format!("offer TLS 1.3 too, or one of: {}", known.join(", ")))
}

struct Resolver {
    names: Arc<Names>,
    fallback: Arc<CertifiedKey>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let found = self.names.find(hello.server_name());
        let shown = found.map_or(&self.fallback, |shown| shown.choose(hello.signature_schemes()));
        Some(Arc::clone(shown))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

/// Tickets per handshake of TLS 1.3: each is good for one resumption, and browsers open two
/// connections at once.
const TICKETS: usize = 2;
const HTTP11: &[u8] = b"http/1.1";
const HTTP10: &[u8] = b"http/1.0";

#[cfg(test)]
mod tests;
