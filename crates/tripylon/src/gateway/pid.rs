//! The file in which a gateway says which process it is.

use std::path::{Path, PathBuf};
use std::{fs, io, process};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The file of this process; it goes when the value does.
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Writes the number of this process. Whoever reads the file sees all of it or none.
    ///
    /// # Errors
    /// If the file or its folder cannot be made.
    pub(crate) fn write(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = path.with_extension("new");
        fs::write(&new, format!("{}\n", process::id()))?;
        fs::rename(&new, path)?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Another process may have taken the place meanwhile.
        if read(&self.0) == i32::try_from(process::id()).ok() {
            let _ = fs::remove_file(&self.0);
        }
    }
}

/// The number in a file, if there is one.
fn read(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok().filter(|number| *number > 0)
}

/// The process that a file names, if it runs.
pub(crate) fn running(path: &Path) -> Option<Running> {
    read(path).map(Running).filter(Running::is_alive)
}

/// A process that runs, or did a moment ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Running(i32);

impl Running {
    /// Whether it is the process with this number.
    pub(crate) fn is(self, number: u32) -> bool {
        u32::try_from(self.0) == Ok(number)
    }

    /// Whether it still does.
    pub(crate) fn is_alive(&self) -> bool {
        // Who may not signal a process knows that there is one.
        !matches!(kill(Pid::from_raw(self.0), None), Err(Errno::ESRCH)) && !self.is_zombie()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// If it is gone, or belongs to somebody else.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill(Pid::from_raw(self.0), signal)?)
    }

    /// Whether it has ended and nobody has asked for its status yet, as in a container whose first
    /// process never does.
    fn is_zombie(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap_or_default();
        // The state follows the name, which stands in parentheses and may hold some itself.
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_this_process_until_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("pids/nginx.pid");
        assert_eq!(running(&path), None);
        let file = PidFile::write(&path).expect("written");
        assert!(running(&path).expect("this process runs").is(process::id()));
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_another_process_took_over_stays() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("nginx.pid");
        let file = PidFile::write(&path).expect("written");
        fs::write(&path, "1\n").expect("written");
        drop(file);
        assert!(path.exists());
    }

    #[test]
    fn nonsense_and_the_dead_name_no_process() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("nginx.pid");
        let mut child = process::Command::new("true").spawn().expect("started");
        let gone = child.id();
        for text in ["", "-1", "0", "x"] {
            fs::write(&path, text).expect("written");
            assert_eq!(running(&path), None, "{text}");
        }
        while !Running(i32::try_from(gone).expect("a number")).is_zombie() {
            std::thread::yield_now();
        }
        fs::write(&path, gone.to_string()).expect("written");
        assert_eq!(running(&path), None, "it has ended, and its parent has not asked yet");
        child.wait().expect("ended");
        assert_eq!(running(&path), None);
    }
}
