//! Kind `file-log`: records are appended to a file. `README.md` is its reference page.

#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use ::filter::{Filter, Phases, PolicyKind, Prepared, Problem, WorkerCx};
use model::Shape;
use serde::Deserialize;

use crate::queue::{self, Entry, Queue};
use crate::record::Record;
use crate::{recording, settings};

/// Records are appended to a file.
pub(crate) struct Kind;

const NAME: &str = "file-log";

/// The configuration of a `file-log` policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The file, made if it is not there.
    path: PathBuf,
    /// What waits, and for how long.
    #[serde(default = "queue::Settings::prompt")]
    queue: queue::Settings,
    /// What a record looks like.
    record: Shape,
}

impl PolicyKind for Kind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, policy: &model::Policy) -> Result<Arc<dyn Prepared>, Vec<Problem>> {
        let config: Config = settings::read(&policy.config).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        if config.path.as_os_str().is_empty() {
            problems.push(Problem::new("/path", "the path is empty").help("name a file"));
        }
        config.queue.check(&mut problems);
        let record = Record::compile(config.record, "/record", &mut problems);
        let prepared = FileLog { path: config.path, queue: config.queue, record };
        if problems.is_empty() { Ok(Arc::new(prepared)) } else { Err(problems) }
    }
}

struct FileLog {
    path: PathBuf,
    queue: queue::Settings,
    record: Record,
}

impl Prepared for FileLog {
    fn phases(&self) -> Phases {
        Phases::LOG
    }

    fn start(self: Arc<Self>, cx: &WorkerCx) -> Rc<dyn Filter> {
        let sink = Sink { place: self.path.display().to_string(), path: self.path.clone() };
        let queue = Queue::new(NAME, &self.queue, sink, cx);
        recording::filter(queue, move |exchange| {
            let mut line = self.record.of(exchange);
            line.push(b'\n');
            Some(line)
        })
    }
}

struct Sink {
    place: String,
    path: PathBuf,
}

impl queue::Sink for Sink {
    fn place(&self) -> &str {
        &self.place
    }

    async fn send(&self, batch: &[Entry]) -> Result<(), String> {
        let (path, lines) = (self.path.clone(), batch.concat());
        // A disk may be slow: not on the worker's thread.
        let written = tokio::task::spawn_blocking(move || append(&path, &lines)).await;
        written.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

/// Appends whole lines at once. The file is opened anew each time, so that it may be moved away.
fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o644).open(path)?.write_all(lines)
}
