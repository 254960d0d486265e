//! Putting a local reply in words.

use std::collections::{BTreeMap, HashMap};

use filter::{BodyLength, Exchange, Headers, LocalReply, Problem};
use model::Escape;

use super::accept::negotiate;
use super::template::{Place, Scope, Template};
use super::{check_name, member};

/// The compiled words of a voice.
pub(super) struct Words {
    by_reason: HashMap<Box<str>, Wording, foldhash::fast::RandomState>,
    fallback: Wording,
    formats: Vec<Format>,
}

struct Wording {
    status: Option<u16>,
    message: Option<Template>,
    /// Index among the formats.
    format: Option<usize>,
    headers: Vec<(Box<str>, Template)>,
}

enum Format {
    Fixed(Choice),
    Negotiated {
        choices: Vec<Choice>,
        otherwise: usize,
        unasked: usize,
        /// Starts of content types, with the index of a format.
        by_content_type: Vec<(Box<[u8]>, usize)>,
    },
}

struct Choice {
    media_type: Box<str>,
    content_type: Box<str>,
    body: Template,
    escape: Escape,
}

impl Words {
    pub(super) fn compile(voice: &model::Voice, problems: &mut Vec<Problem>) -> Self {
        let names: Vec<&str> = voice.formats.keys().map(String::as_str).collect();
        let by_reason = voice.wording.iter().map(|(reason, wording)| {
            let pointer = member("/wording", reason);
            (reason.as_str().into(), Wording::compile(wording, &names, &pointer, problems))
        });
        let by_reason = by_reason.collect();
        let fallback = Wording::compile(&voice.fallback, &names, "/fallback", problems);
        let formats = Format::compile_all(&voice.formats, &names, problems);
        Self { by_reason, fallback, formats }
    }

    /// See [`super::Voice::word`].
    pub(super) fn word(&self, reply: &LocalReply, x: &mut Exchange, now_us: u64) -> Vec<u8> {
        let wording = self.by_reason.get(reply.reason.as_ref()).unwrap_or(&self.fallback);
        x.response.clear();
        x.response.status = final_status(wording.status.unwrap_or(reply.status));
        // Taken out while templates look at the exchange.
        let mut headers = std::mem::take(&mut x.response.headers);
        let body = self.write(wording, reply, x, now_us, &mut headers);
        x.response.headers = headers;
        x.response.body = match body.len() {
            _ if !has_content(x.response.status) => BodyLength::None,
            length => BodyLength::Known(length as u64),
        };
        body
    }

    fn write(
        &self,
        wording: &Wording,
        reply: &LocalReply,
        x: &Exchange,
        now_us: u64,
        headers: &mut Headers,
    ) -> Vec<u8> {
        let mut scope = Scope { x, now_us, matched_prefix: "", reply: Some((reply, b"")) };
        let own_message = wording.message.as_ref().map(|message| {
            let mut text = Vec::new();
            message.write(&scope, &mut text);
            text
        });
        scope.reply = Some((reply, own_message.as_deref().unwrap_or(reply.message.as_bytes())));
        let mut body = Vec::new();
        if has_content(x.response.status) {
            let content_type = self.write_body(wording, reply, &scope, &mut body);
            if !content_type.is_empty() {
                headers.push("Content-Type", content_type);
            }
        }
        for (name, value) in &reply.headers {
            // The type of what is sent is known better here.
            if !name.eq_ignore_ascii_case("content-type") || !headers.contains("content-type") {
                headers.push(name, value);
            }
        }
        let mut text = Vec::new();
        for (name, value) in &wording.headers {
            text.clear();
            value.write(&scope, &mut text);
            if !text.is_empty() {
                headers.push(name, &text);
            }
        }
        body
    }

    /// Writes the body, and returns its content type.
    fn write_body<'a>(
        &'a self,
        wording: &Wording,
        reply: &'a LocalReply,
        scope: &Scope<'_>,
        body: &mut Vec<u8>,
    ) -> &'a str {
        if let Some(given) = &reply.body {
            body.extend_from_slice(&given.bytes);
            return &given.content_type;
        }
        let Some(format) = wording.format else { return "" };
        let choice = self.choose(&self.formats[format], &scope.x.request.headers, false);
        choice.body.write_escaped(scope, choice.escape, body);
        &choice.content_type
    }

    /// Chooses a layout for a request. A format that the content type leads to is not left again
    /// (`led`).
    fn choose<'a>(&'a self, format: &'a Format, request: &Headers, led: bool) -> &'a Choice {
        match format {
            Format::Fixed(choice) => choice,
            Format::Negotiated { choices, otherwise, unasked, by_content_type } => {
                let accept = request.get_all("accept");
                if let Some(ix) = negotiate(accept, choices, *otherwise) {
                    return &choices[ix];
                }
                let other = request.get("content-type").filter(|_| !led).and_then(|content_type| {
                    by_content_type.iter().find(|(start, _)| starts_with(content_type, start))
                });
                match other {
                    Some((_, other)) => self.choose(&self.formats[*other], request, true),
                    None => &choices[*unasked],
                }
            }
        }
    }
}

impl Wording {
    fn compile(
        wording: &model::Wording,
        formats: &[&str],
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        if let Some(status) = wording.status
            && final_status(status) != status
        {
            let message = format!("{status} is no status of a final response");
            let help = "use one from 200 to 599";
            problems.push(Problem::new(format!("{pointer}/status"), message).help(help));
        }
        let format = wording
            .format
            .as_deref()
            .and_then(|name| find_format(name, formats, &format!("{pointer}/format"), problems));
        let message = wording.message.as_ref().map(|message| {
            Template::compile(message, Place::Body, &format!("{pointer}/message"), problems)
        });
        let headers = wording.headers.iter().enumerate().map(|(ix, (name, value))| {
            let pointer = format!("{pointer}/headers/{ix}");
            check_name(name, &format!("{pointer}/0"), problems);
            let value = Template::compile(value, Place::Field, &format!("{pointer}/1"), problems);
            (name.as_str().into(), value)
        });
        let headers = headers.collect();
        Self { status: wording.status, message, format, headers }
    }
}

impl Format {
    fn compile_all(
        formats: &BTreeMap<String, model::Format>,
        names: &[&str],
        problems: &mut Vec<Problem>,
    ) -> Vec<Self> {
        let compiled = formats.iter().map(|(name, format)| {
            Self::compile(format, names, &member("/formats", name), problems)
        });
        compiled.collect()
    }

    fn compile(
        format: &model::Format,
        names: &[&str],
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        match format {
            model::Format::Fixed(choice) => {
                Self::Fixed(Choice::compile(choice, &format!("{pointer}/Fixed"), problems))
            }
            model::Format::Negotiated { choices, otherwise, unasked, by_content_type } => {
                let pointer = format!("{pointer}/Negotiated");
                for (what, ix) in [("otherwise", otherwise), ("unasked", unasked)] {
                    if *ix >= choices.len() {
                        let message = format!("there is no choice {ix}");
                        problems.push(Problem::new(format!("{pointer}/{what}"), message));
                    }
                }
                let choices = choices.iter().enumerate().map(|(ix, choice)| {
                    Choice::compile(choice, &format!("{pointer}/choices/{ix}"), problems)
                });
                let choices = choices.collect();
                let others =
                    by_content_type.iter().enumerate().filter_map(|(ix, (start, name))| {
                        let pointer = format!("{pointer}/by_content_type/{ix}/1");
                        Some((
                            start.as_bytes().into(),
                            find_format(name, names, &pointer, problems)?,
                        ))
                    });
                let by_content_type = others.collect();
                let (otherwise, unasked) = (*otherwise, *unasked);
                Self::Negotiated { choices, otherwise, unasked, by_content_type }
            }
        }
    }
}

impl Choice {
    fn compile(choice: &model::Choice, pointer: &str, problems: &mut Vec<Problem>) -> Self {
        if choice.content_type.bytes().any(|byte| byte.is_ascii_control()) {
            let message = "a content type cannot hold control characters";
            problems.push(Problem::new(format!("{pointer}/content_type"), message));
        }
        let body_at = format!("{pointer}/body");
        Self {
            media_type: choice.media_type.as_str().into(),
            content_type: choice.content_type.as_str().into(),
            body: Template::compile(&choice.body, Place::Body, &body_at, problems),
            escape: choice.escape,
        }
    }
}

impl AsRef<str> for Choice {
    fn as_ref(&self) -> &str {
        &self.media_type
    }
}

fn find_format(
    name: &str,
    formats: &[&str],
    pointer: &str,
    problems: &mut Vec<Problem>,
) -> Option<usize> {
    let found = formats.iter().position(|format| *format == name);
    if found.is_none() {
        let help = format!("the formats are {}", formats.join(", "));
        problems.push(Problem::new(pointer, format!("there is no format `{name}`")).help(help));
    }
    found
}

/// The status, or 500 for a number that cannot be one: an interim status would leave the client
/// waiting.
fn final_status(status: u16) -> u16 {
    if (200..600).contains(&status) { status } else { 500 }
}

/// Whether a response of this status may have content (RFC 9110 sections 15.3.5 and 15.4.5).
fn has_content(status: u16) -> bool {
    status != 204 && status != 304
}

fn starts_with(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}
