//! What the engine and the error log are told, by the command line and by the settings.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use dataplane::{AccessLogSettings, ConnectTo, LogFormat, LogTarget};
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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) workers: Option<u16>,
    /// Serve /status, /status/ready and /metrics here
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) status_listen: Option<SocketAddr>,
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
    /// How requests are logged: combined (nginx's), json, or a template with nginx's variables such as '$remote_addr "$request" $status'
    #[arg(long, value_name = "FORMAT", default_value = "combined")]
    pub(crate) log_format: LogFormat,
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
                format: self.logs.log_format.clone(),
            },
            status_listen: self.status_listen.or_else(|| inherited.status_listen()),
        }
    }
}

impl LogFlags {
    /// Where the error log goes.
    pub(crate) fn error_place(&self, inherited: Inherited<'_>) -> log::Place {
        self.error_log.clone().unwrap_or_else(|| inherited.error_log())
    }

    /// How much the error log says.
    pub(crate) fn level(&self, settings: &Settings) -> log::Level {
        self.log_level.unwrap_or(match settings.log_level {
            settings::LogLevel::Error => log::Level::Error,
            settings::LogLevel::Warn => log::Level::Warn,
            settings::LogLevel::Notice | settings::LogLevel::Info => log::Level::Info,
            settings::LogLevel::Debug => log::Level::Debug,
        })
    }
}

/// The file in which a gateway that takes Kong's place says which process it is.
pub(crate) fn pid_file(prefix: &Path) -> PathBuf {
    prefix.join("pids/nginx.pid")
}
