//! Time limits of a worker's connections, from one coarse wheel.
//!
//! A connection waits for one thing at a time, so it has one [`Deadline`], which is moved with
//! every wait. Moving it is a store; only when the wheel comes by does it look whether the
//! deadline has moved meanwhile. A timer per wait would cost two operations on a heap or tree
//! per request and per direction.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::sync::Notify;

/// Milliseconds a slot of the wheel covers; deadlines fire up to this much late.
const SLOT_MS: u64 = 8;
/// Number of slots; the wheel's horizon is about four seconds.
const SLOTS: usize = 512;
/// A deadline that is not set.
const NEVER: u64 = u64::MAX;

/// The deadlines of one worker.
pub(crate) struct Wheel {
    /// Entries with the slot time at which they are to be looked at. Times that are a whole turn
    /// of the wheel apart share a slot.
    slots: Vec<RefCell<Slot>>,
    /// Number of entries over all slots.
    queued: Cell<usize>,
    /// The last slot time that was visited.
    visited: Cell<u64>,
    wake: Notify,
}

type Slot = Vec<(u64, Rc<Entry>)>;

/// What one task waits for at most.
#[derive(Clone)]
pub(crate) struct Deadline(Rc<Owned>);

/// A deadline's entry, for as long as somebody has the deadline.
struct Owned {
    wheel: Rc<Wheel>,
    entry: Rc<Entry>,
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.entry.due.set(NEVER);
        // The entry may stay on the wheel for a turn; through the waker it would keep all the
        // memory of a task that has ended.
        self.entry.waker.take();
    }
}

/// Wakes the task of a deadline, whatever it waits for.
pub(crate) struct Alarm(Rc<Entry>);

impl Alarm {
    /// Wakes the task, if it waits.
    pub(crate) fn ring(&self) {
        if let Some(waker) = self.0.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}

struct Entry {
    /// Slot time at which it fires.
    due: Cell<u64>,
    /// Slot time at which the wheel looks at it.
    seen: Cell<u64>,
    fired: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Wheel {
    /// A wheel with nothing on it.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            slots: (0..SLOTS).map(|_| RefCell::default()).collect(),
            queued: Cell::new(0),
            visited: Cell::new(0),
            wake: Notify::new(),
        })
    }

    /// A deadline for the current task, not set.
    pub(crate) fn deadline(self: &Rc<Self>) -> Deadline {
        let entry = Rc::new(Entry {
            due: Cell::new(NEVER),
            seen: Cell::new(NEVER),
            fired: Cell::new(false),
            waker: RefCell::new(None),
        });
        Deadline(Rc::new(Owned { wheel: Rc::clone(self), entry }))
    }

    /// Turns the wheel for as long as the worker lives. `now_us` reads the monotonic clock.
    pub(crate) async fn turn(self: Rc<Self>, now_us: impl Fn() -> u64) {
        self.visited.set(slot_time(now_us()));
        loop {
            if self.queued.get() == 0 {
                self.wake.notified().await;
            }
            tokio::time::sleep(Duration::from_millis(SLOT_MS)).await;
            self.advance(slot_time(now_us()));
        }
    }

    /// Visits all slots up to a slot time.
    fn advance(&self, now: u64) {
        let from = self.visited.get() + 1;
        // After a long pause every slot is visited once.
        let from = from.max((now + 1).saturating_sub(SLOTS as u64));
        for time in from..=now {
            let slot = &self.slots[index(time)];
            let (come, later): (Vec<_>, Vec<_>) =
                std::mem::take(&mut *slot.borrow_mut()).into_iter().partition(|(at, _)| *at <= now);
            *slot.borrow_mut() = later;
            self.queued.set(self.queued.get() - come.len());
            for (at, entry) in come {
                self.visit(at, entry, now);
            }
        }
        self.visited.set(self.visited.get().max(now));
    }

    fn visit(&self, at: u64, entry: Rc<Entry>, now: u64) {
        if entry.seen.get() != at {
            return; // It was put into an earlier slot since, and looked at there.
        }
        entry.seen.set(NEVER);
        let due = entry.due.get();
        if due == NEVER {
            return;
        }
        if due > now {
            self.put(entry, due, now);
            return;
        }
        entry.due.set(NEVER);
        entry.fired.set(true);
        if let Some(waker) = entry.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    fn put(&self, entry: Rc<Entry>, due: u64, now: u64) {
        let time = due.min(now + SLOTS as u64 - 1).max(self.visited.get() + 1);
        entry.seen.set(time);
        self.slots[index(time)].borrow_mut().push((time, entry));
        let queued = self.queued.get();
        self.queued.set(queued + 1);
        if queued == 0 {
            self.wake.notify_one();
        }
    }
}

impl Deadline {
    /// Sets the deadline; a zero duration means none.
    pub(crate) fn arm(&self, now_us: u64, after: Duration) {
        self.0.entry.fired.set(false);
        if after.is_zero() {
            self.0.entry.due.set(NEVER);
            return;
        }
        let after = u64::try_from(after.as_micros()).unwrap_or(u64::MAX / 2);
        // The slot behind the one that the moment falls into: never early.
        let due = slot_time(now_us.saturating_add(after)) + 1;
        self.0.entry.due.set(due);
        if due < self.0.entry.seen.get() {
            self.0.wheel.put(Rc::clone(&self.0.entry), due, slot_time(now_us));
        }
    }

    /// Takes the deadline away until it is armed for another task.
    pub(crate) fn rest(&self) {
        self.0.entry.due.set(NEVER);
        self.0.entry.fired.set(false);
        self.0.entry.waker.take();
    }

    /// A way to wake the task other than by time.
    pub(crate) fn alarm(&self) -> Alarm {
        Alarm(Rc::clone(&self.0.entry))
    }

    /// Whether the deadline has passed; if not, the task is woken when it does.
    pub(crate) fn poll_passed(&self, cx: &Context<'_>) -> bool {
        if self.0.entry.fired.get() {
            return true;
        }
        let mut waker = self.0.entry.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        false
    }
}

fn slot_time(us: u64) -> u64 {
    us / (SLOT_MS * 1000)
}

fn index(time: u64) -> usize {
    (time % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn passed(deadline: &Deadline) -> bool {
        deadline.poll_passed(&Context::from_waker(Waker::noop()))
    }

    fn ms(n: u64) -> u64 {
        n * 1000
    }

    #[test]
    fn a_deadline_fires_after_its_time_and_never_before() {
        let wheel = Wheel::new();
        let deadline = wheel.deadline();
        deadline.arm(0, Duration::from_millis(100));
        wheel.advance(slot_time(ms(99)));
        assert!(!passed(&deadline));
        wheel.advance(slot_time(ms(116)));
        assert!(passed(&deadline));
    }

    #[test]
    fn moving_a_deadline_is_seen_when_the_wheel_comes_by() {
        let wheel = Wheel::new();
        let deadline = wheel.deadline();
        deadline.arm(0, Duration::from_millis(100));
        deadline.arm(ms(50), Duration::from_millis(500));
        assert_eq!(wheel.queued.get(), 1);
        wheel.advance(slot_time(ms(300)));
        assert!(!passed(&deadline));
        deadline.arm(ms(300), Duration::from_millis(20));
        wheel.advance(slot_time(ms(330)));
        assert!(passed(&deadline));
    }

    #[test]
    fn a_deadline_beyond_the_horizon_waits_its_turn() {
        let wheel = Wheel::new();
        let deadline = wheel.deadline();
        deadline.arm(0, Duration::from_secs(60));
        for second in 1..60 {
            wheel.advance(slot_time(ms(second * 1000)));
            assert!(!passed(&deadline), "{second}");
        }
        wheel.advance(slot_time(ms(60_020)));
        assert!(passed(&deadline));
    }

    #[test]
    fn a_wheel_that_stood_still_loses_no_deadline() {
        let wheel = Wheel::new();
        // Nothing was queued for long: the wheel has not come by since.
        let deadline = wheel.deadline();
        deadline.arm(ms(100_000), Duration::from_secs(60));
        wheel.advance(slot_time(ms(100_008)));
        assert_eq!(wheel.queued.get(), 1);
        for second in 101..160 {
            wheel.advance(slot_time(ms(second * 1000)));
            assert!(!passed(&deadline), "{second}");
        }
        wheel.advance(slot_time(ms(160_020)));
        assert!(passed(&deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn the_wheel_turns_by_itself_and_wakes_who_waits() {
        let start = tokio::time::Instant::now();
        let now_us = move || u64::try_from(start.elapsed().as_micros()).expect("a short test");
        let wheel = Wheel::new();
        let deadline = wheel.deadline();
        deadline.arm(now_us(), Duration::from_millis(50));
        let waiting = std::future::poll_fn(|cx| match deadline.poll_passed(cx) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        });
        tokio::select! {
            () = Rc::clone(&wheel).turn(now_us) => unreachable!("the wheel turns for ever"),
            () = waiting => assert!(start.elapsed() >= Duration::from_millis(50)),
        }
    }

    #[test]
    fn a_deadline_at_rest_does_not_fire_and_may_be_armed_again() {
        let wheel = Wheel::new();
        let deadline = wheel.deadline();
        deadline.arm(0, Duration::from_millis(50));
        deadline.rest();
        wheel.advance(slot_time(ms(100)));
        assert!(!passed(&deadline));
        deadline.arm(ms(100), Duration::from_millis(50));
        wheel.advance(slot_time(ms(200)));
        assert!(passed(&deadline));
    }

    #[test]
    fn a_disarmed_or_dropped_deadline_leaves_the_wheel() {
        let wheel = Wheel::new();
        let deadline = wheel.deadline();
        deadline.arm(0, Duration::from_millis(10));
        deadline.arm(0, Duration::ZERO);
        let dropped = wheel.deadline();
        dropped.arm(0, Duration::from_millis(10));
        drop(dropped);
        wheel.advance(slot_time(ms(50)));
        assert!(!passed(&deadline));
        assert_eq!(wheel.queued.get(), 0);
    }
}
