//! Reading a policy's configuration.

use filter::Problem;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

/// Reads a configuration, or says what is wrong with its shape and where.
pub(crate) fn read<T: DeserializeOwned>(config: &serde_json::Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(config)
        .map_err(|error| Problem::new(pointer(error.path()), error.inner().to_string()))
}

/// The JSON pointer (RFC 6901) of a path.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        list: Vec<Inner>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        n: u8,
    }

    #[test]
    fn problems_say_where() {
        assert_eq!(read(&json!({"list": [{"n": 1}]})), Ok(Outer { list: vec![Inner { n: 1 }] }));
        let problem = read::<Outer>(&json!({"list": [{"n": 1}, {"n": "x"}]})).unwrap_err();
        assert_eq!(problem.pointer, "/list/1/n");
        assert_eq!(problem.message, "invalid type: string \"x\", expected u8");
        let problem = read::<Outer>(&json!({"list": [{"m": 1}]})).unwrap_err();
        assert_eq!(problem.pointer, "/list/0/m");
        assert_eq!(problem.message, "unknown field `m`, expected `n`");
    }
}
