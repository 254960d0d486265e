//! The gateway as a process: what it says when it starts, what files and signals do to it, how it
//! ends.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// More than any wait of a test that passes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway; it is killed when this is dropped.
struct Gateway {
    process: Child,
    lines: Receiver<String>,
    /// The first line that says what is served where.
    serving: String,
}

impl Gateway {
    fn start(arguments: &[&str], folder: &Path) -> Self {
        let mut process = program(folder)
            .args(arguments)
            .env("KONG_PROXY_LISTEN", "127.0.0.1:0")
            .env("KONG_ADMIN_LISTEN", "127.0.0.1:0")
            .spawn()
            .expect("the program runs");
        let lines = lines(process.stderr.take().expect("it is piped"));
        let mut gateway = Self { process, lines, serving: String::new() };
        gateway.serving = gateway.until("serving ");
        gateway
    }

    /// Waits for a line that has these words.
    fn until(&self, words: &str) -> String {
        let mut before = String::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => before = format!("{before}{line}\n"),
                Err(_) => panic!("no line with `{words}` came after:\n{before}"),
            }
        }
    }

    /// The address behind these words of the first line.
    fn address(&self, words: &str) -> &str {
        let (_, rest) = self.serving.split_once(words).expect("it is served");
        rest.split([' ', ';']).next().expect("an address")
    }

    fn get(&self, path: &str) -> String {
        get(self.address(" on http://"), path)
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.id()).expect("a number of a process");
        kill(Pid::from_raw(pid), signal).expect("it runs");
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.process.wait().expect("it can be waited for").code()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tripylon"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KONG_") {
            command.env_remove(name);
        }
    }
    command
}

fn lines(stream: ChildStderr) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The whole answer to a request on a connection of its own.
fn get(address: &str, path: &str) -> String {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
}

fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time is taken");
    stream.write_all(request.as_bytes()).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

/// A document with a route to an upstream that there is not.
fn document(path: &str) -> String {
    format!(
        "_format_version: '3.0'\nservices:\n- name: s\n  url: http://127.0.0.1:1\n  retries: 0\n  \
         routes:\n  - name: r\n    paths: [{path}]\n"
    )
}

fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("kong.yml"), text).expect("written");
    folder
}

#[test]
fn changes_are_applied_or_refused_and_a_signal_ends_it() {
    let folder = folder(&document("/a"));
    let mut gateway = Gateway::start(&["run", "kong.yml"], folder.path());
    assert!(gateway.serving.contains("serving 1 route of kong.yml on http://127.0.0.1:"));
    assert!(gateway.get("/a").starts_with("HTTP/1.1 502"));
    assert!(gateway.get("/b").starts_with("HTTP/1.1 404"));

    fs::write(folder.path().join("kong.yml"), document("/b")).expect("written");
    gateway.until("configuration applied cause=\"files that changed\" revision=2");
    assert!(gateway.get("/b").starts_with("HTTP/1.1 502"));

    fs::write(folder.path().join("kong.yml"), document("b")).expect("written");
    gateway.until("error[TRI1001]");
    gateway.until("kong.yml:8:13");
    gateway.until("configuration refused; revision 2 keeps running");
    assert!(gateway.get("/b").starts_with("HTTP/1.1 502"));

    gateway.signal(Signal::SIGHUP);
    gateway.until("configuration refused; revision 2 keeps running cause=\"a signal\"");
    fs::write(folder.path().join("kong.yml"), document("/b")).expect("written");
    gateway.until("configuration unchanged");

    gateway.signal(Signal::SIGTERM);
    gateway.until("drained");
    assert_eq!(gateway.exit_code(), Some(0));
}

#[test]
fn without_watching_only_a_signal_brings_a_change() {
    let folder = folder(&document("/a"));
    let gateway = Gateway::start(&["run", "--no-watch", "kong.yml"], folder.path());
    fs::write(folder.path().join("kong.yml"), document("/b")).expect("written");
    gateway.signal(Signal::SIGHUP);
    gateway.until("configuration applied cause=\"a signal\" revision=2");
}

#[test]
fn requests_end_before_the_process_does_unless_a_second_signal_comes() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = upstream.local_addr().expect("bound").to_string();
    let folder = folder(&document("/a").replace("127.0.0.1:1\n", &format!("{address}\n")));
    let mut gateway = Gateway::start(&["run", "kong.yml"], folder.path());
    let proxy = gateway.address(" on http://").to_owned();
    let client = thread::spawn(move || get(&proxy, "/a"));
    let (mut taken, _) = upstream.accept().expect("the request arrives");
    gateway.signal(Signal::SIGTERM);
    gateway.until("draining");
    taken.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").expect("written");
    assert!(client.join().expect("answered").ends_with("\r\n\r\nok"));
    gateway.until("drained");
    assert_eq!(gateway.exit_code(), Some(0));

    let mut gateway = Gateway::start(&["run", "kong.yml"], folder.path());
    let mut client = TcpStream::connect(gateway.address(" on http://")).expect("it listens");
    client.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
    let _taken = upstream.accept().expect("the request arrives");
    gateway.signal(Signal::SIGTERM);
    gateway.until("draining");
    gateway.signal(Signal::SIGINT);
    gateway.until("ended by a second signal");
    assert_eq!(gateway.exit_code(), Some(128 + 2));
}

#[test]
fn logs_that_were_renamed_are_opened_anew() {
    let folder = folder(&document("/a"));
    let log = |name: &str| folder.path().join(name);
    let read = |name| fs::read_to_string(log(name)).expect("it is there");
    let arguments = ["run", "kong.yml", "--access-log", "access.log", "--log-format", "$uri"];
    let mut gateway = Gateway::start(&arguments, folder.path());
    gateway.get("/one");
    // Lines are written some at a time.
    while read("access.log").is_empty() {
        thread::yield_now();
    }
    fs::rename(log("access.log"), log("access.log.1")).expect("renamed");
    gateway.signal(Signal::SIGUSR1);
    gateway.until("logs reopened");
    while !log("access.log").exists() {
        thread::yield_now();
    }
    gateway.get("/two");
    gateway.signal(Signal::SIGTERM);
    gateway.until("drained");
    assert_eq!(gateway.exit_code(), Some(0));
    assert_eq!((read("access.log.1").as_str(), read("access.log").as_str()), ("/one\n", "/two\n"));
}

#[test]
fn without_a_document_it_waits_for_one_on_the_admin_api() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let gateway = Gateway::start(&["run"], folder.path());
    assert!(gateway.serving.contains("serving 0 routes of no document"));
    let admin = gateway.address("admin API on http://");
    assert!(get(admin, "/status").starts_with("HTTP/1.1 200"));
    let body = serde_json::json!({"config": document("/a")}).to_string();
    let request = format!(
        "POST /config HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(exchange(admin, &request).starts_with("HTTP/1.1 201"));
    gateway.until("configuration applied cause=\"kong\" revision=2");
    assert!(gateway.get("/a").starts_with("HTTP/1.1 502"));
}

#[test]
fn the_error_log_may_be_json_in_a_file() {
    let folder = folder(&document("/a"));
    let arguments = [
        "run",
        "kong.yml",
        "--error-log",
        "logs/error.log",
        "--error-log-format",
        "json",
        "--pid-file",
        "pid",
    ];
    let mut process = program(folder.path())
        .args(arguments)
        .env("KONG_PROXY_LISTEN", "127.0.0.1:0")
        .env("KONG_ADMIN_LISTEN", "off")
        .spawn()
        .expect("the program runs");
    let pid = folder.path().join("pid");
    while !pid.exists() {
        assert!(process.try_wait().expect("it can be asked").is_none(), "it has ended");
        thread::yield_now();
    }
    assert_eq!(fs::read_to_string(&pid).expect("it is there"), format!("{}\n", process.id()));
    let log = fs::read_to_string(folder.path().join("logs/error.log")).expect("it is there");
    let line: serde_json::Value = serde_json::from_str(log.trim()).expect("an object a line");
    assert_eq!((&line["message"], &line["routes"]), (&"serving".into(), &1.into()));
    kill(Pid::from_raw(i32::try_from(process.id()).expect("a number")), Signal::SIGQUIT)
        .expect("it runs");
    assert_eq!(process.wait().expect("ended").code(), Some(0));
    assert!(!pid.exists());
}

#[test]
fn the_demo_answers_as_it_says() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut process =
        program(folder.path()).args(["demo", "--port", "0"]).spawn().expect("the program runs");
    let mut stdout = BufReader::new(process.stdout.take().expect("it is piped"));
    let requests = [(); 3].map(|()| curl_line(&mut stdout));
    let statuses = requests.map(|(address, request)| {
        let answer = exchange(&address, &request);
        answer.split(' ').nth(1).map(str::to_owned)
    });
    assert_eq!(statuses.map(Option::unwrap_or_default), ["200", "401", "200"]);
    process.kill().expect("it runs");
    process.wait().expect("ended");
}

/// The next line that calls curl: where to, and what it would send.
fn curl_line(stdout: &mut BufReader<ChildStdout>) -> (String, String) {
    let mut line = String::new();
    while !line.trim_start().starts_with("curl ") {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).expect("it is read"), 0, "no more lines");
    }
    let (_, rest) = line.split_once("http://").expect("a URL");
    let (url, options) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
    let (address, path) = url.split_at(url.find('/').expect("a path"));
    let header = options.trim_start_matches("-H ").trim_matches('\'');
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{header}Connection: close\r\n\r\n");
    (address.to_owned(), request)
}
