//! Attacks that are bytes on one connection.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tripylon_e2e::gateway::Ports;
use tripylon_e2e::upstream::Seen;
use tripylon_e2e::{Client, Fault, Gateway, Response, Start, Upstream, http2, wait};

/// `data/security/wire.json`.
pub(super) fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../data/security/wire.json")).expect("wire.json")
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Case {
    Bytes(Box<Attack>),
    /// A target by which `/admin`, which needs a key, must not be reached without one.
    Guarded {
        id: String,
        guarded: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Attack {
    id: String,
    /// `{}` in it stands for each of the variants.
    send: Bytes,
    #[serde(default)]
    variants: Vec<String>,
    /// Statuses of which the first response must bear one.
    answer: Vec<u16>,
    /// Whether the connection is still good after that response.
    #[serde(default)]
    stays_open: Open,
    /// What the upstream receives, exactly.
    #[serde(default)]
    upstream: Vec<Expected>,
    /// What the upstream receives if it receives anything.
    #[serde(default)]
    may_forward: Vec<Expected>,
    /// Fields of what the upstream receives; `null` for one that must not be there. `{upstream}`
    /// is its address, `{proxy}` the gateway's port.
    #[serde(default)]
    sees: BTreeMap<String, Option<String>>,
    /// A text that must not stand in any head that the upstream receives.
    never_sent: Option<String>,
    /// A text that must not stand in the response's body.
    never_said: Option<String>,
}

/// A text, or parts of which some are repeated; Latin-1.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Part {
    Text(String),
    Repeated { text: String, times: usize },
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Open {
    #[default]
    No,
    Yes,
    Either,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Method and target.
    line: String,
    #[serde(default)]
    body: String,
}

impl Case {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Bytes(attack) => &attack.id,
            Self::Guarded { id, .. } => id,
        }
    }
}

#[test]
fn attacks_end_as_they_should() {
    let upstream = Upstream::echo();
    let ports = Ports::claim();
    let listen = format!(
        "127.0.0.1:{} http2, 127.0.0.1:{} http2 ssl",
        ports.proxy.number(),
        ports.proxy_tls.number()
    );
    let start = Start::kong(document(&upstream)).ports(ports);
    let gateway = start.env("KONG_PROXY_LISTEN", &listen).go();
    let mut complaints = Vec::new();
    for case in cases() {
        let id = case.id().to_owned();
        let found = match case {
            Case::Bytes(attack) => try_variants(&attack, &gateway, &upstream),
            Case::Guarded { guarded, .. } => reach_for_admin(&guarded, &gateway, &upstream),
        };
        complaints.extend(found.into_iter().map(|why| format!("{id}: {why}")));
    }
    drop(gateway);
    assert!(complaints.is_empty(), "{} complaints\n{}", complaints.len(), complaints.join("\n"));
}

fn document(upstream: &Upstream) -> String {
    format!(
        r"
_format_version: '3.0'
services:
- name: open
  url: http://{address}
  routes:
  - name: open
    paths: [/a, /x, '/;x', /]
    strip_path: false
- name: guarded
  url: http://{address}
  routes:
  - name: guarded
    paths: [/admin]
    strip_path: false
  plugins:
  - name: key-auth
consumers:
- username: alice
  keyauth_credentials:
  - key: secret
",
        address = upstream.address()
    )
}

fn try_variants(attack: &Attack, gateway: &Gateway, upstream: &Upstream) -> Vec<String> {
    let plain = [String::new()];
    let variants = if attack.variants.is_empty() { &plain[..] } else { &attack.variants };
    let mut complaints = Vec::new();
    for variant in variants {
        upstream.journal().clear();
        let found = attack.attempt(variant, gateway, upstream);
        let found = found.into_iter().chain(alive(gateway));
        complaints.extend(found.map(|why| match variant.as_str() {
            "" => why,
            variant => format!("with {variant:?}: {why}"),
        }));
    }
    complaints
}

impl Attack {
    fn attempt(&self, variant: &str, gateway: &Gateway, upstream: &Upstream) -> Vec<String> {
        let mut client = match Client::connect(gateway.proxy()) {
            Ok(client) => client,
            Err(fault) => return vec![fault.to_string()],
        };
        // The gateway may answer, and end the connection, before it was sent everything.
        let _ = client.send(self.send.with(variant));
        let method =
            self.send.with("").first().map_or("", |b| if *b == b'C' { "CONNECT" } else { "GET" });
        let response = match client.receive(method) {
            Ok(response) => response,
            Err(fault) => return vec![format!("no response: {fault}")],
        };
        let mut complaints = self.judge_response(&response);
        complaints.extend(self.judge_connection(&mut client, &response));
        complaints.extend(self.judge_upstream(gateway, upstream));
        complaints
    }

    fn judge_response(&self, response: &Response) -> Vec<String> {
        let mut complaints = Vec::new();
        if !self.answer.contains(&response.status) {
            complaints.push(format!("answered {}, not {:?}", response.status, self.answer));
        }
        let body = String::from_utf8_lossy(&response.body);
        if let Some(text) = self.never_said.as_ref().filter(|t| body.contains(t.as_str())) {
            complaints.push(format!("{text:?} stands in the response: {body}"));
        }
        complaints
    }

    fn judge_connection(&self, client: &mut Client, response: &Response) -> Option<String> {
        let open = match self.stays_open {
            Open::Either => return None,
            open => open == Open::Yes,
        };
        let good = match open {
            true => client.exchange("GET", "/a/next", &[]).is_ok_and(|r| r.status == 200),
            false => client.ends_within(wait::SOON),
        };
        let wanted = if open { "stay open" } else { "end" };
        (!good).then(|| {
            format!(
                "the connection does not {wanted} after {} {:?}",
                response.status,
                client.receive("GET").map(|r| r.status)
            )
        })
    }

    fn judge_upstream(&self, gateway: &Gateway, upstream: &Upstream) -> Vec<String> {
        let mut seen = upstream.journal().seen();
        seen.retain(|s| s.target != "/a/next");
        let mut complaints = malformed(upstream);
        let same = |expected: &[Expected]| {
            expected.len() == seen.len() && expected.iter().zip(&seen).all(|(e, s)| e.is(s))
        };
        if !(same(&self.upstream) || !self.may_forward.is_empty() && same(&self.may_forward)) {
            let lines: Vec<_> = seen.iter().map(|s| (&s.method, &s.target, s.body.len())).collect();
            complaints.push(format!("the upstream received {lines:?}"));
        }
        for seen in &seen {
            let head = String::from_utf8_lossy(&seen.head);
            if let Some(text) = self.never_sent.as_ref().filter(|t| head.contains(t.as_str())) {
                complaints.push(format!("{text:?} reached the upstream: {head}"));
            }
            for (name, wanted) in &self.sees {
                let wanted = wanted.as_ref().map(|text| {
                    let text = text.replace("{upstream}", &upstream.address());
                    text.replace("{proxy}", &gateway.proxy().to_string())
                });
                let got = seen.values(name);
                if got != wanted.iter().collect::<Vec<_>>() {
                    complaints
                        .push(format!("the upstream received {name}: {got:?}, not {wanted:?}"));
                }
            }
        }
        complaints
    }
}

impl Expected {
    fn is(&self, seen: &Seen) -> bool {
        self.line == format!("{} {}", seen.method, seen.target) && self.body.as_bytes() == seen.body
    }
}

impl Bytes {
    fn with(&self, variant: &str) -> Vec<u8> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => parts.iter().map(Part::text).collect(),
        };
        text.replacen("{}", variant, 1).chars().map(|c| c as u8).collect()
    }
}

impl Part {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Repeated { text, times } => text.repeat(*times),
        }
    }
}

fn malformed(upstream: &Upstream) -> Vec<String> {
    let faults = upstream.journal().faults().into_iter();
    faults.filter(|f| f.contains("malformed")).map(|f| format!("to the upstream: {f}")).collect()
}

/// Whether others are still served, and with what is theirs.
fn alive(gateway: &Gateway) -> Option<String> {
    let answer = Client::connect(gateway.proxy())
        .and_then(|mut client| client.exchange("GET", "/a/after", &[]));
    match answer {
        Ok(response) if response.status == 200 && response.json()["target"] == "/a/after" => None,
        other => Some(format!("the next client got {other:?}")),
    }
}

/// Denied, refused, or forwarded as a target that leads elsewhere however it is read.
fn reach_for_admin(target: &str, gateway: &Gateway, upstream: &Upstream) -> Vec<String> {
    upstream.journal().clear();
    let answer = Client::connect(gateway.proxy()).and_then(|mut client| {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n"))?;
        client.set_patience(Duration::from_secs(5))?;
        client.receive("GET")
    });
    let mut complaints = malformed(upstream);
    match answer {
        Ok(response) if [400, 401, 404].contains(&response.status) => {
            complaints
                .extend(upstream.journal().seen().iter().map(|s| format!("sent {}", s.target)));
        }
        Ok(response) if response.status == 200 => {
            let seen = upstream.journal().seen();
            let leads = seen.iter().filter(|s| leads_to_admin(&s.target));
            complaints.extend(leads.map(|s| format!("{target} led to {}", s.target)));
        }
        Ok(response) => complaints.push(format!("{target} answered {}", response.status)),
        Err(Fault::Closed) => {}
        Err(fault) => complaints.push(format!("{target}: {fault}")),
    }
    complaints.extend(reach_over_http2(target, gateway, upstream));
    complaints.extend(alive(gateway));
    complaints
}

/// The same on a stream, whatever the answer is: nothing leads there. (Over HTTP/2 a target cannot end
/// the line that it stands in, so that more of them come to be judged.)
fn reach_over_http2(target: &str, gateway: &Gateway, upstream: &Upstream) -> Vec<String> {
    upstream.journal().clear();
    if let Err(error) = http2::ask_for(gateway.proxy(), target.as_bytes()) {
        return vec![format!("{target} over HTTP/2: {error}")];
    }
    let seen = upstream.journal().seen();
    let leads = seen.iter().filter(|seen| leads_to_admin(&seen.target));
    let complaints = leads.map(|seen| format!("{target} over HTTP/2 led to {}", seen.target));
    complaints.chain(malformed(upstream)).collect()
}

/// Whether one reading of a target (as it is, decoded once, with backslashes or path parameters
/// as some servers take them, dot segments resolved) is `/admin` or below it.
fn leads_to_admin(target: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    [path.to_owned(), decoded(path)].iter().any(|path| {
        let slashed = path.replace('\\', "/");
        let bare = |p: &str| {
            p.split('/')
                .map(|s| s.split(';').next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        [path, &slashed].iter().any(|p| {
            let whole: Vec<String> = p.split('/').map(str::to_owned).collect();
            [whole, bare(p)]
                .into_iter()
                .any(|segments| resolved(segments).first().is_some_and(|s| s == "admin"))
        })
    })
}

fn resolved(segments: Vec<String>) -> Vec<String> {
    let mut out = Vec::new();
    for segment in segments {
        match segment.trim_end_matches(['\0', ' ']) {
            "" | "." => {}
            ".." => drop(out.pop()),
            segment => out.push(segment.to_owned()),
        }
    }
    out
}

fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte as char);
                out.push_str(&part[2..]);
            }
            None => {
                out.push('%');
                out.push_str(part);
            }
        }
    }
    out
}

#[test]
fn readings_of_a_target() {
    for target in [
        "/admin",
        "/a/../admin",
        "/a/%2e%2e/admin?x",
        "/a/..%5cadmin",
        "/;x/admin",
        "//admin",
        "/%61dmin/",
        "/admin%00",
    ] {
        assert!(leads_to_admin(target), "{target}");
    }
    for target in ["/a", "/%2561dmin", "/ADMIN", "/a/admin", "/admins", "/a?/../admin"] {
        assert!(!leads_to_admin(target), "{target}");
    }
}
