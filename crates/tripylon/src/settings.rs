//! The settings of a gateway that was there before, and the dialects made from them.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use config::{Finding, Findings, Origin};
use control::Introduction;
use control::files::{Text, label};
use kong::settings::{Overrides, Settings};
use kong::{Kong, Options, RedisDefault};

/// What the command line says about settings.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsFlags {
    /// Read settings from this kong.conf; KONG_* variables count more
    #[arg(long, value_name = "FILE")]
    pub(crate) kong_conf: Option<PathBuf>,
    /// The Redis of policies that ask for one and name no host, redis://[user:password@]host[:port][/database]
    #[arg(long, value_name = "URL", value_parser = redis)]
    pub(crate) redis: Option<RedisDefault>,
    /// Leave out plugins that the gateway does not have, instead of refusing the document
    #[arg(long)]
    pub(crate) skip_unknown_plugins: bool,
    /// Serve as `kong start` does, with logs and defaults of Kong's in this folder
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub(crate) kong_prefix: Option<PathBuf>,
}

/// Reads settings and makes dialects from them, as often as asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Introducer {
    flags: SettingsFlags,
    /// Properties that count more than environment and file, as in [`Overrides`].
    overrides: Overrides,
    /// Whether to serve without any document.
    alone: bool,
    /// A document that comes with the program.
    embedded: Option<Text>,
}

impl Introducer {
    /// With the settings of the command line. If `documents` are given on it too, there is
    /// something to serve; otherwise a `KONG_*` variable or a `kong.conf` asks for a gateway.
    pub(crate) fn new(flags: &SettingsFlags, documents: &[PathBuf]) -> Self {
        let mut overrides = Overrides::default();
        let mut set = |name: &str, value: &str, words: &str| {
            overrides.properties.push((name.into(), value.into(), words.into()));
        };
        if let Some(prefix) = &flags.kong_prefix {
            set("prefix", &prefix.to_string_lossy(), "-p");
        }
        let asked = flags.kong_conf.is_some()
            || flags.kong_prefix.is_some()
            || environment().any(|(name, _)| is_kongs(&name));
        let alone = documents.is_empty() && asked;
        Self { flags: flags.clone(), overrides, alone, embedded: None }
    }

    /// Takes Kong's place, with all of its defaults.
    pub(crate) fn is_in_kongs_place(&self) -> bool {
        self.flags.kong_prefix.is_some()
    }

    /// Serves a document that comes with the program, with these properties, each with the words
    /// that it comes from.
    pub(crate) fn embedded(document: Text, properties: Vec<(String, String, String)>) -> Self {
        let overrides = Overrides { properties };
        Self { overrides, embedded: Some(document), ..Self::default() }
    }

    /// Whether there is something to serve without documents on the command line.
    pub(crate) fn is_alone(&self) -> bool {
        self.alone
    }

    /// The settings as they are now.
    pub(crate) fn settings(&self) -> (Settings, Findings) {
        let mut findings = Findings::new();
        let file = self.flags.kong_conf.as_deref().and_then(|path| read(path, &mut findings));
        let file = file.as_ref().map(|(label, text)| (label.as_str(), text.as_str()));
        let (mut settings, found) = Settings::read(file, environment(), &self.overrides);
        findings.merge(found);
        findings.merge(settings.load_files(|path| fs::read_to_string(path)));
        (settings, findings)
    }

    /// The dialects, made from the settings as they are now, and these settings.
    pub(crate) fn introduce(&self) -> (Introduction, Settings) {
        let (settings, findings) = self.settings();
        let mut introduction = Introduction { findings, ..Introduction::default() };
        introduction.paths.extend(settings.declarative_config.clone());
        introduction.texts.extend(self.embedded.clone());
        if let Some(text) = settings.declarative_config_string.as_deref() {
            let label = "declarative_config_string".into();
            introduction.texts.push(Text { label, text: text.into() });
        }
        introduction.dialects.push(Box::new(self.kong(settings.clone())));
        (introduction, settings)
    }

    /// Kong's dialect under these settings.
    pub(crate) fn kong(&self, settings: Settings) -> Kong {
        let options = Options {
            skip_unknown_plugins: self.flags.skip_unknown_plugins,
            redis: self.flags.redis.clone(),
            without_document: self.alone,
        };
        Kong::new(settings, options)
    }
}

/// The variables that can be read.
fn environment() -> impl Iterator<Item = (String, String)> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn redis(url: &str) -> Result<RedisDefault, &'static str> {
    const FORM: &str = "it is not of the form redis://[user:password@]host[:port][/database], or the same with rediss:// for TLS";
    RedisDefault::parse(url, "--redis").ok_or(FORM)
}

/// Whether a variable sets a property. Kubernetes makes others that begin alike for a service
/// that is called `kong-…`.
fn is_kongs(variable: &str) -> bool {
    let Some(name) = variable.strip_prefix("KONG_").map(str::to_ascii_lowercase) else {
        return false;
    };
    kong::settings::property(&name).is_some() || name.starts_with("nginx_")
}

/// The label and the text of a file with settings. A link is followed first, so that messages
/// name the file that people edit.
fn read(path: &Path, findings: &mut Findings) -> Option<(String, String)> {
    let real = fs::read_link(path).unwrap_or_else(|_| path.to_owned());
    let (code, message) = match fs::read_to_string(&real) {
        Ok(text) => return Some((label(&real), text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (&control::NO_SUCH_PATH, format!("there is no file `{}`", real.display()))
        }
        Err(error) => {
            (&control::UNREADABLE, format!("`{}` cannot be read: {error}", real.display()))
        }
    };
    findings.push(Finding::new(code, message).at(Origin::document(label(&real))));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_services_are_no_settings() {
        assert!(is_kongs("KONG_DATABASE") && is_kongs("KONG_NGINX_HTTP_SEND_TIMEOUT"));
        assert!(!is_kongs("KONG_PROXY_SERVICE_HOST") && !is_kongs("KONG_PROXY_PORT_80_TCP"));
        assert!(!is_kongs("HOME"));
    }

    #[test]
    fn a_link_is_read_under_the_name_that_it_leads_to() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (file, link) = (folder.path().join("kong.conf"), folder.path().join("link"));
        fs::write(&file, "database = off\n").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        let mut findings = Findings::new();
        let (name, text) = read(&link, &mut findings).expect("it is there");
        assert_eq!((name, text.as_str()), (label(&file), "database = off\n"));
        fs::remove_file(&file).expect("removed");
        assert_eq!(read(&link, &mut findings), None);
        assert!(findings.iter().all(|finding| finding.code == &control::NO_SUCH_PATH));
        assert_eq!(findings.len(), 1);
    }
}
