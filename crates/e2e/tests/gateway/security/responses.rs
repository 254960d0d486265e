//! Upstreams that attack, and clients that attack by way of what upstreams answer.

use std::time::Duration;

use tripylon_e2e::upstream::{Act, Script};
use tripylon_e2e::{Client, Fault, Gateway, Start, Upstream, wait};

use crate::setup::{gateway, proxy_to, service};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";

fn get(gateway: &Gateway, target: &str) -> Result<tripylon_e2e::Response, Fault> {
    Client::connect(gateway.proxy())?.exchange("GET", target, &[])
}

fn first_answers(bytes: impl AsRef<[u8]>) -> Upstream {
    let first = Script::new([Act::Read, Act::Send(bytes.as_ref().to_vec()), Act::Read]);
    Upstream::scripted(vec![first, Script::answering(OK)])
}

#[test]
fn sec_015_a_refused_expectation_leaves_no_body_behind() {
    let refusal =
        "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let refusing = Script::new([Act::ReadHead, Act::Send(refusal.into())]);
    let upstream = Upstream::scripted(vec![refusing, Script::answering(OK)]);
    let gateway = gateway(&upstream);
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let head = format!(
        "POST /a HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        smuggled.len()
    );
    client.send(head).unwrap();
    let mut response = client.wire().read_response_head("POST").unwrap();
    client.send(smuggled).ok();
    if response.status == 100 {
        response = client.receive("POST").unwrap();
    }
    assert!([417, 502].contains(&response.status), "{}", response.status);
    assert!(upstream.journal().seen().iter().all(|s| s.target != "/smuggled"));
    // Either the connection ends, or its next request is the client's next request.
    if let Ok(next) = client.exchange("GET", "/next", &[]) {
        assert_eq!(next.text(), "good");
    }
    assert!(upstream.journal().seen().iter().all(|s| s.target != "/smuggled"));
}

#[test]
fn sec_022_what_is_left_of_a_body_is_no_request() {
    let early = Script::new([
        Act::ReadHead,
        Act::Send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly".into()),
        Act::Wait(Duration::from_secs(1)),
        Act::Read,
    ]);
    let upstream = Upstream::scripted(vec![early, Script::answering(OK)]);
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let sent = vec![b'x'; 200_000];
    client.send("POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n").unwrap();
    client.send(&sent).unwrap();
    assert_eq!(client.receive("POST").unwrap().text(), "early");
    client.send("GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n").ok();
    assert_eq!(get(&gateway, "/after").unwrap().text(), "good");
    let targets: Vec<_> = upstream.journal().seen().into_iter().map(|s| s.target).collect();
    assert_eq!(targets, ["/after"]);
    assert_eq!(upstream.accepted(), 2);
}

#[test]
fn sec_026_two_lengths_in_a_response_are_an_error() {
    let upstream =
        first_answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\nevil");
    let gateway = gateway(&upstream);
    assert_eq!(get(&gateway, "/").unwrap().status, 502);
    assert_eq!(get(&gateway, "/").unwrap().text(), "good");
    assert_eq!(upstream.accepted(), 2);
}

#[test]
fn sec_027_a_response_nobody_asked_for_reaches_nobody() {
    let upstream = first_answers(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    );
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    assert_eq!(client.exchange("GET", "/", &[]).unwrap().text(), "ok");
    assert_eq!(client.exchange("GET", "/", &[]).unwrap().text(), "good");
    assert_eq!(get(&gateway, "/").unwrap().text(), "good");
}

#[test]
fn sec_028_a_response_cut_short_does_not_look_whole() {
    let cut = [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
    ];
    let scripts = cut.map(|bytes| Script::new([Act::Read, Act::Send(bytes.into())]));
    let upstream = Upstream::scripted(scripts.to_vec());
    let gateway = gateway(&upstream);
    for bytes in cut {
        assert_eq!(get(&gateway, "/").unwrap_err(), Fault::Closed, "after {bytes:?}");
    }
}

#[test]
fn sec_056_interim_responses_are_not_endless() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n".repeat(2000);
    let upstream = first_answers(interim + OK);
    let gateway = gateway(&upstream);
    assert_eq!(get(&gateway, "/").unwrap().status, 502);
    assert_eq!(get(&gateway, "/").unwrap().text(), "good");
}

const UPGRADE: &[(&str, &str)] = &[
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
];

#[test]
fn sec_136_a_refused_upgrade_opens_no_tunnel() {
    let refusal = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno";
    let upstream = Upstream::scripted(vec![Script::new([
        Act::Read,
        Act::Send(refusal.into()),
        Act::Read,
        Act::Send(OK.into()),
    ])]);
    let gateway = gateway(&upstream);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    assert_eq!(client.exchange("GET", "/ws", UPGRADE).unwrap().status, 426);
    if client.exchange("GET", "/smuggled", &[]).is_ok() {
        let seen = upstream.journal().seen();
        assert_eq!(seen[1].target, "/smuggled");
        assert_eq!(seen[1].header("x-forwarded-for"), Some("127.0.0.1"));
    }
}

#[test]
fn sec_137_an_upgrade_nobody_asked_for_is_an_error() {
    let upstream = first_answers(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    );
    let gateway = gateway(&upstream);
    assert_eq!(get(&gateway, "/").unwrap().status, 502);
}

#[test]
fn sec_139_policies_judge_upgrades_too() {
    let upstream = Upstream::echo();
    let document = service(upstream.port(), "  plugins:\n  - name: key-auth\n", "");
    let gateway = Start::kong(document).go();
    let mut client = Client::connect(gateway.proxy()).unwrap();
    assert_eq!(client.exchange("GET", "/ws", UPGRADE).unwrap().status, 401);
    assert!(upstream.journal().seen().is_empty());
}

#[test]
fn sec_164_redirects_are_the_clients_to_follow() {
    let elsewhere = Upstream::echo();
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let target = format!("/?_status=302&_h=Location:http://{}/", elsewhere.address());
    let response = get(&gateway, &target).unwrap();
    assert_eq!(response.status, 302);
    assert_eq!(
        response.header("location"),
        Some(format!("http://{}/", elsewhere.address()).as_str())
    );
    assert_eq!(elsewhere.accepted(), 0);
}

#[test]
fn sec_165_a_host_is_no_address() {
    let internal = Upstream::echo();
    let upstream = Upstream::echo();
    let document = service(upstream.port(), "", "    hosts: [a.test]\n");
    let gateway = Start::kong(document).go();
    let mut client = Client::connect(gateway.proxy()).unwrap();
    let response = client.exchange("GET", "/", &[("Host", &internal.address())]).unwrap();
    assert_eq!(response.status, 404);
    assert_eq!((internal.accepted(), upstream.accepted()), (0, 0));
}

#[test]
fn sec_172_redirects_stay_on_their_host() {
    let upstream = Upstream::echo();
    let secure = "    protocols: [https]\n    https_redirect_status_code: 301\n";
    let gateway = Start::kong(service(upstream.port(), "", secure)).go();
    for target in ["/%0d%0aSet-Cookie:e=1", "//evil.test/%2f..", "/\\evil.test"] {
        let mut client = Client::connect(gateway.proxy()).unwrap();
        let response = client.exchange("GET", target, &[("Host", "a.test")]).unwrap();
        assert!(response.header("set-cookie").is_none(), "{target}");
        if response.status != 400 {
            let location = response.header("location").expect("a redirect says where to");
            assert!(location.starts_with("https://a.test/"), "{target} led to {location}");
        }
    }
}

#[test]
fn a_response_with_both_framings_is_an_error() {
    let upstream = first_answers(
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    let gateway = Start::kong(proxy_to(&upstream)).go();
    assert_eq!(get(&gateway, "/").unwrap().status, 502);
    assert!(wait::holds(wait::SOON, || get(&gateway, "/").is_ok_and(|r| r.text() == "good")));
}
