//! How the gateway speaks: what it tells upstreams, what it answers itself, and the headers that
//! its responses bear.
//!
//! A [`model::Voice`] is compiled once per snapshot. On the path of a proxied request nothing
//! here allocates: one pass over the fields of a head, then the gateway's own fields, written
//! straight into the buffer that is sent.

mod accept;
mod forwarding;
mod names;
mod response;
mod sink;
mod template;
#[cfg(test)]
mod tests;
mod wording;

pub(crate) use forwarding::RequestFacts;
pub(crate) use sink::{Fields, Lines, Sink};
pub(crate) use template::{write_address, write_id};

use filter::{Exchange, Headers, LocalReply, Problem};
use model::Answered;

use forwarding::Forwarding;
use response::Responses;
use wording::Words;

/// A compiled [`model::Voice`].
pub(crate) struct Voice {
    forwarding: Forwarding,
    words: Words,
    responses: Responses,
}

impl Voice {
    /// Compiles a voice.
    ///
    /// # Errors
    /// Everything that could not be written into a message, or that names what does not exist.
    pub(crate) fn compile(voice: &model::Voice) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let compiled = Self {
            forwarding: Forwarding::compile(&voice.forwarding, &mut problems),
            words: Words::compile(voice, &mut problems),
            responses: Responses::compile(voice, &mut problems),
        };
        if problems.is_empty() { Ok(compiled) } else { Err(problems) }
    }

    /// Removes what a client has no say in from a request's fields, when the request arrives and
    /// before any policy sees it: the reserved fields, and those that its `Connection` names
    /// (RFC 9110 section 7.6.1) but for the ones that frame the message or that the gateway
    /// itself sends on. That it happens here, not when the request is sent on, keeps a client
    /// from removing what a policy sets.
    pub(crate) fn strip_reserved(&self, headers: &mut Headers) {
        self.forwarding.strip(headers);
    }

    /// Writes the header fields of the upstream request, without `Host`, `Connection`, `Upgrade`
    /// and those that frame the body, which are the engine's.
    pub(crate) fn request_headers<S: Sink>(
        &self,
        x: &Exchange,
        facts: &RequestFacts<'_>,
        sink: &mut S,
    ) {
        self.forwarding.write(x, facts, sink);
    }

    /// Finds the words for a reply, makes them the exchange's response and returns its body.
    /// `now_us` is the moment, of [`filter::Now::mono_us`].
    pub(crate) fn word(&self, reply: &LocalReply, x: &mut Exchange, now_us: u64) -> Vec<u8> {
        self.words.word(reply, x, now_us)
    }

    /// Writes the header fields of a response, without `Connection` and those that frame the
    /// body, which are the engine's: the response's own, those that stand on it whoever answers,
    /// and the ambient ones. `now_us` is the moment, of [`filter::Now::mono_us`]; where nothing
    /// waited since, [`filter::Timings::upstream_head`] will do.
    pub(crate) fn response_headers<S: Sink>(
        &self,
        x: &Exchange,
        now_us: u64,
        answered: Answered,
        sink: &mut S,
    ) {
        self.responses.write(x, now_us, answered, sink);
    }
}

/// A header's value outside of any voice, with places that are filled in per request.
pub(crate) struct Text(template::Template);

impl Text {
    /// Compiles a template; problems are those of [`Voice::compile`].
    pub(crate) fn compile(
        template: &model::Template,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        Self(template::Template::compile(template, template::Place::Field, pointer, problems))
    }

    /// The text for an exchange. `now_us` is the moment, of [`filter::Now::mono_us`].
    pub(crate) fn render(&self, x: &Exchange, now_us: u64) -> String {
        let mut output = Vec::new();
        let scope = template::Scope { x, now_us, matched_prefix: "", reply: None };
        self.0.write(&scope, &mut output);
        String::from_utf8_lossy(&output).into_owned()
    }
}

/// The fields that a `Connection` field names besides what every connection knows, sorted, lower
/// case; `None` if there are none (RFC 9110 section 7.6.1).
fn named_by_connection(headers: &Headers) -> Option<Vec<Vec<u8>>> {
    let mut named: Vec<Vec<u8>> = headers
        .get_all("connection")
        .flat_map(options)
        .filter(|option| !is_common_option(option))
        .map(<[u8]>::to_ascii_lowercase)
        .collect();
    if named.is_empty() {
        return None;
    }
    named.sort_unstable();
    named.dedup();
    Some(named)
}

/// Whether a field's value names only options that say nothing about other fields.
fn is_common_connection(value: &[u8]) -> bool {
    options(value).all(is_common_option)
}

/// Elements of a comma-separated list (RFC 9110 section 5.6.1), without blanks around them.
fn options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|option| !option.is_empty())
}

/// Options that are no fields, or whose fields are looked after wherever they stand.
fn is_common_option(option: &[u8]) -> bool {
    [&b"keep-alive"[..], b"close", b"upgrade", b"te"]
        .iter()
        .any(|common| option.eq_ignore_ascii_case(common))
}

/// Fields that no `Connection` may remove: they frame the message or were judged already.
const FRAMING: [&str; 5] = ["host", "content-length", "transfer-encoding", "expect", "connection"];

/// Finds fault with a name that cannot be a field's (RFC 9110 section 5.1).
fn check_name(name: &str, pointer: &str, problems: &mut Vec<Problem>) {
    if !filter::is_token(name.as_bytes()) {
        let message = format!("`{name}` is no header name");
        let help = "use letters, digits and `-`";
        problems.push(Problem::new(pointer, message).help(help));
    }
}

/// A JSON pointer (RFC 6901) to a member of the value at another.
fn member(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}
