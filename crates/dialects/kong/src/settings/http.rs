//! Limits, client addresses, and what the gateway says of itself.

use std::net::IpAddr;
use std::time::Duration;

use config::{Finding, quote};
use ipnet::IpNet;

use super::reader::Reader;
use super::source::TextSource;
use super::{codes, units};

/// Limits on what clients send and how long they may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// Limits, as the model has them.
    pub limits: model::Limits,
    /// An idle connection of a client is closed after this time.
    pub keepalive: Duration,
    /// A client's connection is closed after this many requests; 0 for no limit.
    pub keepalive_requests: u64,
    /// Bytes of a request's body that are read before the upstream is bothered.
    pub body_buffer: usize,
    /// Whether headers with unusual characters in their names are dropped.
    pub plain_header_names: bool,
    /// Idle connections to upstreams.
    pub pool: model::Pool,
}

/// Whose word on the client's address is taken, and where it is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientAddress {
    /// Peers that are believed.
    pub trusted: Vec<IpNet>,
    /// The header, lower case; `None` if it is the PROXY protocol.
    pub header: Option<String>,
    /// Whether trusted addresses in the header are skipped from the right.
    pub recursive: bool,
    /// Whether it says so in a PROXY protocol header instead.
    pub proxy_protocol: bool,
}

/// What the gateway says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceSettings {
    /// Headers that responses bear.
    pub headers: ResponseHeaders,
    /// Whether upstreams are sent `X-Kong-Request-Id`.
    pub upstream_request_id: bool,
    /// Whether `Kong-Debug` is answered.
    pub debug_header: bool,
    /// Layout of the engine's own errors where the client says nothing.
    pub error_default_type: ErrorType,
    /// Layouts of errors in place of Kong's.
    pub error_templates: ErrorTemplates,
    /// Added to the content types of texts.
    pub charset: Option<String>,
}

/// Which headers responses bear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResponseHeaders {
    /// `Server`, on the gateway's own responses.
    pub server: bool,
    /// `Via`, on those of upstreams.
    pub via: bool,
    /// `X-Kong-Proxy-Latency`.
    pub proxy_latency: bool,
    /// `X-Kong-Response-Latency`.
    pub response_latency: bool,
    /// `X-Kong-Upstream-Latency`.
    pub upstream_latency: bool,
    /// `X-Kong-Admin-Latency`, on those of the management API.
    pub admin_latency: bool,
    /// `X-Kong-Upstream-Status`.
    pub upstream_status: bool,
    /// `X-Kong-Request-Id`.
    pub request_id: bool,
}

/// A layout of errors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ErrorType {
    /// `text/plain`
    #[default]
    Plain,
    /// `text/html`
    Html,
    /// `application/json`
    Json,
    /// `application/xml`
    Xml,
}

/// Layouts of errors in place of Kong's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorTemplates {
    /// For `text/html`.
    pub html: Option<TextSource>,
    /// For `application/json`.
    pub json: Option<TextSource>,
    /// For `application/xml`.
    pub xml: Option<TextSource>,
    /// For `text/plain`.
    pub plain: Option<TextSource>,
}

/// What is read of a request's body before the upstream is bothered, at least.
const BODY_BUFFER: usize = 64 << 10;

pub(super) fn http(reader: &mut Reader<'_>) -> HttpSettings {
    let defaults = model::Limits::default();
    let (line, head) = header_buffers(reader);
    let headers: usize = reader.number("lua_max_req_headers", "a number").unwrap_or(0);
    let timeout =
        |reader: &mut Reader<'_>, directive, default| reader.time(directive).unwrap_or(default);
    let limits = model::Limits {
        request_line: line,
        header_line: line,
        head,
        headers: headers.max(defaults.headers),
        body: reader.size("client_max_body_size").unwrap_or(0),
        head_timeout: timeout(reader, "client_header_timeout", defaults.head_timeout),
        body_timeout: timeout(reader, "client_body_timeout", defaults.body_timeout),
        send_timeout: timeout(reader, "send_timeout", defaults.send_timeout),
    };
    let invalid_names = reader.directive("ignore_invalid_headers", "`on` or `off`", on_or_off);
    HttpSettings {
        limits,
        keepalive: keepalive(reader),
        keepalive_requests: reader
            .directive("keepalive_requests", "a number", |text| text.parse().ok())
            .unwrap_or(0),
        body_buffer: body_buffer(reader),
        plain_header_names: invalid_names.unwrap_or(true),
        pool: pool(reader),
    }
}

/// `large_client_header_buffers NUMBER SIZE`: a line fits into one buffer, the head into all.
fn header_buffers(reader: &mut Reader<'_>) -> (usize, usize) {
    let what = "a number and a size, such as `4 8k`";
    let buffers = reader.directive("large_client_header_buffers", what, |text| {
        let (number, size) = text.trim().split_once(' ')?;
        let number: usize = number.parse().ok().filter(|number| *number > 0)?;
        let size = usize::try_from(units::size(size.trim())?).ok().filter(|size| *size > 0)?;
        Some((size, number.checked_mul(size)?))
    });
    let defaults = model::Limits::default();
    buffers.unwrap_or((defaults.header_line, defaults.head))
}

/// nginx's `keepalive_timeout TIMEOUT [HEADER_TIMEOUT]`; 75 seconds if nothing is said.
fn keepalive(reader: &mut Reader<'_>) -> Duration {
    let first = |text: &str| units::time(text.split(' ').next().unwrap_or_default());
    let what = "a time such as `75s`";
    reader.directive("keepalive_timeout", what, first).unwrap_or(Duration::from_secs(75))
}

fn body_buffer(reader: &mut Reader<'_>) -> usize {
    let injected = reader.size("client_body_buffer_size").unwrap_or(0);
    let what = "a number of bytes, with `k` or `m` behind it if need be";
    let alias = reader.parsed("client_body_buffer_size", what, units::size).unwrap_or(0);
    usize::try_from(injected.max(alias)).unwrap_or(usize::MAX).max(BODY_BUFFER)
}

fn pool(reader: &mut Reader<'_>) -> model::Pool {
    let defaults = model::Pool::default();
    let idle = reader.parsed("upstream_keepalive_idle_timeout", "a number of seconds", |text| {
        let seconds: f64 = text.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    });
    model::Pool {
        max_idle: reader
            .number("upstream_keepalive_pool_size", "a number")
            .unwrap_or(defaults.max_idle),
        idle_timeout: idle.unwrap_or(defaults.idle_timeout),
        max_requests: reader
            .number("upstream_keepalive_max_requests", "a number")
            .unwrap_or(defaults.max_requests),
    }
}

pub(super) fn client_address(reader: &mut Reader<'_>) -> ClientAddress {
    let mut trusted = Vec::new();
    for item in reader.list("trusted_ips") {
        let network = item.parse::<IpNet>().or_else(|_| item.parse::<IpAddr>().map(IpNet::from));
        match network {
            Ok(network) => trusted.push(network),
            // Kong knows it for Unix sockets, which are not listened on: nobody comes from there.
            Err(_) if item == "unix:" => {}
            Err(_) => {
                let message =
                    format!("`trusted_ips`: {} is neither an address nor a network", quote(&item));
                let origin = reader.origin("trusted_ips");
                reader.findings.push(Finding::new(&codes::INVALID_VALUE, message).at(origin));
            }
        }
    }
    let own = ["nginx_proxy_real_ip_header", "real_ip_header"]
        .into_iter()
        .find(|name| reader.is_given(name));
    let header =
        reader.text(own.unwrap_or("real_ip_header")).unwrap_or_default().to_ascii_lowercase();
    let own = ["nginx_proxy_real_ip_recursive", "real_ip_recursive"]
        .into_iter()
        .find(|name| reader.is_given(name));
    ClientAddress {
        trusted,
        proxy_protocol: header == "proxy_protocol",
        header: (header != "proxy_protocol" && !header.is_empty()).then_some(header),
        recursive: reader.switch(own.unwrap_or("real_ip_recursive")),
    }
}

pub(super) fn voice(reader: &mut Reader<'_>) -> VoiceSettings {
    let template = |reader: &Reader<'_>, name: &str| {
        reader.text(name).map(|path| TextSource::file(&path, reader.origin(name)))
    };
    VoiceSettings {
        headers: response_headers(reader),
        upstream_request_id: upstream_request_id(reader),
        debug_header: reader.switch("allow_debug_header"),
        error_default_type: error_default_type(reader),
        error_templates: ErrorTemplates {
            html: template(reader, "error_template_html"),
            json: template(reader, "error_template_json"),
            xml: template(reader, "error_template_xml"),
            plain: template(reader, "error_template_plain"),
        },
        charset: reader
            .directive("charset", "a charset, or `off`", |text| Some(text.to_owned()))
            .filter(|charset| charset != "off" && !charset.is_empty()),
    }
}

fn response_headers(reader: &mut Reader<'_>) -> ResponseHeaders {
    let mut headers = ResponseHeaders::default();
    for item in reader.list("headers") {
        match item.to_ascii_lowercase().as_str() {
            "off" => {}
            "server_tokens" => (headers.server, headers.via) = (true, true),
            "latency_tokens" => {
                headers.proxy_latency = true;
                headers.response_latency = true;
                headers.upstream_latency = true;
                headers.admin_latency = true;
            }
            "server" => headers.server = true,
            "via" => headers.via = true,
            "x-kong-proxy-latency" => headers.proxy_latency = true,
            "x-kong-response-latency" => headers.response_latency = true,
            "x-kong-upstream-latency" => headers.upstream_latency = true,
            "x-kong-admin-latency" => headers.admin_latency = true,
            "x-kong-upstream-status" => headers.upstream_status = true,
            "x-kong-request-id" => headers.request_id = true,
            _ => reader.invalid(
                "headers",
                "a list of `server_tokens`, `latency_tokens`, `Server`, `Via`, `X-Kong-Proxy-Latency`, `X-Kong-Response-Latency`, `X-Kong-Upstream-Latency`, `X-Kong-Admin-Latency`, `X-Kong-Upstream-Status` and `X-Kong-Request-Id`, or `off`",
            ),
        }
    }
    headers
}

fn upstream_request_id(reader: &mut Reader<'_>) -> bool {
    let mut sent = false;
    for item in reader.list("headers_upstream") {
        match item.to_ascii_lowercase().as_str() {
            "off" => {}
            "x-kong-request-id" => sent = true,
            _ => reader.invalid("headers_upstream", "`X-Kong-Request-Id` or `off`"),
        }
    }
    sent
}

fn error_default_type(reader: &mut Reader<'_>) -> ErrorType {
    let what = "`text/plain`, `text/html`, `application/json` or `application/xml`";
    let read = |text: &str| match text {
        "text/plain" => Some(ErrorType::Plain),
        "text/html" => Some(ErrorType::Html),
        "application/json" => Some(ErrorType::Json),
        "application/xml" => Some(ErrorType::Xml),
        _ => None,
    };
    reader.parsed("error_default_type", what, read).unwrap_or_default()
}

pub(super) fn on_or_off(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}
