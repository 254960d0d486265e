//! The access log: one line a request, in a form of the operator's choice.

mod escape;
mod json;
mod sink;
mod template;
mod time;
mod variable;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use filter::{Exchange, Now};

pub(super) use sink::{Lines, Sink};
use template::Template;
use time::Times;
#[cfg(test)]
pub(super) use variable::NAMED;

/// Where requests are logged, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessLogSettings {
    /// Where.
    pub target: LogTarget,
    /// How.
    pub format: LogFormat,
}

/// Where requests are logged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LogTarget {
    /// Nowhere.
    #[default]
    Off,
    /// On the standard output.
    Stdout,
    /// At the end of a file, which is made if it does not exist.
    File(PathBuf),
}

impl FromStr for LogTarget {
    type Err = std::convert::Infallible;

    /// Reads `off`, `-` (the standard output) or a path.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "off" => Self::Off,
            "-" => Self::Stdout,
            path => Self::File(path.into()),
        })
    }
}

/// How a request is logged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// The format of this name in nginx, byte for byte.
    #[default]
    Combined,
    /// An object of JSON a line.
    Json,
    /// Text with variables as in nginx's `log_format`: `$remote_addr "$request" $status`.
    Template(String),
}

impl FromStr for LogFormat {
    type Err = InvalidLogFormat;

    /// Reads `combined`, `json` or a template.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "combined" => Ok(Self::Combined),
            "json" => Ok(Self::Json),
            template if template.contains('$') => {
                Template::compile(template)?;
                Ok(Self::Template(template.to_owned()))
            }
            other => {
                let meant = config::did_you_mean(other, ["combined", "json"]);
                let help = meant.map(|name| format!("; did you mean `{name}`?"));
                Err(InvalidLogFormat(format!(
                    "`{other}` is neither `combined` nor `json`, and it holds no variable like \
                     `$remote_addr`, so it is no template{}",
                    help.unwrap_or_default()
                )))
            }
        }
    }
}

/// What is wrong with a format of the access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidLogFormat(String);

impl std::error::Error for InvalidLogFormat {}

impl fmt::Display for InvalidLogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A compiled format.
pub(super) enum Format {
    Json,
    Template(Template),
}

impl Format {
    /// Compiles a format.
    ///
    /// # Errors
    /// `InvalidInput` if it is a template with a mistake.
    pub(super) fn compile(format: &LogFormat) -> io::Result<Self> {
        let template = match format {
            LogFormat::Json => return Ok(Self::Json),
            LogFormat::Combined => COMBINED,
            LogFormat::Template(template) => template,
        };
        let compiled = Template::compile(template);
        compiled.map(Self::Template).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))
    }
}

/// One worker's part in the access log.
pub(super) struct WorkerLog {
    format: Arc<Format>,
    lines: Lines,
    times: Times,
}

impl WorkerLog {
    pub(super) fn new(format: Arc<Format>, sink: &Sink) -> Self {
        Self { format, lines: sink.lines(), times: Times::default() }
    }

    /// Writes the line of an exchange that has ended.
    pub(super) fn write(&self, x: &Exchange, now: Now) {
        self.lines.append(|line| {
            match &*self.format {
                Format::Json => json::write(x, now, &self.times, line),
                Format::Template(template) => template.write(x, now, &self.times, line),
            }
            line.push(b'\n');
        });
    }
}

/// As in nginx's `ngx_http_log_module`.
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status \
                        $body_bytes_sent \"$http_referer\" \"$http_user_agent\"";

#[cfg(test)]
pub(super) mod tests;
