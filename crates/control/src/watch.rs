//! Asks for a change whenever files have changed.
//!
//! Folders are watched, not files: an editor saves by renaming a new file over the old one, and
//! Kubernetes swaps a link (`..data`) beside what was mounted. For a path whose files are reached
//! through symbolic links, the folders of every link on the way and of its target are watched too.
//!
//! An event only means "look again": after a moment of quiet the files are surveyed, and only if
//! something is different from what was seen last, a reload is asked for.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{io, thread};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::control::{Cause, Control};
use crate::files;

/// Changes that follow each other this closely are one.
const QUIET: Duration = Duration::from_millis(50);

/// Changes that do not end are applied after this time nevertheless.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often files are looked at where the system does not tell about changes.
const POLL: Duration = Duration::from_secs(2);

/// As the kernel's own limit on links to follow.
const MAX_LINKS: usize = 40;

/// Watches the files and folders from a thread of its own until the process ends.
///
/// # Errors
/// If the system gives no thread. If it cannot tell about changes, files are looked at every two
/// seconds, and a warning in the log says so.
pub fn start(paths: Vec<PathBuf>, control: Control) -> io::Result<()> {
    let (events, queue) = mpsc::channel();
    let mut watch = Watch { watched: Watched::new(events), seen: Seen::look(&paths), paths };
    watch.watched.follow(&watch.paths);
    let run = move || watch.run(&queue, &control);
    thread::Builder::new().name("watch".into()).spawn(run)?;
    Ok(())
}

struct Watch {
    paths: Vec<PathBuf>,
    watched: Watched,
    /// What the files were when they were last looked at.
    seen: Seen,
}

impl Watch {
    fn run(&mut self, queue: &mpsc::Receiver<()>, control: &Control) {
        while self.wait(queue) {
            self.watched.follow(&self.paths);
            let seen = Seen::look(&self.paths);
            if seen == self.seen {
                continue;
            }
            self.seen = seen;
            if control.reload(Cause::Files).wait().is_none() {
                return;
            }
        }
    }

    /// Waits until there may be something new and then for quiet; false if there never will be.
    fn wait(&self, queue: &mpsc::Receiver<()>) -> bool {
        let first = match self.watched.complete {
            true => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => queue.recv_timeout(POLL),
        };
        match first {
            Ok(()) => settle(queue),
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }
}

fn settle(queue: &mpsc::Receiver<()>) -> bool {
    let end = Instant::now() + PATIENCE;
    loop {
        let left = end.saturating_duration_since(Instant::now()).min(QUIET);
        match queue.recv_timeout(left) {
            Ok(()) if Instant::now() < end => {}
            Ok(()) | Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

/// The folders that the system tells about.
struct Watched {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    /// Whether the system tells about all of them.
    complete: bool,
    /// Whether it was said that it does not.
    warned: bool,
    // Kept so that the queue lives as long as the watch, watcher or not.
    _events: mpsc::Sender<()>,
}

impl Watched {
    fn new(events: mpsc::Sender<()>) -> Self {
        let sender = events.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading what is watched is itself an event, and no change.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                let _ = sender.send(());
            }
        });
        let mut watched = Self {
            watcher: None,
            folders: BTreeSet::new(),
            complete: true,
            warned: false,
            _events: events,
        };
        match watcher {
            Ok(watcher) => watched.watcher = Some(watcher),
            Err(error) => watched.incomplete(&error),
        }
        watched
    }

    /// Watches the folders that matter now, and no others.
    fn follow(&mut self, paths: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else { return };
        let folders = folders_to_watch(paths);
        for gone in self.folders.difference(&folders) {
            // A folder that was removed is no longer watched anyway.
            let _ = watcher.unwatch(gone);
        }
        let mut failed = None;
        let mut followed = BTreeSet::new();
        for folder in folders {
            // A folder that was replaced by another of the same name must be watched anew, and
            // watching one again costs little.
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    followed.insert(folder);
                }
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
                Err(error) => failed = Some(error),
            }
        }
        self.folders = followed;
        match failed {
            Some(error) => self.incomplete(&error),
            None => self.complete = true,
        }
    }

    fn incomplete(&mut self, error: &notify::Error) {
        self.complete = false;
        if !std::mem::replace(&mut self.warned, true) {
            tracing::warn!(
                "the system does not tell about all changes of files ({error}); looking every {} s",
                POLL.as_secs()
            );
        }
    }
}

/// The folders in which something has to change before the paths can mean anything else.
fn folders_to_watch(paths: &[PathBuf]) -> BTreeSet<PathBuf> {
    let survey = files::survey(paths);
    let mut folders = BTreeSet::new();
    for path in paths.iter().chain(&survey.files).chain(&survey.folders) {
        add_links(path, &mut folders, MAX_LINKS);
    }
    folders.extend(survey.folders);
    folders
}

/// Adds the folder of the path, and the folders of every link that the path goes through and of
/// what the link points to.
fn add_links(path: &Path, folders: &mut BTreeSet<PathBuf>, links: usize) {
    folders.insert(parent(path));
    let mut prefix = PathBuf::new();
    for component in path.components() {
        prefix.push(component);
        if !matches!(component, Component::Normal(_)) {
            continue;
        }
        if let (Ok(target), Some(links)) = (fs::read_link(&prefix), links.checked_sub(1)) {
            folders.insert(parent(&prefix));
            add_links(&parent(&prefix).join(target), folders, links);
        }
    }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => path.to_owned(),
    }
}

/// What files look like from outside.
#[derive(Debug, PartialEq, Eq)]
struct Seen(Vec<(PathBuf, Option<Stamp>)>);

/// Device, inode, length and times of content and of attributes, seconds and nanoseconds.
type Stamp = (u64, u64, u64, [i64; 4]);

impl Seen {
    fn look(paths: &[PathBuf]) -> Self {
        let stamp = |path: PathBuf| {
            let meta = fs::metadata(&path).ok();
            let stamp = meta.map(|meta| {
                let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
                (meta.dev(), meta.ino(), meta.len(), times)
            });
            (path, stamp)
        };
        // A given path that is not there now may come back.
        let missing = paths.iter().filter(|path| !path.exists()).cloned();
        Self(files::survey(paths).files.into_iter().chain(missing).map(stamp).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    use config::Findings;
    use model::Model;
    use tokio::sync::watch::Receiver;

    use super::*;
    use crate::testing::introduction;
    use crate::{Introduction, Process, Report, State, Verdict};

    struct Always;

    impl Process for Always {
        fn introduce(&mut self) -> Introduction {
            introduction(&["red"])
        }

        fn publish(&mut self, _: &Model, _: u64) -> Result<(), Findings> {
            Ok(())
        }

        fn report(&mut self, _: &Report) {}
    }

    struct Setup {
        folder: tempfile::TempDir,
        states: Receiver<Arc<State>>,
    }

    /// Starts to watch `path` of a folder that `prepare` fills.
    fn watching(path: &str, prepare: impl FnOnce(&Path)) -> Setup {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        prepare(folder.path());
        let paths = vec![folder.path().join(path)];
        let control = Control::start(paths.clone(), Always).expect("started");
        start(paths, control.clone()).expect("started");
        control.reload(Cause::Start).wait().expect("it runs");
        Setup { folder, states: control.subscribe() }
    }

    impl Setup {
        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        /// Waits until what runs is said to come from `word`.
        fn runs(&mut self, word: &str) {
            self.until(|state| &*state.listeners[0].origin.document == word);
        }

        fn until(&mut self, holds: impl Fn(&State) -> bool) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime can be made");
            let wait = self.states.wait_for(|state| holds(state));
            runtime
                .block_on(async { tokio::time::timeout(Duration::from_secs(20), wait).await })
                .expect("the change is noticed")
                .expect("the control thread lives");
        }
    }

    #[test]
    fn a_file_written_in_place_and_one_renamed_over_it_are_noticed() {
        let mut setup = watching("a.yml", |folder| write(folder, "a.yml", "red: 1\n"));
        write(setup.folder.path(), "a.yml", "red: 2\n");
        setup.runs("2");
        write(setup.folder.path(), ".a.yml.swp", "red: 3\n");
        fs::rename(setup.path(".a.yml.swp"), setup.path("a.yml")).expect("renamed");
        setup.runs("3");
    }

    #[test]
    fn new_files_and_folders_are_noticed() {
        let mut setup = watching("", |folder| write(folder, "a.yml", "red: 1\n"));
        fs::create_dir(setup.path("b")).expect("made");
        write(setup.folder.path(), "b/b.yml", "red: 2\n");
        setup.runs("12");
        write(setup.folder.path(), "b/b.yml", "red: 3\n");
        setup.runs("13");
        fs::remove_file(setup.path("b/b.yml")).expect("removed");
        setup.runs("1");
    }

    #[test]
    fn a_swapped_config_map_is_noticed() {
        let mut setup = watching("a.yml", |folder| {
            write(folder, "..1/a.yml", "red: 1\n");
            symlink("..1", folder.join("..data")).expect("linked");
            symlink("..data/a.yml", folder.join("a.yml")).expect("linked");
        });
        write(setup.folder.path(), "..2/a.yml", "red: 2\n");
        symlink("..2", setup.path("..data_tmp")).expect("linked");
        fs::rename(setup.path("..data_tmp"), setup.path("..data")).expect("renamed");
        setup.runs("2");
    }

    #[test]
    fn the_target_of_a_link_is_watched() {
        let mut setup = watching("here/a.yml", |folder| {
            write(folder, "there/real.yml", "red: 1\n");
            fs::create_dir(folder.join("here")).expect("made");
            symlink("../there/real.yml", folder.join("here/a.yml")).expect("linked");
        });
        write(setup.folder.path(), "there/real.yml", "red: 2\n");
        setup.runs("2");
    }

    #[test]
    fn a_file_that_vanishes_is_an_error_until_it_is_back() {
        let mut setup = watching("a.yml", |folder| write(folder, "a.yml", "red: 1\n"));
        fs::remove_file(setup.path("a.yml")).expect("removed");
        setup.until(|state| state.history[0].verdict == Verdict::Rejected);
        write(setup.folder.path(), "a.yml", "red: 2\n");
        setup.runs("2");
    }

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it has a parent")).expect("made");
        fs::write(path, text).expect("written");
    }
}
