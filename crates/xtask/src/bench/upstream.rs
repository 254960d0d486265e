//! The upstream of all measurements, and the client that needs no tool.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::config::{HOST, PATH};
use super::process::nap;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Starts an upstream that answers every request with five bytes; it lives as long as we do.
pub(super) fn start() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    Ok(port)
}

/// Answers whatever ends with an empty line. Requests have no bodies here and are not pipelined.
fn answer(mut stream: TcpStream) {
    // Only speed is at stake.
    let _ = stream.set_nodelay(true);
    let mut read = Vec::new();
    let mut some = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut some) {
        read.extend_from_slice(&some[..length]);
        if read.ends_with(b"\r\n\r\n") {
            read.clear();
            if stream.write_all(ANSWER).is_err() {
                return;
            }
        }
    }
}

/// Waits until the route that is measured answers.
pub(super) fn wait(port: u16, limit: Duration) -> Result<()> {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if requests(port, 1).is_ok() {
            return Ok(());
        }
        nap(Duration::from_millis(10));
    }
    bail!("nothing answers on port {port} within {limit:?}")
}

/// Sends so many requests over one connection, one after the other.
pub(super) fn requests(port: u16, count: usize) -> Result<()> {
    let mut stream = connect(port)?;
    (0..count).try_for_each(|_| request(&mut stream))
}

/// Sends requests over several connections until it is told to stop, one a [`PACE`] on each.
/// Returns how long each answer took, ascending.
pub(super) fn paced(port: u16, connections: usize, stop: &AtomicBool) -> Result<Vec<Duration>> {
    let one = || -> Result<Vec<Duration>> {
        let mut stream = connect(port)?;
        let mut times = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            request(&mut stream)?;
            let took = began.elapsed();
            times.push(took);
            nap(PACE.saturating_sub(took));
        }
        Ok(times)
    };
    let mut times = std::thread::scope(|scope| -> Result<Vec<Duration>> {
        let clients: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        let failed = |_| anyhow::anyhow!("a client failed");
        let times = clients.into_iter().map(|client| client.join().map_err(failed)?);
        Ok(times.collect::<Result<Vec<_>>>()?.concat())
    })?;
    times.sort_unstable();
    Ok(times)
}

/// Time from one request of a connection to its next.
pub(super) const PACE: Duration = Duration::from_millis(5);

fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

fn request(stream: &mut TcpStream) -> Result<()> {
    stream.write_all(format!("GET {PATH} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes())?;
    let answer = read_answer(stream)?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        bail!("an answer that is not 200");
    }
    Ok(())
}

/// Sends requests for so long over several connections; returns how many.
pub(super) fn load(port: u16, connections: usize, time: Duration) -> Result<u64> {
    let end = Instant::now() + time;
    let one = move || -> Result<u64> {
        let mut sent = 0;
        while Instant::now() < end {
            requests(port, 100)?;
            sent += 100;
        }
        Ok(sent)
    };
    let clients: Vec<_> = (0..connections).map(|_| std::thread::spawn(one)).collect();
    clients.into_iter().map(|c| c.join().map_err(|_| anyhow::anyhow!("a client failed"))?).sum()
}

fn read_answer(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut read = Vec::new();
    let mut some = [0; 4096];
    while !read.ends_with(b"\r\n\r\nhello") {
        let length = stream.read(&mut some)?;
        if length == 0 {
            bail!("the connection was closed");
        }
        read.extend_from_slice(&some[..length]);
        let head = read.windows(4).position(|w| w == b"\r\n\r\n");
        if head.is_some() && !read.starts_with(b"HTTP/1.1 200") {
            return Ok(read);
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_and_the_upstream_understand_each_other() {
        let port = start().expect("a port is free");
        requests(port, 3).expect("answered");
        assert!(load(port, 2, Duration::from_millis(1)).expect("answered") >= 200);
    }
}
