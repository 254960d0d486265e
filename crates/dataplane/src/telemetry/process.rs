//! What the kernel says about the process (proc(5)).

use std::fs;

/// Numbers about the process; `None` where the system does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Process {
    pub(super) resident_bytes: Option<u64>,
    pub(super) open_files: Option<u64>,
    pub(super) max_files: Option<u64>,
    pub(super) cpu_seconds: Option<f64>,
    pub(super) threads: Option<u64>,
}

impl Process {
    /// Reads them now.
    pub(super) fn read() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The folder that is being read is open, too, and closed afterwards.
        let open = fs::read_dir("/proc/self/fd").map(|entries| entries.count().saturating_sub(1));
        Self {
            resident_bytes: first_number(&status, "VmRSS:").map(|kib| kib * 1024),
            open_files: open.ok().map(|open| open as u64),
            max_files: first_number(&limits, "Max open files"),
            cpu_seconds: cpu_seconds(&stat),
            threads: first_number(&status, "Threads:"),
        }
    }
}

/// How many files the process may have open; `None` where the system does not tell.
pub(crate) fn open_files_limit() -> Option<usize> {
    usize::try_from(Process::read().max_files?).ok()
}

/// The first number of the line that starts so.
fn first_number(text: &str, start: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(start))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// User and system time: fields 14 and 15, counted from behind the command's name, which may
/// hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut ticks = fields.split(' ').skip(11).map(|field| field.parse::<u64>().ok());
    let sum = ticks.next()?? + ticks.next()??;
    Some(sum as f64 / TICKS)
}

/// The unit in which the kernel tells times, on every architecture that we build for.
const TICKS: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_the_kernels_texts() {
        let status = "Name:\tx\nVmRSS:\t    1234 kB\nThreads:\t7\n";
        assert_eq!(first_number(status, "VmRSS:"), Some(1234));
        assert_eq!(
            first_number("Max open files    1024     4096   files\n", "Max open files"),
            Some(1024)
        );
        let unlimited = "Max open files            unlimited            unlimited            files";
        assert_eq!(first_number(unlimited, "Max open files"), None);
        assert_eq!(first_number(status, "None:"), None);
        let stat = "1 (a) b) c) S 0 1 1 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0";
        assert_eq!(cpu_seconds(stat), Some(2.0));
    }

    #[test]
    fn this_process_has_them_all() {
        let process = Process::read();
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 1 << 20));
        assert!(process.open_files.is_some_and(|files| files >= 3));
        assert!(process.threads.is_some() && process.cpu_seconds.is_some());
    }
}
