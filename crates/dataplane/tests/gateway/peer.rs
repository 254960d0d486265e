//! Clients and upstreams of the tests: blocking, and plain about what they saw.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Marks an answer after which the connection is closed.
const CLOSING: &str = "closing\n";
const PATIENCE: Duration = Duration::from_secs(10);

/// A client's connection.
pub(crate) struct Peer {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A response as it came.
pub(crate) struct Response {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Peer {
    pub(crate) fn connect(port: u16) -> Self {
        Self::try_connect(port).expect("the gateway listens")
    }

    pub(crate) fn try_connect(port: u16) -> Option<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout is set");
        Some(Self { stream, read: Vec::new() })
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("the gateway reads");
    }

    pub(crate) fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection is open");
    }

    pub(crate) fn ask(&mut self, request: &str) -> Response {
        self.send(request);
        self.response(false)
    }

    /// Whether a request is answered with 200, and not by the connection's end.
    pub(crate) fn is_served(&mut self, request: &str) -> bool {
        // The gateway may have closed the connection already, with a reset or without.
        let sent = self.stream.write_all(request.as_bytes()).is_ok();
        let mut start = [0; 12];
        sent && self.stream.read_exact(&mut start).is_ok() && start == *b"HTTP/1.1 200"
    }

    /// Reads a response; `bodiless` if it has none whatever its head says.
    pub(crate) fn response(&mut self, bodiless: bool) -> Response {
        let end = self.read_until(b"\r\n\r\n");
        let head = String::from_utf8(self.take(end)).expect("heads are text");
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status");
        let mut response = Response { status, head, body: Vec::new() };
        if bodiless || (100..200).contains(&status) {
            return response;
        }
        if response.header("transfer-encoding") == Some("chunked") {
            loop {
                let end = self.read_until(b"\r\n");
                let line = String::from_utf8(self.take(end)).expect("a size");
                let size = usize::from_str_radix(line.trim_end(), 16).expect("a size");
                let chunk = self.read_exactly(size + 2);
                response.body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    return response;
                }
            }
        }
        let length =
            response.header("content-length").map_or(0, |text| text.parse().expect("a length"));
        response.body = self.read_exactly(length);
        response
    }

    pub(crate) fn read_exactly(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            assert!(self.fill() > 0, "closed early: {:?}", String::from_utf8_lossy(&self.read));
        }
        self.take(length)
    }

    /// Everything up to the connection's end.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill() > 0 {}
        std::mem::take(&mut self.read)
    }

    /// Whether the gateway closes the connection, without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.read.is_empty() && self.fill() == 0
    }

    fn read_until(&mut self, end: &[u8]) -> usize {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                return at + end.len();
            }
            assert!(self.fill() > 0, "closed early: {:?}", String::from_utf8_lossy(&self.read));
        }
    }

    fn fill(&mut self) -> usize {
        let mut buffer = [0; 16 << 10];
        let read = self.stream.read(&mut buffer).expect("something comes in time");
        self.read.extend_from_slice(&buffer[..read]);
        read
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        self.read.drain(..length).collect()
    }
}

/// A server that answers each request with what a function makes of it, and becomes an echo after
/// a switch of protocols.
pub(crate) struct Upstream {
    port: u16,
    connections: Arc<AtomicUsize>,
    seen: Mutex<mpsc::Receiver<String>>,
}

impl Upstream {
    pub(crate) fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (sender, seen) = mpsc::channel();
        let (counted, answer) = (Arc::clone(&connections), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                let (sender, answer) = (sender.clone(), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &sender, answer.as_ref()));
            }
        });
        Self { port, connections, seen: Mutex::new(seen) }
    }

    /// As [`Upstream::start`], but connections are closed after the first answer.
    pub(crate) fn closing(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::start(move |request| format!("{CLOSING}{}", answer(request)))
    }

    /// A port on which nobody listens.
    pub(crate) fn dead_port() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.local_addr().expect("it is bound").port()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The next request that came, head and body.
    pub(crate) fn next(&self) -> String {
        let seen = self.seen.lock().expect("nobody panicked");
        seen.recv_timeout(PATIENCE).expect("a request comes")
    }
}

/// What a status listener tells in `/metrics`.
pub(crate) fn metrics(port: u16) -> String {
    let answer = Peer::connect(port).ask("GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n");
    String::from_utf8(answer.body).expect("metrics are text")
}

/// Waits for a line there.
pub(crate) fn wait_for_metric(port: u16, line: &str) {
    let end = Instant::now() + PATIENCE;
    while !metrics(port).lines().any(|found| found == line) {
        assert!(Instant::now() < end, "{line} does not come");
        pause(Duration::from_millis(5));
    }
}

/// Does nothing for a while, where time itself is what is tested.
pub(crate) fn pause(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &mpsc::Sender<String>,
    answer: &(impl Fn(&str) -> String + ?Sized),
) {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some(end) = text.find("\r\n\r\n") else {
            match stream.read(&mut buffer) {
                Ok(len) if len > 0 => read.extend_from_slice(&buffer[..len]),
                _ => return,
            }
            continue;
        };
        let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let whole = end + 4 + length.map_or(0, |text| text.parse::<usize>().expect("a length"));
        while read.len() < whole {
            let len = stream.read(&mut buffer).expect("the gateway sends the body");
            assert!(len > 0, "the body broke off");
            read.extend_from_slice(&buffer[..len]);
        }
        let request = String::from_utf8(read.drain(..whole).collect()).expect("text");
        // The test may have seen enough.
        let _ = seen.send(request.clone());
        let response = answer(&request);
        let (closing, response) = match response.strip_prefix(CLOSING) {
            Some(response) => (true, response),
            None => (false, response.as_str()),
        };
        if stream.write_all(response.as_bytes()).is_err() || closing {
            return;
        }
        if response.starts_with("HTTP/1.1 101") {
            let mut reader = stream.try_clone().expect("a second handle");
            // The other side ends it.
            let _ = std::io::copy(&mut reader, &mut stream);
            return;
        }
    }
}
