//! `ARCHITECTURE.md` says what the code says: the crates' rules, and the functions that its
//! stories name.

use std::path::Path;

use super::Problem;
use super::imports;
use crate::workspace::{Member, Workspace};

const PAGE: &str = "ARCHITECTURE.md";

pub(super) fn check(workspace: &Workspace, problems: &mut Vec<Problem>) {
    let page = Path::new(PAGE);
    let Some(text) = workspace.read(page) else {
        problems.push(Problem::file(page, "is missing"));
        return;
    };
    crate_table(workspace, page, &text, problems);
    for (number, line) in text.lines().enumerate() {
        for path in code_spans(line).filter_map(item_path) {
            if let Some(what) = missing(workspace, &path) {
                problems.push(Problem::line(page, number + 1, what));
            }
        }
    }
}

/// Rows `| crate | purpose | never imports |` say what the crates' roots say.
fn crate_table(workspace: &Workspace, page: &Path, text: &str, problems: &mut Vec<Problem>) {
    for member in &workspace.members {
        let place = member.folder.strip_prefix("crates").unwrap_or(&member.folder);
        let name = format!("`{}`", place.display());
        let row = text.lines().enumerate().find_map(|(number, line)| {
            let cells: Vec<&str> =
                line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
            (cells.len() == 3 && cells[0] == name).then(|| (number + 1, cells[2].to_owned()))
        });
        let Some((number, cell)) = row else {
            problems
                .push(Problem::file(page, format!("the table of crates has no row for {name}")));
            continue;
        };
        if let Some(line) = imports::rule_line(workspace, member)
            && cell != line
        {
            problems.push(Problem::line(
                page,
                number,
                format!("{name} says at its root that it never imports: {line}"),
            ));
        }
    }
}

/// The inline code of a line.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// `a::b::c` of lower-case segments but the last, which names an item; `None` for other code.
fn item_path(span: &str) -> Option<Vec<&str>> {
    let span = span.strip_suffix("()").unwrap_or(span);
    let segments: Vec<&str> = span.split("::").collect();
    let name =
        |s: &&str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (segments.len() > 1 && segments.iter().all(name)).then_some(segments)
}

/// What is wrong with a path to an item: its crate is not ours (then nothing), or has no such item.
fn missing(workspace: &Workspace, path: &[&str]) -> Option<String> {
    let member = workspace.members.iter().find(|m| m.name == path[0])?;
    let item = path[path.len() - 1];
    let module = &path[1..path.len() - 1];
    let found = workspace.sources(member).any(|file| {
        in_module(file, member, module)
            && workspace.read(file).is_some_and(|text| text.lines().any(|line| defines(line, item)))
    });
    (!found).then(|| format!("`{}` does not exist", path.join("::")))
}

/// Whether a file can hold the module: its path names all the segments that are modules in files.
/// Segments that start upper case are types, whose impl may stand in any file of the module.
fn in_module(file: &Path, member: &Member, module: &[&str]) -> bool {
    let Ok(inside) = file.strip_prefix(member.folder.join("src")) else { return false };
    let inside = inside.with_extension("");
    module
        .iter()
        .filter(|s| s.starts_with(|c: char| c.is_lowercase()))
        .all(|s| inside.components().any(|part| part.as_os_str() == *s))
}

fn defines(line: &str, item: &str) -> bool {
    ["fn", "struct", "enum", "trait", "type", "mod", "const", "static"].iter().any(|keyword| {
        line.split_once(&format!("{keyword} {item}")).is_some_and(|(before, after)| {
            let starts = before.is_empty() || before.ends_with(' ');
            starts && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_paths_from_other_code() {
        assert_eq!(
            item_path("dataplane::exchange::handle()"),
            Some(vec!["dataplane", "exchange", "handle"])
        );
        assert_eq!(item_path("Step"), None);
        assert_eq!(item_path("cargo xtask tidy"), None);
        assert_eq!(item_path("std::vec<T>::x"), None);
    }

    #[test]
    fn finds_definitions() {
        assert!(defines("    pub(crate) async fn handle(x: u8) {", "handle"));
        assert!(defines("pub struct Chain;", "Chain"));
        assert!(!defines("fn handle_all() {}", "handle"));
        assert!(!defines("// often handle", "handle"));
    }
}
