//! `proxy_listen`, and what is accepted there.

use model::{
    ClientAddress, EncodedSlash, HttpSettings, Listener, PathRules, Protocol, ProxyProtocol,
    TrustedHeader,
};

use super::table;
use crate::settings::{Listen, Settings};
use crate::voice;

/// The proxy's listeners.
pub(super) fn listeners(settings: &Settings) -> Vec<Listener> {
    let listeners = settings.proxy_listen.iter().enumerate();
    listeners.map(|(index, listen)| listener(index, listen, settings)).collect()
}

fn listener(index: usize, listen: &Listen, settings: &Settings) -> Listener {
    Listener {
        id: format!("kong:proxy:{index}").into(),
        bind: listen.address,
        public_port: settings.port_maps.get(&listen.address.port()).copied(),
        backlog: listen.backlog,
        tls: listen.ssl,
        tls_settings: settings.tls.clone(),
        proxy_protocol: proxy_protocol(listen, settings),
        protocol: Protocol::Http(HttpSettings {
            http2: listen.http2,
            limits: settings.http.limits.clone(),
            paths: PathRules { merge_slashes: true, encoded_slash: EncodedSlash::Keep },
            keepalive: settings.http.keepalive,
            keepalive_requests: settings.http.keepalive_requests,
        }),
        tables: vec![table()],
        voice: voice::id(),
        client_address: client_address(settings),
        origin: settings.origin("proxy_listen"),
    }
}

/// As in nginx, the header alone changes nothing: `real_ip_header` says that it counts, and
/// `trusted_ips` from whom.
fn proxy_protocol(listen: &Listen, settings: &Settings) -> ProxyProtocol {
    match (listen.proxy_protocol, settings.client_address.proxy_protocol) {
        (false, _) => ProxyProtocol::Off,
        (true, false) => ProxyProtocol::Ignored,
        (true, true) => ProxyProtocol::FromTrusted,
    }
}

fn client_address(settings: &Settings) -> ClientAddress {
    let address = &settings.client_address;
    ClientAddress {
        trusted: address.trusted.clone(),
        header: address
            .header
            .clone()
            .map(|name| TrustedHeader { name, recursive: address.recursive }),
    }
}
