//! A response's head.

use crate::{BodyLength, Headers};

/// The head of a response, from an upstream or of the gateway's own.
#[derive(Debug, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// How much body follows.
    pub body: BodyLength,
}

impl Response {
    /// Forgets the response and keeps the memory.
    pub fn clear(&mut self) {
        self.status = 0;
        self.headers.clear();
        self.body = BodyLength::None;
    }
}
