//! The status listener: `/status`, `/status/ready`, `/metrics`.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Telemetry, VERSION, exposition};

/// The thread that answers. It ends when this is dropped.
pub(crate) struct StatusServer {
    listener: TcpListener,
    stage: watch::Sender<Stage>,
    thread: Option<JoinHandle<()>>,
}

/// How far the server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Stage {
    /// Another process still answers on the socket.
    Waiting,
    Serving,
    /// It accepts no more; connections that there are end after what they are at.
    Leaving,
    Ended,
}

/// Answers on a listener, in a thread of its own: a busy gateway still says how it is.
///
/// # Errors
/// If the system gives no thread or no event queue.
pub(crate) fn serve(listener: TcpListener, telemetry: Arc<Telemetry>) -> io::Result<StatusServer> {
    start(listener, telemetry, Stage::Serving)
}

/// The same on a socket that another process has opened, from [`StatusServer::begin`] on.
///
/// # Errors
/// If the system gives no thread or no event queue.
pub(crate) fn inherit(
    listener: TcpListener,
    telemetry: Arc<Telemetry>,
) -> io::Result<StatusServer> {
    start(listener, telemetry, Stage::Waiting)
}

fn start(
    listener: TcpListener,
    telemetry: Arc<Telemetry>,
    stage: Stage,
) -> io::Result<StatusServer> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let accepting = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener.try_clone()?)?
    };
    let (stage, stages) = watch::channel(stage);
    let reached = |wanted: Stage| {
        let mut stages = stages.clone();
        // A sender that is gone has ended, too.
        async move { drop(stages.wait_for(|stage| *stage >= wanted).await) }
    };
    let begun = reached(Stage::Serving);
    let (leaving, ended) = (reached(Stage::Leaving), reached(Stage::Ended));
    let serve = async move {
        let serving = async {
            begun.await;
            axum::serve(accepting, router(telemetry)).with_graceful_shutdown(leaving).await
        };
        tokio::select! {
            served = serving => {
                if let Err(error) = served {
                    tracing::error!(target: "status", "the status listener ended: {error}");
                }
            }
            () = ended => {}
        }
    };
    let thread = std::thread::Builder::new()
        .name("status".to_owned())
        .spawn(move || runtime.block_on(serve))?;
    Ok(StatusServer { listener, stage, thread: Some(thread) })
}

impl StatusServer {
    /// A copy of the socket, for a process that takes over.
    ///
    /// # Errors
    /// If the process may not have so many files open.
    pub(crate) fn socket(&self) -> io::Result<OwnedFd> {
        Ok(self.listener.try_clone()?.into())
    }

    /// Answers from now on, if it has not yet.
    pub(crate) fn begin(&self) {
        self.stage.send_if_modified(|stage| {
            let waits = *stage == Stage::Waiting;
            if waits {
                *stage = Stage::Serving;
            }
            waits
        });
    }

    /// Accepts no more.
    pub(crate) fn leave(&self) {
        self.stage.send_replace(Stage::Leaving);
    }

    /// Whether the socket was left to another process.
    pub(crate) fn has_left(&self) -> bool {
        *self.stage.borrow() >= Stage::Leaving
    }
}

impl Drop for StatusServer {
    fn drop(&mut self) {
        self.stage.send_replace(Stage::Ended);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn router(telemetry: Arc<Telemetry>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/status/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(telemetry)
}

async fn status(State(telemetry): State<Arc<Telemetry>>) -> Json<Value> {
    let sums = telemetry.registry.sums();
    let [plain, tls] = sums.connections;
    let reloads = &telemetry.reloads;
    let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
    Json(json!({
        "version": VERSION,
        "uptime_seconds": telemetry.started.elapsed().as_secs(),
        "ready": telemetry.ready.load(Ordering::Relaxed),
        "revision": count(&reloads.revision),
        "workers": sums.workers,
        "connections": {
            "accepted": plain.accepted + tls.accepted,
            "active": plain.active + tls.active,
        },
        "requests": { "in_flight": sums.in_flight },
        "reloads": {
            "applied": count(&reloads.applied),
            "rejected": count(&reloads.rejected),
            "last_applied": moment(count(&reloads.applied_unix_ms)),
            "last_rejected": moment(count(&reloads.rejected_unix_ms)),
        },
    }))
}

async fn ready(State(telemetry): State<Arc<Telemetry>>) -> (StatusCode, Json<Value>) {
    if telemetry.ready.load(Ordering::Relaxed) {
        return (StatusCode::OK, Json(json!({ "message": "ready" })));
    }
    let message = match telemetry.reloads.revision.load(Ordering::Relaxed) {
        0 => "no configuration is served yet",
        _ => "the gateway is shutting down",
    };
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "message": message })))
}

async fn metrics(State(telemetry): State<Arc<Telemetry>>) -> impl IntoResponse {
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (content_type, exposition::write(&telemetry))
}

/// A moment by RFC 3339; null for never.
fn moment(unix_ms: u64) -> Option<String> {
    let ms = i64::try_from(unix_ms).ok().filter(|ms| *ms > 0)?;
    Timestamp::from_millisecond(ms).ok().map(|moment| moment.to_string())
}
