//! A Redis of a test's own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::gateway::signal;
use crate::port::Port;
use crate::wait;

/// A `redis-server` or `valkey-server` on loopback, ended on drop.
pub struct Redis {
    process: Child,
    port: Port,
    _folder: TempDir,
}

impl Redis {
    /// # Panics
    /// If neither program is on PATH.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With further arguments of the server's.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_on(Port::claim(), arguments)
    }

    /// On a port that was claimed before.
    pub fn start_on(port: Port, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let number = port.number().to_string();
        let process = ["redis-server", "valkey-server"]
            .iter()
            .find_map(|program| {
                Command::new(program)
                    .args([
                        "--port",
                        &number,
                        "--bind",
                        "127.0.0.1",
                        "--save",
                        "",
                        "--appendonly",
                        "no",
                    ])
                    .arg("--dir")
                    .arg(folder.path())
                    .args(arguments)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .ok()
            })
            .expect("redis-server or valkey-server on PATH; `cargo xtask test` installs one");
        let redis = Self { process, port, _folder: folder };
        assert!(
            wait::holds(wait::SOON, || redis.try_command("PING").is_some()),
            "Redis does not answer"
        );
        redis
    }

    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Sends an inline command; what comes back in one read.
    pub fn command(&self, command: &str) -> String {
        self.try_command(command).expect("Redis answers")
    }

    pub fn flush(&self) {
        self.command("FLUSHALL");
    }

    /// Stops it from answering, its port still open, until [`Redis::thaw`].
    pub fn freeze(&self) {
        signal(self.process.id(), libc::SIGSTOP);
    }

    pub fn thaw(&self) {
        signal(self.process.id(), libc::SIGCONT);
    }

    fn try_command(&self, command: &str) -> Option<String> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).ok()?;
        socket.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        socket.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut answer = [0; 4096];
        let count = socket.read(&mut answer).ok().filter(|n| *n > 0)?;
        Some(String::from_utf8_lossy(&answer[..count]).into_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
