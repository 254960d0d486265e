//! Upstreams that do as they are told.

mod echo;
mod journal;
mod script;

pub use journal::{Journal, Seen, body_to_json};
pub use script::{Act, Script};

use std::collections::HashMap;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::http1::{Stream, Wire};
use crate::port::Port;

/// A server on loopback; a thread a connection. What it read stands in its journal.
pub struct Upstream {
    shared: Arc<Shared>,
    port: u16,
    _claim: Option<Port>,
}

struct Shared {
    journal: Arc<Journal>,
    behaviour: Behaviour,
    tls: Option<Arc<ServerConfig>>,
    closing: AtomicBool,
    accepted: AtomicUsize,
    open: Mutex<HashMap<usize, TcpStream>>,
}

/// What a server does with a connection.
pub enum Behaviour {
    /// Answers each request with itself as JSON, steered by query arguments.
    Echo,
    /// Reads a request and never answers.
    Silent,
    /// Reads a request and closes.
    Closing,
    /// Reads a request and answers what is no HTTP.
    Garbage,
    /// Follows a script for each connection in turn; the last one again and again.
    Scripted(Vec<Script>),
    /// Whatever the function does.
    Custom(Box<dyn Fn(&mut Wire) + Send + Sync>),
}

impl Upstream {
    pub fn echo() -> Self {
        Self::start(Behaviour::Echo, Arc::default())
    }

    pub fn scripted(scripts: Vec<Script>) -> Self {
        Self::start(Behaviour::Scripted(scripts), Arc::default())
    }

    pub fn custom(serve: impl Fn(&mut Wire) + Send + Sync + 'static) -> Self {
        Self::start(Behaviour::Custom(Box::new(serve)), Arc::default())
    }

    /// On a free port, with a journal that others may share.
    pub fn start(behaviour: Behaviour, journal: Arc<Journal>) -> Self {
        Self::listen(behaviour, journal, None, None)
    }

    /// On a port of one's own.
    pub fn start_on(port: Port, behaviour: Behaviour, journal: Arc<Journal>) -> Self {
        Self::listen(behaviour, journal, None, Some(port))
    }

    pub fn start_tls(behaviour: Behaviour, tls: Arc<ServerConfig>) -> Self {
        Self::listen(behaviour, Arc::default(), Some(tls), None)
    }

    fn listen(
        behaviour: Behaviour,
        journal: Arc<Journal>,
        tls: Option<Arc<ServerConfig>>,
        claim: Option<Port>,
    ) -> Self {
        let wanted = claim.as_ref().map_or(0, Port::number);
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).expect("the port is free on loopback");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared {
            journal,
            behaviour,
            tls,
            closing: AtomicBool::new(false),
            accepted: AtomicUsize::new(0),
            open: Mutex::default(),
        });
        let server = Arc::clone(&shared);
        std::thread::spawn(move || accept(&server, &listener, port));
        Self { shared, port, _claim: claim }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// Connections so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        for socket in self.shared.open.lock().expect("no thread panics with it").values() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener, port: u16) {
    for socket in listener.incoming() {
        if shared.closing.load(Ordering::Relaxed) {
            return;
        }
        let Ok(socket) = socket else { continue };
        let number = shared.accepted.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(shared);
        std::thread::spawn(move || serve(&shared, socket, port, number));
    }
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn tcp(&self) -> &TcpStream {
        &self.sock
    }
}

fn serve(shared: &Shared, socket: TcpStream, port: u16, number: usize) {
    let _ = socket.set_nodelay(true);
    let Ok(copy) = socket.try_clone() else { return };
    shared.open.lock().expect("no thread panics with it").insert(number, copy);
    let regular = converse(shared, socket, port, number);
    let copy = shared.open.lock().expect("no thread panics with it").remove(&number);
    if let Some(copy) = copy.filter(|_| regular) {
        let _ = copy.shutdown(Shutdown::Both);
    }
}

/// Serves a connection; whether it is to end regularly, not with a reset.
fn converse(shared: &Shared, socket: TcpStream, port: u16, number: usize) -> bool {
    let mut wire = match &shared.tls {
        None => Wire::new(socket),
        Some(tls) => {
            let Ok(connection) = ServerConnection::new(Arc::clone(tls)) else { return true };
            Wire::new(StreamOwned::new(connection, socket))
        }
    };
    match &shared.behaviour {
        Behaviour::Scripted(scripts) => {
            let script = scripts.get(number).or(scripts.last()).expect("a script at least");
            return script.run(&mut wire, port, &shared.journal);
        }
        Behaviour::Custom(serve) => serve(&mut wire),
        simple => serve_requests(simple, &mut wire, port, &shared.journal),
    }
    true
}

fn serve_requests(behaviour: &Behaviour, wire: &mut Wire, port: u16, journal: &Journal) {
    loop {
        let request = match wire.read_request() {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(fault) => return journal.add_fault(port, &fault),
        };
        let seen = Seen::new(port, &request);
        journal.add(seen.clone());
        let go_on = match behaviour {
            Behaviour::Echo => echo::answer(wire, &request, &seen),
            Behaviour::Garbage => {
                let _ = wire.write(b"NOT HTTP AT ALL\r\n\r\nxx");
                false
            }
            Behaviour::Silent => {
                crate::wait::nap(Duration::from_secs(8));
                false
            }
            _ => false,
        };
        if !go_on {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificates::Authority;
    use crate::http1::{Client, Fault, Framing};

    #[test]
    fn echoes_what_it_saw() {
        let upstream = Upstream::echo();
        let mut client = Client::connect(upstream.port()).unwrap();
        client.send("POST /a?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        let response = client.receive("POST").unwrap();
        assert_eq!(response.json()["target"], "/a?x=1");
        assert_eq!(response.json(), upstream.journal().seen()[0].to_json());
        let second = client.exchange("GET", "/?_chunked=1&_b=abc&_trailer=X-T:1", &[]).unwrap();
        assert_eq!((second.framing, second.text()), (Framing::Chunked, "abc"));
        assert_eq!(second.trailers, [("X-T".to_owned(), "1".to_owned())]);
        assert_eq!(upstream.accepted(), 1);
    }

    #[test]
    fn follows_scripts_in_turn() {
        let dropping = Script::new([Act::Read, Act::Send(b"HTTP/1.1 2".to_vec()), Act::Reset]);
        let ok = Script::answering("HTTP/1.1 204 No Content\r\n\r\n");
        let upstream = Upstream::scripted(vec![dropping, ok]);
        let mut first = Client::connect(upstream.port()).unwrap();
        assert_eq!(first.exchange("GET", "/", &[]).unwrap_err(), Fault::Closed);
        let mut second = Client::connect(upstream.port()).unwrap();
        assert_eq!(second.exchange("GET", "/", &[]).unwrap().status, 204);
        assert_eq!(second.exchange("GET", "/", &[]).unwrap().status, 204);
    }

    #[test]
    fn notes_what_is_no_request() {
        let upstream = Upstream::echo();
        let mut client = Client::connect(upstream.port()).unwrap();
        client.send("GET / HTTP/1.1\nHost: h\n\n").unwrap();
        assert!(client.ends_within(crate::wait::SOON));
        assert!(upstream.journal().faults()[0].contains("line end"));
    }

    #[test]
    fn speaks_tls() {
        let authority = Authority::new();
        let upstream = Upstream::start_tls(Behaviour::Echo, authority.server(&["up.test"]));
        let connect =
            |name| Client::connect_tls(upstream.port(), Some(name), &authority.client(&[]));
        assert_eq!(connect("up.test").unwrap().exchange("GET", "/", &[]).unwrap().status, 200);
        assert!(connect("other.test").is_err());
    }
}
