//! The same the other way: an upstream answers any bytes. The client must read exactly one response,
//! and the connection must go on behind it.
#![no_main]

use std::sync::LazyLock;

use tripylon_fuzz::{Running, ScriptedUpstream};

struct Stage {
    upstream: ScriptedUpstream,
    gateway: Running,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let upstream = ScriptedUpstream::start();
    let document = format!(
        "_format_version: '3.0'\nservices:\n- name: s\n  url: http://127.0.0.1:{}\n  retries: 0\n  \
         routes:\n  - name: r\n    paths: [/a]\n",
        upstream.port
    );
    Stage { gateway: Running::start(&document), upstream }
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    STAGE.upstream.answer(bytes);
    let method = if bytes.len() % 5 == 0 { "HEAD" } else { "GET" };
    let request =
        format!("{method} /a HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = STAGE.gateway.ask(request.as_bytes());
    check(&answer, method, bytes);
});

/// Interim responses, one final one, and then either the connection's end or the answer to the
/// second request, which is the gateway's own.
fn check(answer: &[u8], method: &str, script: &[u8]) {
    let mut rest = answer;
    if rest.is_empty() {
        // The response broke off before anything of it was passed on.
        return;
    }
    loop {
        let (head, behind) = head(rest, answer, script);
        let status: u16 = std::str::from_utf8(&head[9..12])
            .ok()
            .and_then(|text| text.parse().ok())
            .expect("a status");
        rest = behind;
        if status == 101 {
            return;
        }
        if (100..200).contains(&status) {
            continue;
        }
        let bodiless = method == "HEAD" || status == 204 || status == 304;
        match (bodiless, framing(head)) {
            (true, _) => {}
            (false, Framing::Length(length)) if length <= rest.len() => rest = &rest[length..],
            (false, Framing::Chunked) => match tripylon_e2e::strict::read_chunked(rest) {
                Some((_, used)) => rest = &rest[used..],
                None => return,
            },
            // Cut off, which the client sees by the missing end.
            (false, _) => return,
        }
        break;
    }
    if !rest.is_empty() {
        let (head, body) = head(rest, answer, script);
        assert!(
            head.starts_with(b"HTTP/1.1 404 "),
            "{}\nof {}",
            answer.escape_ascii(),
            script.escape_ascii()
        );
        assert!(matches!(framing(head), Framing::Length(length) if length == body.len()));
    }
}

fn head<'a>(bytes: &'a [u8], answer: &[u8], script: &[u8]) -> (&'a [u8], &'a [u8]) {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let sound = end.filter(|_| bytes.starts_with(b"HTTP/1.1 ") || bytes.starts_with(b"HTTP/1.0 "));
    let Some(end) = sound else {
        panic!("no head: {}\nof {}", answer.escape_ascii(), script.escape_ascii());
    };
    let head = &bytes[..end + 4];
    for line in head.split(|byte| *byte == b'\n') {
        let control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        assert!(
            !line.strip_suffix(b"\r").unwrap_or(line).iter().any(control),
            "{}",
            head.escape_ascii()
        );
    }
    bytes.split_at(end + 4)
}

enum Framing {
    Length(usize),
    Chunked,
    Close,
}

fn framing(head: &[u8]) -> Framing {
    let text: String = head.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect();
    let values = |name: &str| -> Vec<String> {
        let lines = text.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(own, _)| *own == name).map(|(_, value)| value.trim().to_owned()).collect()
    };
    match (values("content-length").as_slice(), values("transfer-encoding").as_slice()) {
        ([], []) => Framing::Close,
        ([length], []) => Framing::Length(length.parse().expect("a length")),
        ([], [coding]) if coding == "chunked" => Framing::Chunked,
        _ => panic!("ambiguous: {}", head.escape_ascii()),
    }
}
