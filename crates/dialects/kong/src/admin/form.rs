//! Forms: `application/x-www-form-urlencoded`, `multipart/form-data` (RFC 7578), and the names by
//! which Kong's users write nested fields into them.

use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::request::MOST_ARGUMENTS;

/// How deep names may go.
const DEEPEST: usize = 32;

/// The fields of a form, nested as their names say: `config.minute`, `paths[]`, `hosts[1]`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fields(pub(super) Map<String, Value>);

impl Fields {
    pub(super) fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        let mut root = Value::Object(Map::new());
        for (name, text) in pairs {
            insert(&mut root, &steps(&name), text);
        }
        match root {
            Value::Object(fields) => Self(fields),
            _ => Self::default(),
        }
    }
}

/// The pairs of a query or of a body of that type. A name without a value has an empty one.
///
/// # Errors
/// If there are too many.
pub(super) fn url_encoded(text: &[u8]) -> Result<Vec<(String, String)>, Failure> {
    let mut pairs = Vec::new();
    for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let value = pair.get(equals + 1..).unwrap_or_default();
        pairs.push((decode(&pair[..equals]), decode(value)));
        check_count(&pairs)?;
    }
    Ok(pairs)
}

/// The parts of a body, by name. Files count as texts.
///
/// # Errors
/// If there are too many, or the type names no boundary.
pub(super) fn multipart(content_type: &str, body: &[u8]) -> Result<Vec<(String, String)>, Failure> {
    let unreadable = || Failure::BadRequest("Cannot parse multipart body".into());
    let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty());
    let delimiter = format!("--{}", boundary.ok_or_else(unreadable)?);
    let mut pairs = Vec::new();
    for part in parts(body, delimiter.as_bytes()) {
        let (head, content) = split_head(part).ok_or_else(unreadable)?;
        let head = String::from_utf8_lossy(head);
        let disposition = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        });
        if let Some(name) = disposition.and_then(|value| parameter(value, "name")) {
            pairs.push((name, String::from_utf8_lossy(content).into_owned()));
            check_count(&pairs)?;
        }
    }
    Ok(pairs)
}

fn check_count(pairs: &[(String, String)]) -> Result<(), Failure> {
    match pairs.len() {
        count if count > MOST_ARGUMENTS => Err(Failure::BadRequest("Too many arguments".into())),
        _ => Ok(()),
    }
}

fn decode(text: &[u8]) -> String {
    let spaced: Vec<u8> =
        text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

/// A parameter of a header's value, with or without quotes.
fn parameter(value: &str, name: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        let value = value.trim();
        let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        key.trim().eq_ignore_ascii_case(name).then(|| unquoted.unwrap_or(value).to_owned())
    })
}

/// What stands between two lines that begin with the delimiter.
fn parts<'b>(body: &'b [u8], delimiter: &[u8]) -> Vec<&'b [u8]> {
    let mut parts = Vec::new();
    let mut begin = None;
    let mut line_start = 0;
    while line_start < body.len() {
        let line_end = body[line_start..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(body.len(), |at| line_start + at + 1);
        let line = &body[line_start..line_end];
        if line.starts_with(delimiter) {
            if let Some(begin) = begin {
                parts.push(without_line_end(&body[begin..line_start]));
            }
            begin = (!line[delimiter.len()..].starts_with(b"--")).then_some(line_end);
        }
        line_start = line_end;
    }
    parts
}

/// The headers of a part and its content, which an empty line divides.
fn split_head(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut line_start = 0;
    loop {
        let length = part.get(line_start..)?.iter().position(|byte| *byte == b'\n')?;
        let line_end = line_start + length + 1;
        if without_line_end(&part[line_start..line_end]).is_empty() {
            return Some((&part[..line_start], &part[line_end..]));
        }
        line_start = line_end;
    }
}

fn without_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

/// A step of a name.
#[derive(Debug, PartialEq)]
enum Step {
    Name(String),
    /// An element of a list, from 1; `None` for a new one.
    Element(Option<usize>),
}

fn steps(name: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in name.split('.') {
        let (name, elements) = part.split_once('[').unwrap_or((part, ""));
        steps.push(Step::Name(name.to_owned()));
        for element in elements.split('[').filter_map(|element| element.strip_suffix(']')) {
            steps.push(match element.parse() {
                Ok(index) if (1..=MOST_ARGUMENTS).contains(&index) => Step::Element(Some(index)),
                _ => Step::Element(None),
            });
        }
    }
    steps.truncate(DEEPEST);
    steps
}

/// Puts a text at the end of a way. What contradicts an earlier field is left out.
fn insert(slot: &mut Value, steps: &[Step], text: String) {
    let Some((step, rest)) = steps.split_first() else { return add(slot, text) };
    match step {
        Step::Name(name) => {
            if slot.is_null() {
                *slot = Value::Object(Map::new());
            }
            if let Value::Object(fields) = slot {
                insert(fields.entry(name.as_str()).or_insert(Value::Null), rest, text);
            }
        }
        Step::Element(index) => {
            if slot.is_null() {
                *slot = Value::Array(Vec::new());
            }
            if let Value::Array(elements) = slot {
                let index = index.map_or(elements.len(), |index| index - 1);
                if elements.len() <= index {
                    elements.resize(index + 1, Value::Null);
                }
                insert(&mut elements[index], rest, text);
            }
        }
    }
}

/// A name that is given twice is a list.
fn add(slot: &mut Value, text: String) {
    match slot {
        Value::Null => *slot = Value::String(text),
        Value::String(first) => {
            *slot = Value::Array(vec![std::mem::take(first).into(), text.into()]);
        }
        Value::Array(elements) => elements.push(text.into()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn fields(text: &str) -> Value {
        let pairs = url_encoded(text.as_bytes()).expect("there are few arguments");
        Value::Object(Fields::from_pairs(pairs).0)
    }

    #[test]
    fn names_nest() {
        assert_eq!(
            fields("name=a+b&config.minute=5&config.redis.host=r&x%5B%5D=1&x[]=2&y=1&y=2&z[2]=b"),
            json!({
                "name": "a b",
                "config": {"minute": "5", "redis": {"host": "r"}},
                "x": ["1", "2"],
                "y": ["1", "2"],
                "z": [null, "b"],
            })
        );
    }

    #[test]
    fn parts_of_multipart_bodies_are_found() {
        let body =
            b"--B\r\nContent-Disposition: form-data; name=\"config\"; filename=\"a.yml\"\r\n\
            Content-Type: text/plain\r\n\r\n_format_version: x\n\r\n--B\n\
            content-disposition: form-data; name=other\n\nvalue\n--B--\n";
        let pairs = multipart("multipart/form-data; boundary=B", body).expect("it is one");
        let expected = [("config", "_format_version: x\n"), ("other", "value")];
        assert_eq!(pairs, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        assert!(multipart("multipart/form-data", body).is_err());
    }

    #[test]
    fn too_many_arguments_are_refused() {
        assert!(url_encoded("a&".repeat(MOST_ARGUMENTS).as_bytes()).is_ok());
        assert!(url_encoded("a&".repeat(MOST_ARGUMENTS + 1).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_readers(body in proptest::collection::vec(any::<u8>(), 0..200), text in "[-B\r\na.\\[\\]=&1\"; ]{0,80}") {
            for body in [body.as_slice(), text.as_bytes()] {
                let _ = multipart("multipart/form-data; boundary=B", body);
                let _ = url_encoded(body).map(Fields::from_pairs);
            }
        }
    }
}
