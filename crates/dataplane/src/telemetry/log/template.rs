//! A format of the access log that is text with variables.

use filter::{Exchange, Now};

use super::InvalidLogFormat;
use super::time::Times;
use super::variable::Variable;

/// Text with variables, each `$name` or `${name}` as in nginx.
pub(in crate::telemetry) struct Template(Vec<Piece>);

enum Piece {
    Text(Box<str>),
    Variable(Variable),
}

impl Template {
    /// Reads a template.
    pub(super) fn compile(text: &str) -> Result<Self, InvalidLogFormat> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            if at > 0 {
                pieces.push(Piece::Text(rest[..at].into()));
            }
            let (name, behind) = name(&rest[at + 1..])?;
            pieces.push(Piece::Variable(Variable::parse(name)?));
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.into()));
        }
        if text.contains(['\n', '\r']) {
            let message = "a line of the log cannot have a line break in it".to_owned();
            return Err(InvalidLogFormat(message));
        }
        Ok(Self(pieces))
    }

    /// Appends the line of an exchange, without the line's end.
    pub(super) fn write(&self, x: &Exchange, now: Now, times: &Times, line: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => line.extend_from_slice(text.as_bytes()),
                Piece::Variable(variable) => variable.write(x, now, times, line),
            }
        }
    }
}

/// The name of a variable, and what stands behind it.
fn name(text: &str) -> Result<(&str, &str), InvalidLogFormat> {
    if let Some(text) = text.strip_prefix('{') {
        return text
            .split_once('}')
            .ok_or_else(|| InvalidLogFormat(format!("`${{{text}` has no closing brace")));
    }
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let end = text.bytes().position(|b| !is_name(b)).unwrap_or(text.len());
    match end {
        0 => Err(InvalidLogFormat("a `$` stands before no variable's name".to_owned())),
        end => Ok(text.split_at(end)),
    }
}
