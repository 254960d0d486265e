//! What is known of the traffic: nothing is kept yet.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use filter::{Counters, Exchange, Now};
use model::Labels;

/// Where and how requests are logged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessLogSettings {
    /// Where to.
    pub target: LogTarget,
    /// In what form.
    pub format: LogFormat,
}

/// Where requests are logged to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LogTarget {
    /// Nowhere.
    #[default]
    Off,
    /// The standard output.
    Stdout,
    /// A file, opened anew when it was renamed.
    File(PathBuf),
}

/// In what form requests are logged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// nginx's `combined`.
    #[default]
    Combined,
    /// A JSON object a line.
    Json,
    /// A template with nginx's names of variables.
    Template(String),
}

/// What the workers of a gateway tell.
pub(crate) struct Telemetry;

/// What one worker tells.
pub(crate) struct WorkerTelemetry;

/// The numbers of a route.
pub(crate) struct RouteSeries;

impl Telemetry {
    pub(crate) fn new(_: &AccessLogSettings, _: Arc<Counters>) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self))
    }

    pub(crate) fn worker(self: &Arc<Self>) -> WorkerTelemetry {
        WorkerTelemetry
    }

    pub(crate) fn reopen(&self) {}

    pub(crate) fn flush(&self) {}

    pub(crate) fn reloaded(&self, _: bool) {}

    pub(crate) fn set_ready(&self, _: bool) {}
}

impl WorkerTelemetry {
    pub(crate) fn series(&self, _: &Arc<Labels>) -> Arc<RouteSeries> {
        Arc::new(RouteSeries)
    }

    pub(crate) fn policy(&self, _: &str) -> usize {
        0
    }

    pub(crate) fn policy_time(&self, _: usize, _: u64) {}

    pub(crate) fn connection_opened(&self, _: bool) {}

    pub(crate) fn connection_closed(&self, _: bool) {}

    pub(crate) fn done(&self, _: &Exchange, _: Option<&RouteSeries>, _: Now) {}

    pub(crate) fn upstream_failed(&self, _: &Exchange, endpoint: &str, error: &dyn Display) {
        tracing::warn!(target: "upstream", endpoint, %error, "an upstream failed");
    }
}

pub(crate) mod status {
    //! The status pages.

    use std::io;
    use std::net::TcpListener;
    use std::sync::Arc;

    pub(crate) fn serve(_: TcpListener, _: Arc<super::Telemetry>) -> io::Result<()> {
        let message = "status pages are not served yet";
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }
}
