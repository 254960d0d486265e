//! Where logs go.

use std::path::{Path, PathBuf};

/// Where a log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file.
    File(PathBuf),
}

/// A log's property, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Where it is written.
    pub target: LogTarget,
    /// The second word: the format of an access log, the level of an error log.
    pub detail: Option<String>,
}

/// How much the error log says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What stops requests, and worse (`crit`, `alert`, `emerg`).
    Error,
    /// What will stop some.
    Warn,
    /// What an operator wants to know.
    #[default]
    Notice,
    /// What happens.
    Info,
    /// How it happens.
    Debug,
}

impl LogLevel {
    /// Reads one of Kong's levels.
    pub(super) fn read(text: &str) -> Option<Self> {
        Some(match text {
            "debug" => Self::Debug,
            "info" => Self::Info,
            "notice" => Self::Notice,
            "warn" => Self::Warn,
            "error" | "crit" | "alert" | "emerg" => Self::Error,
            _ => return None,
        })
    }
}

impl Log {
    /// Reads `off`, or a path relative to `prefix` and perhaps a second word. `None` for what is
    /// no file (`syslog:…`).
    pub(super) fn read(text: &str, prefix: &Path) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let path = words.next().unwrap_or("off");
        let target = match path {
            "off" => LogTarget::Off,
            "/dev/stdout" => LogTarget::Stdout,
            "/dev/stderr" => LogTarget::Stderr,
            path if path.starts_with("syslog:") => return None,
            path => LogTarget::File(prefix.join(path)),
        };
        Some(Self { target, detail: words.next().map(str::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_prefix() {
        let read = |text| Log::read(text, Path::new("/opt/kong")).expect("a log");
        assert_eq!(
            read("logs/access.log").target,
            LogTarget::File("/opt/kong/logs/access.log".into())
        );
        assert_eq!(read("/var/log/a.log json").target, LogTarget::File("/var/log/a.log".into()));
        assert_eq!(read("/var/log/a.log json").detail.as_deref(), Some("json"));
        assert_eq!(read("off").target, LogTarget::Off);
        assert_eq!(read("/dev/stdout").target, LogTarget::Stdout);
        assert_eq!(Log::read("syslog:server=a", Path::new("/")), None);
    }
}
