//! Templates, compiled: text and variables, written one after the other.

use std::io::Write;
use std::net::IpAddr;

use filter::{Exchange, LocalReply, Problem, Version};
use model::{Escape, Labels, Part, Scheme, Var};

use super::sink::disarm;
use crate::number;

/// A compiled [`model::Template`].
pub(super) struct Template(Vec<Segment>);

enum Segment {
    Text(Box<[u8]>),
    Var(Value),
    /// In a field: a variable whose value might end it.
    Armed(Value),
}

/// A variable whose names are resolved.
enum Value {
    Plain(Var),
    Label(fn(&Labels) -> &str),
}

/// Where a template is written, and so what its text may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A field's value (RFC 9110 section 5.5).
    Field,
    /// A body, or a part of one.
    Body,
}

impl Place {
    fn variable(self, armed: bool, value: Value) -> Segment {
        if armed && self == Self::Field { Segment::Armed(value) } else { Segment::Var(value) }
    }
}

/// Whether a variable's value may have bytes that end a field. What is made of numbers, or was
/// read from a head, has none.
fn is_armed(var: &Var) -> bool {
    match var {
        Var::RequestId
        | Var::Status
        | Var::StatusText
        | Var::UpstreamLatency
        | Var::ProxyLatency
        | Var::ResponseLatency
        | Var::TotalLatency
        | Var::UpstreamStatus
        | Var::ClientAddress
        | Var::PeerAddress
        | Var::Scheme
        | Var::Host
        | Var::ListenerPort
        | Var::Method
        | Var::RawPath
        | Var::Target
        | Var::ViaVersion
        | Var::RequestHeader(_) => false,
        Var::Message
        | Var::Detail(_)
        | Var::Path
        | Var::MatchedPrefix
        | Var::PrincipalId
        | Var::PrincipalName
        | Var::PrincipalExternalId
        | Var::CredentialKey
        | Var::Anonymous
        | Var::Label(_) => true,
    }
}

/// What variables take their values from.
pub(super) struct Scope<'a> {
    pub(super) x: &'a Exchange,
    /// The moment, of [`filter::Now::mono_us`].
    pub(super) now_us: u64,
    /// The part of the path that is stripped.
    pub(super) matched_prefix: &'a str,
    /// The reply that is put in words, and its message.
    pub(super) reply: Option<(&'a LocalReply, &'a [u8])>,
}

impl Template {
    /// Compiles a template; `pointer` is where it stands.
    pub(super) fn compile(
        template: &model::Template,
        place: Place,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let segments = template.0.iter().enumerate().map(|(ix, part)| match part {
            Part::Text(text) => {
                if place == Place::Field && text.bytes().any(may_not_stand) {
                    let message = "a header's value cannot hold control characters";
                    problems.push(Problem::new(format!("{pointer}/{ix}"), message));
                }
                Segment::Text(text.as_bytes().into())
            }
            Part::Var(Var::Label(name)) => place.variable(
                true,
                Value::Label(label(name).unwrap_or_else(|| {
                    let message = format!("there is no label `{name}`");
                    let help = "the labels are route, route_id, route_name, service, service_id \
                                and service_name";
                    problems.push(Problem::new(format!("{pointer}/{ix}"), message).help(help));
                    |_| ""
                })),
            ),
            Part::Var(var) => place.variable(is_armed(var), Value::Plain(var.clone())),
        });
        Self(segments.collect())
    }

    /// Whether the text is another for each exchange.
    pub(super) fn is_unique(&self) -> bool {
        let is_id =
            |segment: &Segment| matches!(segment, Segment::Var(Value::Plain(Var::RequestId)));
        self.0.iter().any(is_id)
    }

    /// Appends the text, with values as they are.
    #[inline]
    pub(super) fn write(&self, scope: &Scope<'_>, output: &mut Vec<u8>) {
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => output.extend_from_slice(text),
                Segment::Var(value) => value.write(scope, output),
                Segment::Armed(value) => {
                    let start = output.len();
                    value.write(scope, output);
                    disarm(&mut output[start..]);
                }
            }
        }
    }

    /// Appends the text, with values escaped.
    pub(super) fn write_escaped(&self, scope: &Scope<'_>, escape: Escape, output: &mut Vec<u8>) {
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => output.extend_from_slice(text),
                Segment::Var(value) | Segment::Armed(value) => {
                    let start = output.len();
                    value.write(scope, output);
                    escape_from(output, start, escape);
                }
            }
        }
    }
}

impl Value {
    fn write(&self, scope: &Scope<'_>, output: &mut Vec<u8>) {
        match self {
            Self::Plain(var) => write_var(var, scope, output),
            Self::Label(label) => {
                output.extend_from_slice(scope.x.labels().map_or("", label).as_bytes());
            }
        }
    }
}

fn write_var(var: &Var, scope: &Scope<'_>, output: &mut Vec<u8>) {
    let x = scope.x;
    let client = &x.client;
    match var {
        Var::Message => {
            output.extend_from_slice(scope.reply.map_or(&b""[..], |(_, message)| message));
        }
        Var::Detail(name) => {
            let details = scope.reply.iter().flat_map(|(reply, _)| &reply.details);
            let detail = details.into_iter().find(|(key, _)| key == name);
            output.extend_from_slice(detail.map_or("", |(_, value)| value).as_bytes());
        }
        Var::Status => number::write(x.response.status.into(), output),
        Var::StatusText => output.extend_from_slice(status_text(x.response.status).as_bytes()),
        Var::RequestId => write_id(x.id, output),
        Var::UpstreamLatency | Var::ProxyLatency | Var::ResponseLatency | Var::TotalLatency => {
            if let Some(latency) = latency(var, scope) {
                number::write(latency / 1000, output);
            }
        }
        Var::UpstreamStatus => {
            if x.timings.upstream_status != 0 {
                number::write(x.timings.upstream_status.into(), output);
            }
        }
        Var::ClientAddress => write_address(client.address, output),
        Var::PeerAddress => write_address(client.peer.ip(), output),
        Var::Scheme => output.extend_from_slice(match client.scheme {
            Scheme::Http => b"http",
            Scheme::Https => b"https",
        }),
        Var::Host => output.extend_from_slice(x.request.host().as_bytes()),
        Var::ListenerPort => number::write(client.local.port().into(), output),
        Var::Method => output.extend_from_slice(x.request.method.as_str().as_bytes()),
        Var::RawPath => output.extend_from_slice(x.request.raw_path().as_bytes()),
        Var::Path => output.extend_from_slice(x.request.path().as_bytes()),
        Var::Target => output.extend_from_slice(x.request.target().as_bytes()),
        Var::MatchedPrefix => {
            if scope.matched_prefix != "/" {
                output.extend_from_slice(scope.matched_prefix.as_bytes());
            }
        }
        Var::ViaVersion => output.extend_from_slice(match x.request.version {
            Version::Http10 => b"1",
            Version::Http11 => b"1.1",
            Version::Http2 => b"2",
            Version::Http3 => b"3",
        }),
        Var::RequestHeader(name) => write_joined(x.request.headers.get_all(name), output),
        Var::PrincipalId
        | Var::PrincipalName
        | Var::PrincipalExternalId
        | Var::CredentialKey
        | Var::Anonymous => output.extend_from_slice(caller(var, x).unwrap_or("").as_bytes()),
        Var::Label(_) => {}
    }
}

/// Appends the values of a repeated field, joined as RFC 9110 section 5.3 says.
pub(super) fn write_joined<'a>(values: impl Iterator<Item = &'a [u8]>, output: &mut Vec<u8>) {
    let start = output.len();
    for value in values.filter(|value| !value.is_empty()) {
        if output.len() > start {
            output.extend_from_slice(b", ");
        }
        output.extend_from_slice(value);
    }
}

/// Appends 32 hexadecimal digits.
pub(crate) fn write_id(id: u128, output: &mut Vec<u8>) {
    let mut digits = [[0; 2]; 16];
    for (pair, byte) in digits.iter_mut().zip(id.to_be_bytes()) {
        *pair = HEX[usize::from(byte)];
    }
    output.extend_from_slice(digits.as_flattened());
}

/// Appends an address; IPv6 without brackets.
pub(crate) fn write_address(address: IpAddr, output: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => number::write_dotted(address.octets(), output),
        // Writing into a vector cannot fail.
        IpAddr::V6(address) => drop(write!(output, "{address}")),
    }
}

/// A latency in microseconds; none if what it measures did not happen.
fn latency(var: &Var, scope: &Scope<'_>) -> Option<u64> {
    match var {
        Var::UpstreamLatency => scope.x.upstream_latency(),
        Var::ProxyLatency => scope.x.proxy_latency(scope.now_us),
        _ => Some(scope.now_us.saturating_sub(scope.x.now.mono_us)),
    }
}

fn caller<'a>(var: &Var, x: &'a Exchange) -> Option<&'a str> {
    let caller = x.caller?;
    let identities = x.view.identities();
    let principal = identities.principal(caller.principal);
    match var {
        Var::PrincipalId => Some(&principal.public_id),
        Var::PrincipalName => principal.name.as_deref(),
        Var::PrincipalExternalId => principal.external_id.as_deref(),
        Var::CredentialKey => {
            caller.credential.map(|ix| identities.credential(ix).credential.display.as_str())
        }
        Var::Anonymous => caller.anonymous.then_some("true"),
        _ => None,
    }
}

fn label(name: &str) -> Option<fn(&Labels) -> &str> {
    Some(match name {
        "route" => |labels| &labels.route,
        "route_id" => |labels| &labels.route_id,
        "route_name" => |labels| if labels.route == labels.route_id { "" } else { &labels.route },
        "service" => |labels| &labels.service,
        "service_id" => |labels| &labels.service_id,
        "service_name" => {
            |labels| if labels.service == labels.service_id { "" } else { &labels.service }
        }
        _ => return None,
    })
}

/// The status code's name in the IANA registry; empty for a code that has none.
pub(super) fn status_text(status: u16) -> &'static str {
    match status {
        // RFC 9110 renamed these.
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        // Unused in the registry (RFC 9110 section 15.5.19).
        418 => "",
        _ => http::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or(""),
    }
}

/// Escapes what was appended since `start`.
fn escape_from(output: &mut Vec<u8>, start: usize, escape: Escape) {
    let special = |byte: &u8| match escape {
        Escape::None => false,
        Escape::Json => matches!(byte, b'"' | b'\\' | 0..0x20 | 0x7f..),
        Escape::Markup => matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'' | 0..0x20 | 0x7f..),
    };
    if !output[start..].iter().any(special) {
        return;
    }
    // Both kinds of text are UTF-8; a value need not be.
    let value = String::from_utf8_lossy(&output[start..]).into_owned();
    output.truncate(start);
    for character in value.chars() {
        match escape {
            Escape::None => {}
            Escape::Json => escape_json(character, output),
            Escape::Markup => escape_markup(character, output),
        }
    }
}

/// RFC 8259 section 7.
fn escape_json(character: char, output: &mut Vec<u8>) {
    match character {
        '"' => output.extend_from_slice(b"\\\""),
        '\\' => output.extend_from_slice(b"\\\\"),
        '\n' => output.extend_from_slice(b"\\n"),
        '\r' => output.extend_from_slice(b"\\r"),
        '\t' => output.extend_from_slice(b"\\t"),
        // Writing into a vector cannot fail.
        '\0'..' ' | '\x7f' => drop(write!(output, "\\u{:04x}", u32::from(character))),
        _ => push_char(character, output),
    }
}

/// XML 1.0 section 2.4; control characters cannot stand there at all (section 2.2).
fn escape_markup(character: char, output: &mut Vec<u8>) {
    match character {
        '&' => output.extend_from_slice(b"&amp;"),
        '<' => output.extend_from_slice(b"&lt;"),
        '>' => output.extend_from_slice(b"&gt;"),
        '"' => output.extend_from_slice(b"&quot;"),
        '\'' => output.extend_from_slice(b"&#39;"),
        '\n' | '\r' | '\t' => output.push(character as u8),
        '\0'..' ' | '\x7f' => push_char(char::REPLACEMENT_CHARACTER, output),
        _ => push_char(character, output),
    }
}

fn push_char(character: char, output: &mut Vec<u8>) {
    output.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn may_not_stand(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// Every byte as hexadecimal digits.
const HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(escape: Escape, value: &[u8]) -> String {
        let mut output = b"\"&".to_vec();
        output.extend_from_slice(value);
        escape_from(&mut output, 2, escape);
        String::from_utf8(output.split_off(2)).expect("UTF-8")
    }

    #[test]
    fn values_cannot_leave_their_place_in_a_body() {
        assert_eq!(escaped(Escape::Json, b"a\"b\\c\n\x01"), r#"a\"b\\c\n\u0001"#);
        assert_eq!(escaped(Escape::Json, b"caf\xc3\xa9 \xff"), "café \u{fffd}");
        assert_eq!(
            escaped(Escape::Markup, b"<a b='\"'>&\x01"),
            "&lt;a b=&#39;&quot;&#39;&gt;&amp;\u{fffd}"
        );
        assert_eq!(escaped(Escape::None, b"<\"\n"), "<\"\n");
    }

    #[test]
    fn ids_are_32_digits_and_addresses_have_their_usual_form() {
        let mut output = Vec::new();
        write_id(0x2a, &mut output);
        assert_eq!(output, format!("{:032x}", 42).into_bytes());
        for text in ["127.0.0.1", "255.10.0.9", "::1", "2001:db8::1"] {
            output.clear();
            write_address(text.parse().expect("an address"), &mut output);
            assert_eq!(output, text.as_bytes());
        }
    }

    #[test]
    fn statuses_are_called_as_the_registry_calls_them() {
        let names = [404, 413, 418, 426, 511, 599].map(status_text);
        let expected = [
            "Not Found",
            "Content Too Large",
            "",
            "Upgrade Required",
            "Network Authentication Required",
            "",
        ];
        assert_eq!(names, expected);
    }
}
