//! The habits of those who ran `kong`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

use tripylon_e2e::gateway::{self, Ports, accepts, command, signal};
use tripylon_e2e::http1::request;
use tripylon_e2e::port::Port;
use tripylon_e2e::{Client, Upstream, wait};

use crate::setup::{proxy_to, service};

/// A prefix of Kong's with a `kong.conf`; what was started in it is ended on drop.
struct Prefix {
    folder: tempfile::TempDir,
    ports: Ports,
}

impl Prefix {
    fn new(document: &str) -> Self {
        let prefix = Self { folder: tempfile::tempdir().unwrap(), ports: Ports::claim() };
        fs::write(prefix.path("kong.yml"), document).unwrap();
        let [proxy, tls, admin, status] = [
            &prefix.ports.proxy,
            &prefix.ports.proxy_tls,
            &prefix.ports.admin,
            &prefix.ports.status,
        ]
        .map(|port| port.number());
        let settings = format!(
            "# for tests\nprefix = {0}\ndatabase = off\ndeclarative_config = {1}\n\
             proxy_listen = 127.0.0.1:{proxy}, 127.0.0.1:{tls} ssl\nadmin_listen = 127.0.0.1:{admin}\n\
             status_listen = 127.0.0.1:{status}\nnginx_worker_processes = 1\n",
            prefix.path("run").display(),
            prefix.path("kong.yml").display(),
        );
        fs::write(prefix.path("kong.conf"), settings).unwrap();
        prefix
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `tripylon kong …`
    fn kong(&self, arguments: &[&str]) -> Output {
        let mut command = command();
        command.arg("kong");
        self.finish(command, arguments)
    }

    fn finish(&self, mut command: Command, arguments: &[&str]) -> Output {
        let place = |argument: &&str| match *argument {
            "CONF" => self.path("kong.conf").into_os_string(),
            "PREFIX" => self.path("run").into_os_string(),
            "DOCUMENT" => self.path("kong.yml").into_os_string(),
            other => other.into(),
        };
        let log = self.path("command.log");
        let file = fs::File::create(&log).unwrap();
        // What stays behind keeps the file, not a pipe that this would wait for.
        let status = command
            .args(arguments.iter().map(place))
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .status()
            .unwrap();
        Output { status, stdout: fs::read(log).unwrap(), stderr: Vec::new() }
    }

    fn target_of(&self, path: &str) -> Option<String> {
        let mut client = Client::connect(self.ports.proxy.number()).ok()?;
        let response = client.exchange("GET", path, &[]).ok()?;
        Some(response.json()["target"].as_str()?.to_owned())
    }

    fn pid(&self) -> Option<u32> {
        let text = fs::read_to_string(self.path("run").join("pids").join("nginx.pid")).ok()?;
        text.trim().parse().ok()
    }
}

impl Drop for Prefix {
    fn drop(&mut self) {
        // Its TLS listener is the one that no test moves.
        if let Some(pid) = self.pid().filter(|_| accepts(self.ports.proxy_tls.number())) {
            signal(pid, libc::SIGKILL);
        }
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn start_health_reload_stop() {
    let upstream = Upstream::echo();
    let prefix = Prefix::new(&proxy_to(&upstream));
    let started = prefix.kong(&["start", "-c", "CONF"]);
    assert!(started.status.success(), "{}", words(&started));
    assert!(words(&started).contains("Kong started"), "{}", words(&started));
    assert_eq!(prefix.target_of("/x").as_deref(), Some("/x"), "it serves when `start` returns");

    let health = prefix.kong(&["health", "-p", "PREFIX"]);
    assert!(health.status.success(), "{}", words(&health));
    assert!(words(&health).contains("Kong is healthy at"), "{}", words(&health));

    let again = prefix.kong(&["start", "-c", "CONF"]);
    assert!(
        !again.status.success() && words(&again).contains("already running"),
        "{}",
        words(&again)
    );

    let with_path = proxy_to(&upstream).replace(&upstream.address(), &(upstream.address() + "/v2"));
    fs::write(prefix.path("kong.yml"), with_path).unwrap();
    let reloaded = prefix.kong(&["reload", "-c", "CONF"]);
    assert!(reloaded.status.success(), "{}", words(&reloaded));
    assert!(words(&reloaded).contains("Kong reloaded"), "{}", words(&reloaded));
    assert!(wait::holds(wait::SOON, || prefix.target_of("/x").as_deref() == Some("/v2/x")));

    let stopped = prefix.kong(&["stop", "-p", "PREFIX"]);
    assert!(stopped.status.success(), "{}", words(&stopped));
    assert!(words(&stopped).contains("Kong stopped"), "{}", words(&stopped));
    assert!(wait::holds(wait::SOON, || !accepts(prefix.ports.proxy.number())));

    let health = prefix.kong(&["health", "-p", "PREFIX"]);
    assert!(!health.status.success());
    let stopped = prefix.kong(&["stop", "-p", "PREFIX"]);
    assert!(!stopped.status.success(), "{}", words(&stopped));
}

/// `proxy_listen` may change with a reload: what is under way on the old port comes to its end.
#[test]
fn a_reload_moves_listeners() {
    let upstream = Upstream::echo();
    let prefix = Prefix::new(&proxy_to(&upstream));
    let started = prefix.kong(&["start", "-c", "CONF"]);
    assert!(started.status.success(), "{}", words(&started));
    let (old, new) = (prefix.ports.proxy.number(), Port::claim());
    let mut busy = Client::connect(old).unwrap();
    busy.send(request("GET", "/slow?_delay=1500&_b=done", &[])).unwrap();
    let mut idle = Client::connect(old).unwrap();
    assert_eq!(idle.exchange("GET", "/", &[]).unwrap().status, 200);
    let settings = fs::read_to_string(prefix.path("kong.conf")).unwrap();
    let moved = settings.replace(&format!(":{old},"), &format!(":{},", new.number()));
    fs::write(prefix.path("kong.conf"), moved).unwrap();
    let reloaded = prefix.kong(&["reload", "-c", "CONF"]);
    assert!(reloaded.status.success(), "{}", words(&reloaded));
    assert!(wait::holds(wait::SOON, || accepts(new.number()) && !accepts(old)));
    assert!(idle.ends_within(wait::SOON));
    assert_eq!(busy.receive("GET").unwrap().text(), "done");
    assert!(busy.ends_within(wait::SOON));
    let stopped = prefix.kong(&["stop", "-p", "PREFIX"]);
    assert!(stopped.status.success(), "{}", words(&stopped));
    assert!(wait::holds(wait::SOON, || !accepts(new.number())));
}

#[test]
fn check_and_parse() {
    let upstream = Upstream::echo();
    let prefix = Prefix::new(&proxy_to(&upstream));
    let checked = prefix.kong(&["check", "CONF"]);
    assert!(checked.status.success(), "{}", words(&checked));
    assert!(words(&checked).contains("is valid"), "{}", words(&checked));
    let parsed = prefix.kong(&["config", "parse", "DOCUMENT"]);
    assert!(
        parsed.status.success() && words(&parsed).contains("parse successful"),
        "{}",
        words(&parsed)
    );
    fs::write(prefix.path("kong.yml"), service(1, "  hots: a\n", "")).unwrap();
    let parsed = prefix.kong(&["config", "parse", "DOCUMENT"]);
    assert!(!parsed.status.success() && words(&parsed).contains("hots"), "{}", words(&parsed));
    fs::write(prefix.path("kong.conf"), "proxy_listen = nonsense\n").unwrap();
    let checked = prefix.kong(&["check", "CONF"]);
    assert!(
        !checked.status.success() && words(&checked).contains("proxy_listen"),
        "{}",
        words(&checked)
    );
}

#[test]
fn called_by_the_name_of_kong() {
    let prefix = Prefix::new("_format_version: '3.0'\n");
    let name = prefix.path("kong");
    symlink(gateway::binary(), &name).unwrap();
    let version = prefix.finish(Command::new(name), &["version"]);
    assert!(version.status.success());
    assert!(
        words(&version).trim().chars().next().is_some_and(|c| c.is_ascii_digit()),
        "{}",
        words(&version)
    );
}
