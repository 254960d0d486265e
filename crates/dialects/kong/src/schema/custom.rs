//! Rules across fields that only code can say.

use serde_json::{Map, Value};

use super::definition::Custom;
use super::expression;
use super::format::{
    check_ca_certificate, is_shared_memory, is_vault_reference, key_type, keys_match,
};
use super::validate::Validation;

type Record = Map<String, Value>;

/// What is to be said of the record, whose other rules hold.
pub(super) fn check(rule: Custom, record: &Record, validation: &Validation) -> Option<String> {
    match rule {
        Custom::CertificateKey => {
            check_key(record, "cert", "key").then(|| "certificate does not match key".to_owned())
        }
        Custom::CertificateAltKey => check_key(record, "cert_alt", "key_alt")
            .then(|| "alternative certificate does not match key".to_owned()),
        Custom::CertificateKeyTypes => check_key_types(record),
        Custom::CaCertificate => {
            check_ca_certificate(text(record, "cert")?, validation.now).err().map(String::from)
        }
        Custom::Jwk => check_jwk(record),
        Custom::WasmFilters => Some("wasm support is not enabled".to_owned()),
        Custom::AcmeStorage => (record.get("config")?["storage"] == "kong")
            .then(|| "\"kong\" storage can't be used with dbless mode".to_owned()),
        Custom::LlmStatistics => check_llm_statistics(record),
        Custom::LambdaProxyUrl => {
            let (scheme, _) = record.get("config")?["proxy_url"].as_str()?.split_once("://")?;
            (scheme != "http" && !scheme.contains(':'))
                .then(|| "proxy_url scheme must be http".to_owned())
        }
        Custom::ProxyCacheMemory => {
            let config = record.get("config")?;
            let name = config["memory"]["dictionary_name"].as_str()?;
            (config["strategy"] == "memory" && !is_shared_memory(name))
                .then(|| format!("missing shared dict '{name}'"))
        }
        Custom::RouteExpression => expression::check(record, validation.flavor),
    }
}

fn text<'r>(record: &'r Record, name: &str) -> Option<&'r str> {
    record.get(name)?.as_str()
}

/// Whether both are there and do not belong together.
fn check_key(record: &Record, certificate: &str, key: &str) -> bool {
    match (text(record, certificate), text(record, key)) {
        (Some(certificate), Some(key)) => !keys_match(certificate, key),
        _ => false,
    }
}

fn check_key_types(record: &Record) -> Option<String> {
    let types = [key_type(text(record, "cert")?), key_type(text(record, "cert_alt")?)];
    (types[0] == types[1]).then(|| {
        "certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), \
         the provided certificates were both of the same type"
            .to_owned()
    })
}

fn check_jwk(record: &Record) -> Option<String> {
    if let Some(jwk) = text(record, "jwk").filter(|jwk| !is_vault_reference(jwk)) {
        let Ok(Value::Object(jwk)) = serde_json::from_str(jwk) else {
            return Some("could not json decode jwk string".to_owned());
        };
        if jwk.get("kid") != record.get("kid") {
            return Some("kid in jwk.kid must be equal to keys.kid".to_owned());
        }
        if !is_key(&jwk) {
            return Some("could not load JWK, likely not a valid key".to_owned());
        }
    }
    let pem = record.get("pem").filter(|pem| pem.is_object())?;
    let is_missing = |half: &str| pem.get(half).is_none();
    (is_missing("private_key") && is_missing("public_key"))
        .then(|| "need to supply a PEM formatted public and/or private key.".to_owned())
}

/// Whether a JSON Web Key has what its type needs (RFC 7518 section 6, RFC 8037 section 2).
fn is_key(jwk: &Record) -> bool {
    let needed: &[&str] = match text(jwk, "kty") {
        Some("RSA") => &["n", "e"],
        Some("EC") => &["crv", "x", "y"],
        Some("OKP") => &["crv", "x"],
        Some("oct") => &["k"],
        _ => return false,
    };
    needed.iter().all(|name| text(jwk, name).is_some_and(|part| !part.is_empty()))
}

fn check_llm_statistics(record: &Record) -> Option<String> {
    let route_type = text(record, "route_type")?;
    let provider = record.get("model")?["provider"].as_str()?;
    let wanted = record.get("logging")?["log_statistics"] == true;
    (wanted && route_type == "llm/v1/completions" && provider == "anthropic")
        .then(|| format!("{provider} does not support statistics when route_type is {route_type}"))
}
