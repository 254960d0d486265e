//! Lines, case by case.

use filter::{Caller, Method, Version};
use model::Scheme;

use super::super::tests::{exchange, exchange_of, now};
use super::*;

fn line(format: &LogFormat, x: &Exchange) -> String {
    let format = Format::compile(format).unwrap();
    let mut line = Vec::new();
    match &format {
        Format::Json => json::write(x, now(), &Times::default(), &mut line),
        Format::Template(template) => template.write(x, now(), &Times::default(), &mut line),
    }
    String::from_utf8(line).expect("lines are text")
}

fn template(text: &str, x: &Exchange) -> String {
    line(&text.parse().unwrap(), x)
}

/// The local time depends on the machine.
fn local_time(x: &Exchange) -> String {
    template("$time_local", x)
}

#[test]
fn combined_is_nginxs() {
    let mut x = exchange();
    x.request.headers.push("Referer", "http://a.test/\"x\"");
    x.request.headers.push("User-Agent", "agent/1 (\u{e9})");
    x.request.headers.push("Authorization", "Basic YWxpY2U6c2VjcmV0");
    (x.response.status, x.timings.sent, x.timings.sent_head) = (200, 345, 245);
    let expected = format!(
        "10.0.0.9 - alice [{}] \"GET /a/./x?q=1 HTTP/1.1\" 200 100 \
         \"http://a.test/\\x22x\\x22\" \"agent/1 (\\xC3\\xA9)\"",
        local_time(&x)
    );
    assert_eq!(line(&LogFormat::Combined, &x), expected);
}

#[test]
fn combined_writes_a_hyphen_for_what_is_not_there() {
    let mut x = exchange();
    x.request.clear();
    let expected = format!("10.0.0.9 - - [{}] \"-\" 000 0 \"-\" \"-\"", local_time(&x));
    assert_eq!(line(&LogFormat::Combined, &x), expected);
    x.request.set_target("/", "/");
    x.request.headers.push("Referer", "");
    assert!(line(&LogFormat::Combined, &x).ends_with("\"GET / HTTP/1.1\" 000 0 \"\" \"-\""));
}

#[test]
fn only_users_of_basic_credentials_are_logged_and_never_their_passwords() {
    for (field, user) in [
        ("Basic YWxpY2U6c2VjcmV0", "alice"),
        ("bAsIc   YWxpY2U6c2VjcmV0", "alice"),
        ("Basic YToi", "a"),
        ("Basic Og==", "-"),
        ("Basic YWxpY2U=", "-"),
        ("Basic !", "-"),
        ("Bearer YWxpY2U6c2VjcmV0", "-"),
        ("Basic", "-"),
    ] {
        let mut x = exchange();
        x.request.headers.push("Authorization", field);
        assert_eq!(template("$remote_user", &x), user, "{field}");
    }
}

/// A line with every field.
pub(in crate::telemetry) fn full_json_line() -> String {
    let mut x = exchange();
    x.route = Some(0);
    x.caller =
        Some(Caller { principal: filter::PrincipalIx(0), credential: None, anonymous: false });
    x.client.sni = Some("api.test".into());
    x.request.headers.push("User-Agent", "a\"b\n");
    x.request.headers.push("Referer", [0x66, 0xFF]);
    x.response.status = 502;
    x.timings.received = 100;
    x.timings.sent = 200;
    x.timings.upstream_start = 11_000;
    x.timings.upstream_head = 14_500;
    x.timings.end = 15_001;
    x.timings.upstream_status = 503;
    x.timings.tries = 2;
    line(&LogFormat::Json, &x)
}

#[test]
fn json_has_a_field_for_everything_there_is() {
    let line = full_json_line();
    let read: serde_json::Value = serde_json::from_str(&line).unwrap();
    let expected = serde_json::json!({
        "time": "2025-11-25T14:14:25.123Z",
        "request_id": "00000000000000000000000000000abc",
        "client": "10.0.0.9",
        "peer": "127.0.0.1",
        "method": "GET",
        "scheme": "https",
        "host": "api.test",
        "path": "/a/./x",
        "protocol": "HTTP/1.1",
        "status": 502,
        "received_bytes": 100,
        "sent_bytes": 200,
        "duration_ms": 5.001,
        "gateway_ms": 1.0,
        "upstream_ms": 3.5,
        "upstream_tries": 2,
        "upstream_status": 503,
        "route": "r",
        "service": "s",
        "consumer": "alice",
        "sni": "api.test",
        "user_agent": "a\"b ",
        "referer": "f\u{fffd}",
    });
    assert_eq!(read, expected);
}

#[test]
fn json_leaves_out_what_is_not_there_and_the_query() {
    let mut x = exchange();
    x.client.address = x.client.peer.ip();
    x.request.set_target("/a?token=secret", "/a");
    assert!(!line(&LogFormat::Json, &x).contains("secret"));
    x.request.clear();
    x.timings.end = 10_002;
    assert_eq!(
        line(&LogFormat::Json, &x),
        "{\"time\":\"2025-11-25T14:14:25.123Z\",\
         \"request_id\":\"00000000000000000000000000000abc\",\"client\":\"127.0.0.1\",\
         \"status\":0,\"received_bytes\":0,\"sent_bytes\":0,\"duration_ms\":0.002,\
         \"gateway_ms\":0.002}"
    );
}

#[test]
fn every_variable_has_a_value() {
    let mut x = exchange();
    x.route = Some(0);
    x.request.version = Version::Http2;
    x.request.method = Method::Other("PURGE".into());
    x.request.headers.push("X-One", "1");
    x.request.headers.push("x-one", "2");
    x.request.headers.push("Cookie", "a=1; sid=abc");
    x.request.headers.push("cookie", "b=2");
    x.response.headers.push("Content-Type", "text/plain");
    (x.response.status, x.timings.upstream_status, x.timings.tries) = (204, 201, 1);
    (x.timings.received, x.timings.sent, x.timings.sent_head) = (10, 30, 20);
    (x.timings.upstream_start, x.timings.upstream_head, x.timings.end) =
        (12_500, 15_499, 1_016_000);
    for (text, expected) in [
        ("<${remote_addr}>$remote_port", "<10.0.0.9>5000"),
        ("$realip_remote_addr:$realip_remote_port", "127.0.0.1:5000"),
        ("$server_addr:$server_port", "127.0.0.1:8000"),
        ("$request", "PURGE /a/./x?q=1 HTTP/2.0"),
        ("$request_method $request_uri $server_protocol", "PURGE /a/./x?q=1 HTTP/2.0"),
        ("$uri$is_args$args|$query_string", "/a/x?q=1|q=1"),
        ("$scheme://$host $https", "https://api.test on"),
        ("$status $upstream_status $upstream_tries", "204 201 1"),
        ("$request_length $bytes_sent $body_bytes_sent", "10 30 10"),
        ("$request_time $gateway_time", "1.006 0.002"),
        ("$upstream_header_time $upstream_response_time", "0.002 1.003"),
        ("$msec", "1764080065.123"),
        ("$http_x_one|$http_cookie|$http_none", "1, 2|a=1; sid=abc; b=2|-"),
        ("$cookie_sid $cookie_b $cookie_c", "abc 2 -"),
        ("$arg_q $arg_none", "1 -"),
        ("$sent_http_content_type $sent_http_none", "text/plain -"),
        ("$route $service $consumer $ssl_server_name", "r s - -"),
        ("$request_id", "00000000000000000000000000000abc"),
    ] {
        assert_eq!(template(text, &x), expected, "{text}");
    }
    assert_eq!(template("$time_iso8601", &x).len(), "2025-11-25T14:14:25+00:00".len());
    x.client.scheme = Scheme::Http;
    x.request.set_query(None);
    x.timings.upstream_start = 0;
    assert_eq!(template("$scheme $https $args$is_args", &x), "http - -");
    assert_eq!(template("$upstream_header_time $gateway_time", &x), "- 1.006");
}

#[test]
fn no_client_can_write_a_line_of_its_own() {
    let mut x = exchange();
    x.request.method = Method::parse(b"A'B").unwrap();
    x.request.set_target("/a\" 200 0 \"-\r\nevil\u{1b}[31m", "/a");
    x.request.headers.push("User-Agent", "x\" \x7f\x1b[31m\u{85}");
    for format in
        [LogFormat::Combined, LogFormat::Json, "$request_uri $http_user_agent".parse().unwrap()]
    {
        let line = line(&format, &x);
        assert!(!line.contains(['\n', '\r', '\x1b', '\x7f']), "{line}");
    }
    assert_eq!(line(&LogFormat::Combined, &x).matches('"').count(), 6);
}

#[test]
fn targets_and_formats_are_read_from_flags() {
    assert_eq!("off".parse(), Ok(LogTarget::Off));
    assert_eq!("-".parse(), Ok(LogTarget::Stdout));
    assert_eq!("a.log".parse(), Ok(LogTarget::File("a.log".into())));
    assert_eq!("combined".parse(), Ok(LogFormat::Combined));
    assert_eq!("json".parse(), Ok(LogFormat::Json));
    assert_eq!("$status".parse(), Ok(LogFormat::Template("$status".into())));
}

#[test]
fn mistakes_in_formats_are_explained() {
    for (text, expected) in [
        ("$statsu", "there is no variable `$statsu`: did you mean `$status`?"),
        (
            "$ssl_ciphers",
            "there is no variable `$ssl_ciphers`: headers are `$http_NAME` and \
          `$sent_http_NAME`, cookies `$cookie_NAME`, parameters of the query `$arg_NAME`",
        ),
        ("$http_", "there is no variable `$http_`: did you mean `$https`?"),
        ("a $ b", "a `$` stands before no variable's name"),
        ("${status", "`${status` has no closing brace"),
        ("$status\n", "a line of the log cannot have a line break in it"),
        (
            "jsno",
            "`jsno` is neither `combined` nor `json`, and it holds no variable like \
          `$remote_addr`, so it is no template; did you mean `json`?",
        ),
    ] {
        let error = text.parse::<LogFormat>().unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let error = Format::compile(&LogFormat::Template("$x".into())).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn lines_name_the_route_that_the_view_names() {
    let mut x = exchange_of("a route", "");
    x.route = Some(0);
    assert_eq!(template("$route $service", &x), "a route -");
}
