//! The headers that responses bear.

use model::{AmbientHeader, Answered, HeaderMode, Template, Var};

use super::VERSION;
use crate::settings::VoiceSettings;

pub(super) fn ambient(settings: &VoiceSettings) -> Vec<AmbientHeader> {
    use Answered::{Failure, Local, Upstream};
    use HeaderMode::{Append, IfAbsent, Set};

    let on = settings.headers;
    let (server, via) = (format!("kong/{VERSION}"), format!("1.1 kong/{VERSION}"));
    let var = Template::var;
    let tried: &[Answered] = &[Upstream, Failure];
    let own: &[Answered] = &[Failure, Local];
    let all: &[Answered] = &[Upstream, Failure, Local];
    let mut headers = Vec::new();
    if settings.debug_header {
        headers.extend(DEBUG.map(|(name, label)| AmbientHeader {
            if_request_header: Some("kong-debug".into()),
            ..header(name, var(Var::Label(label.into())), Set, all)
        }));
    }
    let possible = [
        (on.server, header("Server", Template::text(server.clone()), IfAbsent, &[Upstream])),
        (on.server, header("Server", Template::text(server), Set, own)),
        (
            on.upstream_latency,
            header("X-Kong-Upstream-Latency", var(Var::UpstreamLatency), Set, tried),
        ),
        (on.proxy_latency, header("X-Kong-Proxy-Latency", var(Var::ProxyLatency), Set, tried)),
        (
            on.response_latency,
            header("X-Kong-Response-Latency", var(Var::ResponseLatency), Set, &[Local]),
        ),
        (
            on.upstream_status,
            header("X-Kong-Upstream-Status", var(Var::UpstreamStatus), Set, &[Upstream]),
        ),
        (on.upstream_status, header("X-Kong-Upstream-Status", var(Var::Status), Set, &[Failure])),
        (on.via, header("Via", Template::text(via), Append, tried)),
        (on.request_id, header("X-Kong-Request-Id", var(Var::RequestId), Set, all)),
    ];
    headers.extend(possible.into_iter().filter_map(|(on, header)| on.then_some(header)));
    headers
}

/// What a request with `Kong-Debug` is told of its route.
const DEBUG: [(&str, &str); 4] = [
    ("Kong-Route-Id", "route_id"),
    ("Kong-Route-Name", "route_name"),
    ("Kong-Service-Id", "service_id"),
    ("Kong-Service-Name", "service_name"),
];

fn header(name: &str, value: Template, mode: HeaderMode, when: &[Answered]) -> AmbientHeader {
    AmbientHeader { name: name.into(), value, mode, when: when.into(), if_request_header: None }
}
