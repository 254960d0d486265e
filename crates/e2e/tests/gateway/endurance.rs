//! Clients and upstreams that break off wherever they can: whatever they do, nothing is left of it.

use std::time::Duration;

use tripylon_e2e::certificates::credulous_client;
use tripylon_e2e::http1::request;
use tripylon_e2e::upstream::{Act, Script};
use tripylon_e2e::{Client, Fault, Gateway, Start, Upstream, wait};

/// Rounds of each of the threads.
const ROUNDS: u64 = 400;
const THREADS: u64 = 6;
/// What a gateway may have grown by afterwards.
const GROWTH: u64 = 48 << 20;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Upstreams by what they do: under `/ok` a good one, under `/1`, `/2`, … bad ones.
struct Upstreams {
    good: Upstream,
    bad: Vec<Upstream>,
}

impl Upstreams {
    fn start() -> Self {
        let answer = |bytes: &str| Act::Send(bytes.into());
        let scripts: Vec<Vec<Act>> = vec![
            vec![Act::Read],
            vec![Act::Read, Act::Reset],
            vec![Act::ReadHead, Act::Reset],
            vec![Act::Read, answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")],
            vec![
                Act::Read,
                answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"),
                Act::Reset,
            ],
            vec![
                Act::ReadHead,
                answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly"),
                Act::Wait(Duration::from_millis(20)),
            ],
            vec![
                Act::Read,
                answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore"),
                Act::Again,
            ],
            vec![Act::Read, answer("nonsense\r\n\r\n")],
            vec![
                Act::Read,
                answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
                Act::Read,
                Act::Reset,
            ],
        ];
        let bad = scripts.into_iter().map(|acts| Upstream::scripted(vec![Script::new(acts)]));
        Self { good: Upstream::echo(), bad: bad.collect() }
    }

    fn document(&self) -> String {
        let service = |path: &str, address: String| {
            format!(
                "- url: http://{address}\n  read_timeout: 2000\n  routes:\n  - paths: ['/{path}']\n"
            )
        };
        let bad =
            self.bad.iter().enumerate().map(|(n, up)| service(&(n + 1).to_string(), up.address()));
        let services: String = bad.chain([service("ok", self.good.address())]).collect();
        format!("_format_version: '3.0'\nservices:\n{services}")
    }
}

/// One client's visit: something well-formed or not, to the end or not.
fn visit(gateway: &Gateway, dice: &mut Dice, bad: u64) -> Result<(), Fault> {
    let mut client = match dice.below(8) {
        0 => Client::connect_tls(gateway.proxy_tls(), Some("a.test"), &credulous_client(&[]))?,
        _ => Client::connect(gateway.proxy())?,
    };
    client.set_patience(Duration::from_secs(10))?;
    let path = match dice.below(3) {
        0 => "/ok?_delay=5".to_owned(),
        1 => format!("/ok?_size={}", dice.below(300_000)),
        _ => format!("/{}", dice.below(bad) + 1),
    };
    let body = "x".repeat(dice.below(200_000) as usize);
    let post =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let chunked = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len().max(1)
    );
    let get = request("GET", &path, &[]);
    match dice.below(9) {
        0 => drop(client.exchange("GET", &path, &[])),
        1 => {
            client.send(&post)?;
            drop(client.receive("POST"));
        }
        2 => client.send(&chunked[..dice.below(chunked.len() as u64) as usize])?,
        3 => client.send(&post[..dice.below(post.len() as u64) as usize])?,
        4 => client.send(get.repeat(5))?,
        5 => {
            client.send(&get)?;
            drop(client.wire().read_response_head("GET"));
        }
        6 => {
            let noise: Vec<u8> = (0..200).map(|_| dice.below(256) as u8).collect();
            client.send(noise)?;
            drop(client.receive("GET"));
        }
        7 => {
            client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
            let noise: Vec<u8> = (0..100).map(|_| dice.below(256) as u8).collect();
            client.send(noise)?;
        }
        _ => {
            client.send(get)?;
            client.finish()?;
            drop(client.receive("GET"));
        }
    }
    Ok(())
}

fn open_connections(gateway: &Gateway) -> Option<u64> {
    let mut client = Client::connect(gateway.status()).ok()?;
    client.exchange("GET", "/status", &[]).ok()?.json()["connections"]["active"].as_u64()
}

#[test]
fn nothing_is_left_of_clients_and_upstreams_that_break_off() {
    let upstreams = Upstreams::start();
    let gateway = Start::kong(upstreams.document()).go();
    let mut first = Client::connect(gateway.proxy()).unwrap();
    assert_eq!(first.exchange("GET", "/ok", &[]).unwrap().status, 200);
    let (memory, files) = (gateway.resident(), gateway.open_files());
    let bad = upstreams.bad.len() as u64;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let gateway = &gateway;
            scope.spawn(move || {
                let mut dice = Dice(thread);
                // That a visit ends with a fault is what it is for.
                (0..ROUNDS).for_each(|_| drop(visit(gateway, &mut dice, bad)));
            });
        }
    });
    assert_eq!(first.exchange("GET", "/ok", &[]).unwrap().status, 200, "it serves as before");
    assert!(!gateway.said().contains("panic"), "{}", gateway.said());
    let idle = wait::holds(wait::SOON, || open_connections(&gateway) == Some(1));
    assert!(idle, "{:?} connections are left", open_connections(&gateway));
    // Kept connections to upstreams are few.
    let few = wait::holds(wait::SOON, || gateway.open_files() < files + 40);
    assert!(few, "{} files are open, {files} were before", gateway.open_files());
    let grown = gateway.resident().saturating_sub(memory);
    assert!(grown < GROWTH, "the gateway is {} MiB larger", grown >> 20);
}
