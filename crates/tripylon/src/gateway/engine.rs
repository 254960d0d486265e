//! What the engine and the error log are told, by the command line and by the settings.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use dataplane::{AccessLogSettings, ConnectTo, ConnectionLimits, LogFormat, LogTarget};
use kong::settings::{self, Settings};

use super::log;

/// How a gateway runs, whatever it serves.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineFlags {
    /// Listen on this address instead of those that the documents name; ports stay
    #[arg(long, value_name = "IP")]
    pub(crate) bind: Option<IpAddr>,
    /// Number of workers [default: one per core]
    #[arg(long, value_name = "N", value_parser = workers)]
    pub(crate) workers: Option<u16>,
    /// Serve /status, /status/ready and /metrics here
    #[arg(long, value_name = "IP:PORT", value_parser = address)]
    pub(crate) status_listen: Option<SocketAddr>,
    /// Most connections of clients; those beyond are closed at once [default: half of the files that the process may have open]
    #[arg(long, value_name = "N", value_parser = connections)]
    pub(crate) max_connections: Option<u32>,
    /// Most connections of one client address, or of one /64 network of IPv6 [default: no limit]
    #[arg(long, value_name = "N", value_parser = connections)]
    pub(crate) max_connections_per_client: Option<u32>,
    #[command(flatten)]
    pub(crate) detours: Detours,
    #[command(flatten)]
    pub(crate) logs: LogFlags,
}

/// Where connections to upstreams really go.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Detours {
    /// Connect to HOST2:PORT2 where an upstream is at HOST1:PORT1, as curl's --connect-to; may be repeated
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2")]
    pub(crate) connect_to: Vec<ConnectTo>,
}

/// Where logs go.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Logs")]
pub(crate) struct LogFlags {
    /// Log requests to a file, to standard output (-), or not at all (off) [default: off]
    #[arg(long, value_name = "PATH|-|off")]
    pub(crate) access_log: Option<LogTarget>,
    /// How requests are logged: combined (nginx's), json, or a template with nginx's variables such as '$remote_addr "$request" $status' [default: combined]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// Log what goes wrong to a file, or to standard error (-) [default: -]
    #[arg(long, value_name = "PATH|-", value_parser = error_place)]
    pub(crate) error_log: Option<log::Place>,
    /// How that is logged
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) error_log_format: log::Format,
    /// How much of it [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<log::Level>,
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let form = "it is not of the form IP:PORT, such as 127.0.0.1:9100 or [::1]:9100";
    text.parse().map_err(|_| form)
}

fn workers(text: &str) -> Result<u16, String> {
    count(text, u16::MAX)
}

fn connections(text: &str) -> Result<u32, String> {
    count(text, u32::MAX)
}

fn count<N: FromStr + PartialOrd + Default + Display>(text: &str, most: N) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| *number > N::default());
    number.ok_or_else(|| format!("it is not a whole number from 1 to {most}"))
}

fn error_place(text: &str) -> Result<log::Place, std::convert::Infallible> {
    Ok(match text {
        "-" => log::Place::Stderr,
        path => log::Place::File(path.into()),
    })
}

/// Settings that hold if they were given, and always if the gateway takes Kong's place.
#[derive(Clone, Copy)]
pub(crate) struct Inherited<'s> {
    settings: &'s Settings,
    with_defaults: bool,
}

impl<'s> Inherited<'s> {
    pub(crate) fn new(settings: &'s Settings, with_defaults: bool) -> Self {
        Self { settings, with_defaults }
    }

    fn log(self, property: &str, log: &'s settings::Log) -> Option<&'s settings::LogTarget> {
        (self.with_defaults || self.settings.is_given(property)).then_some(&log.target)
    }

    /// The format that stands behind the path; nginx's own if that is one that only nginx has.
    fn log_format(self) -> LogFormat {
        match self.settings.access_log.detail.as_deref() {
            Some("json") => LogFormat::Json,
            _ => LogFormat::Combined,
        }
    }

    fn access_log(self) -> LogTarget {
        match self.log("proxy_access_log", &self.settings.access_log) {
            None | Some(settings::LogTarget::Off) => LogTarget::Off,
            Some(settings::LogTarget::Stdout) => LogTarget::Stdout,
            Some(settings::LogTarget::Stderr) => LogTarget::File("/dev/stderr".into()),
            Some(settings::LogTarget::File(path)) => LogTarget::File(path.clone()),
        }
    }

    /// Where the error log goes.
    pub(crate) fn error_log(self) -> log::Place {
        match self.log("proxy_error_log", &self.settings.error_log) {
            None | Some(settings::LogTarget::Stderr) => log::Place::Stderr,
            Some(settings::LogTarget::Stdout) => log::Place::Stdout,
            Some(settings::LogTarget::Off) => log::Place::Nowhere,
            Some(settings::LogTarget::File(path)) => log::Place::File(path.clone()),
        }
    }

    fn status_listen(self) -> Option<SocketAddr> {
        let given = self.with_defaults || self.settings.is_given("status_listen");
        self.settings.status_listen.first().filter(|_| given).map(|listen| listen.address)
    }
}

impl EngineFlags {
    /// What the engine is told.
    pub(crate) fn engine(&self, inherited: Inherited<'_>) -> dataplane::Settings {
        let workers = self.workers.map(u32::from);
        let workers = workers.or(inherited.settings.workers.map(u32::from)).unwrap_or_default();
        dataplane::Settings {
            workers: usize::try_from(workers).unwrap_or_default(),
            bind: self.bind,
            connect_to: self.detours.connect_to.clone(),
            access_log: AccessLogSettings {
                target: self.logs.access_log.clone().unwrap_or_else(|| inherited.access_log()),
                format: self.logs.log_format.clone().unwrap_or_else(|| inherited.log_format()),
            },
            status_listen: self.status_listen.or_else(|| inherited.status_listen()),
            connections: ConnectionLimits {
                total: at_most(self.max_connections),
                per_peer: at_most(self.max_connections_per_client),
            },
            ..dataplane::Settings::default()
        }
    }
}

/// A limit as the engine takes it, 0 for none given.
fn at_most(limit: Option<u32>) -> usize {
    limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

impl LogFlags {
    /// Where the error log goes.
    pub(crate) fn error_place(&self, inherited: Inherited<'_>) -> log::Place {
        self.error_log.clone().unwrap_or_else(|| inherited.error_log())
    }

    /// How much the error log says.
    pub(crate) fn level(&self, settings: &Settings) -> log::Level {
        let behind_the_path = settings.error_log.detail.as_deref().and_then(level);
        self.log_level.or(behind_the_path).unwrap_or(match settings.log_level {
            settings::LogLevel::Error => log::Level::Error,
            settings::LogLevel::Warn => log::Level::Warn,
            settings::LogLevel::Notice | settings::LogLevel::Info => log::Level::Info,
            settings::LogLevel::Debug => log::Level::Debug,
        })
    }
}

/// One of nginx's levels.
fn level(name: &str) -> Option<log::Level> {
    Some(match name {
        "debug" => log::Level::Debug,
        "info" | "notice" => log::Level::Info,
        "warn" => log::Level::Warn,
        "error" | "crit" | "alert" | "emerg" => log::Level::Error,
        _ => return None,
    })
}

/// The file in which a gateway that takes Kong's place says which process it is.
pub(crate) fn pid_file(prefix: &Path) -> PathBuf {
    prefix.join("pids/nginx.pid")
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use kong::settings::Overrides;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        flags: EngineFlags,
    }

    fn flags(words: &str) -> EngineFlags {
        Flags::parse_from(["x"].into_iter().chain(words.split_whitespace())).flags
    }

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Settings::read(None, variables, &Overrides::default()).0
    }

    #[test]
    fn logs_of_settings_count_if_they_were_given_or_all_defaults_do() {
        let defaults = settings(&[("KONG_PREFIX", "/p")]);
        let log = |settings, all| flags("").engine(Inherited::new(settings, all)).access_log.target;
        assert_eq!(log(&defaults, false), LogTarget::Off);
        assert_eq!(log(&defaults, true), LogTarget::File("/p/logs/access.log".into()));
        let given = settings(&[("KONG_PROXY_ACCESS_LOG", "/dev/stdout json")]);
        assert_eq!(log(&given, false), LogTarget::Stdout);
        let engine = flags("").engine(Inherited::new(&given, false));
        assert_eq!(engine.access_log.format, LogFormat::Json);
        let engine =
            flags("--access-log off --log-format combined").engine(Inherited::new(&given, false));
        assert_eq!(engine.access_log, AccessLogSettings::default());
    }

    #[test]
    fn the_command_line_counts_more_than_the_settings() {
        let given = settings(&[
            ("KONG_NGINX_WORKER_PROCESSES", "3"),
            ("KONG_STATUS_LISTEN", "127.0.0.1:1"),
            ("KONG_LOG_LEVEL", "debug"),
            ("KONG_PROXY_ERROR_LOG", "/e warn"),
        ]);
        let inherited = Inherited::new(&given, false);
        let engine = flags("").engine(inherited);
        assert_eq!((engine.workers, engine.status_listen.map(|a| a.port())), (3, Some(1)));
        let logs = flags("").logs;
        assert_eq!(logs.level(&given), log::Level::Warn);
        assert_eq!(logs.error_place(inherited), log::Place::File("/e".into()));
        let all = flags("--workers 1 --status-listen 127.0.0.1:2 --log-level trace --error-log -");
        let engine = all.engine(inherited);
        assert_eq!((engine.workers, engine.status_listen.map(|a| a.port())), (1, Some(2)));
        assert_eq!(all.logs.level(&given), log::Level::Trace);
        assert_eq!(all.logs.error_place(inherited), log::Place::Stderr);
    }
}
