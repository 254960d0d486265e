//! A thread that names workers that are stuck.
//!
//! A worker serves many clients; what holds it up, a policy that computes for long or a call that
//! blocks, holds up all of them. A worker gives signs of life: when it begins and ends to wait for
//! events, and with every turn of its wheel. One that runs and gives none for [`STUCK`] is named;
//! time in which the system gave it no processor does not count. Before it has waited for events
//! once it has no clients, and is named only after [`STARTING`].

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::telemetry::Telemetry;

/// A worker's signs of life. Only the worker gives them.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Changes with every sign; odd while the worker runs.
    signs: AtomicU64,
    /// Whether the worker has come to wait for events.
    started: AtomicBool,
    /// The worker's thread, as the system knows it; 0 before it runs.
    thread: AtomicU32,
}

impl Pulse {
    /// The calling thread is the worker.
    pub(crate) fn begin(&self) {
        self.thread.store(this_thread(), Ordering::Relaxed);
        self.wake();
    }

    /// The worker has something to do.
    pub(crate) fn wake(&self) {
        self.step(|signs| (signs + 1) | 1);
    }

    /// The worker waits for events.
    pub(crate) fn rest(&self) {
        self.started.store(true, Ordering::Relaxed);
        self.step(|signs| (signs | 1) + 1);
    }

    /// The worker, still running, has come by.
    pub(crate) fn beat(&self) {
        self.step(|signs| signs + 2);
    }

    fn step(&self, next: impl FnOnce(u64) -> u64) {
        // One thread writes: nothing is lost between the two.
        self.signs.store(next(self.signs.load(Ordering::Relaxed)), Ordering::Relaxed);
    }
}

/// The thread. It ends when this is dropped.
pub(crate) struct Watchdog {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Starts to watch workers, numbered from 0.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start(pulses: Vec<Arc<Pulse>>, telemetry: Arc<Telemetry>) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let now = Instant::now();
        let mut watched: Vec<_> =
            pulses.into_iter().map(|pulse| Watched::new(pulse, now)).collect();
        let thread = thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let now = Instant::now();
                for (worker, watched) in watched.iter_mut().enumerate() {
                    watched.look(worker, now, &telemetry);
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// What is known of a worker.
struct Watched {
    pulse: Arc<Pulse>,
    /// The last sign, and when it was first seen.
    sign: u64,
    seen: Instant,
    looked: Instant,
    /// How long it had waited for a processor in all, when it was first seen to give no sign.
    starved: Option<Duration>,
    /// Whether it was named.
    stuck: bool,
}

/// What has become of a worker.
#[derive(Debug, PartialEq, Eq)]
enum News {
    /// It has given no sign for so long.
    Stuck(Duration),
    /// It goes on after so long.
    GoesOn(Duration),
}

impl Watched {
    fn new(pulse: Arc<Pulse>, now: Instant) -> Self {
        let sign = pulse.signs.load(Ordering::Relaxed);
        Self { pulse, sign, seen: now, looked: now, starved: None, stuck: false }
    }

    fn look(&mut self, worker: usize, now: Instant, telemetry: &Telemetry) {
        let thread = self.pulse.thread.load(Ordering::Relaxed);
        match self.news(now, || starved(thread)) {
            None => {}
            Some(News::Stuck(time)) => {
                telemetry.worker_stuck(worker);
                let doing = doing(thread);
                tracing::error!(
                    target: "watchdog",
                    worker,
                    stuck_ms = time.as_millis(),
                    doing,
                    "a worker is stuck: all its clients wait"
                );
            }
            Some(News::GoesOn(time)) => {
                telemetry.worker_goes_on();
                let stuck_ms = time.as_millis();
                tracing::warn!(target: "watchdog", worker, stuck_ms, "the worker goes on");
            }
        }
    }

    /// `starved` says how long the worker has waited for a processor in its whole life.
    fn news(&mut self, now: Instant, starved: impl Fn() -> Duration) -> Option<News> {
        let started = self.pulse.started.load(Ordering::Relaxed);
        let sign = self.pulse.signs.load(Ordering::Relaxed);
        let late = now.duration_since(self.looked) > LOOK * 2;
        self.looked = now;
        if sign != self.sign {
            let time = now.duration_since(self.seen);
            (self.sign, self.seen, self.starved) = (sign, now, None);
            return std::mem::take(&mut self.stuck).then_some(News::GoesOn(time));
        }
        if late && !self.stuck {
            // The whole process, or this thread, was held up: the worker has had no chance.
            (self.seen, self.starved) = (now, None);
        }
        if self.stuck || (started && sign.is_multiple_of(2)) {
            return None;
        }
        let before = *self.starved.get_or_insert_with(&starved);
        let time = now.duration_since(self.seen);
        let limit = if started { STUCK } else { STARTING };
        self.stuck =
            time >= limit && time.saturating_sub(starved().saturating_sub(before)) >= limit;
        self.stuck.then_some(News::Stuck(time))
    }
}

/// The number of the calling thread; 0 where the system does not tell.
fn this_thread() -> u32 {
    let path = std::fs::read_link("/proc/thread-self").unwrap_or_default();
    let name = path.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).unwrap_or(0)
}

/// How long a thread has waited for a processor in its life; 0 where the system does not tell.
fn starved(thread: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat"));
    // Nanoseconds on a processor, nanoseconds in the queue for one, turns.
    let text = text.unwrap_or_default();
    let waited = text.split(' ').nth(1).and_then(|waited| waited.parse().ok());
    Duration::from_nanos(waited.unwrap_or(0))
}

/// What the system says a thread does.
fn doing(thread: u32) -> String {
    let read = |name| std::fs::read_to_string(format!("/proc/self/task/{thread}/{name}"));
    let stat = read("stat").unwrap_or_default();
    // The state follows the name, which stands in brackets and may hold any character.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    match state {
        Some('R') => "computing".to_owned(),
        Some('D' | 'S') => match read("wchan").unwrap_or_default().as_str() {
            "" | "0" => "blocked in a system call".to_owned(),
            place => format!("blocked in a system call ({place})"),
        },
        Some(state) => format!("in state {state}"),
        None => "unknown".to_owned(),
    }
}

/// How often workers are looked at.
const LOOK: Duration = Duration::from_millis(40);
/// After how long without a sign a running worker is stuck; it is named within this, one look
/// before and one after it. Wheels turn every 8 ms.
const STUCK: Duration = Duration::from_millis(100);
/// After how long a worker is stuck that has not come to serve.
const STARTING: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker that has waited for events, and runs.
    fn watched() -> (Arc<Pulse>, Watched, Instant) {
        let (pulse, now) = (Arc::<Pulse>::default(), Instant::now());
        pulse.begin();
        pulse.rest();
        pulse.wake();
        let watched = Watched::new(Arc::clone(&pulse), now);
        (pulse, watched, now)
    }

    impl Watched {
        /// News of a worker that always has a processor.
        fn fed(&mut self, now: Instant) -> Option<News> {
            self.news(now, || Duration::ZERO)
        }
    }

    #[test]
    fn a_worker_that_runs_without_a_sign_is_named_once_and_its_end_is_told() {
        let (pulse, mut watched, start) = watched();
        let named = (1..10).find_map(|look| Some((look, watched.fed(start + LOOK * look)?)));
        assert_eq!(named, Some((3, News::Stuck(LOOK * 3))));
        assert_eq!(watched.fed(start + LOOK * 4), None);
        pulse.rest();
        assert_eq!(watched.fed(start + LOOK * 5), Some(News::GoesOn(LOOK * 5)));
        assert_eq!(watched.fed(start + LOOK * 6), None);
    }

    #[test]
    fn a_worker_that_waits_for_events_may_do_so_for_ever() {
        let (pulse, mut watched, start) = watched();
        pulse.rest();
        assert!((1..100).all(|look| watched.fed(start + LOOK * look).is_none()));
    }

    #[test]
    fn a_busy_worker_comes_by_and_is_not_stuck() {
        let (pulse, mut watched, start) = watched();
        for look in 1..100 {
            if look % 2 == 0 {
                pulse.beat();
            }
            assert_eq!(watched.fed(start + LOOK * look), None);
        }
    }

    #[test]
    fn nobody_is_blamed_for_a_pause_of_the_whole_process() {
        let (_pulse, mut watched, start) = watched();
        let pause = Duration::from_secs(5);
        assert_eq!(watched.fed(start + pause), None);
        assert_eq!(watched.fed(start + pause + LOOK), None);
    }

    #[test]
    fn signs_alternate_between_running_and_waiting_in_whatever_order_they_come() {
        let pulse = Pulse::default();
        let runs = || pulse.signs.load(Ordering::Relaxed) % 2 == 1;
        for _ in 0..2 {
            pulse.wake();
            assert!(runs());
            pulse.wake();
            pulse.beat();
            assert!(runs());
            pulse.rest();
            assert!(!runs());
            pulse.rest();
            assert!(!runs());
        }
    }

    #[test]
    fn a_worker_without_a_processor_is_not_stuck_but_slow() {
        let (_pulse, mut watched, start) = watched();
        // Of every 40 ms it runs 10, and needs ten looks for 100 ms of its own.
        let starved = |look: u32| Duration::from_millis(30) * look;
        let named =
            (1..20).find(|look| watched.news(start + LOOK * *look, || starved(*look)).is_some());
        // What it had waited before it was first looked at is not known.
        assert_eq!(named, Some(7));
    }

    #[test]
    fn a_worker_may_take_longer_to_start_but_not_for_ever() {
        let (pulse, start) = (Arc::<Pulse>::default(), Instant::now());
        let mut watched = Watched::new(Arc::clone(&pulse), start);
        let mut named = |from: u32, to: u32| {
            (from..to).find(|look| watched.fed(start + LOOK * *look).is_some())
        };
        assert_eq!(named(1, 50), None);
        pulse.begin();
        assert_eq!(named(50, 170), None);
        assert_eq!(named(170, 200), Some(175), "five seconds after its last sign");
    }

    #[test]
    fn what_a_thread_does_is_read_from_the_system() {
        assert_eq!(doing(this_thread()), "computing");
        assert_eq!(doing(0), "unknown");
    }
}
