//! Bytes to one server, on a connection that is kept.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout};

use crate::dial::{Dialer, Stream};

/// Writes to a server that answers nothing.
pub(crate) struct Written {
    dialer: Dialer,
    limit: Duration,
    idle: Duration,
    kept: RefCell<Option<(Stream, Instant)>>,
}

impl Written {
    /// Writes within a limit of time; a connection is kept for so long.
    pub(crate) fn new(dialer: Dialer, limit: Duration, idle: Duration) -> Self {
        Self { dialer, limit, idle, kept: RefCell::default() }
    }

    /// Writes everything. Whether it arrives nobody knows.
    ///
    /// # Errors
    /// What failed here, in words.
    pub(crate) async fn write(&self, bytes: &[u8]) -> Result<(), String> {
        let mut stream = match self.take_kept() {
            Some(stream) => stream,
            None => self.dialer.dial().await?,
        };
        let write = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        let limit = self.limit;
        let written = timeout(limit, write).await;
        let written =
            written.map_err(|_| format!("not written within {} ms", limit.as_millis()))?;
        written.map_err(|error| format!("not written: {error}"))?;
        self.kept.replace(Some((stream, Instant::now())));
        Ok(())
    }

    /// The kept connection, unless the other end has closed it meanwhile.
    fn take_kept(&self) -> Option<Stream> {
        let (mut stream, since) = self.kept.take()?;
        let mut byte = [0];
        let mut answer = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(Waker::noop());
        let silent = Pin::new(&mut stream).poll_read(&mut context, &mut answer).is_pending();
        (silent && since.elapsed() < self.idle).then_some(stream)
    }
}
