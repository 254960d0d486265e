//! What a voice says, case by case.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use filter::{
    BodyLength, Caller, Client, CredentialKind, Exchange, Identities, KnownCredential, LocalReply,
    Now, ReplyBody, Timings, Version, View,
};
use model::{
    AmbientHeader, Answered, Charset, Choice, Escape, Format, ForwardHeader, ForwardMode,
    Forwarding, HeaderMode, Labels, Origin, Scheme, Template, Var, Wording,
};

use super::{Fields, Lines, RequestFacts, Voice};

struct Known {
    identities: Identities,
    labels: Labels,
}

impl View for Known {
    fn identities(&self) -> &Identities {
        &self.identities
    }

    fn labels(&self, _: u32) -> &Labels {
        &self.labels
    }
}

/// `GET /a/x?q=1` from 10.0.0.9, whose connection came from 127.0.0.1.
fn exchange() -> Exchange {
    let mut identities = Identities::default();
    let principal = identities.add_principal(Arc::new(model::Principal {
        id: "p".into(),
        public_id: "p-1".into(),
        name: Some("alice".into()),
        external_id: None,
        groups: vec![],
        described: None,
        origin: Origin::default(),
    }));
    identities.add_credential(
        CredentialKind(0),
        KnownCredential {
            credential: Arc::new(model::Credential {
                id: "c".into(),
                public_id: "c-1".into(),
                kind: "jwt".into(),
                key: "key".into(),
                display: "shown".into(),
                principal: "p".into(),
                data: model::CredentialData(serde_json::Value::Null),
                origin: Origin::default(),
            }),
            principal,
            prepared: Arc::new(()),
        },
    );
    let labels = Labels {
        route: "r".into(),
        route_id: "r-1".into(),
        service: "s-1".into(),
        service_id: "s-1".into(),
        described: Default::default(),
    };
    let client = Client {
        connection: 1,
        address: "10.0.0.9".parse().expect("an address"),
        peer: "127.0.0.1:5000".parse().expect("an address"),
        local: "127.0.0.1:8000".parse().expect("an address"),
        trusted: false,
        scheme: Scheme::Https,
        sni: None,
        tls: None,
    };
    let mut x = Exchange::new(Rc::new(Known { identities, labels }), client);
    x.request.set_target("/a/./x?q=1", "/a/x");
    x.request.set_host("API.test", None);
    x.now = Now { unix_ms: 0, mono_us: 10_000 };
    x.id = 0xabc;
    x
}

fn with_fields(fields: &[(&str, &str)]) -> Exchange {
    let mut x = exchange();
    for (name, value) in fields {
        assert!(x.request.headers.push(name, value));
    }
    x
}

fn header(name: &str, value: Template, mode: ForwardMode) -> ForwardHeader {
    ForwardHeader { name: name.into(), value, mode }
}

fn ambient(name: &str, value: Template, mode: HeaderMode, when: &[Answered]) -> AmbientHeader {
    let when = when.to_vec();
    AmbientHeader { name: name.into(), value, mode, when, if_request_header: None }
}

fn choice(media_type: &str, escape: Escape, before: &str, after: &str) -> Choice {
    Choice {
        media_type: media_type.into(),
        content_type: format!("{media_type}; charset=utf-8"),
        body: Template::text(before)
            .then_var(Var::Message)
            .then(" ")
            .then_var(Var::RequestId)
            .then(after),
        escape,
    }
}

fn negotiated(by_content_type: &[(&str, &str)]) -> Format {
    Format::Negotiated {
        choices: vec![
            choice("text/plain", Escape::None, "", "\n"),
            choice("application/json", Escape::Json, "{\"message\":\"", "\"}"),
            choice("text/html", Escape::Markup, "<p>", "</p>"),
        ],
        otherwise: 1,
        unasked: 0,
        by_content_type: by_content_type
            .iter()
            .map(|(start, name)| ((*start).into(), (*name).into()))
            .collect(),
    }
}

fn wording(format: Option<&str>) -> Wording {
    Wording { status: None, message: None, format: format.map(Into::into), headers: vec![] }
}

/// A voice in which every mode occurs.
fn voice() -> model::Voice {
    use Answered::{Failure, Local, Upstream};
    let proto = Template::var(Var::Scheme);
    model::Voice {
        id: "v".into(),
        wording: BTreeMap::from([
            (
                "a/limited".into(),
                Wording {
                    status: Some(429),
                    message: Some(Template::text("too fast, ").then_var(Var::Detail("who".into()))),
                    format: Some("page".into()),
                    headers: vec![
                        ("X-Limit".into(), Template::var(Var::Detail("limit".into()))),
                        ("X-None".into(), Template::var(Var::Detail("none".into()))),
                    ],
                },
            ),
            ("a/silent".into(), wording(None)),
            (
                "a/moved".into(),
                Wording {
                    message: Some(Template::var(Var::Status).then(" ").then_var(Var::StatusText)),
                    ..wording(Some("one"))
                },
            ),
        ]),
        fallback: wording(Some("page")),
        formats: BTreeMap::from([
            ("page".into(), negotiated(&[("application/grpc", "one"), ("text/", "other")])),
            ("other".into(), negotiated(&[("", "page")])),
            ("one".into(), Format::Fixed(choice("text/xml", Escape::Markup, "<m>", "</m>"))),
        ]),
        forwarding: Forwarding {
            reserved: vec!["x-consumer".into()],
            plain_names_only: true,
            dropped: vec!["proxy".into()],
            headers: vec![
                header("Via", Template::var(Var::ViaVersion).then(" gate"), ForwardMode::Append),
                header("X-Forwarded-For", Template::var(Var::PeerAddress), ForwardMode::Append),
                header("X-Forwarded-Proto", proto, ForwardMode::SetUnlessTrusted),
                header(
                    "X-Forwarded-Prefix",
                    Template::var(Var::MatchedPrefix),
                    ForwardMode::SetUnlessTrusted,
                ),
                header("X-Real-IP", Template::var(Var::ClientAddress), ForwardMode::Set),
            ],
        },
        ambient: vec![
            ambient(
                "X-Up-Ms",
                Template::var(Var::UpstreamLatency),
                HeaderMode::Set,
                &[Upstream, Failure],
            ),
            ambient(
                "X-Own-Ms",
                Template::var(Var::ProxyLatency),
                HeaderMode::Set,
                &[Upstream, Failure],
            ),
            ambient("X-Ms", Template::var(Var::ResponseLatency), HeaderMode::Set, &[Local]),
            ambient("Via", Template::text("1.1 gate"), HeaderMode::Append, &[Upstream]),
            ambient("Server", Template::text("gate"), HeaderMode::IfAbsent, &[Upstream]),
            ambient("Server", Template::text("gate"), HeaderMode::Set, &[Failure, Local]),
            AmbientHeader {
                if_request_header: Some("debug".into()),
                ..ambient(
                    "X-Route",
                    Template::var(Var::Label("route_name".into())),
                    HeaderMode::Set,
                    &[Upstream, Local],
                )
            },
        ],
        charset: Some(Charset {
            charset: "UTF-8".into(),
            media_types: vec!["text/plain".into()],
            except_statuses: vec![301],
        }),
        origin: Origin::default(),
    }
}

fn compiled() -> Voice {
    Voice::compile(&voice()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn lines(write: impl FnOnce(&mut Lines<'_>)) -> Vec<String> {
    let mut output = Vec::new();
    write(&mut Lines(&mut output));
    let text = String::from_utf8(output).expect("UTF-8");
    text.split_terminator("\r\n").map(str::to_owned).collect()
}

fn upstream_saw(x: &mut Exchange, prefix: &str) -> Vec<String> {
    let voice = compiled();
    voice.strip_reserved(&mut x.request.headers);
    lines(|sink| voice.request_headers(x, &RequestFacts { matched_prefix: prefix }, sink))
}

#[test]
fn an_upstream_is_told_who_asks() {
    let mut x = with_fields(&[("Host", "api.test"), ("Accept", "a"), ("accept", "b"), ("X-E", "")]);
    assert_eq!(
        upstream_saw(&mut x, "/a"),
        [
            "Accept: a",
            "accept: b",
            "X-E: ",
            "Via: 1.1 gate",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Prefix: /a",
            "X-Real-IP: 10.0.0.9",
        ]
    );
}

const FORGED: [(&str, &str); 6] = [
    ("X-Forwarded-For", "9.9.9.9"),
    ("x-forwarded-for", "8.8.8.8"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Real-IP", "9.9.9.9"),
    ("Via", "1.0 other"),
];

#[test]
fn an_untrusted_peer_cannot_speak_for_the_gateway() {
    let mut x = with_fields(&FORGED);
    x.request.version = Version::Http2;
    assert_eq!(
        upstream_saw(&mut x, "/"),
        [
            "Via: 1.0 other, 2 gate",
            "X-Forwarded-For: 9.9.9.9, 8.8.8.8, 127.0.0.1",
            "X-Forwarded-Proto: https",
            "X-Real-IP: 10.0.0.9",
        ]
    );
}

#[test]
fn a_trusted_peer_is_believed() {
    let mut x = with_fields(&FORGED);
    x.client.trusted = true;
    x.request.version = Version::Http10;
    assert_eq!(
        upstream_saw(&mut x, "/a"),
        [
            "X-Forwarded-Proto: http",
            "X-Forwarded-Prefix: /evil",
            "Via: 1.0 other, 1 gate",
            "X-Forwarded-For: 9.9.9.9, 8.8.8.8, 127.0.0.1",
            "X-Real-IP: 10.0.0.9",
        ]
    );
}

#[test]
fn fields_of_the_connection_end_here() {
    let mut x = with_fields(&[
        ("Host", "a"),
        ("Connection", "keep-alive, X-Drop, Host"),
        ("connection", "x-too"),
        ("X-Drop", "1"),
        ("X-Too", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic abc"),
        ("TE", "gzip"),
        ("Trailer", "X-T"),
        ("Upgrade", "foo"),
        ("Content-Length", "3"),
        ("Transfer-Encoding", "chunked"),
        ("Expect", "100-continue"),
        ("Proxy", "evil"),
    ]);
    let saw = upstream_saw(&mut x, "");
    assert_eq!(saw[..2], ["Proxy-Authorization: Basic abc", "Trailer: X-T"]);
    assert!(saw[2].starts_with("Via"));
    assert!(x.request.headers.contains("host"), "what frames the message stays");
    let mut x = with_fields(&[("TE", "gzip;q=0.5, Trailers"), ("Connection", "TE")]);
    assert_eq!(upstream_saw(&mut x, "")[0], "TE: trailers");
}

/// SEC-100: a client that names the gateway's fields in `Connection` removes none of them, nor
/// what a policy sets afterwards.
#[test]
fn connection_removes_only_what_the_client_sent() {
    let voice = compiled();
    let mut x = with_fields(&[
        ("Connection", "close, X-Forwarded-For, X-Real-IP, X-Consumer"),
        ("X-Consumer", "forged"),
        ("X-Forwarded-For", "9.9.9.9"),
    ]);
    voice.strip_reserved(&mut x.request.headers);
    assert!(!x.request.headers.contains("x-consumer"));
    x.request.headers.set("X-Consumer", "alice");
    let saw = lines(|s| voice.request_headers(&x, &RequestFacts { matched_prefix: "" }, s));
    assert_eq!(saw[0], "X-Consumer: alice");
    assert!(saw.contains(&"X-Forwarded-For: 9.9.9.9, 127.0.0.1".to_owned()));
    assert!(saw.contains(&"X-Real-IP: 10.0.0.9".to_owned()));
}

#[test]
fn names_that_look_like_the_gateways_are_dropped() {
    let mut x = with_fields(&[
        ("X_Consumer", "1"),
        ("x-consumer", "1"),
        ("X_Real_IP", "1"),
        ("X.Dot", "1"),
        ("X!", "1"),
        ("X_Fine", "1"),
        ("Con_nection", "x-fine"),
    ]);
    let saw = upstream_saw(&mut x, "");
    assert_eq!(saw[..2], ["X_Fine: 1", "Con_nection: x-fine"]);
    assert_eq!(saw.len(), 2 + 4);
}

fn worded(reply: &LocalReply, fields: &[(&str, &str)]) -> (u16, Vec<String>, String) {
    let mut x = with_fields(fields);
    let body = compiled().word(reply, &mut x, 20_000);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = x.response.headers.iter().map(|(n, v)| format!("{n}: {}", text(v))).collect();
    (x.response.status, headers, text(&body))
}

const ID: &str = "00000000000000000000000000000abc";

#[test]
fn the_reason_finds_the_words() {
    let reply = LocalReply::new(418, "a/limited", "unused")
        .header("Retry-After", "3")
        .detail("who", "you")
        .detail("limit", "5\r\nEvil: 1");
    let (status, headers, body) = worded(&reply, &[("Accept", "text/html")]);
    assert_eq!(status, 429);
    let expected =
        ["Content-Type: text/html; charset=utf-8", "Retry-After: 3", "X-Limit: 5  Evil: 1"];
    assert_eq!(headers, expected);
    assert_eq!(body, format!("<p>too fast, you {ID}</p>"));
}

#[test]
fn a_reason_without_words_speaks_for_itself() {
    let reply = LocalReply::new(403, "b/new", "say \"no\" & <go>");
    let cases = [
        (vec![], format!("say \"no\" & <go> {ID}\n")),
        (vec![("Accept", "*/*")], format!("{{\"message\":\"say \\\"no\\\" & <go> {ID}\"}}")),
        (vec![("Accept", "")], format!("{{\"message\":\"say \\\"no\\\" & <go> {ID}\"}}")),
        (
            vec![("Accept", "text/html"), ("Content-Type", "application/grpc")],
            format!("<p>say &quot;no&quot; &amp; &lt;go&gt; {ID}</p>"),
        ),
        (
            vec![("Content-Type", "Application/GRPC+proto")],
            format!("<m>say &quot;no&quot; &amp; &lt;go&gt; {ID}</m>"),
        ),
        // The formats lead to each other: once is enough.
        (vec![("Content-Type", "text/plain")], format!("say \"no\" & <go> {ID}\n")),
        (vec![("Content-Type", "image/png")], format!("say \"no\" & <go> {ID}\n")),
    ];
    for (fields, expected) in cases {
        assert_eq!(worded(&reply, &fields).2, expected, "{fields:?}");
    }
}

#[test]
fn a_reply_may_bring_its_own_body_or_none() {
    let mut reply = LocalReply::new(200, "a/limited", "").header("content-type", "x/y");
    reply.body = Some(ReplyBody { content_type: "image/png".into(), bytes: b"\x89PNG".to_vec() });
    let (status, headers, body) = worded(&reply, &[]);
    assert_eq!((status, body.len()), (429, 4 + 2), "lossy text of one odd byte is three");
    assert_eq!(headers, ["Content-Type: image/png"]);

    let (status, headers, body) = worded(&LocalReply::new(503, "a/silent", "x"), &[]);
    assert_eq!((status, headers.len(), body.as_str()), (503, 0, ""));

    let (_, _, body) = worded(&LocalReply::new(308, "a/moved", "x"), &[]);
    assert_eq!(body, format!("<m>308 Permanent Redirect {ID}</m>"));
}

#[test]
fn some_statuses_have_no_content_and_some_numbers_are_none() {
    let voice = compiled();
    for (status, expected, length) in [
        (204, 204, BodyLength::None),
        (304, 304, BodyLength::None),
        (0, 500, BodyLength::Known(35)),
        (103, 500, BodyLength::Known(35)),
        (600, 500, BodyLength::Known(35)),
    ] {
        let mut x = exchange();
        let body = voice.word(&LocalReply::new(status, "b/any", "m"), &mut x, 0);
        assert_eq!((x.response.status, x.response.body), (expected, length));
        assert_eq!(body.is_empty(), length == BodyLength::None);
        assert_eq!(x.response.headers.is_empty(), length == BodyLength::None);
    }
}

fn answered(x: &Exchange, answered: Answered) -> Vec<String> {
    let voice = compiled();
    lines(|sink| voice.response_headers(x, 31_500, answered, sink))
}

fn responded(fields: &[(&str, &str)]) -> Exchange {
    let mut x = exchange();
    x.response.status = 200;
    for (name, value) in fields {
        assert!(x.response.headers.push(name, value));
    }
    x.timings = Timings { upstream_start: 12_900, upstream_head: 20_000, ..Timings::default() };
    x
}

#[test]
fn a_proxied_response_bears_the_gateways_fields() {
    let mut x = responded(&[
        ("Server", "echo"),
        ("Via", "1.1 up"),
        ("Set-Cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("X-Up-Ms", "forged"),
        ("X-Ms", "not this time"),
        ("Connection", "close, x-hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Upgrade", "h2c"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "3"),
        ("Trailer", "X-T"),
    ]);
    x.reply_headers.push("X-Left", "4");
    assert_eq!(
        answered(&x, Answered::Upstream),
        [
            "Server: echo",
            "Set-Cookie: a=1",
            "set-cookie: b=2",
            "X-Ms: not this time",
            "Trailer: X-T",
            "X-Left: 4",
            "X-Up-Ms: 7",
            // 2.9 ms before the upstream was asked, 11.5 ms after it had answered.
            "X-Own-Ms: 14",
            "Via: 1.1 up, 1.1 gate",
        ]
    );
}

#[test]
fn the_gateways_own_answers_bear_others() {
    let mut x = responded(&[
        ("Connection", "Upgrade"),
        ("Upgrade", "TLS/1.2, HTTP/1.1"),
        ("Server", "policy"),
    ]);
    x.request.headers.push("Debug", "1");
    assert_eq!(
        answered(&x, Answered::Local),
        ["Connection: Upgrade", "Upgrade: TLS/1.2, HTTP/1.1", "X-Ms: 21", "Server: gate",],
        "no route yet: its name is empty and left out"
    );
    x.route = Some(0);
    assert_eq!(answered(&x, Answered::Local)[4..], ["X-Route: r"]);
    assert_eq!(
        answered(&x, Answered::Failure)[2..],
        ["X-Up-Ms: 7", "X-Own-Ms: 14", "Server: gate"]
    );
    x.response.headers.set("Connection", "close");
    assert_eq!(answered(&x, Answered::Local)[0], "Upgrade: TLS/1.2, HTTP/1.1");
}

#[test]
fn a_field_that_policies_left_counts_as_present() {
    let mut x = responded(&[]);
    x.reply_headers.push("server", "policy");
    let lines = answered(&x, Answered::Upstream);
    assert_eq!(lines, ["server: policy", "X-Up-Ms: 7", "X-Own-Ms: 14", "Via: 1.1 gate"]);
}

#[test]
fn a_charset_is_added_where_none_is_named() {
    let cases = [
        (200, "text/plain", "text/plain; charset=UTF-8"),
        (200, "Text/Plain ; format=flowed", "Text/Plain ; format=flowed; charset=UTF-8"),
        (200, "text/plain; Charset=latin1", "text/plain; Charset=latin1"),
        (200, "text/html", "text/html"),
        (200, "", ""),
        (301, "text/plain", "text/plain"),
    ];
    for (status, sent, expected) in cases {
        let mut x = responded(&[("Content-Type", sent)]);
        x.response.status = status;
        assert_eq!(answered(&x, Answered::Upstream)[0], format!("Content-Type: {expected}"));
    }
}

#[test]
fn callers_are_named() {
    let mut shown = voice();
    let all = [
        Var::PrincipalId,
        Var::PrincipalName,
        Var::PrincipalExternalId,
        Var::CredentialKey,
        Var::Anonymous,
        Var::Label("service_name".into()),
        Var::Label("service_id".into()),
        Var::UpstreamStatus,
        Var::RawPath,
        Var::Path,
        Var::Target,
        Var::Method,
        Var::Host,
        Var::ListenerPort,
        Var::TotalLatency,
        Var::RequestHeader("x-a".into()),
    ];
    let all = all.into_iter().fold(Template::default(), |all, var| all.then_var(var).then("|"));
    shown.ambient = vec![ambient("All", all, HeaderMode::Set, &[Answered::Local])];
    let shown = Voice::compile(&shown).unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut x = with_fields(&[("X-A", "1"), ("x-a", "2")]);
    x.route = Some(0);
    x.timings.upstream_status = 502;
    let seen =
        |x: &Exchange| lines(|sink| shown.response_headers(x, 12_000, Answered::Local, sink));
    let rest = "s-1|502|/a/./x|/a/x|/a/./x?q=1|GET|api.test|8000|2|1, 2|";
    assert_eq!(seen(&x), [format!("All: ||||||{rest}")]);
    let (principal, credential) = (filter::PrincipalIx(0), Some(filter::CredentialIx(0)));
    x.caller = Some(Caller { principal, credential, anonymous: false });
    assert_eq!(seen(&x), [format!("All: p-1|alice||shown|||{rest}")]);
    x.caller = Some(Caller { principal, credential: None, anonymous: true });
    assert_eq!(seen(&x), [format!("All: p-1|alice|||true||{rest}")]);
}

#[test]
fn http2_messages_are_written_by_the_same_rules() {
    let x = responded(&[("Connection", "Upgrade"), ("Upgrade", "h2c"), ("X-A", "1")]);
    let mut map = http::HeaderMap::new();
    compiled().response_headers(&x, 31_500, Answered::Local, &mut Fields::new(&mut map));
    let names: Vec<_> = map.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["x-a", "x-ms", "server"]);
}

#[test]
fn what_cannot_be_said_is_found_before() {
    let mut wrong = voice();
    wrong.forwarding.headers.push(header("via", Template::default(), ForwardMode::Set));
    wrong.forwarding.headers.push(header("a b", Template::text("x\r\n"), ForwardMode::Set));
    wrong.ambient[0].value = Template::var(Var::Label("rout".into()));
    wrong.fallback = Wording { status: Some(100), ..wording(Some("pge")) };
    wrong.formats.insert(
        "page".into(),
        Format::Negotiated {
            choices: vec![],
            otherwise: 0,
            unasked: 1,
            by_content_type: vec![("x".into(), "none".into())],
        },
    );
    wrong.charset =
        Some(Charset { charset: "u t".into(), media_types: vec![], except_statuses: vec![] });
    let problems = Voice::compile(&wrong).err().expect("problems");
    let found: Vec<_> = problems.iter().map(|p| (p.pointer.as_str(), p.message.as_str())).collect();
    assert_eq!(
        found,
        [
            ("/forwarding/headers/5/name", "`via` is written twice"),
            ("/forwarding/headers/6/name", "`a b` is no header name"),
            ("/forwarding/headers/6/value/0", "a header's value cannot hold control characters"),
            ("/fallback/status", "100 is no status of a final response"),
            ("/fallback/format", "there is no format `pge`"),
            ("/formats/page/Negotiated/otherwise", "there is no choice 0"),
            ("/formats/page/Negotiated/unasked", "there is no choice 1"),
            ("/formats/page/Negotiated/by_content_type/0/1", "there is no format `none`"),
            ("/charset/charset", "`u t` is no name of a charset"),
            ("/ambient/0/value/0", "there is no label `rout`"),
        ]
    );
}
