//! The error log: what the gateway says of itself, as text or as JSON.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::TARGET;
use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

/// Where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Nowhere,
    Stdout,
    Stderr,
    File(PathBuf),
}

/// The error log of this process.
pub(crate) struct ErrorLog {
    place: Place,
    format: Format,
    target: Arc<Target>,
    level: reload::Handle<Targets, Registry>,
}

impl ErrorLog {
    /// Begins to write what the crates trace.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(crate) fn start(place: Place, format: Format, level: Level) -> io::Result<Self> {
        let target = Arc::new(Target::open(&place)?);
        let (filter, handle) = reload::Layer::new(filter(level));
        let ansi = place == Place::Stderr && colours();
        let layer = fmt::layer().with_writer(Arc::clone(&target)).with_ansi(ansi);
        let registry = Registry::default().with(filter);
        let started = match format {
            Format::Text => registry.with(layer).try_init(),
            Format::Json => registry.with(layer.json().flatten_event(true)).try_init(),
        };
        started.map_err(io::Error::other)?;
        log_panics();
        Ok(Self { place, format, target, level: handle })
    }

    /// Opens the file anew, after it was renamed.
    pub(crate) fn reopen(&self) {
        if let (Target::File(file), Place::File(path)) = (&*self.target, &self.place) {
            match open(path) {
                Ok(opened) => *file.lock().unwrap_or_else(PoisonError::into_inner) = opened,
                Err(error) => {
                    tracing::error!(target: TARGET, "the error log stays as it is: {error}")
                }
            }
        }
    }

    /// Says more or less from now on.
    pub(crate) fn set_level(&self, level: Level) {
        // It fails only if the subscriber is gone, and then nothing is said at all.
        let _ = self.level.reload(filter(level));
    }

    /// Whether findings can be shown as people like them: as text, with the lines of documents.
    pub(crate) fn is_for_people(&self) -> bool {
        self.format == Format::Text && self.place == Place::Stderr
    }
}

/// Has panics told like everything else, too; where they happen they end no more than one exchange.
fn log_panics() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let reason = panic.payload_as_str().unwrap_or("no reason is given");
        tracing::error!(target: "panic", place, "{reason}");
        tell(panic);
    }));
}

fn colours() -> bool {
    io::stderr().is_terminal()
        && anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Everything of ours at the level; of what others made only what is wrong.
fn filter(level: Level) -> Targets {
    const OTHERS: &[&str] = &[
        "h2",
        "hyper",
        "hyper_util",
        "hickory_resolver",
        "hickory_proto",
        "hickory_net",
        "mio",
        "notify",
        "redis",
        "rustls",
    ];
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let quiet = level.min(LevelFilter::WARN);
    Targets::new().with_default(level).with_targets(OTHERS.iter().map(|name| (*name, quiet)))
}

/// An open [`Place`]. Every event is one write.
enum Target {
    Nowhere,
    Stdout,
    Stderr,
    File(Mutex<File>),
}

impl Target {
    fn open(place: &Place) -> io::Result<Self> {
        Ok(match place {
            Place::Nowhere => Self::Nowhere,
            Place::Stdout => Self::Stdout,
            Place::Stderr => Self::Stderr,
            Place::File(path) => Self::File(Mutex::new(open(path)?)),
        })
    }
}

/// Opens a log to write at its end, and makes it and its folder if they are not there.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("{} cannot be written: {error}", path.display()))
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(named)?;
    }
    OpenOptions::new().create(true).append(true).open(path).map_err(named)
}

impl Write for &Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::Nowhere => Ok(bytes.len()),
            Target::Stdout => io::stdout().write(bytes),
            Target::Stderr => io::stderr().write(bytes),
            Target::File(file) => file.lock().unwrap_or_else(PoisonError::into_inner).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Target::Nowhere => Ok(()),
            Target::Stdout => io::stdout().flush(),
            Target::Stderr => io::stderr().flush(),
            Target::File(file) => file.lock().unwrap_or_else(PoisonError::into_inner).flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_written_at_its_end_and_its_folder_is_made() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("logs/error.log");
        for line in ["one\n", "two\n"] {
            let target = Target::open(&Place::File(path.clone())).expect("opened");
            (&target).write_all(line.as_bytes()).expect("written");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "one\ntwo\n");
    }

    #[test]
    fn others_are_quieter_but_never_louder() {
        let enabled = |level, target: &str, at| filter(level).would_enable(target, &at);
        assert!(enabled(Level::Debug, "dataplane", tracing::Level::DEBUG));
        assert!(!enabled(Level::Debug, "h2", tracing::Level::DEBUG));
        assert!(enabled(Level::Debug, "h2", tracing::Level::WARN));
        assert!(!enabled(Level::Error, "h2", tracing::Level::WARN));
    }
}
