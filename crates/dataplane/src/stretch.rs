//! How much of a body is moved at a stretch.

use std::task::Context;

/// What a task moves while the other tasks of its worker wait. Where both sides are quick there is
/// always something to move: the runtime looks for new events only every 61 tasks, and each may
/// not take long.
#[derive(Debug, Default)]
pub(crate) struct Stretch(u32);

impl Stretch {
    /// Counts a piece that was moved. If it was the last, the task is woken for the next stretch,
    /// and must let others go first.
    pub(crate) fn is_over(&mut self, cx: &Context<'_>) -> bool {
        self.0 += 1;
        let over = self.0 == PIECES;
        if over {
            cx.waker().wake_by_ref();
        }
        over
    }
}

/// Pieces are buffers of 16 KiB: half a millisecond, with two system calls each.
const PIECES: u32 = 16;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_task_is_woken_at_the_end_and_not_before() {
        let count = Arc::<Count>::default();
        let waker = Waker::from(Arc::clone(&count));
        let cx = Context::from_waker(&waker);
        let mut stretch = Stretch::default();
        assert!((1..PIECES).all(|_| !stretch.is_over(&cx)));
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        assert!(stretch.is_over(&cx));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }
}
