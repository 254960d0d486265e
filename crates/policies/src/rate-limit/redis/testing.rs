//! Redis servers of a test's own.

use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::{Client, FromRedisValue};
use tempfile::TempDir;
use tokio::task::LocalSet;

/// How long anything may take before a test fails.
const SOON: Duration = Duration::from_secs(20);

/// A `redis-server` or `valkey-server` on loopback, ended on drop.
pub(super) struct Server {
    process: Child,
    pub(super) port: u16,
    /// By what URL tests themselves reach it.
    url: String,
    _folder: TempDir,
}

impl Server {
    /// # Panics
    /// If neither program is on PATH.
    pub(super) fn start(arguments: &[&str]) -> Self {
        Self::start_on(free_port(), arguments)
    }

    /// On a port that is free, or soon is.
    pub(super) fn start_on(port: u16, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let number = port.to_string();
        let arguments = [&["--port", &number], arguments].concat();
        Self::run(port, format!("redis://127.0.0.1:{port}/"), folder, &arguments)
    }

    /// Over TLS only, with this certificate and key (PEM).
    pub(super) fn start_tls(certificate: &str, key: &str) -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("certificate"), certificate).expect("written");
        std::fs::write(path("key"), key).expect("written");
        let (number, socket) = (port.to_string(), path("socket"));
        let (certificate, key) = (path("certificate"), path("key"));
        let tls = ["--tls-cert-file", &certificate, "--tls-key-file", &key];
        let arguments =
            [&["--port", "0", "--tls-port", &number, "--tls-auth-clients", "no"], &tls[..]];
        let socket_option = ["--unixsocket", &socket];
        let arguments = [&arguments.concat()[..], &socket_option].concat();
        Self::run(port, format!("redis+unix://{socket}"), folder, &arguments)
    }

    /// A sentinel that watches a master by the name `m`.
    pub(super) fn start_sentinel(master: u16, configuration: &str) -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("sentinel.conf");
        let text = format!("sentinel monitor m 127.0.0.1 {master} 1\n{configuration}\n");
        std::fs::write(&file, text).expect("written");
        let (file, number) = (file.display().to_string(), port.to_string());
        let arguments = [&file, "--sentinel", "--port", &number];
        Self::run(port, format!("redis://127.0.0.1:{port}/"), folder, &arguments)
    }

    fn run(port: u16, url: String, folder: TempDir, arguments: &[&str]) -> Self {
        let start = |program: &&str| {
            let mut command = Command::new(program);
            command.args(arguments).args(["--bind", "127.0.0.1"]).current_dir(folder.path());
            if !arguments.contains(&"--sentinel") {
                command.args(["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"]);
            }
            command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().ok()
        };
        let process = ["redis-server", "valkey-server"].iter().find_map(start);
        let process = process
            .expect("redis-server or valkey-server is on PATH: `cargo xtask test` installs one");
        let mut server = Self { process, port, url, _folder: folder };
        let start = Instant::now();
        while !server.greets() {
            let ended = server.process.try_wait().expect("its own process");
            assert!(ended.is_none(), "Redis ended: {ended:?}");
            assert!(start.elapsed() < SOON, "Redis does not answer");
            std::thread::yield_now();
        }
        server
    }

    /// Whether it says anything, be it that one has to log in.
    fn greets(&self) -> bool {
        let client = Client::open(self.url.as_str()).expect("a sound URL");
        let Ok(mut connection) = client.get_connection() else { return false };
        match redis::cmd("PING").query::<String>(&mut connection) {
            Ok(_) => true,
            Err(error) => error.code() == Some("NOAUTH"),
        }
    }

    /// Logs in for the commands that follow.
    pub(super) fn log_in(&mut self, password: &str) {
        self.url = format!("redis://:{password}@127.0.0.1:{}/", self.port);
    }

    /// What it answers.
    pub(super) fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let client = Client::open(self.url.as_str()).expect("a sound URL");
        let mut connection = client.get_connection().expect("it answers");
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut connection).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// How many connections there are, but the one that asks.
    pub(super) fn clients(&self) -> usize {
        self.command::<String>(&["CLIENT", "LIST", "TYPE", "normal"]).lines().count() - 1
    }

    /// Lets it hang, its port still open, until [`Server::thaw`].
    pub(super) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(super) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("there is `kill`");
        assert!(sent.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port on which nobody listens, and which no other test of the machine is given as long as this
/// process lives: an abstract Unix socket claims it. It is below those from which the kernel takes
/// the ports of outgoing connections.
pub(super) fn free_port() -> u16 {
    static CLAIMS: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());
    let mut claims = CLAIMS.lock();
    for port in PORTS {
        let name = SocketAddr::from_abstract_name(format!("tripylon-redis-port-{port}"));
        let claim = name.and_then(|name| UnixListener::bind_addr(&name));
        if let Ok(claim) = claim
            && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        {
            claims.push(claim);
            return port;
        }
    }
    panic!("hundreds of ports, and none is free");
}

const PORTS: std::ops::Range<u16> = 31_400..32_700;

/// Runs a test on a runtime like a worker's.
pub(super) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), test)
}

/// Waits until a condition holds.
pub(super) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < SOON, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
