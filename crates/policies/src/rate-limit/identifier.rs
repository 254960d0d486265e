//! Whose requests are counted together.

use std::fmt::{self, Write};
use std::net::IpAddr;

use ::filter::{Exchange, Problem};
use aws_lc_rs::digest;

use super::config::{ByConfig, ByKind};

/// What tells callers apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    Principal,
    Credential,
    Address,
    Service,
    Header(String),
    Path(String),
    Group(Option<String>),
}

impl By {
    pub(super) fn prepare(config: ByConfig, problems: &mut Vec<Problem>) -> Self {
        let ByConfig { kind, name, path } = config;
        if name.is_some() && !matches!(kind, ByKind::Header | ByKind::Group) {
            let problem = Problem::new("/by/name", "only headers and groups are named");
            problems.push(problem.help("remove it, or say kind `header` or `group`"));
        }
        if path.is_some() && kind != ByKind::Path {
            let problem = Problem::new("/by/path", "the path means nothing to this kind");
            problems.push(problem.help("remove it, or say kind `path`"));
        }
        match kind {
            ByKind::Principal => Self::Principal,
            ByKind::Credential => Self::Credential,
            ByKind::Address => Self::Address,
            ByKind::Service => Self::Service,
            ByKind::Group => Self::Group(name),
            ByKind::Header => {
                let name = name.unwrap_or_default();
                if !::filter::is_token(name.as_bytes()) {
                    let message = format!("`{name}` cannot be a header's name");
                    let problem = Problem::new("/by/name", message);
                    problems.push(problem.help("name the header that tells callers apart"));
                }
                Self::Header(name)
            }
            ByKind::Path => {
                let path = path.unwrap_or_default();
                if !path.starts_with('/') {
                    let message = format!("`{path}` is no path");
                    let problem = Problem::new("/by/path", message);
                    problems.push(problem.help("give the path that is counted by itself"));
                }
                Self::Path(path)
            }
        }
    }

    /// Names whose request it is. Where the request has no such thing, the client's address does.
    pub(super) fn identifier<'a>(&'a self, exchange: &'a Exchange) -> Identifier<'a> {
        let found = match self {
            Self::Principal => principal(exchange).map(|it| it.public_id.as_bytes()),
            Self::Credential => credential(exchange),
            Self::Address => None,
            Self::Service => service(exchange),
            Self::Header(name) => exchange.request.headers.get(name),
            Self::Path(path) => (exchange.request.path() == path).then_some(path.as_bytes()),
            Self::Group(name) => group(exchange, name.as_deref()),
        };
        match found {
            Some(bytes) if bytes.len() > LONGEST => Identifier::digest(bytes),
            Some(bytes) => Identifier::Borrowed(bytes),
            None => Identifier::address(exchange.client.address),
        }
    }
}

/// The longest identifier that is kept as it is, in bytes. Of longer ones the digest is: what
/// clients write into headers must not decide how much memory a counter takes.
const LONGEST: usize = 256;

/// Names whose request it is.
#[derive(Debug)]
pub(super) enum Identifier<'a> {
    Borrowed(&'a [u8]),
    Written(Text),
}

impl Identifier<'_> {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Written(text) => text.as_bytes(),
        }
    }

    fn address(address: IpAddr) -> Self {
        let mut text = Text::default();
        write!(text, "{address}").expect("the text has room for any address");
        Self::Written(text)
    }

    fn digest(bytes: &[u8]) -> Self {
        let mut text = Text::default();
        text.write_str("sha256:").expect("the text has room for a digest");
        for byte in digest::digest(&digest::SHA256, bytes).as_ref() {
            write!(text, "{byte:02x}").expect("the text has room for a digest");
        }
        Self::Written(text)
    }
}

/// A short text that is not on the heap: an address (at most 45 bytes), or a digest.
#[derive(Debug)]
pub(super) struct Text {
    bytes: [u8; 71],
    len: usize,
}

impl Text {
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Default for Text {
    fn default() -> Self {
        Self { bytes: [0; 71], len: 0 }
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

fn principal(exchange: &Exchange) -> Option<&model::Principal> {
    exchange.caller.map(|caller| exchange.view.identities().principal(caller.principal))
}

fn credential(exchange: &Exchange) -> Option<&[u8]> {
    if let Some(name) = &exchange.external_caller {
        return Some(name.as_bytes());
    }
    let credential = exchange.caller?.credential?;
    let known = exchange.view.identities().credential(credential);
    Some(known.credential.public_id.as_bytes())
}

fn service(exchange: &Exchange) -> Option<&[u8]> {
    let id = &exchange.labels()?.service_id;
    (!id.is_empty()).then_some(id.as_bytes())
}

fn group<'a>(exchange: &'a Exchange, name: Option<&str>) -> Option<&'a [u8]> {
    let mut groups = principal(exchange)?.groups.iter();
    let group = groups.find(|group| name.is_none_or(|name| name == *group))?;
    Some(group.as_bytes())
}
