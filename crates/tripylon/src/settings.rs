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

/// What the command line says about settings.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsFlags {
    /// Read settings from this kong.conf; KONG_* variables count more
    #[arg(long, value_name = "FILE")]
    pub(crate) kong_conf: Option<PathBuf>,
    /// The Redis of policies that ask for one and name no host, redis://[user:password@]host[:port][/database]
    #[arg(long, value_name = "URL")]
    pub(crate) redis: Option<String>,
    /// Leave out plugins that the gateway does not have, instead of refusing the document
    #[arg(long)]
    pub(crate) skip_unknown_plugins: bool,
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
        if let Some(url) = &flags.redis {
            set("redis_url", url, "--redis");
        }
        if flags.skip_unknown_plugins {
            set("skip_unknown_plugins", "on", "--skip-unknown-plugins");
        }
        let asked = flags.kong_conf.is_some() || environment().any(|(name, _)| is_kongs(&name));
        let alone = documents.is_empty() && asked;
        Self { flags: flags.clone(), overrides, alone, embedded: None }
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

    /// The dialects, made from the settings as they are now.
    pub(crate) fn introduce(&self) -> Introduction {
        let (settings, findings) = self.settings();
        let mut introduction = Introduction { findings, ..Introduction::default() };
        introduction.paths.extend(settings.declarative_config.clone());
        introduction.texts.extend(self.embedded.clone());
        if let Some(text) = settings.declarative_config_string.as_deref() {
            let label = "declarative_config_string".into();
            introduction.texts.push(Text { label, text: text.into() });
        }
        introduction
    }
}

/// The variables that can be read.
fn environment() -> impl Iterator<Item = (String, String)> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn is_kongs(variable: &str) -> bool {
    variable.starts_with("KONG_")
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
