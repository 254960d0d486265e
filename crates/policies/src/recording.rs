//! Filters that do nothing but write down what happened.

use std::rc::Rc;

use filter::{Exchange, Filter, LocalFuture};

use crate::queue::{Entry, Queue, Sink};

/// A filter that pushes what `entry` makes of each exchange, if it makes anything.
pub(crate) fn filter<S: Sink>(
    queue: Queue<S>,
    entry: impl Fn(&Exchange) -> Option<Entry> + 'static,
) -> Rc<dyn Filter> {
    Rc::new(Recording { queue, entry })
}

struct Recording<S: Sink, E> {
    queue: Queue<S>,
    entry: E,
}

impl<S: Sink, E: Fn(&Exchange) -> Option<Entry>> Filter for Recording<S, E> {
    fn log(&self, exchange: &Exchange) {
        if let Some(entry) = (self.entry)(exchange) {
            self.queue.push(entry);
        }
    }

    fn finish(&self) -> Option<LocalFuture<'_, ()>> {
        self.queue.finish()
    }
}
