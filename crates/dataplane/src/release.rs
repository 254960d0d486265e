//! A thread that frees snapshots which nothing runs under any longer.
//!
//! A snapshot may be of a hundred thousand pieces. Whoever lets go of it last frees them, and that
//! must not be a worker, which has requests to serve.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How often the thread looks whether something is let go, while it has something.
const INTERVAL: Duration = Duration::from_millis(50);

/// The thread. It ends after this is dropped.
pub(crate) struct Release<T>(Sender<Arc<T>>);

impl<T: Send + Sync + 'static> Release<T> {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, queue) = channel();
        thread::Builder::new().name("release".to_owned()).spawn(move || run(&queue))?;
        Ok(Self(sender))
    }

    /// Keeps a value until nobody else does.
    pub(crate) fn take(&self, value: Arc<T>) {
        // Without the thread the last one frees it, which is only slow.
        let _ = self.0.send(value);
    }
}

fn run<T>(queue: &Receiver<Arc<T>>) {
    let mut held = Vec::new();
    loop {
        let next = match held.is_empty() {
            true => queue.recv().map_err(RecvTimeoutError::from),
            false => queue.recv_timeout(INTERVAL),
        };
        match next {
            Ok(value) => held.push(value),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        held.retain(|value| Arc::strong_count(value) > 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    struct Told(mpsc::Sender<Option<String>>);

    impl Drop for Told {
        fn drop(&mut self) {
            let name = thread::current().name().map(str::to_owned);
            let _ = self.0.send(name);
        }
    }

    #[test]
    fn a_value_is_freed_on_the_thread_once_nobody_else_holds_it() {
        let release = Release::start().expect("a thread can be had");
        let (sender, told) = mpsc::channel();
        let value = Arc::new(Told(sender));
        let other = Arc::clone(&value);
        release.take(value);
        assert!(told.try_recv().is_err());
        drop(other);
        assert_eq!(told.recv().expect("it is dropped").as_deref(), Some("release"));
    }
}
