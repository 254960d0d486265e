//! How many tests ran, by the lines with which test binaries end.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// Numbers of tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Count {
    pub(super) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { passed: 0, failed: 0 } => Ok(()),
            Self { passed, failed: 0 } => write!(f, "{passed} tests"),
            Self { passed, failed } => write!(f, "{} tests, {failed} failed", passed + failed),
        }
    }
}

/// Runs `cargo test`, shows what it prints, and counts; whether it succeeded.
pub(super) fn run(mut command: Command) -> Result<(bool, Count)> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    let mut count = Count::default();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        count.add(&of_line(&line).unwrap_or_default());
    }
    Ok((child.wait()?.success(), count))
}

/// `test result: ok. 3 passed; 0 failed; …`
fn of_line(line: &str) -> Option<Count> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut parts = numbers.split("; ");
    let mut number = |word| parts.next()?.strip_suffix(word)?.trim().parse().ok();
    Some(Count { passed: number("passed")?, failed: number("failed")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_line_that_test_binaries_end_with() {
        let line =
            "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(of_line(line), Some(Count { passed: 12, failed: 3 }));
        assert_eq!(of_line("test jwt::tests::ok ... ok"), None);
    }
}
