//! Another process takes over the sockets, as when the program is replaced by a newer one.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tripylon_e2e::http1::request;
use tripylon_e2e::{Client, Gateway, Start, Upstream, gateway, wait};

use crate::setup::{proxy_to, service};

/// Long enough for a process to start beside others.
const PATIENCE: Duration = Duration::from_secs(30);

/// The processes that take over, which are nobody's children: the last of them is ended with this.
struct Successors {
    _folder: tempfile::TempDir,
    pid_file: PathBuf,
    first: u32,
}

impl Successors {
    fn start(start: Start) -> (Gateway, Self) {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("gateway.pid");
        let gateway = start.arguments(&[Path::new("--pid-file"), &pid_file]).go();
        let first = gateway.pid();
        (gateway, Self { _folder: folder, pid_file, first })
    }

    fn now(&self) -> Option<u32> {
        std::fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()
    }

    /// Has the process that serves replaced, and waits for the next.
    fn upgrade(&self, gateway: &Gateway) -> u32 {
        let before = wait::until(PATIENCE, || self.now()).expect("a process serves");
        gateway::signal(before, libc::SIGUSR2);
        let next = wait::until(PATIENCE, || self.now().filter(|now| *now != before));
        next.unwrap_or_else(|| panic!("no process took over:\n{}", gateway.said()))
    }
}

impl Drop for Successors {
    fn drop(&mut self) {
        if let Some(pid) = self.now().filter(|pid| *pid != self.first) {
            gateway::signal(pid, libc::SIGKILL);
        }
    }
}

/// Clients that ask all the time, and what went wrong for them.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    served: AtomicUsize,
    faults: Mutex<Vec<String>>,
}

impl Load {
    fn note(&self, outcome: Result<u16, String>) {
        match outcome {
            Ok(200) => _ = self.served.fetch_add(1, Ordering::Relaxed),
            Ok(status) => self.faults.lock().unwrap().push(format!("status {status}")),
            Err(fault) => self.faults.lock().unwrap().push(fault),
        }
    }

    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// A connection for each request.
    fn new_connections(&self, port: u16, path: &str) {
        while self.goes_on() {
            let asked =
                Client::connect(port).and_then(|mut client| client.exchange("GET", path, &[]));
            self.note(
                asked.map(|response| response.status).map_err(|fault| format!("new: {fault}")),
            );
        }
    }

    /// One connection for as long as the gateway keeps it.
    fn kept_connections(&self, port: u16) {
        while self.goes_on() {
            let Ok(mut client) = Client::connect(port) else {
                self.note(Err("kept: refused".into()));
                continue;
            };
            while self.goes_on() {
                let asked = client.exchange("GET", "/", &[]);
                let closes = asked
                    .as_ref()
                    .is_ok_and(|response| response.header("connection") == Some("close"));
                let failed = asked.is_err();
                self.note(
                    asked.map(|response| response.status).map_err(|fault| format!("kept: {fault}")),
                );
                if closes || failed {
                    break;
                }
            }
        }
    }

    /// Waits until so many more are served.
    fn wait_for(&self, more: usize) {
        let before = self.served.load(Ordering::Relaxed);
        let served = || self.served.load(Ordering::Relaxed) >= before + more;
        assert!(wait::holds(PATIENCE, served), "{:?}", self.faults.lock().unwrap());
    }
}

#[test]
fn an_upgrade_under_load_loses_nothing() {
    let upstream = Upstream::echo();
    let (mut gateway, successors) = Successors::start(Start::kong(proxy_to(&upstream)));
    let (proxy, status, admin) = (gateway.proxy(), gateway.status(), gateway.admin());
    let load = Load::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| load.kept_connections(proxy));
            scope.spawn(|| load.new_connections(proxy, "/"));
        }
        scope.spawn(|| load.new_connections(status, "/status/ready"));
        scope.spawn(|| load.new_connections(admin, "/"));
        load.wait_for(200);
        let mut slow = Client::connect(proxy).unwrap();
        slow.send(request("GET", "/slow?_delay=1000&_b=done", &[])).unwrap();
        let arrived =
            || upstream.journal().seen().iter().any(|seen| seen.target.starts_with("/slow"));
        assert!(wait::holds(PATIENCE, arrived));

        let second = successors.upgrade(&gateway);
        let response = slow.receive("GET").unwrap();
        assert_eq!((response.status, response.text()), (200, "done"), "begun before, ended after");
        let ended = gateway.ended(PATIENCE).expect("the first process drains and ends");
        assert!(ended.success(), "{ended}");
        load.wait_for(200);
        assert_ne!(successors.upgrade(&gateway), second, "and again");
        load.wait_for(200);
        load.over.store(true, Ordering::Relaxed);
    });
    assert_eq!(*load.faults.lock().unwrap(), Vec::<String>::new());
    assert!(gateway::accepts(gateway.proxy_tls()));
}

#[test]
fn a_process_that_cannot_serve_takes_nothing_over() {
    let upstream = Upstream::echo();
    let start = Start::kong(proxy_to(&upstream)).arguments(&["--no-watch"]);
    let (gateway, successors) = Successors::start(start);
    gateway.rewrite("_format_version: [\n");
    gateway.signal(libc::SIGUSR2);
    gateway.wait_to_say("the other process has not come to serve");
    let status =
        |path| Client::connect(gateway.proxy()).unwrap().exchange("GET", path, &[]).unwrap().status;
    assert_eq!((status("/"), successors.now()), (200, Some(gateway.pid())));
    gateway.rewrite(&service(upstream.port(), "", "").replace("paths: [/]", "paths: [/new]"));
    successors.upgrade(&gateway);
    assert!(wait::holds(PATIENCE, || (status("/"), status("/new")) == (404, 200)));
}

#[test]
fn a_document_that_was_posted_is_taken_over() {
    let upstream = Upstream::echo();
    let start = Start::kong(proxy_to(&upstream)).whole_folder().arguments(&["--no-watch"]);
    let (mut gateway, successors) = Successors::start(start);
    std::fs::remove_file(gateway.document()).unwrap();
    let document = service(upstream.port(), "", "").replace("paths: [/]", "paths: [/posted]");
    let body = serde_json::json!({ "config": document }).to_string();
    let length = body.len().to_string();
    let mut admin = Client::connect(gateway.admin()).unwrap();
    let fields = [("Content-Type", "application/json"), ("Content-Length", &length)];
    admin.send(request("POST", "/config", &fields) + &body).unwrap();
    assert_eq!(admin.receive("POST").unwrap().status, 201);
    successors.upgrade(&gateway);
    assert!(gateway.ended(PATIENCE).is_some_and(|ended| ended.success()));
    let mut client = Client::connect(gateway.proxy()).unwrap();
    assert_eq!(client.exchange("GET", "/posted", &[]).unwrap().status, 200);
    assert_eq!(client.exchange("GET", "/", &[]).unwrap().status, 404);
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_service_manager_may_open_the_socket() {
    let upstream = Upstream::echo();
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("kong.yml");
    std::fs::write(&document, proxy_to(&upstream)).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // Somebody asks before there is a process.
    let mut client = Client::connect(address.port()).unwrap();
    client.send(request("GET", "/early", &[])).unwrap();
    let script = "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"";
    let process = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(gateway::binary())
        .args(["run", "--workers", "3"])
        .arg(&document)
        .env("KONG_PROXY_LISTEN", address.to_string())
        .env("KONG_ADMIN_LISTEN", "off")
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(socket)))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _running = Running(process);
    let response = client.receive("GET").unwrap();
    assert_eq!((response.status, &response.json()["target"]), (200, &"/early".into()));
}
