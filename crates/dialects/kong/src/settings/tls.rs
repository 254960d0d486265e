//! `ssl_protocols`, `ssl_cipher_suite`, `ssl_ciphers`.

use config::{Finding, Origin};
use model::TlsVersion::{self, Tls12, Tls13};

use super::codes;
use super::reader::Reader;

/// Cipher suites of TLS 1.2 that the gateway offers, by OpenSSL's and IANA's names.
const SUITES: &[(&str, &str)] = &[
    ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    ("ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    ("ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    ("ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
];

/// Names of OpenSSL for groups that all of [`SUITES`] are in.
const GROUPS: &[&str] =
    &["ALL", "DEFAULT", "HIGH", "EECDH", "ECDHE", "EECDH+AESGCM", "ECDHE+AESGCM"];

/// Reads what a handshake may agree on.
pub(super) fn read(reader: &mut Reader<'_>) -> model::TlsSettings {
    let suite = cipher_suite(reader);
    let (versions, cipher_suites) = match suite.as_str() {
        "modern" => (vec![Tls13], Vec::new()),
        "fips" => (vec![Tls12, Tls13], iana(|name| name.contains("GCM"))),
        "custom" => (Vec::new(), custom(reader)),
        _ => (Vec::new(), Vec::new()),
    };
    let asked = versions_asked(reader);
    model::TlsSettings {
        versions: if asked.is_empty() { versions } else { asked },
        cipher_suites,
        session_tickets: tickets(reader),
    }
}

fn cipher_suite(reader: &mut Reader<'_>) -> String {
    let known = |text: &str| {
        ["modern", "intermediate", "old", "fips", "custom"].contains(&text).then(|| text.to_owned())
    };
    let what = "`modern`, `intermediate`, `old`, `fips` or `custom`";
    let suite = reader.parsed("ssl_cipher_suite", what, known).unwrap_or_default();
    if suite == "old" {
        let origin = reader.origin("ssl_cipher_suite");
        weak(
            reader,
            &origin,
            "`old` is served as `intermediate`: TLS 1.0 and 1.1 and the suites for them are not offered",
        );
    }
    suite
}

/// The versions by the strongest property that names any. Unlike Kong, which looks at them only
/// with `ssl_cipher_suite = custom`: whoever asks for TLS 1.3 only should get it.
fn versions_asked(reader: &mut Reader<'_>) -> Vec<TlsVersion> {
    let names = [
        "nginx_location_ssl_protocols",
        "nginx_proxy_ssl_protocols",
        "nginx_http_ssl_protocols",
        "ssl_protocols",
    ];
    let Some(name) = names.into_iter().find(|name| reader.is_given(name)) else {
        return Vec::new();
    };
    let given = &reader.given[name];
    let (text, origin) = (given.value.clone(), given.origin.clone());
    let mut versions = Vec::new();
    let mut impossible = Vec::new();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        match word {
            "TLSv1.2" => versions.push(Tls12),
            "TLSv1.3" => versions.push(Tls13),
            "SSLv2" | "SSLv3" | "TLSv1" | "TLSv1.1" => impossible.push(word),
            _ => {
                reader.invalid(name, "a list of `TLSv1.2` and `TLSv1.3`");
                return Vec::new();
            }
        }
    }
    versions.sort_unstable();
    versions.dedup();
    if versions.is_empty() && !impossible.is_empty() {
        reader.invalid(name, "a list with `TLSv1.2` or `TLSv1.3`, the versions that can be spoken");
    } else if !impossible.is_empty() {
        let message =
            format!("`{name}`: cannot be spoken: {} (RFC 8996)", impossible.join(" and "));
        weak(reader, &origin, &message);
    }
    versions
}

fn custom(reader: &mut Reader<'_>) -> Vec<String> {
    let names = [
        "nginx_location_ssl_ciphers",
        "nginx_proxy_ssl_ciphers",
        "nginx_http_ssl_ciphers",
        "ssl_ciphers",
    ];
    let Some(name) = names.into_iter().find(|name| reader.is_given(name)) else {
        return Vec::new();
    };
    let given = &reader.given[name];
    let (text, origin) = (given.value.clone(), given.origin.clone());
    let (chosen, impossible) = choose(&text);
    if chosen.is_empty() {
        reader.invalid(
            name,
            "a list with one of the suites that are offered (ECDHE with AES-GCM or ChaCha20)",
        );
    } else if !impossible.is_empty() {
        let message = format!("`{name}`: not offered: {}", impossible.join(", "));
        weak(reader, &origin, &message);
    }
    chosen
}

/// What OpenSSL's list means here, and which of its names mean nothing.
fn choose(list: &str) -> (Vec<String>, Vec<&str>) {
    let (mut chosen, mut impossible) = (Vec::new(), Vec::new());
    for word in list.split([':', ',', ' ']).filter(|word| !word.is_empty()) {
        let suite = SUITES.iter().find(|(openssl, iana)| word == *openssl || word == *iana);
        match (word.as_bytes()[0], suite) {
            // What is taken out and is not offered anyway needs no word.
            (b'!' | b'-', _) => {
                let name = &word[1..];
                chosen.retain(|iana: &String| !SUITES.iter().any(|(o, i)| name == *o && iana == i));
            }
            (b'@' | b'+', _) => {}
            (_, Some((_, iana))) => chosen.push((*iana).to_owned()),
            (_, None) if GROUPS.contains(&word) => chosen.extend(iana(|_| true)),
            (_, None) => impossible.push(word),
        }
    }
    let mut seen = std::collections::HashSet::new();
    chosen.retain(|name| seen.insert(name.clone()));
    (chosen, impossible)
}

fn iana(which: impl Fn(&str) -> bool) -> Vec<String> {
    SUITES
        .iter()
        .filter(|(openssl, _)| which(openssl))
        .map(|(_, iana)| (*iana).to_owned())
        .collect()
}

fn tickets(reader: &mut Reader<'_>) -> bool {
    let switch = |text: &str| match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    };
    let injected = reader.directive("ssl_session_tickets", "`on` or `off`", switch);
    injected
        .or_else(|| reader.parsed("ssl_session_tickets", "`on` or `off`", switch))
        .unwrap_or(true)
}

fn weak(reader: &mut Reader<'_>, origin: &Origin, message: &str) {
    reader.findings.push(Finding::new(&codes::WEAK_TLS, message).at(origin));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_openssl_become_those_of_iana() {
        let (chosen, impossible) =
            choose("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:!aNULL:@STRENGTH");
        assert_eq!(chosen, ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
        assert_eq!(impossible, ["AES128-SHA"]);
    }

    #[test]
    fn groups_and_exclusions() {
        let (chosen, impossible) = choose("HIGH:!ECDHE-RSA-CHACHA20-POLY1305:!MD5");
        assert_eq!(chosen.len(), SUITES.len() - 1);
        assert_eq!(impossible, [""; 0]);
    }
}
