//! What every file must and must not have.

use super::Problem;
use super::imports;
use crate::workspace::Workspace;

/// Lines of a Rust file; past that it is more than one thing.
const MAX_LINES: usize = 800;

/// Folders of a person's or a robot's own machine, as a path starts with them.
const MACHINE_FOLDERS: &[&str] = &["farm", "home", "root", "work", "Users"];

/// What does not land: code that is not finished, not used or not tested. In two parts each, so
/// that this table is not its own finding.
const UNFINISHED: &[(&str, &str)] =
    &[("todo", "!("), ("unimplemented", "!("), ("#[", "ignore"), ("allow(", "dead_code")];

pub(super) fn check(workspace: &Workspace, problems: &mut Vec<Problem>) {
    crate_docs(workspace, problems);
    for file in &workspace.files {
        let Some(text) = workspace.read(file) else { continue };
        let rust = file.extension().is_some_and(|e| e == "rs");
        let lines = text.lines().count();
        if rust && lines > MAX_LINES {
            problems
                .push(Problem::file(file, format!("{lines} lines, {MAX_LINES} at most: split it")));
        }
        for (number, line) in text.lines().enumerate() {
            if let Some(path) = machine_path(line) {
                problems.push(Problem::line(
                    file,
                    number + 1,
                    format!("`{path}` is a path of one machine"),
                ));
            }
            if rust && let Some(what) = unfinished(line) {
                problems.push(Problem::line(file, number + 1, format!("`{what}` does not land")));
            }
        }
    }
}

/// The first line of a crate says its purpose.
fn crate_docs(workspace: &Workspace, problems: &mut Vec<Problem>) {
    for member in &workspace.members {
        let text = workspace.read(&member.crate_root).unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        let says =
            first.strip_prefix("//! ").is_some_and(|s| s.trim_end().ends_with('.') || s.len() > 20);
        if !says || first.starts_with(imports::MARK) {
            problems.push(Problem::line(
                &member.crate_root,
                1,
                "the first line must be `//! ` and the crate's purpose",
            ));
        }
    }
}

/// A path that starts at a machine's root in one of its personal folders.
fn machine_path(line: &str) -> Option<&str> {
    for (at, _) in line.match_indices('/') {
        let before = line[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "_.-/:}>*".contains(c)) {
            continue;
        }
        let rest = &line[at + 1..];
        let Some(end) = rest.find('/') else { continue };
        let named = rest[end + 1..].starts_with(|c: char| c.is_alphanumeric());
        if named && MACHINE_FOLDERS.contains(&&rest[..end]) {
            return Some(&line[at..at + 1 + end + 1]);
        }
    }
    None
}

/// What stands in a line and does not land.
fn unfinished(line: &str) -> Option<String> {
    UNFINISHED.iter().map(|(a, b)| format!("{a}{b}")).find(|what| {
        line.match_indices(what.as_str())
            .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(folder: &str) -> String {
        format!("see /{folder}/alice/notes.txt")
    }

    #[test]
    fn finds_paths_of_one_machine() {
        for folder in MACHINE_FOLDERS {
            assert!(machine_path(&path(folder)).is_some(), "{folder}");
        }
    }

    #[test]
    fn leaves_paths_of_every_machine_alone() {
        for text in
            [path("etc"), path("usr"), format!("https://example.test{}", &path("work")[4..])]
        {
            assert_eq!(machine_path(&text), None, "{text}");
        }
        assert_eq!(machine_path("a/b and /x and / and //"), None);
    }

    #[test]
    fn finds_what_does_not_land() {
        for (a, b) in UNFINISHED {
            assert_eq!(unfinished(&format!("    {a}{b}x)]")), Some(format!("{a}{b}")));
        }
        assert_eq!(unfinished("todo: nothing, and mastodo!(x)"), None);
    }
}
