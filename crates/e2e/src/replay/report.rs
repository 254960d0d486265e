//! What differs, for a person to read.

use std::fmt;

use super::case::Case;
use super::compare::Difference;

/// Differences shown for a case; the first ones say most.
const SHOWN: usize = 6;
/// Characters shown of a value.
const WIDTH: usize = 300;

#[derive(Debug, Default)]
pub(super) struct Report {
    cases: usize,
    failed: Vec<(String, Vec<Difference>)>,
}

impl Report {
    pub(super) fn add(&mut self, case: &Case, differences: Vec<Difference>) {
        self.cases += 1;
        if !differences.is_empty() {
            self.failed.push((case.name(), differences));
        }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.failed.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {} cases differ from their recording", self.failed.len(), self.cases)?;
        for (name, differences) in &self.failed {
            writeln!(f, "\n{name}")?;
            for d in differences.iter().take(SHOWN) {
                let step = d.step.map_or(String::new(), |n| format!("step {n}  "));
                writeln!(f, "  {step}{}", d.path)?;
                writeln!(f, "    expected {}", short(&d.expected))?;
                writeln!(f, "    got      {}", short(&d.got))?;
            }
            if differences.len() > SHOWN {
                writeln!(f, "  … {} more", differences.len() - SHOWN)?;
            }
        }
        Ok(())
    }
}

fn short(text: &str) -> String {
    let line = text.replace('\r', "\\r").replace('\n', "\\n");
    match line.char_indices().nth(WIDTH) {
        None => line,
        Some((at, _)) => format!("{}… ({} characters)", &line[..at], line.chars().count()),
    }
}
