//! The gateway's process.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use crate::port::Port;
use crate::wait;

/// The program under test: what `TRIPYLON_BIN` names, or built now.
///
/// # Panics
/// If it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("TRIPYLON_BIN") {
        Some(path) => {
            let path = PathBuf::from(path);
            assert!(path.is_file(), "TRIPYLON_BIN names {}, which does not exist", path.display());
            path
        }
        None => build(),
    })
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--package", "tripylon", "--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the gateway does not build");
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "tripylon")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo says where it put the program")
}

/// Runs the program to its end, with a clean environment.
pub fn run_to_end<S: AsRef<OsStr>>(arguments: &[S], environment: &[(&str, &str)]) -> Output {
    command().args(arguments).envs(environment.iter().copied()).output().expect("the program runs")
}

/// The program, with nothing of this process's environment that could change what it does.
pub fn command() -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("KONG_") || text.starts_with("TRIPYLON_") {
            command.env_remove(&name);
        }
    }
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    die_with_parent(&mut command);
    command
}

/// How to start a gateway.
pub struct Start {
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
    files: Vec<(String, String)>,
    ports: Option<Ports>,
    whole_folder: bool,
    open_files: Option<u64>,
}

/// Where a gateway listens.
#[derive(Clone)]
pub struct Ports {
    pub proxy: Port,
    pub proxy_tls: Port,
    pub admin: Port,
    pub status: Port,
}

impl Ports {
    pub fn claim() -> Self {
        Self {
            proxy: Port::claim(),
            proxy_tls: Port::claim(),
            admin: Port::claim(),
            status: Port::claim(),
        }
    }
}

impl Start {
    /// `tripylon run`, with this Kong document.
    pub fn kong(document: impl Into<String>) -> Self {
        Self {
            arguments: Vec::new(),
            environment: Vec::new(),
            files: vec![("kong.yml".to_owned(), document.into())],
            ports: None,
            whole_folder: false,
            open_files: None,
        }
    }

    /// With another file beside the document.
    pub fn file(mut self, name: &str, text: impl Into<String>) -> Self {
        self.files.push((name.to_owned(), text.into()));
        self
    }

    /// Names the folder of the files on the command line, not each file.
    pub fn whole_folder(mut self) -> Self {
        self.whole_folder = true;
        self
    }

    pub fn arguments<S: AsRef<OsStr>>(mut self, arguments: &[S]) -> Self {
        self.arguments.extend(arguments.iter().map(|a| a.as_ref().to_owned()));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With so many files and sockets at most.
    pub fn open_files(mut self, limit: u64) -> Self {
        self.open_files = Some(limit);
        self
    }

    /// On ports that were claimed before.
    pub fn ports(mut self, ports: Ports) -> Self {
        self.ports = Some(ports);
        self
    }

    /// Starts it and waits for its ports.
    ///
    /// # Panics
    /// If it does not come up; with what it said.
    pub fn go(self) -> Gateway {
        self.try_go().unwrap_or_else(|words| panic!("the gateway did not start: {words}"))
    }

    /// Starts it and waits for its ports; what it said if it does not come up.
    pub fn try_go(self) -> Result<Gateway, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let documents = folder.path().join("conf");
        fs::create_dir(&documents).expect("the folder is new");
        for (name, text) in &self.files {
            fs::write(documents.join(name), text).expect("the folder is ours");
        }
        let named = match self.whole_folder {
            true => vec![documents.clone()],
            false => self.files.iter().map(|(name, _)| documents.join(name)).collect(),
        };
        let ports = self.ports.unwrap_or_else(Ports::claim);
        let log = folder.path().join("output.log");
        let output = fs::File::create(&log).expect("the folder is ours");
        let mut command = command();
        command
            .arg("run")
            .args(named)
            .args(["--status-listen", &format!("127.0.0.1:{}", ports.status.number())])
            .args(&self.arguments)
            .envs(listen_environment(&ports))
            .envs(self.environment)
            .env("KONG_PREFIX", folder.path().join("prefix"))
            .stdout(output.try_clone().expect("a file can be shared"))
            .stderr(output);
        if let Some(limit) = self.open_files {
            limit_open_files(&mut command, limit);
        }
        let process = command.spawn().expect("the program runs");
        let mut gateway = Gateway { process, ports, folder, log };
        gateway.wait_for_ports()?;
        Ok(gateway)
    }
}

fn listen_environment(ports: &Ports) -> Vec<(&'static str, String)> {
    let [proxy, tls, admin] = [&ports.proxy, &ports.proxy_tls, &ports.admin].map(Port::number);
    vec![
        ("KONG_PROXY_LISTEN", format!("127.0.0.1:{proxy}, 127.0.0.1:{tls} http2 ssl")),
        ("KONG_ADMIN_LISTEN", format!("127.0.0.1:{admin}")),
        ("KONG_ADMIN_GUI_LISTEN", "off".to_owned()),
        ("KONG_ANONYMOUS_REPORTS", "off".to_owned()),
        ("KONG_DATABASE", "off".to_owned()),
        ("KONG_LOG_LEVEL", "info".to_owned()),
    ]
}

/// A running gateway; killed on drop.
pub struct Gateway {
    process: Child,
    ports: Ports,
    folder: TempDir,
    log: PathBuf,
}

impl Gateway {
    pub fn proxy(&self) -> u16 {
        self.ports.proxy.number()
    }

    pub fn proxy_tls(&self) -> u16 {
        self.ports.proxy_tls.number()
    }

    pub fn admin(&self) -> u16 {
        self.ports.admin.number()
    }

    pub fn status(&self) -> u16 {
        self.ports.status.number()
    }

    /// The folder that is this gateway's own, for logs and such.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the files that it was started with.
    pub fn documents(&self) -> PathBuf {
        self.folder.path().join("conf")
    }

    /// The document that it was started with.
    pub fn document(&self) -> PathBuf {
        self.documents().join("kong.yml")
    }

    /// Replaces the document as editors do: a new file, renamed over the old one.
    pub fn rewrite(&self, text: &str) {
        let path = self.document();
        let new = path.with_extension("new");
        fs::write(&new, text).expect("the folder is ours");
        fs::rename(&new, &path).expect("the folder is ours");
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn signal(&self, number: i32) {
        signal(self.process.id(), number);
    }

    /// What it printed so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until what it printed holds a text.
    ///
    /// # Panics
    /// If that does not come.
    pub fn wait_to_say(&self, text: &str) {
        let said = wait::holds(wait::SOON, || self.said().contains(text));
        assert!(said, "the gateway never said {text:?}; it said:\n{}", self.said());
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// How it ended, if it does within the time.
    pub fn ended(&mut self, limit: Duration) -> Option<ExitStatus> {
        wait::until(limit, || self.process.try_wait().ok().flatten())
    }

    /// Memory that it holds, in bytes (`VmRSS`).
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        kib << 10
    }

    /// Files and sockets that it has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).map_or(0, Iterator::count)
    }

    /// Time that it has spent on processors, in its own code and the kernel's.
    pub fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        // utime and stime, in hundredths of a second, counted behind the name in parentheses.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split(' ').skip(12).take(2);
        Duration::from_millis(fields.filter_map(|f| f.parse::<u64>().ok()).sum::<u64>() * 10)
    }

    fn wait_for_ports(&mut self) -> Result<(), String> {
        let wanted = [self.proxy(), self.proxy_tls(), self.admin()];
        let mut open = 0;
        let up = wait::until(wait::SOON, || {
            while wanted.get(open).is_some_and(|port| accepts(*port)) {
                open += 1;
            }
            match self.process.try_wait() {
                _ if open == wanted.len() => Some(true),
                Ok(None) => None,
                _ => Some(false),
            }
        });
        match up {
            Some(true) => Ok(()),
            Some(false) => Err(format!("it ended; it said:\n{}", self.said())),
            None => {
                Err(format!("port {} does not answer; it said:\n{}", wanted[open], self.said()))
            }
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("the gateway said:\n{}", self.said());
        }
    }
}

/// Whether somebody accepts connections on a port.
pub fn accepts(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Sends a signal to a process that a test started.
#[expect(unsafe_code, reason = "the standard library sends SIGKILL only")]
pub fn signal(pid: u32, number: i32) {
    // SAFETY: kill has no memory to get wrong; the process is a child that was not waited for.
    let result = unsafe { libc::kill(pid as libc::pid_t, number) };
    assert_eq!(result, 0, "signal {number} reaches process {pid}");
}

/// Has the child start with a limit on its open files that it cannot raise.
#[expect(unsafe_code, reason = "setrlimit is not in the standard library")]
fn limit_open_files(command: &mut Command, limit: u64) {
    // SAFETY: setrlimit is async-signal-safe and reads a value of this closure's own.
    unsafe {
        command.pre_exec(move || {
            let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
            Ok(())
        });
    }
}

/// Has the kernel end the child when this process ends, however it does. (The kernel means the
/// *thread* that starts the child: start gateways from threads that live as long as they.)
#[expect(unsafe_code, reason = "prctl is not in the standard library")]
fn die_with_parent(command: &mut Command) {
    // SAFETY: prctl is async-signal-safe and touches no memory of the parent's.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}
