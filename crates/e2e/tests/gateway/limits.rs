//! Limits on what a client may send, and on how long it may take.

use std::time::{Duration, Instant};

use tripylon_e2e::http1::request;
use tripylon_e2e::upstream::{Act, Script};
use tripylon_e2e::{Client, Fault, Gateway, Start, Upstream, wait};

use crate::setup::proxy_to;

fn with(upstream: &Upstream, settings: &[(&str, &str)]) -> Gateway {
    let start = Start::kong(proxy_to(upstream));
    settings.iter().fold(start, |start, (name, value)| start.env(name, value)).go()
}

fn answer(gateway: &Gateway, bytes: impl AsRef<[u8]>) -> Result<u16, Fault> {
    let mut client = Client::connect(gateway.proxy())?;
    let _ = client.send(bytes);
    Ok(client.receive("GET")?.status)
}

#[test]
fn bodies_have_a_limit_where_one_is_set() {
    let upstream = Upstream::echo();
    let gateway = with(&upstream, &[("KONG_NGINX_HTTP_CLIENT_MAX_BODY_SIZE", "1k")]);
    let post = |length: usize| {
        format!(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{}",
            "x".repeat(length)
        )
    };
    assert_eq!(answer(&gateway, post(1024)), Ok(200));
    assert_eq!(answer(&gateway, post(1025)), Ok(413));
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n{}\r\n0\r\n\r\n",
        "x".repeat(0x800)
    );
    assert_eq!(answer(&gateway, chunked), Ok(413));
    assert_eq!(upstream.journal().seen().len(), 1);
}

#[test]
fn heads_have_a_limit() {
    let upstream = Upstream::echo();
    let gateway = with(&upstream, &[]);
    let target = |length: usize| request("GET", &format!("/{}", "a".repeat(length)), &[]);
    let field = |length: usize| request("GET", "/", &[("X", &"a".repeat(length))]);
    assert_eq!(answer(&gateway, target(8000)), Ok(200));
    assert_eq!(answer(&gateway, target(8300)), Ok(414));
    assert_eq!(answer(&gateway, field(8000)), Ok(200));
    assert_eq!(answer(&gateway, field(8300)), Ok(400));
    let large = [("KONG_NGINX_HTTP_LARGE_CLIENT_HEADER_BUFFERS", "4 16k")];
    let gateway = with(&upstream, &large);
    assert_eq!(answer(&gateway, target(16_000)), Ok(200));
    assert_eq!(answer(&gateway, target(16_500)), Ok(414));
}

const SHORT: &[(&str, &str)] = &[
    ("KONG_NGINX_HTTP_CLIENT_HEADER_TIMEOUT", "1s"),
    ("KONG_NGINX_HTTP_CLIENT_BODY_TIMEOUT", "1s"),
    ("KONG_NGINX_HTTP_SEND_TIMEOUT", "1s"),
    ("KONG_NGINX_HTTP_KEEPALIVE_TIMEOUT", "1s"),
];

/// Whether a client is turned away within the time: 408, or the end of the connection.
fn turned_away(client: &mut Client, limit: Duration) -> bool {
    client.set_patience(limit).unwrap();
    matches!(client.receive("GET").map(|r| r.status), Ok(408) | Err(Fault::Closed))
}

#[test]
fn sec_049_slow_heads_are_turned_away_and_others_served() {
    let upstream = Upstream::echo();
    let gateway = with(&upstream, SHORT);
    let mut slow: Vec<Client> =
        (0..300).map(|_| Client::connect(gateway.proxy()).unwrap()).collect();
    for client in &mut slow {
        client.send("GET / HTTP/1.1\r\nHost: ").unwrap();
    }
    let began = Instant::now();
    assert_eq!(answer(&gateway, request("GET", "/", &[])), Ok(200));
    assert!(began.elapsed() < Duration::from_secs(1));
    // A byte now and then buys no time: the answer is there before the time after the last of them
    // is over.
    let mut dripping = slow.pop().unwrap();
    for _ in 0..15 {
        wait::nap(Duration::from_millis(100));
        let _ = dripping.send("a");
    }
    assert!(turned_away(&mut dripping, Duration::from_millis(500)), "a head may not take for ever");
    for client in &mut slow {
        assert!(turned_away(client, Duration::from_secs(5)));
    }
}

#[test]
fn sec_050_and_sec_055_slow_bodies_are_turned_away() {
    let upstream = Upstream::echo();
    let gateway = with(&upstream, SHORT);
    let mut slow: Vec<Client> =
        (0..100).map(|_| Client::connect(gateway.proxy()).unwrap()).collect();
    for (n, client) in slow.iter_mut().enumerate() {
        let method = if n % 2 == 0 { "GET" } else { "POST" };
        client
            .send(format!("{method} / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"))
            .unwrap();
    }
    assert_eq!(answer(&gateway, request("GET", "/", &[])), Ok(200));
    for client in &mut slow {
        assert!(turned_away(client, Duration::from_secs(5)));
    }
    assert_eq!(upstream.journal().seen().len(), 1);
}

#[test]
fn sec_051_clients_that_do_not_read_are_cut_off() {
    let pouring = Script::new([
        Act::Read,
        Act::Send(
            [
                b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n".to_vec(),
                vec![b'x'; 50_000_000],
            ]
            .concat(),
        ),
    ]);
    let upstream = Upstream::scripted(vec![pouring]);
    let gateway = with(&upstream, SHORT);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    client.send(request("GET", "/", &[])).unwrap();
    assert_eq!(client.wire().read_response_head("GET").unwrap().status, 200);
    let idle = wait::until(wait::SOON, || {
        let connections = open_connections(&gateway)?;
        (connections == 0).then_some(())
    });
    assert!(idle.is_some(), "the connection is never closed");
    let rest = client.wire().read_to_end().map_or(0, |rest| rest.len());
    assert!(rest < 50_000_000);
}

/// Connections of clients, by the gateway's own count.
fn open_connections(gateway: &Gateway) -> Option<u64> {
    let mut client = Client::connect(gateway.status()).ok()?;
    let status = client.exchange("GET", "/status", &[]).ok()?.json();
    status["connections"]["active"].as_u64()
}

#[test]
fn idle_connections_end() {
    let upstream = Upstream::echo();
    let gateway = with(&upstream, SHORT);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    assert_eq!(client.exchange("GET", "/", &[]).unwrap().status, 200);
    assert!(client.ends_within(Duration::from_secs(5)));
    let mut silent = Client::connect(gateway.proxy()).unwrap();
    assert!(turned_away(&mut silent, Duration::from_secs(5)));
}

#[test]
fn connections_have_a_number_of_requests() {
    let upstream = Upstream::echo();
    let gateway = with(&upstream, &[("KONG_NGINX_HTTP_KEEPALIVE_REQUESTS", "3")]);
    let mut client = Client::connect(gateway.proxy()).unwrap();
    for _ in 0..3 {
        assert_eq!(client.exchange("GET", "/", &[]).unwrap().status, 200);
    }
    assert!(client.ends_within(wait::SOON));
}

#[test]
fn sec_057_connections_have_a_limit_and_those_within_it_are_served() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(proxy_to(&upstream)).arguments(&["--max-connections", "50"]).go();
    let connect = || Client::connect(gateway.proxy()).unwrap();
    let serves =
        |client: &mut Client| client.exchange("GET", "/", &[]).is_ok_and(|r| r.status == 200);
    let mut within: Vec<Client> = (0..40).map(|_| connect()).collect();
    assert!(within.iter_mut().all(serves));
    let mut beyond: Vec<Client> = (0..300).map(|_| connect()).collect();
    let refused = beyond.iter_mut().map(serves).filter(|served| !served).count();
    assert!((290..=300).contains(&refused), "{refused} of 300 were refused");
    assert!(within.iter_mut().all(serves));
    let mut admin = Client::connect(gateway.admin()).unwrap();
    assert_eq!(admin.exchange("GET", "/status", &[]).unwrap().status, 200);
    drop((within, beyond));
    assert!(wait::holds(wait::SOON, || serves(&mut connect())));
}

#[test]
fn no_client_has_all_connections() {
    let upstream = Upstream::echo();
    let gateway =
        Start::kong(proxy_to(&upstream)).arguments(&["--max-connections-per-client", "10"]).go();
    let serves =
        |client: &mut Client| client.exchange("GET", "/", &[]).is_ok_and(|r| r.status == 200);
    let mut clients: Vec<Client> =
        (0..30).map(|_| Client::connect(gateway.proxy()).unwrap()).collect();
    let served = clients.iter_mut().map(serves).filter(|served| *served).count();
    assert_eq!(served, 10);
}

/// Without a limit of its own the gateway runs out of descriptors: that costs no processor time,
/// and passes.
#[test]
fn descriptors_that_run_out_are_waited_for() {
    let upstream = Upstream::echo();
    let mut gateway = Start::kong(proxy_to(&upstream))
        .arguments(&["--max-connections", "1000000"])
        .open_files(100)
        .go();
    let mut clients: Vec<Client> =
        (0..300).map(|_| Client::connect(gateway.proxy()).unwrap()).collect();
    assert!(wait::holds(wait::SOON, || gateway.open_files() >= 98), "{}", gateway.said());
    let before = gateway.processor_time();
    wait::nap(Duration::from_secs(1));
    let spent = gateway.processor_time() - before;
    assert!(spent < Duration::from_millis(500), "{spent:?} of a second went into waiting");
    assert!(gateway.is_running());
    clients.truncate(10);
    let served = wait::holds(wait::SOON, || answer(&gateway, request("GET", "/", &[])) == Ok(200));
    assert!(served, "{}", gateway.said());
    for client in &mut clients {
        assert_eq!(client.exchange("GET", "/", &[]).unwrap().status, 200);
    }
}
