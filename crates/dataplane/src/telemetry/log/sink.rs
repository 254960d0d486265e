//! Where log lines go: each worker fills a buffer of its own, one thread writes them all.
//!
//! A worker never waits for the disk. What it cannot hand over is dropped and counted.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::LogTarget;

/// The writing thread's side, held by the gateway. Dropping it writes what is there.
pub(in crate::telemetry) struct Sink {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A worker's side.
pub(in crate::telemetry) struct Lines {
    shared: Arc<Shared>,
    buffer: Arc<Buffer>,
}

/// Lines not handed over yet. The lock is the worker's own but for a moment each second, when
/// the thread takes what a worker without traffic has left lying.
type Buffer = Mutex<Vec<u8>>;

struct Shared {
    queue: Mutex<Queue>,
    /// Something is to be done.
    wake: Condvar,
    /// What was asked for is done.
    finished: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Queue {
    full: VecDeque<Vec<u8>>,
    free: Vec<Vec<u8>>,
    workers: Vec<Weak<Buffer>>,
    reopen: bool,
    stop: bool,
    /// How often everything was asked to be written, and up to which of these it is.
    asked: u64,
    done: u64,
}

impl Sink {
    /// Opens the target and starts the thread; `None` if nothing is to be logged.
    pub(in crate::telemetry) fn open(target: &LogTarget) -> io::Result<Option<Self>> {
        match target {
            LogTarget::Off => Ok(None),
            LogTarget::Stdout => Self::start(Box::new(Stdout)).map(Some),
            LogTarget::File(path) => Self::start(Box::new(LogFile::open(path)?)).map(Some),
        }
    }

    fn start(output: Box<dyn Output>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            finished: Condvar::new(),
            dropped: AtomicU64::new(0),
        });
        let mut writer =
            Writer { shared: Arc::clone(&shared), output, torn: false, failing: false };
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || writer.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// A worker's side.
    pub(in crate::telemetry) fn lines(&self) -> Lines {
        let buffer = Arc::new(Mutex::new(Vec::with_capacity(CAPACITY)));
        self.shared.queue.lock().workers.push(Arc::downgrade(&buffer));
        Lines { shared: Arc::clone(&self.shared), buffer }
    }

    /// Has the file opened anew by its name, after what is there has been written.
    pub(in crate::telemetry) fn reopen(&self) {
        self.shared.queue.lock().reopen = true;
        self.shared.wake.notify_one();
    }

    /// Waits until everything logged so far is written; false if the output took nothing for long.
    pub(in crate::telemetry) fn flush(&self) -> bool {
        let mut queue = self.shared.queue.lock();
        queue.asked += 1;
        let wanted = queue.asked;
        self.shared.wake.notify_one();
        let until = Instant::now() + PATIENCE;
        while queue.done < wanted {
            if self.shared.finished.wait_until(&mut queue, until).timed_out() {
                return false;
            }
        }
        true
    }

    /// How many lines were lost.
    pub(in crate::telemetry) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let flushed = self.flush();
        self.shared.queue.lock().stop = true;
        self.shared.wake.notify_one();
        // A thread that is stuck in a write is left to the end of the process.
        if let Some(thread) = self.thread.take().filter(|_| flushed) {
            drop(thread.join());
        }
    }
}

impl Lines {
    /// Lets `write` append a line, unless too much waits to be written already.
    pub(in crate::telemetry) fn append(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut buffer = self.buffer.lock();
        if buffer.len() >= BATCH && !self.shared.hand_over(&mut buffer) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        write(&mut buffer);
        if buffer.len() >= BATCH {
            self.shared.hand_over(&mut buffer);
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let mut buffer = self.buffer.lock();
        self.shared.queue.lock().take(&mut buffer);
    }
}

impl Shared {
    /// Exchanges a buffer for an empty one; says whether there was room.
    fn hand_over(&self, buffer: &mut Vec<u8>) -> bool {
        let mut queue = self.queue.lock();
        let room = queue.full.len() < WAITING;
        if room {
            queue.take(buffer);
            self.wake.notify_one();
        }
        room
    }
}

impl Queue {
    fn take(&mut self, buffer: &mut Vec<u8>) {
        if !buffer.is_empty() {
            let empty = self.free.pop().unwrap_or_else(|| Vec::with_capacity(CAPACITY));
            self.full.push_back(std::mem::replace(buffer, empty));
        }
    }
}

/// The thread.
struct Writer {
    shared: Arc<Shared>,
    output: Box<dyn Output>,
    /// Whether the last line written is not whole.
    torn: bool,
    /// Whether the last write failed.
    failing: bool,
}

impl Writer {
    fn run(&mut self) {
        let mut swept = Instant::now();
        loop {
            let (reopen, stop, asked) = self.wait();
            if reopen || stop || asked.is_some() || swept.elapsed() >= SWEEP {
                self.sweep();
                swept = Instant::now();
            }
            self.write_all();
            if reopen {
                self.reopen();
            }
            if let Some(asked) = asked {
                self.shared.queue.lock().done = asked;
                self.shared.finished.notify_all();
            }
            if stop {
                return;
            }
        }
    }

    /// Waits for work: whether to open the file anew, whether to stop, and which call for
    /// everything there is to answer.
    fn wait(&self) -> (bool, bool, Option<u64>) {
        let mut queue = self.shared.queue.lock();
        let idle =
            queue.full.is_empty() && !queue.reopen && !queue.stop && queue.asked == queue.done;
        if idle {
            self.shared.wake.wait_for(&mut queue, SWEEP);
        }
        let asked = (queue.asked != queue.done).then_some(queue.asked);
        (std::mem::take(&mut queue.reopen), queue.stop, asked)
    }

    /// Takes what lies in the workers' buffers.
    fn sweep(&self) {
        let workers: Vec<_> = {
            let mut queue = self.shared.queue.lock();
            queue.workers.retain(|worker| worker.strong_count() > 0);
            queue.workers.iter().filter_map(Weak::upgrade).collect()
        };
        for worker in workers {
            // In the order in which workers lock: a worker's lines stay in order.
            let mut buffer = worker.lock();
            self.shared.queue.lock().take(&mut buffer);
        }
    }

    fn write_all(&mut self) {
        loop {
            let Some(mut lines) = self.shared.queue.lock().full.pop_front() else { return };
            self.write(&lines);
            lines.clear();
            let mut queue = self.shared.queue.lock();
            if queue.free.len() < FREE {
                queue.free.push(lines);
            }
        }
    }

    fn write(&mut self, lines: &[u8]) {
        let mut written = 0;
        let result = loop {
            let rest = if self.torn { &b"\n"[..] } else { &lines[written..] };
            match self.output.write(rest) {
                Ok(0) if rest.is_empty() => break Ok(()),
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(_) if self.torn => self.torn = false,
                Ok(n) => written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
            if written == lines.len() {
                break self.output.flush();
            }
        };
        self.torn |= written > 0 && written < lines.len() && lines[written - 1] != b'\n';
        let lost = lines[written..].iter().filter(|byte| **byte == b'\n').count();
        self.shared.dropped.fetch_add(lost as u64, Ordering::Relaxed);
        self.report(result);
    }

    /// Says once that writing fails, and once that it works again.
    fn report(&mut self, result: io::Result<()>) {
        match result {
            Err(error) if !self.failing => {
                tracing::error!(target: "access_log", "the access log cannot be written: {error}");
                self.failing = true;
            }
            Ok(()) if self.failing => {
                tracing::info!(target: "access_log", "the access log can be written again");
                self.failing = false;
            }
            _ => {}
        }
    }

    fn reopen(&mut self) {
        match self.output.reopen() {
            Ok(()) => self.torn = false,
            Err(error) => tracing::error!(
                target: "access_log",
                "the access log cannot be opened anew, the old file stays in use: {error}"
            ),
        }
    }
}

/// What lines are written to.
trait Output: Write + Send {
    /// Opens it anew by its name, if it has one.
    fn reopen(&mut self) -> io::Result<()>;
}

struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

impl Output for Stdout {
    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path).map_err(|error| {
            let message = format!("the access log {} cannot be opened: {error}", path.display());
            io::Error::new(error.kind(), message)
        })?;
        Ok(Self { path: path.to_owned(), file })
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Output for LogFile {
    fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(&self.path)?;
        Ok(())
    }
}

/// Bytes that a worker gathers before it hands them over.
const BATCH: usize = 64 << 10;
/// Room for the line that crosses [`BATCH`].
const CAPACITY: usize = BATCH + (4 << 10);
/// Full buffers that wait to be written at most: 8 MiB. Beyond that lines are dropped.
const WAITING: usize = 128;
/// Empty buffers that are kept.
const FREE: usize = 8;
/// How long a line lies in its worker's buffer at most.
const SWEEP: Duration = Duration::from_secs(1);
/// How long a stuck output is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Writes what it is told to, when it is told to.
    struct Told {
        written: Arc<Mutex<Vec<u8>>>,
        /// How many bytes the next write takes; an error for none.
        orders: mpsc::Receiver<usize>,
    }

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = self.orders.recv().unwrap_or(usize::MAX).min(bytes.len());
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.written.lock().extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Output for Told {
        fn reopen(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told() -> (Sink, mpsc::Sender<usize>, Arc<Mutex<Vec<u8>>>) {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (order, orders) = mpsc::channel();
        let sink = Sink::start(Box::new(Told { written: Arc::clone(&written), orders })).unwrap();
        (sink, order, written)
    }

    fn line(lines: &Lines, text: &[u8]) {
        lines.append(|buffer| buffer.extend_from_slice(text));
    }

    #[test]
    fn lines_of_all_workers_are_written_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let sink = Sink::open(&LogTarget::File(path.clone())).unwrap().unwrap();
        let workers = [sink.lines(), sink.lines()];
        for number in 0..20_000 {
            for (name, worker) in workers.iter().enumerate() {
                line(worker, format!("{name} {number}\n").as_bytes());
            }
        }
        drop(workers);
        sink.flush();
        let text = std::fs::read_to_string(&path).unwrap();
        for name in ["0 ", "1 "] {
            let numbers = text.lines().filter_map(|line| line.strip_prefix(name));
            assert!(numbers.map(|n| n.parse::<u32>().unwrap()).eq(0..20_000));
        }
        assert_eq!(sink.dropped(), 0);
    }

    #[test]
    fn a_rotated_file_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
        let sink = Sink::open(&LogTarget::File(path.clone())).unwrap().unwrap();
        let lines = sink.lines();
        line(&lines, b"before\n");
        std::fs::rename(&path, &old).unwrap();
        sink.reopen();
        sink.flush();
        line(&lines, b"after\n");
        sink.flush();
        assert_eq!(std::fs::read(&old).unwrap(), b"before\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"after\n");
        std::fs::remove_dir_all(folder.path()).unwrap();
        sink.reopen();
        line(&lines, b"still\n");
        sink.flush();
        assert_eq!(sink.dropped(), 0);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let error = Sink::open(&LogTarget::File("/proc/none/a.log".into())).err().unwrap();
        assert!(error.to_string().starts_with("the access log /proc/none/a.log cannot be opened"));
        assert!(Sink::open(&LogTarget::Off).unwrap().is_none());
        assert!(Sink::open(&LogTarget::Stdout).unwrap().is_some());
    }

    #[test]
    fn a_stuck_output_costs_lines_and_never_makes_a_worker_wait() {
        let (sink, order, written) = told();
        let lines = sink.lines();
        let kilobyte = [&[b'x'; 1023][..], b"\n"].concat();
        let total = 10_000;
        for _ in 0..total {
            line(&lines, &kilobyte);
        }
        let dropped = sink.dropped();
        // What waits: the queue, one buffer being written, one being filled.
        let kept = total - dropped;
        assert!((64 * 128..=64 * 130).contains(&kept), "{kept}");
        drop(order);
        sink.flush();
        assert_eq!(written.lock().len() as u64, kept * 1024);
        line(&lines, &kilobyte);
        sink.flush();
        assert_eq!((written.lock().len() as u64, sink.dropped()), ((kept + 1) * 1024, dropped));
    }

    #[test]
    fn a_torn_line_is_ended_before_the_next() {
        let (sink, order, written) = told();
        let lines = sink.lines();
        // Six bytes, then an error: the second and third line are lost.
        for taken in [6, 0, 1, 100] {
            order.send(taken).unwrap();
        }
        line(&lines, b"one\ntwo\nthree\n");
        sink.flush();
        line(&lines, b"four\n");
        sink.flush();
        assert_eq!(*written.lock(), b"one\ntw\nfour\n");
        assert_eq!(sink.dropped(), 2);
    }
}
