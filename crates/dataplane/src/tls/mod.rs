//! TLS towards clients and towards endpoints: `rustls` with the `aws-lc-rs` provider, certificates
//! and authorities from the model.

mod client;
mod fallback;
mod names;
mod pair;
mod pem;
mod server;

use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};

pub(crate) use client::ClientTls;
pub(crate) use server::ServerTls;

/// The one provider of cryptography, with everything that it offers by default.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())))
}

#[cfg(test)]
mod tests {
    use model::{Certificate, Origin, TlsSettings, UpstreamTls};
    use rustls::pki_types::ServerName;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    /// A gateway may stand before a gateway.
    #[tokio::test]
    async fn both_sides_understand_each_other() {
        let pairs = vec![pair::tests::pair("a.test", &rcgen::PKCS_ECDSA_P256_SHA256)];
        let (id, snis) = ("a".into(), vec!["a.test".into()]);
        let certificate =
            Certificate { id, snis, pairs, default: false, origin: Origin::default() };
        let (server, problems) = ServerTls::compile(&[certificate], None);
        assert_eq!(problems, []);
        let server = server.config(true, &TlsSettings::default()).unwrap();
        let client = ClientTls::new(&[], None).config(&UpstreamTls::default(), false).unwrap();
        let (near, far) = tokio::io::duplex(1 << 14);
        let name = ServerName::try_from("a.test").unwrap();
        let (client, server) = tokio::join!(
            TlsConnector::from(client).connect(name, near),
            TlsAcceptor::from(server).accept(far),
        );
        assert_eq!(client.unwrap().get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(server.unwrap().get_ref().1.server_name(), Some("a.test"));
    }
}
