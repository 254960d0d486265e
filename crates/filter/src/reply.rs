//! What the gateway itself answers.

use std::borrow::Cow;

/// An answer of the gateway's own: what happened, never how to say it. The route's voice finds
/// the words by `reason`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalReply {
    /// What happened: one of [`model::reason`], or the policy's kind, a slash, and its own word
    /// (`jwt/missing`).
    pub reason: Cow<'static, str>,
    /// The status, unless the voice has its own for the reason.
    pub status: u16,
    /// A message for a person, unless the voice has its own for the reason.
    pub message: Cow<'static, str>,
    /// Headers that belong to the answer (`WWW-Authenticate`, `Retry-After`).
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// Values that the voice may put in its words, by name.
    pub details: Vec<(&'static str, String)>,
    /// A body that is sent as it is; the voice then adds headers only.
    pub body: Option<ReplyBody>,
}

/// A body that is sent as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyBody {
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl LocalReply {
    /// A reply for a reason.
    pub fn new(
        status: u16,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, reason: reason.into(), message: message.into(), ..Self::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a value for the voice's words.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }
}
