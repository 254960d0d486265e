//! What upstreams are told.

use model::{ForwardHeader, ForwardMode, Forwarding, Template, Var};

use super::VERSION;
use crate::settings::Settings;

pub(super) fn forwarding(settings: &Settings) -> Forwarding {
    use ForwardMode::{Append, Set, SetUnlessTrusted};

    let via = Template::var(Var::ViaVersion).then(format!(" kong/{VERSION}"));
    let mut headers = vec![
        header("Via", via, Append),
        header("X-Forwarded-For", Template::var(Var::PeerAddress), Append),
        header("X-Forwarded-Proto", Template::var(Var::Scheme), SetUnlessTrusted),
        header("X-Forwarded-Host", Template::var(Var::Host), SetUnlessTrusted),
        header("X-Forwarded-Port", Template::var(Var::ListenerPort), SetUnlessTrusted),
        header("X-Forwarded-Path", Template::var(Var::RawPath), SetUnlessTrusted),
        header("X-Forwarded-Prefix", Template::var(Var::MatchedPrefix), SetUnlessTrusted),
        header("X-Real-IP", Template::var(Var::ClientAddress), Set),
    ];
    if settings.voice.upstream_request_id {
        headers.push(header("X-Kong-Request-Id", Template::var(Var::RequestId), Set));
    }
    Forwarding {
        reserved: RESERVED.map(Into::into).into(),
        plain_names_only: settings.http.plain_header_names,
        dropped: vec!["proxy".into()],
        headers,
    }
}

/// Headers in which upstreams read who calls. Kong removes a client's own only on routes whose
/// plugins set them; where a plugin is taken off a route, its upstream would believe the client.
const RESERVED: [&str; 9] = [
    "x-consumer-id",
    "x-consumer-custom-id",
    "x-consumer-username",
    "x-credential-identifier",
    "x-anonymous-consumer",
    "x-consumer-groups",
    "x-authenticated-groups",
    "x-authenticated-userid",
    "x-authenticated-scope",
];

fn header(name: &str, value: Template, mode: ForwardMode) -> ForwardHeader {
    ForwardHeader { name: name.into(), value, mode }
}
