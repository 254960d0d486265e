//! The thread that changes what runs.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use config::{Finding, Findings, Severity, Sources};
use model::Model;
use tokio::sync::{oneshot, watch};

use crate::files::Text;
use crate::pipeline::{self, Precedence, Texts};
use crate::store::{Running, State, Store};
use crate::{Build, Introduction, LateView, View, codes};

/// What the control side needs from the process in which it runs. All calls come from one thread.
pub trait Process: Send {
    /// Makes the dialects from the settings as they are now; asked on every reload.
    fn introduce(&mut self) -> Introduction;

    /// Brings a model to all workers and returns when every one of them serves it. If it cannot,
    /// nothing has changed, and the findings say why.
    fn publish(&mut self, model: &Model, revision: u64) -> Result<(), Findings>;

    /// Is told what became of a change, before whoever asked for it is.
    fn report(&mut self, report: &Report);

    /// Is told that nothing of a change is left but what runs: a time to give memory back.
    fn settle(&mut self) {}
}

/// Why something was to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The process starts.
    Start,
    /// Files changed.
    Files,
    /// The process was sent a signal.
    Signal,
    /// A document came through a dialect's management API.
    Api(&'static str),
}

/// Whether something changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The new configuration runs.
    Applied,
    /// The new configuration means the same as the one that runs.
    Unchanged,
    /// The new configuration has errors; what ran before still runs.
    Rejected,
}

/// What became of a change.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Why something was to change.
    pub cause: Cause,
    /// Whether it did.
    pub verdict: Verdict,
    /// The revision that runs now.
    pub revision: u64,
    /// When it was done.
    pub at: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// How many errors were found.
    pub errors: usize,
    /// How many warnings were found.
    pub warnings: usize,
}

/// An outcome with everything that is to be said about it.
#[derive(Debug, Clone)]
pub struct Report {
    /// What became of the change.
    pub outcome: Arc<Outcome>,
    /// What was found.
    pub findings: Arc<Findings>,
    /// The texts that the findings point into.
    pub sources: Arc<Sources>,
}

/// Asks the control thread for changes, and knows what runs. Cheap to clone; the thread ends when
/// the last clone is gone.
#[derive(Clone)]
pub struct Control {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<Arc<State>>,
}

impl Control {
    /// Starts the thread. Nothing is read before the first [`Control::reload`].
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(paths: Vec<PathBuf>, process: impl Process + 'static) -> io::Result<Self> {
        Self::start_with(paths, BTreeMap::new(), process)
    }

    /// The same, with documents that were posted to the process whose place this one takes. They
    /// count for dialects that have no files.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start_with(
        paths: Vec<PathBuf>,
        posted: BTreeMap<&'static str, Text>,
        process: impl Process + 'static,
    ) -> io::Result<Self> {
        let (commands, queue) = mpsc::channel();
        let store = Store::new();
        let state = store.subscribe();
        let worker = Worker {
            paths,
            process: Box::new(process),
            introduction: Introduction::default(),
            texts: Texts { posted, ..Texts::default() },
            store,
        };
        thread::Builder::new().name("control".into()).spawn(move || worker.run(&queue))?;
        Ok(Self { commands, state })
    }

    /// Reads settings and files again. Requests that wait for their turn are answered together.
    pub fn reload(&self, cause: Cause) -> Pending {
        self.send(Task::Reload, cause)
    }

    /// Puts a document in place of all that a dialect has, until its files are read again. If it
    /// has none, or loses them, the document stays.
    pub fn post(&self, dialect: &'static str, label: &str, text: &str) -> Pending {
        let text = Text { label: label.into(), text: text.into() };
        self.send(Task::Post(dialect, text), Cause::Api(dialect))
    }

    /// What runs now.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.borrow())
    }

    /// Tells when something else runs.
    pub fn subscribe(&self) -> watch::Receiver<Arc<State>> {
        self.state.clone()
    }

    fn send(&self, task: Task, cause: Cause) -> Pending {
        let (answer, pending) = oneshot::channel();
        // If the thread is gone, the answer's sender is dropped, and waiting says so.
        let _ = self.commands.send(Command { task, cause, answer });
        Pending(pending)
    }
}

/// A change that was asked for. It happens whether or not it is waited for.
#[must_use = "say that the outcome does not matter, or wait for it"]
pub struct Pending(oneshot::Receiver<Report>);

impl Pending {
    /// Waits for the outcome; `None` if the process ends before there is one. Not to be called
    /// on a thread of an asynchronous runtime: there, await it.
    pub fn wait(self) -> Option<Report> {
        self.0.blocking_recv().ok()
    }
}

impl Future for Pending {
    type Output = Option<Report>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Result::ok)
    }
}

struct Command {
    task: Task,
    cause: Cause,
    answer: oneshot::Sender<Report>,
}

enum Task {
    Reload,
    Post(&'static str, Text),
}

/// The state of the control thread.
struct Worker {
    paths: Vec<PathBuf>,
    process: Box<dyn Process>,
    /// The dialects as the last applied reload made them.
    introduction: Introduction,
    /// What the last applied configuration was made from.
    texts: Texts,
    store: Store,
}

impl Worker {
    fn run(mut self, queue: &mpsc::Receiver<Command>) {
        let mut waiting = VecDeque::new();
        while let Some(Command { task, cause, answer }) =
            waiting.pop_front().or_else(|| queue.recv().ok())
        {
            waiting.extend(queue.try_iter());
            let mut answers = vec![answer];
            let report = match task {
                Task::Reload => {
                    while waiting.front().is_some_and(|next: &Command| next.is_reload()) {
                        answers.extend(waiting.pop_front().map(|next| next.answer));
                    }
                    self.reload(cause)
                }
                Task::Post(dialect, text) => self.post(cause, dialect, text),
            };
            for answer in answers {
                // Nobody has to wait.
                let _ = answer.send(report.clone());
            }
            drop(report);
            self.process.settle();
        }
    }

    fn reload(&mut self, cause: Cause) -> Report {
        let started = Instant::now();
        let introduction = self.process.introduce();
        let posted = self.texts.posted.clone();
        let texts = Texts { posted, ..Texts::gather(&self.paths, &introduction) };
        let (report, applied) = self.change(cause, started, &introduction, &texts);
        if applied {
            self.introduction = introduction;
            self.texts = texts;
        }
        report
    }

    fn post(&mut self, cause: Cause, dialect: &'static str, text: Text) -> Report {
        let started = Instant::now();
        let mut texts = self.texts.clone();
        texts.posted.insert(dialect, text);
        texts.precedence = Precedence::Posted;
        let introduction = std::mem::take(&mut self.introduction);
        let (report, applied) = self.change(cause, started, &introduction, &texts);
        self.introduction = introduction;
        if applied {
            self.texts = texts;
        }
        report
    }

    fn change(
        &mut self,
        cause: Cause,
        started: Instant,
        introduction: &Introduction,
        texts: &Texts,
    ) -> (Report, bool) {
        let mut build = guarded(|| pipeline::build(introduction, texts))
            .unwrap_or_else(|findings| Build { findings, ..Build::default() });
        let model = std::mem::take(&mut build.model);
        let fingerprint = model.fingerprint();
        let (before, running) = {
            let state = self.store.state();
            (state.revision, state.fingerprint)
        };
        let (verdict, revision) = if build.findings.has_errors() {
            (Verdict::Rejected, before)
        } else if before > 0 && running == fingerprint {
            (Verdict::Unchanged, before)
        } else {
            match self.publish(&model, before + 1) {
                Ok(()) => (Verdict::Applied, before + 1),
                Err(findings) => {
                    build.findings.merge(findings);
                    (Verdict::Rejected, before)
                }
            }
        };
        let outcome = Arc::new(Outcome {
            cause,
            verdict,
            revision,
            at: SystemTime::now(),
            took: started.elapsed(),
            errors: build.findings.count(Severity::Error),
            warnings: build.findings.count(Severity::Warning),
        });
        let report = Report {
            outcome: Arc::clone(&outcome),
            findings: Arc::new(std::mem::take(&mut build.findings)),
            sources: Arc::new(std::mem::take(&mut build.sources)),
        };
        let runs = verdict != Verdict::Rejected;
        if runs {
            let (listeners, routes) = (model.listeners.clone(), model.routes.len());
            // Views are made where the model was.
            drop(model);
            let documents = build.documents;
            let views = made(build.views);
            let posted = texts.posted.clone();
            let running = Running { fingerprint, listeners, routes, views, documents, posted };
            self.store.commit(running, &report);
        } else {
            self.store.note(&outcome);
        }
        self.process.report(&report);
        (report, runs)
    }

    fn publish(&mut self, model: &Model, revision: u64) -> Result<(), Findings> {
        let process = &mut self.process;
        guarded(|| process.publish(model, revision)).unwrap_or_else(Err)
    }
}

impl Command {
    fn is_reload(&self) -> bool {
        matches!(self.task, Task::Reload)
    }
}

/// Makes views. One that has a fault is missing, and its management API says that there is nothing.
fn made(views: BTreeMap<&'static str, LateView>) -> BTreeMap<&'static str, View> {
    let made = views.into_iter().filter_map(|(name, view)| Some((name, guarded(view).ok()?)));
    made.collect()
}

/// Runs what must not take the process down: a fault there is a finding, and what runs goes on.
fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, Findings> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let message = format!("the gateway has a fault: {}", text.unwrap_or("unknown"));
        Finding::new(&codes::NOT_APPLIED, message)
            .help("please report this with the documents that lead to it")
            .into()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex;

    use super::*;
    use crate::testing::{Words, introduction};

    /// A process without a gateway: it keeps what it is given.
    #[derive(Default, Clone)]
    struct Recorder(Arc<Mutex<Record>>);

    #[derive(Default)]
    struct Record {
        published: Vec<u64>,
        reports: Vec<(Cause, Verdict)>,
        refuse: bool,
        fault: bool,
    }

    impl Recorder {
        fn with<T>(&self, f: impl FnOnce(&mut Record) -> T) -> T {
            f(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
        }
    }

    impl Process for Recorder {
        fn introduce(&mut self) -> Introduction {
            introduction(&["red"])
        }

        fn publish(&mut self, _: &Model, revision: u64) -> Result<(), Findings> {
            let (refuse, fault) = self.with(|record| (record.refuse, record.fault));
            assert!(!fault, "a fault for the test");
            if refuse {
                return Err(Finding::new(&codes::CANNOT_LISTEN, "in use").into());
            }
            self.with(|record| record.published.push(revision));
            Ok(())
        }

        fn report(&mut self, report: &Report) {
            let Outcome { cause, verdict, .. } = *report.outcome;
            self.with(|record| record.reports.push((cause, verdict)));
        }
    }

    struct Setup {
        folder: tempfile::TempDir,
        process: Recorder,
        control: Control,
    }

    impl Setup {
        fn new(text: &str) -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            let process = Recorder::default();
            let path = folder.path().join("a.yml");
            let control = Control::start(vec![path], process.clone()).expect("started");
            let setup = Self { folder, process, control };
            setup.write(text);
            setup
        }

        fn write(&self, text: &str) {
            fs::write(self.folder.path().join("a.yml"), text).expect("written");
        }

        fn reload(&self) -> (Verdict, u64) {
            let report = self.control.reload(Cause::Signal).wait().expect("it runs");
            (report.outcome.verdict, report.outcome.revision)
        }

        fn post(&self, text: &str) -> (Verdict, u64) {
            let report = self.control.post("red", "api", text).wait().expect("it runs");
            (report.outcome.verdict, report.outcome.revision)
        }

        fn words(&self) -> Vec<String> {
            let view = self.control.state().views["red"].clone();
            view.downcast::<Words>().expect("it is its view").0.clone()
        }
    }

    #[test]
    fn a_good_change_is_applied_and_an_equal_one_is_not_published() {
        let setup = Setup::new("red: 1\n");
        assert_eq!(setup.reload(), (Verdict::Applied, 1));
        assert_eq!(setup.reload(), (Verdict::Unchanged, 1));
        setup.write("red: 2\n");
        assert_eq!(setup.reload(), (Verdict::Applied, 2));
        assert_eq!(setup.process.with(|record| record.published.clone()), [1, 2]);
        assert_eq!(setup.words(), ["2"]);
    }

    #[test]
    fn a_bad_change_keeps_what_runs() {
        let setup = Setup::new("red: 1\n");
        assert_eq!(setup.reload(), (Verdict::Applied, 1));
        setup.write("red: bad\n");
        assert_eq!(setup.reload(), (Verdict::Rejected, 1));
        setup.write("red: 2\n");
        setup.process.with(|record| record.refuse = true);
        assert_eq!(setup.reload(), (Verdict::Rejected, 1));
        setup.process.with(|record| record.fault = true);
        assert_eq!(setup.reload(), (Verdict::Rejected, 1));
        assert_eq!(setup.words(), ["1"]);
        let state = setup.control.state();
        let verdicts: Vec<_> = state.history.iter().map(|outcome| outcome.verdict).collect();
        assert_eq!(verdicts[..2], [Verdict::Rejected, Verdict::Rejected]);
        assert_eq!((verdicts.len(), state.history[0].errors), (4, 1));
    }

    #[test]
    fn a_posted_document_counts_until_files_are_read_again() {
        let setup = Setup::new("red: 1\n");
        assert_eq!(setup.reload(), (Verdict::Applied, 1));
        assert_eq!(setup.post("red: 7"), (Verdict::Applied, 2));
        assert_eq!(setup.post("red: bad"), (Verdict::Rejected, 2));
        assert_eq!(setup.words(), ["7"]);
        assert_eq!(setup.reload(), (Verdict::Applied, 3));
        assert_eq!(setup.words(), ["1"]);
    }

    #[test]
    fn a_broken_file_does_not_hinder_a_posted_document() {
        let setup = Setup::new("red: 1\n");
        assert_eq!(setup.reload(), (Verdict::Applied, 1));
        setup.write("red: [");
        assert_eq!(setup.post("red: 7"), (Verdict::Applied, 2));
    }

    #[test]
    fn every_change_is_reported_before_it_is_answered() {
        let setup = Setup::new("red: 1\n");
        setup.reload();
        setup.post("red: 1");
        let reports = setup.process.with(|record| record.reports.clone());
        assert_eq!(reports.len(), 2);
        assert_eq!(reports[0], (Cause::Signal, Verdict::Applied));
        assert_eq!(reports[1].0, Cause::Api("red"));
    }
}
