//! Handshakes with the configurations, in memory.

use model::{Origin, Secret};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, ServerConnection};

use super::super::client::Unverified;
use super::super::pair::tests::pair;
use super::*;

fn certificate(id: &str, snis: &[&str], pairs: Vec<(String, Secret)>) -> Certificate {
    Certificate {
        id: id.into(),
        snis: snis.iter().map(|sni| (*sni).to_owned()).collect(),
        pairs,
        default: false,
        origin: Origin::default(),
    }
}

fn ecdsa(name: &str) -> (String, Secret) {
    pair(name, &rcgen::PKCS_ECDSA_P256_SHA256)
}

fn compile(certificates: &[Certificate], previous: Option<&ServerTls>) -> ServerTls {
    let (tls, problems) = ServerTls::compile(certificates, previous);
    assert_eq!(problems, []);
    tls
}

fn client(versions: &[&'static SupportedProtocolVersion], alpn: &[&str]) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unverified(provider())))
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(16);
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

fn any_client() -> Arc<ClientConfig> {
    client(&[&TLS13, &TLS12], &[])
}

/// Shakes hands; the client has then also read the tickets.
fn handshake(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    name: &str,
) -> Result<ClientConnection, rustls::Error> {
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
    Ok(client)
}

/// The names of the certificate that a client is shown.
fn shown(server: &Arc<ServerConfig>, name: &str) -> String {
    let client = handshake(server, &any_client(), name).unwrap();
    let leaf = &client.peer_certificates().unwrap()[0];
    let (_, leaf) = x509_parser::parse_x509_certificate(leaf).unwrap();
    let names = leaf.subject_alternative_name().unwrap().unwrap();
    names.value.general_names[0].to_string()
}

#[test]
fn the_server_name_chooses_the_certificate_in_any_case() {
    let mut certificates = vec![
        certificate("a", &["a.test"], vec![ecdsa("exact.test")]),
        certificate("b", &["*.a.test"], vec![ecdsa("wild.test")]),
    ];
    let config = compile(&certificates, None).config(false, &TlsSettings::default()).unwrap();
    assert_eq!(shown(&config, "a.test"), "DNSName(exact.test)");
    assert_eq!(shown(&config, "A.Test"), "DNSName(exact.test)");
    assert_eq!(shown(&config, "x.a.test"), "DNSName(wild.test)");
    assert_eq!(shown(&config, "b.test"), "DNSName(localhost)");
    assert_eq!(shown(&config, "127.0.0.1"), "DNSName(localhost)");
    certificates[1].default = true;
    let config = compile(&certificates, None).config(false, &TlsSettings::default()).unwrap();
    assert_eq!(shown(&config, "b.test"), "DNSName(wild.test)");
    assert_eq!(shown(&config, "127.0.0.1"), "DNSName(wild.test)");
}

#[test]
fn the_key_type_is_one_that_the_client_can_verify() {
    let pairs = vec![pair("rsa.test", &rcgen::PKCS_RSA_SHA256), ecdsa("ecdsa.test")];
    let tls = compile(&[certificate("a", &["a.test"], pairs)], None);
    let config = tls.config(false, &TlsSettings::default()).unwrap();
    assert_eq!(shown(&config, "a.test"), "DNSName(ecdsa.test)");
    // A client of TLS 1.2 whose suites want RSA.
    let settings = TlsSettings {
        cipher_suites: vec!["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".into()],
        ..TlsSettings::default()
    };
    let config = tls.config(false, &settings).unwrap();
    let mut rsa_only = CryptoProvider::clone(&provider());
    rsa_only.cipher_suites.retain(|suite| suite_name(suite).contains("ECDHE_RSA"));
    let client = ClientConfig::builder_with_provider(Arc::new(rsa_only))
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unverified(provider())))
        .with_no_client_auth();
    let client = handshake(&config, &Arc::new(client), "a.test").unwrap();
    let suite = client.negotiated_cipher_suite().unwrap();
    assert_eq!(suite_name(&suite), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
}

#[test]
fn versions_are_those_of_the_settings() {
    let tls = compile(&[], None);
    for (version, only, other) in
        [(TlsVersion::Tls12, &TLS12, &TLS13), (TlsVersion::Tls13, &TLS13, &TLS12)]
    {
        let settings = TlsSettings { versions: vec![version], ..TlsSettings::default() };
        let config = tls.config(false, &settings).unwrap();
        let agreed = handshake(&config, &any_client(), "a.test").unwrap();
        assert_eq!(agreed.protocol_version(), Some(only.version));
        assert!(handshake(&config, &client(&[other], &[]), "a.test").is_err());
    }
}

#[test]
fn settings_that_leave_nothing_to_speak_are_refused() {
    let suites = vec!["TLS_RSA_WITH_AES_128_CBC_SHA".to_owned()];
    let mut settings = TlsSettings { cipher_suites: suites, ..TlsSettings::default() };
    let tls = compile(&[], None);
    let agreed = handshake(&tls.config(false, &settings).unwrap(), &any_client(), "a.test");
    assert_eq!(agreed.unwrap().protocol_version(), Some(ProtocolVersion::TLSv1_3));
    settings.versions = vec![TlsVersion::Tls12];
    let problem = tls.config(false, &settings).unwrap_err();
    let expected = "none of the cipher suites is known here: TLS_RSA_WITH_AES_128_CBC_SHA";
    assert_eq!(problem.message, expected);
    assert!(problem.help.unwrap().contains("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"));
}

#[test]
fn http2_is_agreed_on_only_where_it_is_offered() {
    let tls = compile(&[], None);
    for (http2, offered, agreed) in [
        (true, &["http/1.1", "h2"][..], "h2"),
        (true, &["http/1.1"], "http/1.1"),
        (false, &["h2", "http/1.1"], "http/1.1"),
        (false, &["http/1.0"], "http/1.0"),
    ] {
        let config = tls.config(http2, &TlsSettings::default()).unwrap();
        let client = handshake(&config, &client(&[&TLS13], offered), "a.test").unwrap();
        assert_eq!(client.alpn_protocol(), Some(agreed.as_bytes()));
    }
    // RFC 7301 section 3.2: nothing in common ends the handshake.
    let config = tls.config(true, &TlsSettings::default()).unwrap();
    assert!(handshake(&config, &client(&[&TLS13], &["acme-tls/1"]), "a.test").is_err());
}

#[test]
fn sessions_are_resumed_over_listeners_and_snapshots() {
    for version in [&TLS12, &TLS13] {
        let certificates = [certificate("a", &["a.test"], vec![ecdsa("a.test")])];
        let first = compile(&certificates, None);
        let client = client(&[version], &[]);
        let kind = |tls: &ServerTls, http2, settings: &TlsSettings| {
            let config = tls.config(http2, settings).unwrap();
            handshake(&config, &client, "a.test").unwrap().handshake_kind().unwrap()
        };
        let settings = TlsSettings::default();
        assert!(matches!(
            kind(&first, false, &settings),
            HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest
        ));
        assert_eq!(kind(&first, true, &settings), HandshakeKind::Resumed);
        let other = [certificate("a", &["a.test"], vec![ecdsa("a.test")])];
        let second = compile(&other, Some(&first));
        assert_eq!(kind(&second, false, &settings), HandshakeKind::Resumed);
        let without = TlsSettings { session_tickets: false, ..settings };
        assert_ne!(kind(&second, false, &without), HandshakeKind::Resumed);
    }
}

#[test]
fn what_has_not_changed_is_taken_over() {
    let mut certificates = vec![
        certificate("a", &["a.test"], vec![ecdsa("a.test")]),
        certificate("b", &["b.test"], vec![ecdsa("b.test")]),
    ];
    let first = compile(&certificates, None);
    certificates[0].origin = Origin { line: 7, ..Origin::default() };
    let second = compile(&certificates, Some(&first));
    let settings = TlsSettings::default();
    let same = |one: &ServerTls, two: &ServerTls| {
        Arc::ptr_eq(&one.config(true, &settings).unwrap(), &two.config(true, &settings).unwrap())
    };
    assert!(same(&first, &second));
    certificates[0].snis.push("c.test".into());
    let third = compile(&certificates, Some(&second));
    assert!(!same(&second, &third));
    let pair = fingerprint(&certificates[1].pairs[0]);
    assert!(Arc::ptr_eq(&first.shared.pairs[&pair], &third.shared.pairs[&pair]));
}

#[test]
fn problems_are_returned_by_certificate_and_spare_the_others() {
    let mut mixed = ecdsa("a.test");
    mixed.1 = ecdsa("b.test").1;
    let certificates = [
        certificate("good", &["good.test"], vec![ecdsa("good.test")]),
        certificate("mixed", &["mixed.test"], vec![mixed, (String::new(), Secret::new("x"))]),
        certificate("empty", &["empty.test"], vec![]),
    ];
    let (tls, problems) = ServerTls::compile(&certificates, None);
    let problems: Vec<_> =
        problems.iter().map(|(id, problem)| (id.as_str(), problem.message.as_str())).collect();
    assert_eq!(
        problems,
        [
            ("mixed", "the private key does not belong to the certificate"),
            ("mixed", "certificate: it is empty"),
            ("empty", "it has neither certificate nor key"),
        ]
    );
    let config = tls.config(false, &TlsSettings::default()).unwrap();
    assert_eq!(shown(&config, "good.test"), "DNSName(good.test)");
    assert_eq!(shown(&config, "mixed.test"), "DNSName(localhost)");
}
