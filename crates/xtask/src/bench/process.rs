//! A process that is measured from outside, and ends when nobody holds it any longer.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A process of ours.
pub(super) struct Process(Child);

impl Process {
    /// Starts it; what it prints goes nowhere.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self(child))
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// CPU time that it has used until now, of all its threads (`proc_pid_schedstat` of each: in
    /// nanoseconds, where `stat` only has ticks).
    pub(super) fn cpu(&self) -> Result<Duration> {
        let mut total = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.id()))? {
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            let first = text.split_whitespace().next().context("schedstat is empty")?;
            total += first.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(total))
    }

    /// A line of `/proc/PID/status` in KiB: `VmRSS`, or `VmHWM` for the most there was.
    pub(super) fn memory_kib(&self, line: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let found = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
        let number = found.and_then(|text| text.split_whitespace().next());
        Ok(number.with_context(|| format!("no {line} in /proc"))?.parse()?)
    }

    /// Resident memory in KiB, once that changes no longer: what reading a configuration needed is
    /// given back when everything is served.
    pub(super) fn settled_memory_kib(&self) -> Result<u64> {
        let mut last = (self.memory_kib("VmRSS")?, self.cpu()?);
        for _ in 0..60 {
            nap(Duration::from_millis(500));
            let now = (self.memory_kib("VmRSS")?, self.cpu()?);
            let idle = now.1.saturating_sub(last.1) < Duration::from_millis(10);
            if now.0.abs_diff(last.0) < 1024 && idle {
                return Ok(now.0);
            }
            last = now;
        }
        bail!("its memory never settles")
    }

    /// Asks it to end (SIGTERM) and waits for that.
    pub(super) fn end(mut self) -> Result<()> {
        Command::new("kill").arg(self.id().to_string()).status()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets time go by for a process that is measured.
#[expect(clippy::disallowed_methods, reason = "another process is watched, and nobody else waits")]
pub(super) fn nap(time: Duration) {
    std::thread::sleep(time);
}

/// The first line that a tool prints with this flag; `None` if it is not installed.
pub(super) fn version(tool: &str, flag: &str) -> Option<String> {
    let output = Command::new(tool).arg(flag).output().ok()?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    let text = String::from_utf8_lossy(&text);
    Some(text.lines().next().unwrap_or_default().trim().to_owned())
}
