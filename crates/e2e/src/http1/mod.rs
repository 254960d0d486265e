//! HTTP/1.1 as bytes: nothing is sent that was not asked for, nothing sloppy is accepted.

mod client;
mod wire;

pub use client::{Client, request};
pub use wire::{Fault, Framing, Stream, Wire};

/// Header fields in their order, bytes shown as Latin-1.
pub type Fields = Vec<(String, String)>;

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub version: String,
    pub fields: Fields,
    pub body: Vec<u8>,
    pub trailers: Fields,
    pub framing: Framing,
    /// The head's bytes, the empty line included.
    pub head: Vec<u8>,
}

/// A response as it came in.
#[derive(Debug, Clone)]
pub struct Response {
    pub version: String,
    pub status: u16,
    pub reason: String,
    pub fields: Fields,
    pub body: Vec<u8>,
    pub trailers: Fields,
    pub framing: Framing,
    /// Statuses of the interim responses (1xx) that came before.
    pub interim: Vec<u16>,
}

/// The values of a name, case ignored.
pub fn values<'a>(fields: &'a Fields, name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        values(&self.fields, name).first().copied()
    }
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        values(&self.fields, name).first().copied()
    }

    /// The body as text.
    ///
    /// # Panics
    /// If it is none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {}", self.text()))
    }
}
