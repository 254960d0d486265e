//! `kong.conf` and the `KONG_*` environment: every property is understood, or named in a finding
//! that says why it has no meaning here.
//!
//! [`Settings::read`] is pure: the caller brings the file's text and the environment. Files that
//! settings name (certificates, keys, error layouts) are read by [`Settings::load_files`].

pub(crate) mod codes;
mod conf_file;
mod directives;
mod dns;
mod enterprise;
mod http;
mod listen;
mod log;
mod property;
mod reader;
mod redis;
mod remarks;
mod source;
mod table;
mod tls;
mod units;
mod upstream;
mod vault;

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use config::{Finding, Findings, Origin, Severity, quote};

pub use conf_file::CONF_FILES;
pub use enterprise::ENTERPRISE;
pub use http::{
    ClientAddress, ErrorTemplates, ErrorType, HttpSettings, ResponseHeaders, VoiceSettings,
};
pub use listen::Listen;
pub use log::{Log, LogLevel, LogTarget};
pub use property::{Effect, Kind, Property};
pub use redis::Redis;
pub use source::TextSource;
pub use table::{SECTIONS, Section, properties, property};
pub use upstream::{CertificateSource, UpstreamTls};
pub use vault::{EnvironmentVault, SecretReference};

use reader::{Given, Reader};

/// What `kong.conf` and the environment say.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Folder of the pid file, the logs and the sockets.
    pub prefix: PathBuf,
    /// Whether `kong start` returns and leaves the gateway running.
    pub daemon: bool,
    /// Number of workers; `None` for one per core.
    pub workers: Option<NonZeroU32>,
    /// How much the error log says.
    pub log_level: LogLevel,
    /// The access log of proxied requests.
    pub access_log: Log,
    /// The error log.
    pub error_log: Log,
    /// The file with the configuration.
    pub declarative_config: Option<PathBuf>,
    /// The configuration as a text.
    pub declarative_config_string: Option<String>,
    /// The node's UUID, if it is fixed.
    pub node_id: Option<String>,
    /// Which plugins may be configured.
    pub plugins: PluginNames,
    /// Where requests are accepted.
    pub proxy_listen: Vec<Listen>,
    /// Where the management API listens.
    pub admin_listen: Vec<Listen>,
    /// Where `/status` and `/metrics` are served.
    pub status_listen: Vec<Listen>,
    /// Bytes that the body of a request to the management API may have; 0 for no limit.
    pub admin_body: u64,
    /// What handshakes of clients may agree on.
    pub tls: model::TlsSettings,
    /// Certificates of the proxy that are shown where no SNI fits.
    pub proxy_certificates: Vec<CertificateSource>,
    /// Certificates of the management API.
    pub admin_certificates: Vec<CertificateSource>,
    /// TLS towards upstreams where a service does not say otherwise.
    pub upstream_tls: UpstreamTls,
    /// How the names of upstreams become addresses.
    pub resolver: model::Resolver,
    /// Limits on what clients send and how long they may take.
    pub http: HttpSettings,
    /// Whose word on the client's address is taken.
    pub client_address: ClientAddress,
    /// Ports as clients see them, by the port that is listened on.
    pub port_maps: BTreeMap<u16, u16>,
    /// What the gateway says of itself.
    pub voice: VoiceSettings,
    /// The Redis of plugins that ask for one and name none.
    pub redis: Option<Redis>,
    /// Whether plugins that the gateway does not have are left out.
    pub skip_unknown_plugins: bool,
    /// Secrets by reference.
    pub vault: EnvironmentVault,
    given: BTreeMap<String, Given>,
}

/// Which plugins may be configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginNames {
    /// Whether those that Kong comes with are among them.
    pub bundled: bool,
    /// Those named one by one.
    pub names: Vec<String>,
    /// Where the property was given.
    pub origin: Origin,
}

/// What a command line says, which counts more than anything else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Properties by name, each with the words of the command line that it came from, such as
    /// (`prefix`, `/opt/kong`, `-p`).
    pub properties: Vec<(String, String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self::read(None, [], &Overrides::default()).0
    }
}

impl Settings {
    /// Reads the settings: the command line counts more than the environment, the environment more
    /// than the file, the file more than the defaults. `file` is the label under which the text of
    /// `kong.conf` is known, and the text. Total: what cannot be used is a finding, and the
    /// default stands in for it.
    pub fn read(
        file: Option<(&str, &str)>,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: &Overrides,
    ) -> (Self, Findings) {
        let mut findings = Findings::new();
        let mut given = match file {
            Some((label, text)) => conf_file::read(label, text, &mut findings),
            None => BTreeMap::new(),
        };
        let environment: BTreeMap<String, String> = environment.into_iter().collect();
        given.extend(from_environment(&environment));
        given.extend(overrides.properties.iter().map(|(name, value, words)| {
            let origin = Origin::document(format!("command line, {words}"));
            (name.clone(), Given { value: value.clone(), origin })
        }));
        let prefix = given.get("vault_env_prefix").map_or("", |given| &given.value).to_owned();
        let vault = EnvironmentVault::new(environment, prefix);
        reader::resolve(&mut given, &vault, &mut findings);
        remarks::remark(&given, &mut findings);
        let settings = Self::from_given(given, vault, &mut findings);
        (settings, findings)
    }

    /// Reads the files that settings name. A file that cannot be used is a finding.
    pub fn load_files(&mut self, mut read: impl FnMut(&Path) -> io::Result<String>) -> Findings {
        let mut findings = Findings::new();
        let pairs = self.proxy_certificates.iter_mut().chain(&mut self.admin_certificates);
        for pair in pairs.chain(&mut self.upstream_tls.client_certificate) {
            pair.certificate.load(&mut read, &mut findings);
            pair.key.load(&mut read, &mut findings);
        }
        for authority in &mut self.upstream_tls.trusted {
            authority.load(&mut read, &mut findings);
        }
        let templates = &mut self.voice.error_templates;
        let templates =
            [&mut templates.html, &mut templates.json, &mut templates.xml, &mut templates.plain];
        for template in templates.into_iter().flatten() {
            template.load(&mut read, &mut findings);
            check_template(template, &mut findings);
        }
        findings
    }

    /// Whether somebody gave the property a value.
    pub fn is_given(&self, property: &str) -> bool {
        self.given.contains_key(property)
    }

    /// Where the property was given its value.
    pub fn origin(&self, property: &str) -> Origin {
        let given = self.given.get(property).map(|given| given.origin.clone());
        given.unwrap_or_else(|| Origin::document(format!("Kong's default of {property}")))
    }

    /// Every property with its value as the management API shows it: typed, secrets starred.
    pub fn effective(&self) -> serde_json::Map<String, serde_json::Value> {
        let fixed = properties().filter(|property| !property.name.contains("XXX"));
        fixed.map(|property| (property.name.to_owned(), self.shown(property))).collect()
    }

    fn shown(&self, property: &Property) -> serde_json::Value {
        use serde_json::{Value, json};

        let value = self.given.get(property.name).map_or(property.default, |given| &given.value);
        match property.kind {
            _ if value.is_empty() => Value::Null,
            Kind::Text => json!(value),
            Kind::Secret => json!("******"),
            Kind::Bool => json!(matches!(value, "on" | "true" | "yes")),
            Kind::Number => value.parse().map_or(json!(value), Value::Number),
            Kind::List => value.split(',').map(str::trim).collect(),
        }
    }

    fn from_given(
        given: BTreeMap<String, Given>,
        vault: EnvironmentVault,
        findings: &mut Findings,
    ) -> Self {
        let reader = &mut Reader { given: &given, findings };
        let prefix = PathBuf::from(reader.text("prefix").unwrap_or_default());
        Self {
            daemon: daemon(reader),
            workers: workers(reader),
            log_level: reader.parsed("log_level", LEVELS, LogLevel::read).unwrap_or_default(),
            access_log: log(reader, "proxy_access_log", &prefix),
            error_log: log(reader, "proxy_error_log", &prefix),
            declarative_config: reader.text("declarative_config").map(PathBuf::from),
            declarative_config_string: reader.text("declarative_config_string"),
            node_id: reader.text("node_id"),
            plugins: plugins(reader),
            proxy_listen: listeners(reader, "proxy_listen"),
            admin_listen: listeners(reader, "admin_listen"),
            status_listen: status_listeners(reader),
            admin_body: reader
                .parsed("nginx_admin_client_max_body_size", "a size", units::size)
                .unwrap_or(0),
            tls: tls::read(reader),
            proxy_certificates: upstream::certificates(reader, "ssl_cert", "ssl_cert_key"),
            admin_certificates: upstream::certificates(
                reader,
                "admin_ssl_cert",
                "admin_ssl_cert_key",
            ),
            upstream_tls: upstream::tls(reader),
            resolver: dns::resolver(reader),
            http: http::http(reader),
            client_address: http::client_address(reader),
            port_maps: port_maps(reader),
            voice: http::voice(reader),
            redis: reader.parsed("redis_url", redis::FORM, redis::read),
            skip_unknown_plugins: reader.switch("skip_unknown_plugins"),
            vault,
            prefix,
            given,
        }
    }
}

const LEVELS: &str = "`debug`, `info`, `notice`, `warn`, `error`, `crit`, `alert` or `emerg`";

/// The variables that name properties. Kubernetes puts variables for every service into a pod;
/// those of a service called `kong…` look like properties and are none.
fn from_environment(environment: &BTreeMap<String, String>) -> BTreeMap<String, Given> {
    let properties = environment.iter().filter_map(|(variable, value)| {
        let name = variable.strip_prefix("KONG_").filter(|name| !is_not_a_property(name))?;
        let origin = Origin::document(format!("environment variable {variable}"));
        Some((name.to_ascii_lowercase(), Given { value: value.trim().to_owned(), origin }))
    });
    properties.collect()
}

fn is_not_a_property(name: &str) -> bool {
    // Of Kong's own tools, and the variables that its container image and its commands use.
    let of_tools =
        ["PASSWORD", "LICENSE_DATA", "LICENSE_PATH", "VAULT_ROTATION_INTERVAL", "CONF", "VERSION"];
    let link = |end: &str| name.ends_with(end) && property(&name.to_ascii_lowercase()).is_none();
    of_tools.contains(&name)
        || link("_SERVICE_HOST")
        || link("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && link("_PORT"))
        || name.split_once("_PORT_").is_some_and(|(_, rest)| {
            let mut parts = rest.split('_');
            let port = parts.next().is_some_and(|port| port.parse::<u16>().is_ok());
            port && matches!(parts.next(), Some("TCP" | "UDP"))
        })
}

fn daemon(reader: &mut Reader<'_>) -> bool {
    let name =
        if reader.is_given("nginx_main_daemon") { "nginx_main_daemon" } else { "nginx_daemon" };
    reader.parsed(name, "`on` or `off`", http::on_or_off).unwrap_or(true)
}

fn workers(reader: &mut Reader<'_>) -> Option<NonZeroU32> {
    let own = "nginx_main_worker_processes";
    let name = if reader.is_given(own) { own } else { "nginx_worker_processes" };
    let read = |text: &str| match text {
        "auto" => Some(None),
        number => number.parse().ok().map(Some),
    };
    reader.parsed(name, "a number from 1, or `auto`", read).flatten()
}

fn log(reader: &mut Reader<'_>, name: &str, prefix: &Path) -> Log {
    let what = "a path or `off`; logs are not sent to syslog";
    let read = |text: &str| Log::read(text, prefix);
    reader.parsed(name, what, read).unwrap_or(Log { target: LogTarget::Off, detail: None })
}

fn plugins(reader: &mut Reader<'_>) -> PluginNames {
    let mut names = reader.list("plugins");
    let off = names.iter().any(|name| name == "off");
    let bundled = !off && names.iter().any(|name| name == "bundled");
    names.retain(|name| !off && name != "bundled");
    PluginNames { bundled, names, origin: reader.origin("plugins") }
}

fn listeners(reader: &mut Reader<'_>, name: &str) -> Vec<Listen> {
    let items = reader.list(name);
    let mut listeners = Vec::new();
    for item in items.iter().filter(|item| *item != "off") {
        match listen::entry(item) {
            Ok(listen) => listeners.push(listen),
            Err(reason) => reader.findings.push(
                Finding::new(
                    &codes::INVALID_VALUE,
                    format!("`{name}`: {reason}, in {}", quote(item)),
                )
                .at(reader.given.get(name).map(|given| given.origin.clone()).unwrap_or_default())
                .help(format!("an entry is {}", listen::FORM)),
            ),
        }
    }
    for flag in listeners.iter().flat_map(|listen| &listen.idle_flags) {
        let origin = reader.origin(name);
        let message = format!("`{name}`: the flag `{flag}` has no effect here");
        reader.findings.push(Finding::new(&codes::NO_MEANING, message).at(origin));
    }
    listeners
}

fn status_listeners(reader: &mut Reader<'_>) -> Vec<Listen> {
    let listeners = listeners(reader, "status_listen");
    if listeners.iter().any(|listen| listen.ssl || listen.proxy_protocol) {
        let origin = reader.origin("status_listen");
        let message =
            "`status_listen`: the status listener speaks plain HTTP; its flags have no effect";
        reader
            .findings
            .push(Finding::new(&codes::NO_MEANING, message).severity(Severity::Warning).at(origin));
    }
    listeners
}

fn port_maps(reader: &mut Reader<'_>) -> BTreeMap<u16, u16> {
    let mut maps = BTreeMap::new();
    for item in reader.list("port_maps") {
        let pair = item.split_once(':').and_then(|(published, listening)| {
            Some((listening.trim().parse().ok()?, published.trim().parse().ok()?))
        });
        match pair {
            Some((listening, published)) => {
                maps.insert(listening, published);
            }
            None => reader.invalid("port_maps", "a list of `PUBLISHED:LISTENING` pairs of ports"),
        }
    }
    maps
}

/// A layout is filled in with two values, in the place of `%s`.
fn check_template(template: &TextSource, findings: &mut Findings) {
    let Some(text) = template.text() else { return };
    let places = text.replace("%%", "").matches("%s").count();
    if places > 2 {
        findings.push(
            Finding::new(&codes::SETTING_FILE, format!("the error layout has {places} places `%s`"))
                .at(&template.origin)
                .help("it is filled in with two values: the message, then the request's id; a `%` is written `%%`"),
        );
    }
}

#[cfg(test)]
mod tests;
