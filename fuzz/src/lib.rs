//! A gateway in this process, between a client that sends what a fuzzer made and an upstream that
//! reads with a reader of its own.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use config::{Budget, Findings, Sources, read_yaml};
use control::{Dialect, Documents};
use dataplane::Gateway;
use kong::settings::{Overrides, Settings};
use kong::{Kong, Options};
use model::Model;
use tripylon_e2e::strict::{self, Message, Outcome};

/// A gateway with one worker, and where it is.
pub struct Running {
    port: u16,
    _gateway: Gateway,
}

impl Running {
    /// Serves a Kong document.
    pub fn start(document: &str) -> Self {
        let workers = 1;
        let gateway = Gateway::start(
            dataplane::Settings { workers, ..Default::default() },
            policies::kinds(),
        );
        let gateway = gateway.expect("threads are to be had");
        gateway.publish(&model(document), 1).expect("the document can be served");
        let port = gateway.addresses()[0].1.port();
        Self { port, _gateway: gateway }
    }

    /// Sends bytes, and reads what comes back to the connection's end.
    pub fn ask(&self, bytes: &[u8]) -> Vec<u8> {
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("it listens");
        client.set_read_timeout(Some(QUIET)).expect("a timeout");
        // A gateway that has heard enough may have closed already.
        let _ = client.write_all(bytes);
        let (mut answer, mut chunk, mut ended) = (Vec::new(), [0; 16 << 10], false);
        loop {
            match client.read(&mut chunk) {
                Ok(count @ 1..) => answer.extend_from_slice(&chunk[..count]),
                // Who ends his side gives up what is not answered: only when nothing more comes.
                Err(error) if error.kind() == ErrorKind::WouldBlock && !ended => {
                    ended = true;
                    let _ = client.shutdown(Shutdown::Write);
                    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("it hangs"),
                // What came before a reset counts.
                _ => return answer,
            }
        }
    }
}

/// When nothing more is expected.
const QUIET: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(20);

fn model(document: &str) -> Model {
    let listen = [("KONG_PROXY_LISTEN".to_owned(), "127.0.0.1:1".to_owned())];
    let (settings, _) = Settings::read(None, listen, &Overrides::default());
    let kong = Kong::new(settings, Options::default());
    let (mut sources, mut findings) = (Sources::new(), Findings::new());
    let documents = read_yaml(&mut sources, "kong.yml", document, &Budget::FILES, &mut findings);
    let items = documents.iter().collect();
    let mut model = kong.translate(&Documents { sources: &sources, items }).model;
    for listener in &mut model.listeners {
        listener.bind.set_port(0);
    }
    model
}

/// An upstream that answers every request, and reports those that it read; it panics at what no
/// gateway must send.
pub struct StrictUpstream {
    /// Where it is.
    pub port: u16,
    requests: Receiver<Message>,
}

impl StrictUpstream {
    /// Begins to listen.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (report, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, report) = (stream.expect("a connection"), report.clone());
                thread::spawn(move || serve(stream, &report));
            }
        });
        Self { port, requests }
    }

    /// The requests that were read since the last call.
    pub fn seen(&self) -> Vec<Message> {
        self.requests.try_iter().collect()
    }
}

fn serve(mut stream: TcpStream, report: &Sender<Message>) {
    let (mut unread, mut chunk) = (Vec::new(), [0; 64 << 10]);
    loop {
        loop {
            match strict::read(&unread) {
                Outcome::Whole(message, used) => {
                    assert_eq!(message.fault(), None, "{message:?}");
                    unread.drain(..used);
                    // Reported before the answer: whoever has that finds this.
                    if report.send(message).is_err() || stream.write_all(ANSWER).is_err() {
                        return;
                    }
                }
                Outcome::Cut => break,
                Outcome::Bad(why) => panic!("{why}: {}", unread.escape_ascii()),
            }
        }
        match stream.read(&mut chunk) {
            Ok(count @ 1..) => unread.extend_from_slice(&chunk[..count]),
            _ => return,
        }
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An upstream that answers every connection's first request with the same bytes, then closes.
pub struct ScriptedUpstream {
    /// Where it is.
    pub port: u16,
    answers: Sender<Vec<u8>>,
}

impl ScriptedUpstream {
    /// Begins to listen.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (answers, next) = channel::<Vec<u8>>();
        thread::spawn(move || {
            let mut answer = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                if let Some(newest) = next.try_iter().last() {
                    answer = newest;
                }
                // A request without a body, in one segment.
                let mut request = [0; 4096];
                if stream.read(&mut request).is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(&answer);
                }
            }
        });
        Self { port, answers }
    }

    /// What is answered from now on.
    pub fn answer(&self, bytes: &[u8]) {
        self.answers.send(bytes.to_vec()).expect("it listens");
    }
}
