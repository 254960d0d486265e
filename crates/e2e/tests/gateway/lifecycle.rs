//! The beginning and the end of the process.

use std::time::Duration;

use tripylon_e2e::http1::request;
use tripylon_e2e::{Client, Start, Upstream, gateway, wait};

use crate::setup::{gateway, proxy_to};

/// A request that was begun before the signal is answered, and its connection ends after it; new
/// connections are refused.
#[test]
fn termination_lets_requests_finish() {
    let upstream = Upstream::echo();
    let mut running = gateway(&upstream);
    let mut idle = Client::connect(running.proxy()).unwrap();
    assert_eq!(idle.exchange("GET", "/", &[]).unwrap().status, 200);
    let mut busy = Client::connect(running.proxy()).unwrap();
    busy.send(request("GET", "/slow?_delay=1500&_b=done", &[])).unwrap();
    upstream.journal().wait(2, wait::SOON);
    running.signal(libc::SIGTERM);
    assert!(wait::holds(wait::SOON, || !gateway::accepts(running.proxy())));
    assert!(running.is_running(), "there is a request to finish");
    let response = busy.receive("GET").unwrap();
    assert_eq!((response.status, response.text()), (200, "done"));
    assert!(busy.ends_within(wait::SOON));
    assert!(idle.ends_within(wait::SOON));
    let ended = running.ended(wait::SOON).expect("the process ends once all is answered");
    assert!(ended.success(), "{ended}");
}

#[test]
fn readiness_goes_before_the_process_does() {
    let upstream = Upstream::echo();
    let running = gateway(&upstream);
    let ready = || {
        let mut client = Client::connect(running.status()).ok()?;
        Some(client.exchange("GET", "/status/ready", &[]).ok()?.status)
    };
    assert_eq!(ready(), Some(200));
    let mut busy = Client::connect(running.proxy()).unwrap();
    busy.send(request("GET", "/slow?_delay=1500", &[])).unwrap();
    upstream.journal().wait(1, wait::SOON);
    running.signal(libc::SIGTERM);
    assert!(wait::holds(Duration::from_secs(1), || ready() == Some(503)));
    assert_eq!(busy.receive("GET").unwrap().status, 200);
}

#[test]
fn idle_gateways_end_at_once() {
    let upstream = Upstream::echo();
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let mut running = gateway(&upstream);
        let _idle = Client::connect(running.proxy()).unwrap();
        running.signal(signal);
        assert!(running.ended(Duration::from_secs(3)).is_some_and(|s| s.success()));
    }
}

#[test]
fn a_document_with_mistakes_is_not_served() {
    let upstream = Upstream::echo();
    let refused = Start::kong(proxy_to(&upstream).replace("paths", "pahts")).try_go();
    let words = refused.err().expect("it does not start");
    assert!(words.contains("pahts") && words.contains("kong.yml:"), "{words}");
}

#[test]
fn a_port_in_use_is_an_error_that_names_it() {
    let upstream = Upstream::echo();
    let running = gateway(&upstream);
    let listen = format!("127.0.0.1:{}", upstream.port());
    let refused = Start::kong(proxy_to(&upstream)).env("KONG_PROXY_LISTEN", &listen).try_go();
    let words = refused.err().expect("it does not start");
    assert!(words.contains(&upstream.port().to_string()), "{words}");
    drop(running);
}
