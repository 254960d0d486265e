//! The header fields of responses.

use filter::{Exchange, Field, Problem};
use model::{Answered, HeaderMode};

use super::forwarding::append;
use super::names::Names;
use super::sink::{FieldName, Sink};
use super::template::{Place, Scope, Template};
use super::{FRAMING, check_name, is_common_connection, named_by_connection, options};

/// What a voice says about the header fields of responses.
pub(super) struct Responses {
    fates: Names<Fate>,
    ambient: Vec<Ambient>,
    /// The ambient headers, a bit each, that stand on responses, by who answered.
    on: [u64; 3],
    /// Those that do so whatever the request.
    always: u64,
    /// What becomes of the response's own fields, by the index in [`Fate::Ambient`].
    names: Vec<Modes>,
    charset: Option<Charset>,
}

/// What becomes of a response's own field.
#[derive(Clone, Copy)]
enum Fate {
    Dropped,
    /// Of a response of the gateway's own, only what goes with `Upgrade` is kept (RFC 9110
    /// section 7.8).
    Connection,
    /// Of a response of the gateway's own it is kept.
    Upgrade,
    ContentType,
    /// The gateway may write a field of that name: its index.
    Ambient(u8),
}

struct Ambient {
    name: Box<str>,
    field: FieldName,
    value: Template,
    mode: HeaderMode,
    /// Index of the name.
    names: u8,
    if_request_header: Option<Box<str>>,
}

/// The ambient headers of one name, a bit each, by what they do.
#[derive(Clone, Copy, Default)]
struct Modes {
    /// Those in whose place the response's own does not stand.
    replacing: u64,
    /// Of these, those that do not take it up in their value.
    setting: u64,
}

struct Charset {
    suffix: Box<[u8]>,
    media_types: Vec<Box<str>>,
    except: Vec<u16>,
}

impl Responses {
    pub(super) fn compile(voice: &model::Voice, problems: &mut Vec<Problem>) -> Self {
        let mut compiled = Self {
            fates: Names::new(),
            ambient: Vec::new(),
            on: [0; 3],
            always: 0,
            names: Vec::new(),
            charset: voice.charset.as_ref().map(|charset| Charset::compile(charset, problems)),
        };
        for name in ENGINES {
            compiled.fates.insert(name, Fate::Dropped);
        }
        compiled.fates.insert("connection", Fate::Connection);
        compiled.fates.insert("upgrade", Fate::Upgrade);
        compiled.fates.insert("content-type", Fate::ContentType);
        for (ix, header) in voice.ambient.iter().enumerate() {
            compiled.add(header, &format!("/ambient/{ix}"), problems);
        }
        compiled
    }

    fn add(&mut self, header: &model::AmbientHeader, pointer: &str, problems: &mut Vec<Problem>) {
        check_name(&header.name, &format!("{pointer}/name"), problems);
        if self.ambient.len() == MAX_AMBIENT {
            problems.push(Problem::new(pointer, format!("more than {MAX_AMBIENT} headers")));
            return;
        }
        let names = match self.fates.get(header.name.as_bytes()) {
            Some(Fate::Ambient(ix)) => *ix,
            _ => {
                self.names.push(Modes::default());
                u8::try_from(self.names.len() - 1).expect("at most 64 headers")
            }
        };
        self.fates.insert(&header.name, Fate::Ambient(names));
        let bit = 1u64 << self.ambient.len();
        let modes = &mut self.names[usize::from(names)];
        match header.mode {
            HeaderMode::Set => {
                modes.replacing |= bit;
                modes.setting |= bit;
            }
            HeaderMode::Append => modes.replacing |= bit,
            HeaderMode::IfAbsent => {}
        }
        for answered in &header.when {
            self.on[index(*answered)] |= bit;
        }
        if header.if_request_header.is_none() {
            self.always |= bit;
        }
        let value_at = format!("{pointer}/value");
        let value = Template::compile(&header.value, Place::Field, &value_at, problems);
        self.ambient.push(Ambient {
            name: header.name.as_str().into(),
            field: FieldName::new(&header.name).unique(value.is_unique()),
            value,
            mode: header.mode,
            names,
            if_request_header: header.if_request_header.as_deref().map(Into::into),
        });
    }

    /// See [`super::Voice::response_headers`].
    pub(super) fn write<S: Sink>(
        &self,
        x: &Exchange,
        now_us: u64,
        answered: Answered,
        sink: &mut S,
    ) {
        let active = self.active(x, answered);
        let seen = self.write_own(x, answered, active, sink);
        for field in x.reply_headers.fields() {
            sink.field(&field);
        }
        let scope = Scope { x, now_us, matched_prefix: "", reply: None };
        for ix in bits(active) {
            let header = &self.ambient[ix];
            let setting = self.names[usize::from(header.names)].setting & active != 0;
            let own = seen >> header.names & 1 == 1 && !setting;
            header.write(&scope, own, sink);
        }
    }

    /// The ambient headers, a bit each, that stand on a response.
    fn active(&self, x: &Exchange, answered: Answered) -> u64 {
        let on = self.on[index(answered)];
        let conditional = bits(on & !self.always).filter(|ix| {
            let name = self.ambient[*ix].if_request_header.as_ref();
            name.is_some_and(|name| x.request.headers.contains(name))
        });
        conditional.fold(on & self.always, |active, ix| active | 1 << ix)
    }

    /// Writes the response's own fields; says which of the ambient names were among them.
    fn write_own<S: Sink>(
        &self,
        x: &Exchange,
        answered: Answered,
        active: u64,
        sink: &mut S,
    ) -> u64 {
        let headers = &x.response.headers;
        let local = answered != Answered::Upstream;
        let named = match local || headers.get_all("connection").all(is_common_connection) {
            true => Vec::new(),
            false => named_by_connection(headers).unwrap_or_default(),
        };
        let mut seen = 0;
        for field in headers.fields() {
            let kept = match self.fates.get_hashed(field.name_hash, field.name) {
                None => named.is_empty() || !is_named(&named, field.name),
                Some(Fate::Dropped) => false,
                Some(Fate::Connection) => local && options(field.value).all(is_upgrade),
                Some(Fate::Upgrade) => local,
                Some(Fate::ContentType) => {
                    self.write_content_type(x.response.status, &field, sink);
                    false
                }
                Some(Fate::Ambient(ix)) => {
                    seen |= 1 << ix;
                    self.names[usize::from(*ix)].replacing & active == 0
                }
            };
            if kept {
                sink.field(&field);
            }
        }
        seen
    }

    fn write_content_type<S: Sink>(&self, status: u16, field: &Field<'_>, sink: &mut S) {
        match &self.charset {
            Some(charset) if charset.is_due(status, field.value) => {
                sink.field_and(field, &charset.suffix);
            }
            _ => sink.field(field),
        }
    }
}

impl Ambient {
    /// Writes the header; `own` says whether the response has one of its own that counts.
    fn write<S: Sink>(&self, scope: &Scope<'_>, own: bool, sink: &mut S) {
        let name = &self.field;
        match self.mode {
            HeaderMode::IfAbsent if own || scope.x.reply_headers.contains(&self.name) => {}
            HeaderMode::Append if own => sink.header_with(name, |output| {
                let values = scope.x.response.headers.get_all(&self.name);
                append(values, &self.value, scope, output);
            }),
            _ => sink.header_with(name, |output| self.value.write(scope, output)),
        }
    }
}

impl Charset {
    fn compile(charset: &model::Charset, problems: &mut Vec<Problem>) -> Self {
        if !filter::is_token(charset.charset.as_bytes()) {
            let message = format!("`{}` is no name of a charset", charset.charset);
            problems.push(Problem::new("/charset/charset", message));
        }
        Self {
            suffix: format!("; charset={}", charset.charset).into_bytes().into(),
            media_types: charset.media_types.iter().map(|t| t.as_str().into()).collect(),
            except: charset.except_statuses.clone(),
        }
    }

    fn is_due(&self, status: u16, content_type: &[u8]) -> bool {
        let end = content_type.iter().position(|byte| *byte == b';').unwrap_or(content_type.len());
        let (media_type, parameters) = content_type.split_at(end);
        let media_type = media_type.trim_ascii();
        self.media_types.iter().any(|known| media_type.eq_ignore_ascii_case(known.as_bytes()))
            && !self.except.contains(&status)
            && !parameters
                .split(|byte| *byte == b';')
                .map(<[u8]>::trim_ascii)
                .any(|part| part.get(..7).is_some_and(|name| name.eq_ignore_ascii_case(b"charset")))
    }
}

fn is_named(named: &[Vec<u8>], name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let framing = FRAMING.iter().any(|framing| framing.as_bytes() == lower);
    !framing && named.binary_search(&lower).is_ok()
}

fn is_upgrade(option: &[u8]) -> bool {
    option.eq_ignore_ascii_case(b"upgrade")
}

/// The places of a word's set bits, from the lowest.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = (word != 0).then(|| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(at)
    })
}

fn index(answered: Answered) -> usize {
    match answered {
        Answered::Upstream => 0,
        Answered::Failure => 1,
        Answered::Local => 2,
    }
}

/// Fields that end with the connection (RFC 9110 section 7.6.1) or that the engine writes.
const ENGINES: [&str; 5] =
    ["content-length", "transfer-encoding", "keep-alive", "proxy-connection", "te"];

/// One bit each in a word.
const MAX_AMBIENT: usize = 64;
