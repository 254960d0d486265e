//! A gateway in this process: the engine, what controls it, and what the system asks of it.

mod admin;
mod banner;
mod descriptors;
mod engine;
mod inheritance;
pub(crate) mod log;
mod memory;
pub(crate) mod pid;
mod priority;
mod process;
pub(crate) mod rejections;
mod signals;
mod successor;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use control::{Cause, Control, Dialect, Verdict};
use tokio::runtime::Runtime;

pub(crate) use self::banner::Serving;
use self::engine::Inherited;
pub(crate) use self::engine::{Detours, EngineFlags, pid_file};
use self::inheritance::Inheritance;
use self::log::ErrorLog;
use self::pid::PidFile;
use self::process::Process;
use self::signals::{Obedient, Signals};
use crate::output::Exit;
use crate::settings::Introducer;

/// Whose lines in the error log are about the process as a whole.
const TARGET: &str = "gateway";

/// What to serve, and how.
pub(crate) struct Plan {
    /// What reads the settings and makes the dialects.
    pub(crate) introducer: Introducer,
    /// Files and folders with documents.
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) flags: EngineFlags,
    /// Whether to look for changes of files.
    pub(crate) watch: bool,
    /// How long requests may take to end at the end.
    pub(crate) drain: Duration,
    /// Where to say which process this is.
    pub(crate) pid_file: Option<PathBuf>,
    /// Is told when everything is served.
    pub(crate) ready: Box<dyn FnOnce(&Serving)>,
}

/// Serves until a signal asks to end.
///
/// # Errors
/// If the process cannot start for another reason than its documents; what is wrong with those
/// has been said when this returns [`Exit::Failed`].
pub(crate) fn serve(plan: Plan) -> anyhow::Result<Exit> {
    // It fails only if there is one already, which is this one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (settings, _) = plan.introducer.settings();
    let inherited = Inherited::new(&settings, plan.introducer.is_in_kongs_place());
    let logs = &plan.flags.logs;
    let place = logs.error_place(inherited);
    let log = ErrorLog::start(place, logs.error_log_format, logs.level(&settings));
    let log = Arc::new(log.context("there is no error log")?);

    memory::use_small_pages();
    descriptors::raise();

    let runtime = runtime().context("the system gives no threads")?;
    let signals = {
        let _context = runtime.enter();
        Signals::take().context("the system gives no signals")?
    };
    let mut inheritance = Inheritance::take().context("the sockets of another process")?;
    let sockets = inheritance.sockets.clone();
    let mut engine_settings = plan.flags.engine(inherited);
    engine_settings.inherited = sockets.clone();
    let status = engine_settings.status_listen;
    let engine = dataplane::Gateway::start(engine_settings, policies::kinds());
    let engine = Arc::new(engine.context("the engine cannot start")?);
    let kong = plan.introducer.kong(settings.clone());
    let process = Process {
        introducer: plan.introducer,
        engine: Arc::clone(&engine),
        log: Arc::clone(&log),
        flags: plan.flags.logs,
    };
    let posted = inheritance.posted(kong.name())?;
    let control = Control::start_with(plan.paths.clone(), posted, process)?;
    let started = control.reload(Cause::Start);
    if plan.watch {
        let named = settings.declarative_config.iter().cloned();
        let paths = plan.paths.into_iter().chain(named).collect();
        control::watch::start(paths, control.clone())?;
    }
    let verdict = started.wait().map(|report| report.outcome.verdict);
    if verdict != Some(Verdict::Applied) {
        return Ok(Exit::Failed);
    }
    let admin = admin::serve(kong, &control, &engine, &sockets)?;
    let admin_urls = admin.iter().flat_map(|admin| admin.urls.clone());
    let serving = Serving::new(&engine, &control.state(), admin_urls, status);
    serving.announce(&log);
    for address in sockets.close() {
        tracing::warn!(
            target: TARGET,
            "nothing listens on {address}: the socket that was inherited for it is closed"
        );
    }
    let _pid_file = plan.pid_file.as_deref().map(PidFile::write).transpose()?;
    (plan.ready)(&serving);
    // Nothing more is needed of the process before: it may drain.
    inheritance.say_ready();
    let server = admin.as_ref().map(|admin| &admin.server);
    let obedient = Obedient {
        control: &control,
        engine: &engine,
        admin: server,
        log: &log,
        limit: plan.drain,
    };
    let exit = runtime.block_on(signals.obey(obedient));
    // After a second signal the first one's work is still going on.
    runtime.shutdown_background();
    Ok(exit)
}

/// Whether this process was started to take over from another, which serves still.
pub(crate) fn takes_over() -> bool {
    Inheritance::is_promised()
}

/// What is not traffic runs here: signals and management APIs.
fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("manage")
        .enable_all()
        .build()
}
