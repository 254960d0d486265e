//! Queues before sinks that behave, fail and hang.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Entry, Queue, Settings, Sink};
use crate::testing::{Gateway, run_paused};

/// What a sink was sent, and when, in milliseconds since the start.
#[derive(Clone)]
struct Seen {
    start: Instant,
    batches: Rc<RefCell<Vec<(u128, String)>>>,
    /// How many batches are still refused.
    refusals: Rc<Cell<u32>>,
    /// How long a batch takes.
    takes: Rc<Cell<Duration>>,
}

impl Seen {
    fn new() -> Self {
        let start = Instant::now();
        Self { start, batches: Rc::default(), refusals: Rc::default(), takes: Rc::default() }
    }

    /// Each batch as its moment and its entries.
    fn batches(&self) -> Vec<String> {
        self.batches.borrow().iter().map(|(at, batch)| format!("{at}: {batch}")).collect()
    }
}

impl Sink for Seen {
    fn place(&self) -> &str {
        "a sink"
    }

    async fn send(&self, batch: &[Entry]) -> Result<(), String> {
        let words: Vec<_> = batch.iter().map(|entry| String::from_utf8_lossy(entry)).collect();
        let batch = (self.start.elapsed().as_millis(), words.join(" "));
        self.batches.borrow_mut().push(batch);
        sleep(self.takes.get()).await;
        match self.refusals.get() {
            0 => Ok(()),
            left => {
                self.refusals.set(left - 1);
                Err("not now".to_owned())
            }
        }
    }
}

fn queue(gateway: &Gateway, seen: &Seen, settings: Value) -> Queue<Seen> {
    let settings: Settings = serde_json::from_value(settings).unwrap();
    let mut problems = Vec::new();
    settings.check(&mut problems);
    assert_eq!(problems, []);
    Queue::new("test", &settings, seen.clone(), &gateway.worker(0))
}

fn push(queue: &Queue<Seen>, words: &str) {
    for word in words.split(' ') {
        queue.push(word.into());
    }
}

fn dropped(gateway: &Gateway, reason: &str) -> u64 {
    gateway.counted_with("log_entries_dropped", ("reason", reason))
}

/// Lets time pass, and what is due happen at its moment.
async fn pass(ms: u64) {
    sleep(Duration::from_millis(ms)).await;
}

#[test]
fn a_batch_waits_until_it_is_full_or_old_enough() {
    run_paused(async {
        let (gateway, seen) = (Gateway::new(), Seen::new());
        let settings = json!({"max_batch_size": 3, "max_coalescing_delay": 0.5});
        let queue = queue(&gateway, &seen, settings);
        push(&queue, "a b c d");
        pass(100).await;
        assert_eq!(seen.batches(), ["0: a b c"]);
        push(&queue, "e");
        pass(1000).await;
        assert_eq!(seen.batches(), ["0: a b c", "500: d e"]);
        push(&queue, "f");
        pass(1000).await;
        assert_eq!(seen.batches()[2], "1600: f", "a queue that had rested");
        assert_eq!(gateway.counted("log_entries_sent"), 6);
    });
}

#[test]
fn pauses_between_tries_grow_up_to_a_limit() {
    run_paused(async {
        let (gateway, seen) = (Gateway::new(), Seen::new());
        seen.refusals.set(4);
        let settings = json!({
            "max_coalescing_delay": 0, "initial_retry_delay": 0.1, "max_retry_delay": 0.3,
        });
        let queue = queue(&gateway, &seen, settings);
        push(&queue, "a b");
        pass(5000).await;
        assert_eq!(seen.batches(), ["0: a", "100: a", "300: a", "600: a", "900: a", "900: b"]);
        assert_eq!(gateway.counted("log_entries_sent"), 2);
        assert_eq!(gateway.counted("log_entries_dropped"), 0);
    });
}

#[test]
fn a_batch_is_given_up_after_a_while_and_counted() {
    run_paused(async {
        let (gateway, seen) = (Gateway::new(), Seen::new());
        seen.refusals.set(3);
        let settings = json!({
            "max_batch_size": 2, "initial_retry_delay": 1, "max_retry_time": 2,
        });
        let first = queue(&gateway, &seen, settings);
        push(&first, "a b");
        pass(10_000).await;
        assert_eq!(seen.batches(), ["0: a b", "1000: a b", "3000: a b"]);
        assert_eq!(dropped(&gateway, "failed"), 2);
        push(&first, "c d");
        pass(1).await;
        assert_eq!(seen.batches().len(), 4, "the queue goes on");

        seen.refusals.set(1);
        let never = queue(&gateway, &seen, json!({"max_retry_time": -1}));
        push(&never, "e");
        pass(10_000).await;
        assert_eq!(dropped(&gateway, "failed"), 3, "nothing is tried again");
    });
}

#[test]
fn the_oldest_make_room() {
    run_paused(async {
        let (gateway, seen) = (Gateway::new(), Seen::new());
        seen.takes.set(Duration::from_secs(1));
        let first = queue(&gateway, &seen, json!({"max_entries": 2}));
        push(&first, "a");
        pass(10).await;
        push(&first, "b c d e");
        pass(10_000).await;
        assert_eq!(seen.batches(), ["0: a", "1000: d", "2000: e"]);
        assert_eq!(dropped(&gateway, "full"), 2);

        let bytes = queue(&gateway, &seen, json!({"max_bytes": 5, "max_batch_size": 9}));
        push(&bytes, "12 34 5 6789 longer");
        pass(10_000).await;
        assert_eq!(seen.batches()[3], "11010: 5 6789");
        assert_eq!((dropped(&gateway, "full"), dropped(&gateway, "too_large")), (4, 1));
    });
}

#[test]
fn without_a_limit_each_entry_goes_by_itself() {
    run_paused(async {
        let (gateway, seen) = (Gateway::new(), Seen::new());
        seen.takes.set(Duration::from_secs(1));
        let settings = json!({"concurrency_limit": -1, "max_batch_size": 9, "max_entries": 3});
        let queue = queue(&gateway, &seen, settings);
        push(&queue, "a b c d");
        pass(500).await;
        assert_eq!(seen.batches(), ["0: a", "0: b", "0: c"]);
        assert_eq!(dropped(&gateway, "full"), 1, "memory has its limit");
        pass(1000).await;
        push(&queue, "e");
        pass(1000).await;
        assert_eq!(seen.batches().len(), 4);
    });
}

#[test]
fn what_a_queue_holds_outlives_it() {
    run_paused(async {
        let (gateway, seen) = (Gateway::new(), Seen::new());
        let settings = json!({"max_batch_size": 9, "max_coalescing_delay": 60});
        let queue = queue(&gateway, &seen, settings);
        push(&queue, "a b");
        pass(10).await;
        drop(queue);
        pass(10).await;
        assert_eq!(seen.batches(), ["10: a b"]);
    });
}

#[test]
fn a_worker_that_ends_waits_for_a_sink_but_not_for_long() {
    run_paused(async {
        let (gateway, seen) = (Gateway::new(), Seen::new());
        let settings = json!({"max_batch_size": 9, "max_coalescing_delay": 60});
        let queue = queue(&gateway, &seen, settings);
        assert!(queue.finish().is_none(), "nothing is under way");
        let late =
            self::queue(&gateway, &seen, json!({"max_batch_size": 9, "max_coalescing_delay": 60}));
        seen.takes.set(Duration::from_secs(1));
        push(&late, "a b");
        late.finish().unwrap().await;
        assert_eq!(
            (seen.batches(), seen.start.elapsed().as_secs()),
            (vec!["0: a b".to_owned()], 1)
        );
        seen.takes.set(Duration::from_secs(1000));
        push(&late, "c");
        late.finish().unwrap().await;
        assert_eq!(seen.start.elapsed().as_secs(), 4);
    });
}

#[test]
fn settings_are_checked() {
    let problems = |settings: Value| {
        let mut problems = Vec::new();
        serde_json::from_value::<Settings>(settings).unwrap().check(&mut problems);
        problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
    };
    assert_eq!(problems(json!({})), Vec::<String>::new());
    assert_eq!(
        problems(json!({
            "max_batch_size": 0, "max_entries": 0, "max_bytes": 0, "max_coalescing_delay": -1,
            "initial_retry_delay": -1, "max_retry_delay": 1e9, "max_retry_time": 1e9,
            "concurrency_limit": 2,
        }))
        .len(),
        8
    );
}
