//! The differential one. A client sends any bytes; whatever the gateway sends upstream is read again
//! by a reader made from RFC 9112 alone. That reader must find exactly one request for each that it
//! finds in the client's bytes too, with the same method, query and body, and nothing between them.
#![no_main]

use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex};

use tripylon_e2e::strict::{self, Message};
use tripylon_fuzz::{Running, StrictUpstream};

struct Stage {
    // A mutex for a receiver: only the fuzzer's thread asks.
    upstream: Mutex<StrictUpstream>,
    gateway: Running,
    /// What the last inputs held: a request whose client has gone may still be on its way.
    before: Mutex<VecDeque<Message>>,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let upstream = StrictUpstream::start();
    let document = format!(
        "_format_version: '3.0'\nservices:\n- name: s\n  url: http://127.0.0.1:{}\n  retries: 0\n  \
         routes:\n  - name: r\n    paths: [/]\n    strip_path: false\n",
        upstream.port
    );
    Stage {
        gateway: Running::start(&document),
        upstream: Mutex::new(upstream),
        before: Mutex::default(),
    }
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"PRI ") {
        return;
    }
    STAGE.gateway.ask(bytes);
    let seen = STAGE.upstream.lock().expect("not poisoned").seen();
    let (sent, _) = strict::read_all(bytes);
    let mut before = STAGE.before.lock().expect("not poisoned");
    let mut rest = sent.iter();
    for message in &seen {
        let sound = rest.any(|sent| is_same(sent, message))
            || before.iter().any(|sent| is_same(sent, message));
        assert!(sound, "the client did not send {message:?}\nbut {}", bytes.escape_ascii());
    }
    before.extend(sent);
    while before.len() > 16 {
        before.pop_front();
    }
});

fn is_same(sent: &Message, seen: &Message) -> bool {
    sent.method == seen.method && sent.body == seen.body && sent.query() == seen.query()
}
