//! Formats: rules for values that only code can say.
//!
//! Each accepts and refuses what the function behind the same field in Kong does, in its words.

mod host;
mod pcre;
mod pem;
mod record;
mod text;
mod uri;
mod url;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

pub(crate) use host::target_with_port;
pub(crate) use pem::{certificate_digest, check_ca_certificate, key_type, keys_match};
pub(crate) use uri::migrated_path;
pub(crate) use url::Url;

/// Why a value does not have its format, in Kong's words.
pub(crate) type Refusal = Cow<'static, str>;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Host,
    HostWithOptionalPort,
    WildcardHost,
    RouteHost,
    Sni,
    UpstreamName,
    TargetAddress,
    Ip,
    IpOrCidr,
    Url,
    AbsoluteUriNoFragment,
    Path,
    RoutePath,
    Tag,
    Utf8Name,
    HeaderName,
    CookieName,
    ColonHeaderPair,
    ColonHeaderPairTemplate,
    HeaderNameTemplate,
    ColonPairTemplate,
    CorsOrigin,
    ShmName,
    AcmeRedisNamespace,
    LuaExpression,
    LuaFunctionSource,
    X509CertificatePem,
    PrivateKeyPem,
    PublicKeyPem,
    PemKeyPair,
    OrderedPeriods,
    OtelAttributes,
    ZipkinStaticTags,
    RequestTerminationConfig,
    HttpLogConfig,
    Oauth2Flows,
    PrometheusConfig,
}

impl Format {
    /// Whether the value, which has the type of its field, has this format.
    pub(crate) fn check(self, value: &Value) -> Result<(), Refusal> {
        match value {
            Value::String(text) => self.check_text(text),
            _ => self.check_collection(value),
        }
    }

    fn check_text(self, text: &str) -> Result<(), Refusal> {
        match self {
            Format::Host => host::check_host(text),
            Format::HostWithOptionalPort => host::check_host_with_optional_port(text),
            Format::WildcardHost => host::check_wildcard_host(text),
            Format::RouteHost => host::check_host_with_optional_port(&text.replace('*', "abc")),
            Format::Sni => host::check_sni(text),
            Format::UpstreamName => host::check_upstream_name(text),
            Format::TargetAddress => host::check_target(text),
            Format::Ip => host::check_ip(text),
            Format::IpOrCidr => host::check_ip_or_cidr(text),
            Format::Url => url::check_url(text),
            Format::AbsoluteUriNoFragment => url::check_absolute_uri(text),
            Format::Path => text::check_path(text),
            Format::RoutePath => uri::check_route_path(text),
            Format::Tag => text::check_tag(text),
            Format::Utf8Name => text::check_utf8_name(text),
            Format::HeaderName => text::check_header_name(text),
            Format::CookieName => text::check_token(text),
            Format::HeaderNameTemplate => text::check_header_pair(text, false),
            Format::ColonHeaderPair | Format::ColonHeaderPairTemplate => {
                text::check_header_pair(text, true)
            }
            Format::ColonPairTemplate => text::check_pair(text),
            Format::CorsOrigin if text == "*" => Ok(()),
            Format::CorsOrigin => match pcre::error(text) {
                None => Ok(()),
                Some(_) => Err(format!("'{text}' is not a valid regex").into()),
            },
            Format::ShmName => text::check_shared_memory(text),
            Format::AcmeRedisNamespace => text::check_acme_namespace(text),
            Format::X509CertificatePem => pem::check_certificate(text),
            Format::PrivateKeyPem => pem::check_private_key(text),
            Format::PublicKeyPem => pem::check_public_key(text),
            // Lua is judged by the Lua host, when it compiles the code.
            Format::LuaExpression | Format::LuaFunctionSource => Ok(()),
            _ => Ok(()),
        }
    }

    fn check_collection(self, value: &Value) -> Result<(), Refusal> {
        match self {
            Format::PemKeyPair => pem::check_key_pair(value),
            Format::OrderedPeriods => record::check_periods(value),
            Format::OtelAttributes => record::check_attributes(value),
            Format::ZipkinStaticTags => record::check_static_tags(value),
            Format::RequestTerminationConfig => record::check_termination(value),
            Format::HttpLogConfig => record::check_http_log(value),
            Format::Oauth2Flows => record::check_flows(value),
            _ => Ok(()),
        }
    }
}

/// Whether PCRE would compile a regular expression, as far as can be told without it.
pub(crate) fn is_regex(text: &str) -> bool {
    pcre::error(text).is_none()
}

/// Whether a text is a reference to a secret in a vault.
pub(crate) fn is_vault_reference(text: &str) -> bool {
    text.starts_with("{vault://") && text.ends_with('}')
}

/// Whether a shared memory zone of this name exists in every Kong.
pub(crate) fn is_shared_memory(name: &str) -> bool {
    text::SHARED_MEMORY.contains(&name)
}
