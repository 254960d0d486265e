//! What a finding means.

use config::{Code, Severity};

use crate::codes;
use crate::output::{ERROR, FAINT, HEADING, styled};

/// The page of a code: what it means, how to mend it, an example.
pub(super) fn page(code: Code) -> String {
    let title = styled(HEADING, &format!("{} {}: {}", code.code, code.name, code.title));
    let severity = match code.severity {
        Severity::Error => styled(ERROR, code.severity.name()),
        _ => code.severity.name().to_owned(),
    };
    let mut page = format!("{title} ({severity})\n\n{}\n", wrapped(code.means));
    page += &format!("\n{}\n\n{}\n", styled(HEADING, "How to mend it"), wrapped(code.mend));
    if !code.example.trim().is_empty() {
        page += &format!("\n{}\n\n", styled(HEADING, "Example"));
        for line in code.example.lines() {
            page += format!("    {line}").trim_end();
            page.push('\n');
        }
    }
    page
}

/// All codes, a line each.
pub(super) fn list() -> String {
    let codes = codes::all();
    let width = codes.iter().map(|code| code.name.len()).max().unwrap_or_default();
    let lines = codes.iter().map(|code| {
        let name = format!("{:width$}", code.name);
        format!("{}  {}  {}\n", code.code, styled(FAINT, &name), code.title)
    });
    lines.collect()
}

/// Breaks paragraphs into lines of at most 80 characters.
fn wrapped(text: &str) -> String {
    let lines = text.lines().flat_map(|line| {
        let mut lines = vec![String::new()];
        for word in line.split(' ') {
            let last = lines.last_mut().expect("there is one");
            if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > 80 {
                lines.push(word.to_owned());
                continue;
            }
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
        lines
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_broken_between_words() {
        let text = format!("{} {}\nend", "a".repeat(50), "b".repeat(40));
        assert_eq!(wrapped(&text), format!("{}\n{}\nend", "a".repeat(50), "b".repeat(40)));
    }
}
