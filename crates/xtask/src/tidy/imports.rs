//! Who may import whom: the `Never imports` line at each crate's root, held against what cargo
//! says the crate is built from.
//!
//! The line is a list, separated by commas or semicolons, of
//! - names of crates, of the workspace or not,
//! - `any workspace crate`, or `any workspace crate but` names,
//! - `any dialect`, or `any other dialect`,
//! - `sockets`: whatever opens one,
//! - `a sibling policy's folder`: no policy's folder uses another's.
//!
//! What stands in parentheses is a remark. Dependencies count wherever they stand in the tree of
//! normal and build dependencies; `any workspace crate` is about the direct ones, since what comes
//! with an allowed crate is that crate's affair. What only tests use is free.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use super::Problem;
use crate::cargo;
use crate::workspace::{Member, Workspace};

/// How the line starts.
pub(super) const MARK: &str = "//! Never imports: ";

/// Crates that open sockets.
const SOCKET_CRATES: &[&str] = &["hyper", "mio", "quinn", "socket2", "tokio"];
/// Types of the standard library that are sockets.
const SOCKET_TYPES: &[&str] =
    &["TcpListener", "TcpStream", "UdpSocket", "UnixListener", "UnixStream"];
/// Crates that nothing may import: programs, not libraries.
const PROGRAMS: &[&str] = &["tripylon", "tripylon-e2e", "xtask"];

pub(super) fn check(workspace: &Workspace, problems: &mut Vec<Problem>) -> Result<()> {
    for member in &workspace.members {
        let Some(line) = rule_line(workspace, member) else {
            problems.push(Problem::line(
                &member.crate_root,
                2,
                format!("the second line must be `{MARK}a, b, c.`"),
            ));
            continue;
        };
        let rules = match parse(&line) {
            Ok(rules) => rules,
            Err(item) => {
                problems.push(Problem::line(
                    &member.crate_root,
                    2,
                    format!("`{item}` is neither a crate's name nor a rule that tidy knows"),
                ));
                continue;
            }
        };
        let tree = dependencies(workspace, member)?;
        check_tree(workspace, member, &rules, &tree, problems);
        if rules.contains(&Rule::Sockets) {
            check_socket_types(workspace, member, problems);
        }
        if rules.contains(&Rule::SiblingFolder) {
            check_siblings(workspace, member, problems);
        }
    }
    Ok(())
}

/// What the crate's root says that it never imports.
pub(super) fn rule_line(workspace: &Workspace, member: &Member) -> Option<String> {
    let text = workspace.read(&member.crate_root)?;
    let line = text.lines().nth(1)?.strip_prefix(MARK)?;
    Some(line.strip_suffix('.').unwrap_or(line).to_owned())
}

#[derive(Debug, PartialEq, Eq)]
enum Rule {
    Crate(String),
    WorkspaceBut(Vec<String>),
    Dialects,
    Sockets,
    SiblingFolder,
}

fn parse(line: &str) -> Result<Vec<Rule>, String> {
    let line = without_remarks(line).replace('`', "");
    line.split([',', ';']).map(str::trim).map(parse_item).collect()
}

fn parse_item(item: &str) -> Result<Rule, String> {
    Ok(match item {
        "any workspace crate" => Rule::WorkspaceBut(Vec::new()),
        "any dialect" | "any other dialect" | "dialects" => Rule::Dialects,
        "sockets" => Rule::Sockets,
        "a sibling policy's folder" => Rule::SiblingFolder,
        _ => {
            if let Some(names) = item.strip_prefix("any workspace crate but ") {
                let names: Vec<String> = names.split(" and ").map(str::to_owned).collect();
                if let Some(bad) = names.iter().find(|n| !is_crate_name(n)) {
                    return Err(bad.clone());
                }
                return Ok(Rule::WorkspaceBut(names));
            }
            if !is_crate_name(item) {
                return Err(item.to_owned());
            }
            Rule::Crate(item.to_owned())
        }
    })
}

fn is_crate_name(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
}

fn without_remarks(line: &str) -> String {
    let mut out = String::new();
    let mut depth = 0usize;
    for c in line.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// A package in a member's dependency tree, and how it comes in: `a → b → c`.
struct Dependency {
    package: String,
    direct: bool,
    path: String,
}

fn dependencies(workspace: &Workspace, member: &Member) -> Result<Vec<Dependency>> {
    let tree = cargo::output(
        &workspace.root,
        &[
            "tree",
            "--locked",
            "--package",
            &member.package,
            "--edges",
            "normal,build",
            "--prefix",
            "depth",
            "--format",
            " {p}",
        ],
    )?;
    Ok(parse_tree(&tree))
}

/// Lines are `<depth> <package> v<version> …`.
fn parse_tree(tree: &str) -> Vec<Dependency> {
    let mut above: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        let (Some(depth), Some(package)) = (words.next(), words.next()) else { continue };
        let Ok(depth) = depth.parse::<usize>() else { continue };
        above.truncate(depth);
        above.push(package.to_owned());
        if depth > 0 {
            found.push(Dependency {
                package: package.to_owned(),
                direct: depth == 1,
                path: above.join(" → "),
            });
        }
    }
    found
}

fn check_tree(
    workspace: &Workspace,
    member: &Member,
    rules: &[Rule],
    tree: &[Dependency],
    problems: &mut Vec<Problem>,
) {
    let mut reported = BTreeSet::new();
    for dependency in tree {
        let imported = workspace.members.iter().find(|m| m.package == dependency.package);
        let banned = PROGRAMS.contains(&dependency.package.as_str())
            || rules.iter().any(|rule| rule.bans(dependency, imported));
        if banned && reported.insert(&dependency.package) {
            problems.push(Problem::line(
                &member.crate_root,
                2,
                format!("imports what it never imports: {}", dependency.path),
            ));
        }
    }
}

impl Rule {
    /// `imported` is the dependency, if it is a crate of the workspace.
    fn bans(&self, dependency: &Dependency, imported: Option<&Member>) -> bool {
        match self {
            Self::Crate(name) => {
                *name == dependency.package || imported.is_some_and(|m| m.name == *name)
            }
            Self::WorkspaceBut(names) => {
                dependency.direct && imported.is_some_and(|m| !names.contains(&m.name))
            }
            Self::Dialects => imported.is_some_and(Member::is_dialect),
            Self::Sockets => SOCKET_CRATES.contains(&dependency.package.as_str()),
            Self::SiblingFolder => false,
        }
    }
}

fn check_socket_types(workspace: &Workspace, member: &Member, problems: &mut Vec<Problem>) {
    for file in workspace.sources(member) {
        let Some(text) = workspace.read(file) else { continue };
        for (number, line) in text.lines().enumerate() {
            if let Some(name) = SOCKET_TYPES.iter().find(|name| line.contains(*name)) {
                problems.push(Problem::line(
                    file,
                    number + 1,
                    format!("`{name}` is a socket; this crate never imports sockets"),
                ));
            }
        }
    }
}

/// A policy is a folder of `src` with a `mod.rs`; no file in it names another's module.
fn check_siblings(workspace: &Workspace, member: &Member, problems: &mut Vec<Problem>) {
    let source = member.folder.join("src");
    let folder_of = |file: &Path| -> Option<String> {
        let inside = file.strip_prefix(&source).ok()?;
        let first = inside.components().next()?.as_os_str().to_str()?.to_owned();
        (inside.components().count() > 1).then_some(first)
    };
    // A folder without one belongs to the file by its name, which all may use.
    let is_policy = |name: &String| {
        let module = source.join(name).join("mod.rs");
        workspace.sources(member).any(|file| *file == module)
    };
    let policies: BTreeSet<String> =
        workspace.sources(member).filter_map(|f| folder_of(f)).filter(is_policy).collect();
    for file in workspace.sources(member) {
        let (Some(own), Some(text)) = (folder_of(file), workspace.read(file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let sibling = crate_paths(line).find(|name| *name != own && policies.contains(*name));
            if let Some(sibling) = sibling {
                problems.push(Problem::line(
                    file,
                    number + 1,
                    format!("the policy in `{own}` uses the policy in `{sibling}`"),
                ));
            }
        }
    }
}

/// The first segments after `crate::` in a line.
fn crate_paths(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn krate(name: &str) -> Rule {
        Rule::Crate(name.to_owned())
    }

    #[test]
    fn reads_every_kind_of_item() {
        assert_eq!(
            parse("any workspace crate but `config` (for origins, says the page); tokio, hyper"),
            Ok(vec![Rule::WorkspaceBut(vec!["config".into()]), krate("tokio"), krate("hyper")])
        );
        assert_eq!(
            parse("`policies`, any other dialect, sockets, a sibling policy's folder"),
            Ok(vec![krate("policies"), Rule::Dialects, Rule::Sockets, Rule::SiblingFolder])
        );
        assert_eq!(parse("`a`, whatever it likes"), Err("whatever it likes".to_owned()));
    }

    #[test]
    fn a_tree_tells_how_a_package_comes_in() {
        let tree =
            "0 model v0.1.0 (/somewhere)\n1 config v0.1.0\n2 strsim v0.11.1\n1 serde v1.0.0 (*)\n";
        let paths: Vec<String> = parse_tree(tree).into_iter().map(|d| d.path).collect();
        assert_eq!(paths, ["model → config", "model → config → strsim", "model → serde"]);
    }

    #[test]
    fn first_segments_after_crate() {
        let found: Vec<&str> = crate_paths("use crate::jwt::{Key}; crate::window").collect();
        assert_eq!(found, ["jwt", "window"]);
    }
}
