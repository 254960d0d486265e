//! Links in documents lead somewhere: to a file, and to a heading in it.

use std::path::{Component, Path, PathBuf};

use super::Problem;
use crate::workspace::Workspace;

pub(super) fn check(workspace: &Workspace, problems: &mut Vec<Problem>) {
    for file in workspace.files.iter().filter(|f| f.extension().is_some_and(|e| e == "md")) {
        let Some(text) = workspace.read(file) else { continue };
        for (number, line) in prose(&text) {
            for link in links(line).filter(|l| !is_external(l)) {
                if let Err(what) = resolve(workspace, file, link) {
                    problems.push(Problem::line(file, number, what));
                }
            }
        }
    }
}

/// The lines outside of fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(i, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((i + 1, line))
    })
}

/// The targets of `[text](target)` in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

fn is_external(link: &str) -> bool {
    ["http://", "https://", "mailto:"].iter().any(|scheme| link.starts_with(scheme))
}

fn resolve(workspace: &Workspace, from: &Path, link: &str) -> Result<(), String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { from.to_owned() } else { join(from, path) };
    if !workspace.root.join(&target).exists() {
        return Err(format!("the link to `{link}` leads nowhere"));
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let text = workspace.read(&target).unwrap_or_default();
    match prose(&text).any(|(_, line)| heading_anchor(line).as_deref() == Some(anchor)) {
        true => Ok(()),
        false => Err(format!("`{}` has no heading `#{anchor}`", target.display())),
    }
}

/// The path beside `from`, with `.` and `..` resolved.
fn join(from: &Path, path: &str) -> PathBuf {
    let mut out = from.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::Normal(name) => out.push(name),
            _ => {}
        }
    }
    out
}

/// The anchor that forges give a heading: lower case, spaces to hyphens, punctuation dropped.
fn heading_anchor(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
    Some(
        title
            .trim()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_links_outside_of_code() {
        let text = "see [a](x.md) and [b](y.md#z)\n```\n[c](nowhere)\n```\n";
        let found: Vec<&str> = prose(text).flat_map(|(_, line)| links(line)).collect();
        assert_eq!(found, ["x.md", "y.md#z"]);
    }

    #[test]
    fn anchors_are_as_forges_make_them() {
        assert_eq!(
            heading_anchor("## Life of one request").as_deref(),
            Some("life-of-one-request")
        );
        assert_eq!(heading_anchor("# I1, `tidy` & more").as_deref(), Some("i1-tidy--more"));
        assert_eq!(heading_anchor("#no heading"), None);
    }

    #[test]
    fn joins_paths_as_a_reader_does() {
        assert_eq!(join(Path::new("docs/a.md"), "../README.md"), Path::new("README.md"));
        assert_eq!(join(Path::new("docs/a.md"), "./b.md"), Path::new("docs/b.md"));
    }
}
