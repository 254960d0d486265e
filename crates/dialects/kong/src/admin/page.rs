//! Lists in pages, and lists of what bears a tag.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::request::Request;
use crate::tables::{Row, text};

/// Entities of a page if the client says nothing.
const SIZE: usize = 100;

/// The most tags of a filter.
const MOST_TAGS: usize = 5;

/// What a client wants of a list.
pub(super) struct Wanted {
    size: usize,
    /// The id of the last entity that the client has.
    after: Option<String>,
    tags: Option<Tags>,
    /// The rest of a link to the next page.
    link: String,
}

enum Tags {
    All(Vec<String>),
    Any(Vec<String>),
}

impl Wanted {
    pub(super) fn read(request: &Request) -> Result<Self, Failure> {
        let (size, tags) = (request.argument("size"), request.argument("tags"));
        let mut link = String::new();
        for (name, value) in [("size", size), ("tags", tags)] {
            if let Some(value) = value {
                link.push_str(&format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
            }
        }
        Ok(Self {
            size: size.map_or(Ok(SIZE), read_size)?,
            after: request.argument("offset").map(read_offset).transpose()?,
            tags: tags.map(read_tags).transpose()?,
            link,
        })
    }

    /// The id of the last entity that the client has.
    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Leaves size and tags out of links, as Kong does in lists within an entity.
    pub(super) fn nested(self) -> Self {
        Self { link: String::new(), ..self }
    }

    /// The page, of rows in the order of their primary keys.
    pub(super) fn page(
        &self,
        request: &Request,
        rows: impl Iterator<Item = Row>,
        primary_key: &str,
        show: impl Fn(Row) -> Value,
    ) -> Value {
        let mut rows = rows
            .filter(|row| self.after.is_none() || text(row, primary_key) > self.after.as_deref())
            .filter(|row| self.tags.as_ref().is_none_or(|tags| tags.hold(row)));
        let page: Vec<Row> = rows.by_ref().take(self.size).collect();
        let last = rows.next().and_then(|_| text(page.last()?, primary_key).map(str::to_owned));
        let mut body = Map::new();
        body.insert("data".into(), page.into_iter().map(show).collect());
        let mut next = Value::Null;
        if let Some(last) = last {
            let offset = BASE64_URL_SAFE_NO_PAD.encode(json!([last]).to_string());
            next = format!("{}?offset={offset}{}", request.path, self.link).into();
            body.insert("offset".into(), offset.into());
        }
        body.insert("next".into(), next);
        body.into()
    }
}

impl Tags {
    fn hold(&self, row: &Row) -> bool {
        let tags = row.get("tags").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let bears = |tag: &String| tags.iter().any(|own| own == tag);
        match self {
            Tags::All(all) => all.iter().all(bears),
            Tags::Any(any) => any.iter().any(bears),
        }
    }
}

/// The tags of an entity.
pub(super) fn tags(row: &Row) -> impl Iterator<Item = &str> {
    row.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn read_size(size: &str) -> Result<usize, Failure> {
    let number: f64 = size.parse().map_err(|_| Failure::InvalidSize("size must be a number"))?;
    if number.fract() == 0.0 && (1.0..=1000.0).contains(&number) {
        // It is a whole number up to 1000.
        return Ok(number as usize);
    }
    Err(Failure::InvalidSize("size must be an integer between 1 and 1000"))
}

fn read_offset(offset: &str) -> Result<String, Failure> {
    let invalid = |reason| Failure::InvalidOffset { offset: offset.to_owned(), reason };
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(offset.trim_end_matches('='))
        .map_err(|_| invalid("bad base64 encoding"))?;
    let keys: Vec<String> =
        serde_json::from_slice(&bytes).map_err(|_| invalid("bad json encoding"))?;
    keys.into_iter().next().ok_or_else(|| invalid("bad json encoding"))
}

fn read_tags(filter: &str) -> Result<Tags, Failure> {
    let invalid = |said: &str| Failure::InvalidOptions(vec![("tags", said.to_owned())]);
    let any = filter.contains('/');
    let tags: Vec<String> =
        filter.split(if any { '/' } else { ',' }).map(|tag| tag.trim().to_owned()).collect();
    if any && filter.contains(',') || tags.iter().any(String::is_empty) {
        return Err(invalid("invalid filter syntax"));
    }
    if tags.len() > MOST_TAGS {
        return Err(invalid("cannot query more than 5 tags"));
    }
    Ok(if any { Tags::Any(tags) } else { Tags::All(tags) })
}
