//! Handshakes with the configurations, in memory.

use model::{ClientCertificate, Origin, Secret};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConnection, HandshakeKind, ServerConfig, ServerConnection};

use super::super::pair::tests::pair;
use super::*;

/// An authority, or one that another has certified.
struct Signer {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

impl Signer {
    fn new(name: &str, above: Option<&Signer>) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = match above {
            Some(above) => params.signed_by(&key, &above.issuer),
            None => params.self_signed(&key),
        };
        Self { certificate: certificate.unwrap(), issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().der().clone(), key)
    }

    fn authority(&self, id: &str) -> CertificateAuthority {
        CertificateAuthority {
            id: id.into(),
            pem: self.certificate.pem(),
            origin: Origin::default(),
        }
    }
}

/// An endpoint for a name, certified by the last of the signers; the others but the first are sent
/// along.
fn endpoint(name: &str, signers: &[Signer]) -> Arc<ServerConfig> {
    let (leaf, key) = signers.last().unwrap().issue(name);
    let above = signers[1..].iter().rev().map(|signer| signer.certificate.der().clone());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(std::iter::once(leaf).chain(above).collect(), key);
    Arc::new(config.unwrap())
}

fn handshake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<(ClientConnection, ServerConnection), Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name)?;
    let mut server = ServerConnection::new(Arc::clone(server))?;
    while client.wants_write() || server.wants_write() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok((client, server))
}

fn verifying(authorities: &[&str]) -> UpstreamTls {
    UpstreamTls {
        verify: true,
        authorities: authorities.iter().map(|id| (*id).into()).collect(),
        ..UpstreamTls::default()
    }
}

#[test]
fn only_named_authorities_and_names_are_believed() {
    let signers = [Signer::new("root", None)];
    let stranger = Signer::new("stranger", None);
    let tls = ClientTls::new(&[signers[0].authority("ca"), stranger.authority("other")], None);
    let server = endpoint("a.test", &signers);
    let trusting = tls.config(&verifying(&["other", "ca"]), false).unwrap();
    let (client, _) = handshake(&trusting, &server, "a.test").unwrap();
    assert_eq!(client.alpn_protocol(), None);
    assert!(handshake(&trusting, &server, "b.test").is_err());
    let doubting = tls.config(&verifying(&["other"]), false).unwrap();
    assert!(handshake(&doubting, &server, "a.test").is_err());
    let unverified = tls.config(&UpstreamTls::default(), false).unwrap();
    assert!(handshake(&unverified, &server, "b.test").is_ok());
}

#[test]
fn addresses_are_verified_like_names() {
    let signers = [Signer::new("root", None)];
    let tls = ClientTls::new(&[signers[0].authority("ca")], None);
    let config = tls.config(&verifying(&["ca"]), false).unwrap();
    for (address, other) in [("127.0.0.1", "127.0.0.2"), ("::1", "::2")] {
        let server = endpoint(address, &signers);
        assert!(handshake(&config, &server, address).is_ok());
        assert!(handshake(&config, &server, other).is_err());
    }
}

#[test]
fn the_depth_limits_intermediate_certificates() {
    let root = Signer::new("root", None);
    let first = Signer::new("first", Some(&root));
    let second = Signer::new("second", Some(&first));
    let tls = ClientTls::new(&[root.authority("ca")], None);
    let server = endpoint("a.test", &[root, first, second]);
    let with_depth = |depth| {
        let settings = UpstreamTls { verify_depth: depth, ..verifying(&["ca"]) };
        handshake(&tls.config(&settings, false).unwrap(), &server, "a.test").map(|_| ())
    };
    assert_eq!(with_depth(None), Ok(()));
    assert_eq!(with_depth(Some(2)), Ok(()));
    let error = with_depth(Some(1)).unwrap_err();
    assert!(error.to_string().contains("more than 1 intermediate"), "{error}");
}

#[test]
fn certificates_that_no_chain_needs_do_not_count_as_depth() {
    let root = Signer::new("root", None);
    let idle = Signer::new("idle", Some(&root));
    let tls = ClientTls::new(&[root.authority("ca")], None);
    let (leaf, key) = root.issue("a.test");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let server = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf, idle.certificate.der().clone()], key);
    let settings = UpstreamTls { verify_depth: Some(0), ..verifying(&["ca"]) };
    let config = tls.config(&settings, false).unwrap();
    assert!(handshake(&config, &Arc::new(server.unwrap()), "a.test").is_ok());
}

#[test]
fn the_client_certificate_is_shown_when_asked_for() {
    let root = Signer::new("root", None);
    let mut roots = RootCertStore::empty();
    roots.add(root.certificate.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let (leaf, key) = root.issue("a.test");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let server = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![leaf], key);
    let server = Arc::new(server.unwrap());
    let tls = ClientTls::new(&[], None);
    let nameless = tls.config(&UpstreamTls::default(), false).unwrap();
    assert!(handshake(&nameless, &server, "a.test").is_err());
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["gateway.test".to_owned()]).unwrap();
    let chain = params.signed_by(&key, &root.issuer).unwrap().pem();
    let key = Secret::new(key.serialize_pem());
    let settings = UpstreamTls {
        client_certificate: Some(ClientCertificate { chain, key }),
        ..UpstreamTls::default()
    };
    let (_, server) = handshake(&tls.config(&settings, false).unwrap(), &server, "a.test").unwrap();
    assert_eq!(server.peer_certificates().unwrap().len(), 1);
}

#[test]
fn sessions_and_configurations_outlive_snapshots_while_in_use() {
    let signers = [Signer::new("root", None)];
    let authorities = [signers[0].authority("ca")];
    let server = endpoint("a.test", &signers);
    let first = ClientTls::new(&authorities, None);
    let config = first.config(&verifying(&["ca"]), false).unwrap();
    handshake(&config, &server, "a.test").unwrap();
    let second = ClientTls::new(&authorities, Some(&first));
    let again = second.config(&verifying(&["ca"]), false).unwrap();
    assert!(Arc::ptr_eq(&config, &again));
    let (client, _) = handshake(&again, &server, "a.test").unwrap();
    assert_eq!(client.handshake_kind(), Some(HandshakeKind::Resumed));
    // An authority by the same name but another certificate is another authority.
    let third = ClientTls::new(&[Signer::new("root", None).authority("ca")], Some(&second));
    assert!(!Arc::ptr_eq(&config, &third.config(&verifying(&["ca"]), false).unwrap()));
    drop((config, again, client));
    let fourth = ClientTls::new(&authorities, Some(&third));
    assert!(fourth.kept.configs.lock().is_empty());
}

#[test]
fn what_cannot_be_used_is_named() {
    let broken = CertificateAuthority {
        id: "ca".into(),
        pem: "/etc/ssl/ca.pem".into(),
        origin: Origin::default(),
    };
    let tls = ClientTls::new(&[broken], None);
    let problem = tls.config(&verifying(&["ca"]), false).unwrap_err();
    assert_eq!(problem.message, "certificate authority `ca`: it is not PEM");
    let (chain, _) = pair("a.test", &rcgen::PKCS_ED25519);
    let certificate = ClientCertificate { chain, key: Secret::new("hunter2") };
    let settings = UpstreamTls { client_certificate: Some(certificate), ..UpstreamTls::default() };
    let problem = tls.config(&settings, false).unwrap_err();
    assert_eq!(problem.message, "client certificate: private key: it is not PEM");
}

#[test]
fn without_named_authorities_the_system_counts() {
    let signers = [Signer::new("root", None)];
    let tls = ClientTls::new(&[signers[0].authority("ca")], None);
    let server = endpoint("a.test", &signers);
    let settings = UpstreamTls { system_authorities: true, ..verifying(&["ca"]) };
    // A machine may have no authorities of its own; then that is what is said.
    match (tls.config(&verifying(&[]), false), tls.config(&settings, false)) {
        (Ok(system), Ok(both)) => {
            assert!(handshake(&system, &server, "a.test").is_err());
            assert!(handshake(&both, &server, "a.test").is_ok());
        }
        (Err(problem), Err(_)) => {
            assert!(problem.message.starts_with("the system has no certificate authorities"));
        }
        _ => panic!("both need the system's authorities"),
    }
}
