//! Lines of a system log.

use std::io::Write as _;

use ::filter::{Exchange, Problem};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::config::{Config, Format, Severity};
use crate::machine;
use crate::record::Record;

/// Writes lines.
pub(super) struct Writer {
    format: Format,
    ident: String,
    facility: u8,
    threshold: Severity,
    success: Severity,
    client_error: Severity,
    server_error: Severity,
    structured_data: String,
    zone: TimeZone,
    record: Record,
}

impl Writer {
    pub(super) fn prepare(config: Config, problems: &mut Vec<Problem>) -> Self {
        let facility = FACILITIES.iter().find(|(name, _)| *name == config.facility);
        if facility.is_none() {
            let message = format!("there is no facility `{}`", config.facility);
            problems.push(
                Problem::new("/facility", message).help("write one of syslog.conf, such as `user`"),
            );
        }
        let graphic = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if config.ident.is_empty() || !graphic(&config.ident) {
            let message = "a sender's name is made of printable ASCII characters without spaces";
            problems.push(Problem::new("/ident", message));
        }
        if config.structured_data.contains(['\n', '\r', '\0']) {
            problems.push(Problem::new("/structured_data", "this would end the line"));
        }
        Self {
            format: config.format,
            ident: config.ident,
            facility: facility.map_or(1, |(_, number)| *number),
            threshold: config.threshold,
            success: config.success,
            client_error: config.client_error,
            server_error: config.server_error,
            structured_data: config.structured_data,
            zone: TimeZone::system(),
            record: Record::compile(config.record, "/record", problems),
        }
    }

    /// The line of an exchange, unless it weighs too little.
    pub(super) fn line(&self, exchange: &Exchange, unix_ms: u64) -> Option<Vec<u8>> {
        let severity = match exchange.response.status {
            500.. => self.server_error,
            400.. => self.client_error,
            _ => self.success,
        };
        if severity > self.threshold {
            return None;
        }
        let priority = self.facility * 8 + severity as u8;
        let moment = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let moment = moment.unwrap_or_default();
        let mut line = Vec::new();
        let Self { ident, structured_data, .. } = self;
        let host = machine::name();
        // Writing into a vector cannot fail.
        let _ = match self.format {
            Format::Local => {
                let local = moment.to_zoned(self.zone.clone());
                let pid = std::process::id();
                write!(line, "<{priority}>{} {ident}[{pid}]: ", local.strftime("%b %e %T"))
            }
            Format::Rfc5424 => {
                let time = moment.strftime("%Y-%m-%dT%H:%M:%SZ");
                write!(line, "<{priority}>1 {time} {host} {ident} - - {structured_data} ")
            }
        };
        self.record.write(exchange, &mut line);
        Some(line)
    }
}

/// RFC 5424 section 6.2.1.
const FACILITIES: [(&str, u8); 20] = [
    ("kern", 0),
    ("user", 1),
    ("mail", 2),
    ("daemon", 3),
    ("auth", 4),
    ("syslog", 5),
    ("lpr", 6),
    ("news", 7),
    ("uucp", 8),
    ("cron", 9),
    ("authpriv", 10),
    ("ftp", 11),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];
