//! A connection that has switched to another protocol: bytes in both directions.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;

use crate::http1::conn::Conn;
use crate::stretch::Stretch;
use crate::timer::Deadline;
use crate::worker::Worker;

/// Passes bytes between a client and an endpoint until both have said all, one of them breaks
/// off, or nothing has come from either for the time given.
pub(crate) async fn run(
    worker: &Worker,
    client: &mut Conn,
    endpoint: &mut Conn,
    deadline: &Deadline,
    idle: Duration,
) {
    let (mut there, mut back) = (Way::default(), Way::default());
    deadline.arm(worker.now_us(), idle);
    poll_fn(|cx| {
        if client.poll_flush(cx).is_pending() {
            return Poll::Pending;
        }
        let mut moved = false;
        let sent = there.poll(cx, worker, client, endpoint, &mut moved);
        let received = back.poll(cx, worker, endpoint, client, &mut moved);
        let done = match (sent, received) {
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => true,
            (sent, received) => sent.is_ready() && received.is_ready(),
        };
        if done {
            return Poll::Ready(());
        }
        if moved {
            deadline.arm(worker.now_us(), idle);
        }
        if deadline.poll_passed(cx) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// One direction of a tunnel.
#[derive(Default)]
struct Way {
    closed: bool,
    shut: bool,
}

impl Way {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        from: &mut Conn,
        to: &mut Conn,
        moved: &mut bool,
    ) -> Poll<io::Result<()>> {
        let mut stretch = Stretch::default();
        while !self.shut {
            while !from.input.is_empty() {
                let wrote = ready!(to.poll_write(cx, from.input.data()))?;
                from.input.consume(wrote);
                *moved = true;
                if stretch.is_over(cx) {
                    return Poll::Pending;
                }
            }
            if self.closed {
                ready!(Pin::new(&mut to.socket).poll_shutdown(cx))?;
                self.shut = true;
                break;
            }
            ready!(Pin::new(&mut to.socket).poll_flush(cx))?;
            worker.buffers.lend(&mut from.input);
            match from.poll_fill(cx) {
                Poll::Ready(read) => {
                    self.closed = read? == 0;
                    *moved = true;
                }
                Poll::Pending => {
                    worker.buffers.take_back(&mut from.input);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
