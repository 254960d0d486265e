//! Floods of HTTP/2 frames: each is stopped within 1,000 frames and hurts nobody else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use dataplane::Settings;

use crate::frames::*;
use crate::model_of::{Build, Running, service};
use crate::peer::{Peer, Upstream, pause};

/// A flood: its settings, and how it goes on by a round. A round that gets no answer says so.
struct Flood {
    name: &'static str,
    settings: &'static [(u16, u32)],
    round: fn(&mut Frames, u32) -> bool,
}

/// Frames after which a flood must have been stopped.
const FRAMES: usize = 1000;

const FLOODS: &[Flood] = &[
    Flood { name: "rapid reset", settings: &[], round: rapid_reset },
    Flood { name: "rapid reset of accepted requests", settings: &[], round: late_reset },
    Flood { name: "made you reset", settings: &[], round: made_you_reset },
    Flood { name: "made you reset, by priority", settings: &[], round: depend_on_yourself },
    Flood { name: "made you reset, by late data", settings: &[], round: data_after_the_end },
    Flood { name: "made you reset, by length", settings: &[], round: too_much_data },
    Flood { name: "continuation", settings: &[], round: continuation },
    Flood { name: "empty continuation", settings: &[], round: empty_continuation },
    Flood { name: "short header blocks", settings: &[], round: short_blocks },
    Flood { name: "ping", settings: &[], round: ping },
    Flood { name: "settings", settings: &[], round: settings },
    Flood { name: "priority", settings: &[], round: priority },
    Flood { name: "empty data", settings: &[], round: empty_data },
    Flood { name: "padding", settings: &[], round: padding },
    Flood { name: "hpack bomb", settings: &[], round: bomb },
    Flood { name: "hpack bomb within the limit", settings: &[], round: small_bomb },
    Flood { name: "empty names", settings: &[], round: empty_names },
    Flood { name: "windows of a byte", settings: &[(INITIAL_WINDOW_SIZE, 0)], round: dribble },
    Flood { name: "windows for nothing", settings: &[], round: windows },
    Flood { name: "unknown frames", settings: &[], round: unknown },
    Flood { name: "refused streams", settings: &[(INITIAL_WINDOW_SIZE, 0)], round: refused },
];

fn id(round: u32) -> u32 {
    round * 2 + 1
}

fn rapid_reset(frames: &mut Frames, round: u32) -> bool {
    frames.request(id(round), &get());
    frames.frame(RST_STREAM, 0, id(round), &8u32.to_be_bytes());
    true
}

/// As `rapid_reset`, but only when the gateway has begun to serve the request.
fn late_reset(frames: &mut Frames, round: u32) -> bool {
    frames.request(id(round), &silent());
    frames.frame(PING, 0, 0, &[0; 8]);
    if !frames.flush() || frames.wait_for(PING).is_none() {
        return false;
    }
    frames.frame(RST_STREAM, 0, id(round), &8u32.to_be_bytes());
    frames.flush()
}

/// CVE-2025-8671: the gateway is made to reset streams that it serves, by windows that overflow
/// (RFC 9113 section 6.9.1).
fn made_you_reset(frames: &mut Frames, round: u32) -> bool {
    frames.request(id(round), &silent());
    frames.frame(WINDOW_UPDATE, 0, id(round), &0x7fff_ffffu32.to_be_bytes());
    true
}

/// As `made_you_reset`, by streams that depend on themselves (RFC 7540 section 5.3.1).
fn depend_on_yourself(frames: &mut Frames, round: u32) -> bool {
    frames.request(id(round), &silent());
    let [a, b, c, d] = id(round).to_be_bytes();
    frames.frame(PRIORITY, 0, id(round), &[a, b, c, d, 7]);
    true
}

/// As `made_you_reset`, by a body after its end (RFC 9113 section 5.1).
fn data_after_the_end(frames: &mut Frames, round: u32) -> bool {
    frames.request(id(round), &silent());
    frames.frame(DATA, 0, id(round), b"more");
    true
}

/// As `made_you_reset`, by bodies longer than they say (RFC 9113 section 8.1.1).
fn too_much_data(frames: &mut Frames, round: u32) -> bool {
    let mut block = post();
    block.extend(self::block(&[("content-length", "1")]));
    frames.frame(HEADERS, END_HEADERS, id(round), &block);
    frames.frame(DATA, END_STREAM, id(round), b"more");
    true
}

fn continuation(frames: &mut Frames, round: u32) -> bool {
    match round {
        0 => frames.frame(HEADERS, END_STREAM, 1, &get()),
        _ => frames.frame(CONTINUATION, 0, 1, &block(&[("x-a", "0123456789")])),
    }
    true
}

fn empty_continuation(frames: &mut Frames, round: u32) -> bool {
    match round {
        0 => frames.frame(HEADERS, END_STREAM, 1, &get()),
        _ => frames.frame(CONTINUATION, 0, 1, &[]),
    }
    true
}

/// Blocks in pieces, each few enough.
fn short_blocks(frames: &mut Frames, round: u32) -> bool {
    frames.frame(HEADERS, END_STREAM, id(round), &silent());
    for _ in 0..4 {
        frames.frame(CONTINUATION, 0, id(round), &[]);
    }
    frames.frame(CONTINUATION, END_HEADERS, id(round), &[]);
    true
}

fn ping(frames: &mut Frames, _: u32) -> bool {
    frames.frame(PING, 0, 0, &[0; 8]);
    true
}

fn settings(frames: &mut Frames, _: u32) -> bool {
    frames.frame(SETTINGS, 0, 0, &[]);
    true
}

fn priority(frames: &mut Frames, _: u32) -> bool {
    frames.frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 7]);
    true
}

fn empty_data(frames: &mut Frames, round: u32) -> bool {
    match round {
        0 => frames.frame(HEADERS, END_HEADERS, 1, &post()),
        _ => frames.frame(DATA, 0, 1, &[]),
    }
    true
}

fn padding(frames: &mut Frames, round: u32) -> bool {
    match round {
        0 => frames.frame(HEADERS, END_HEADERS, 1, &post()),
        _ => frames.frame(DATA, PADDED, 1, &[20; 21]),
    }
    true
}

/// An entry of 4 kB, 16,000 times in a block of 16 kB (CVE-2016-6581).
fn bomb(frames: &mut Frames, round: u32) -> bool {
    frames.request(id(round), &referring(round, 12_000));
    frames.flush()
}

/// As `bomb`, but so that a head may just be looked at.
fn small_bomb(frames: &mut Frames, round: u32) -> bool {
    frames.request(id(round), &referring(round, 20));
    true
}

fn referring(round: u32, times: usize) -> Vec<u8> {
    let mut block = get();
    if round == 0 {
        // A literal with incremental indexing: the first of the dynamic table.
        block.push(0x40);
        string(&mut block, b"x-bomb");
        string(&mut block, &[b'a'; 3900]);
    }
    block.extend(vec![0x80 | 62; times]);
    block
}

fn empty_names(frames: &mut Frames, round: u32) -> bool {
    let mut block = get();
    for _ in 0..100 {
        block.extend([0, 0, 0]);
    }
    frames.request(id(round), &block);
    true
}

/// CVE-2019-9511: a response of which a byte is taken at a time.
fn dribble(frames: &mut Frames, round: u32) -> bool {
    match round {
        0 => frames.request(1, &get()),
        _ => frames.frame(WINDOW_UPDATE, 0, 1, &1u32.to_be_bytes()),
    }
    // Each byte is waited for, so that it is sent by itself.
    frames.flush() && (round == 0 || frames.wait_for(DATA).is_some())
}

fn windows(frames: &mut Frames, _: u32) -> bool {
    frames.frame(WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes());
    true
}

fn unknown(frames: &mut Frames, _: u32) -> bool {
    frames.frame(0x42, 0, 0, b"what");
    true
}

/// More streams than may be open.
fn refused(frames: &mut Frames, round: u32) -> bool {
    frames.request(id(round), &silent());
    true
}

/// A request that is not answered.
fn silent() -> Vec<u8> {
    block(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/silent"),
        (":authority", "a.test"),
    ])
}

fn post() -> Vec<u8> {
    block(&[(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a.test")])
}

impl Flood {
    /// Sends the flood, no more than 1,000 frames of it, and waits for the connection's end.
    fn run(&self, port: u16) -> (usize, End) {
        let mut frames = Frames::connect(port, self.settings);
        for round in 0.. {
            let before = frames.sent;
            let goes_on = (self.round)(&mut frames, round);
            let step = frames.sent - before;
            if !goes_on || frames.sent + step > FRAMES {
                break;
            }
        }
        (frames.sent, frames.end())
    }
}

/// A gateway with one worker, so that who floods and who does not share it.
fn gateway(upstream: &Upstream, silent: u16) -> Running {
    let build = Build::new().service(service("/", upstream.port()));
    let settings = Settings { workers: 1, ..Settings::default() };
    build.service(service("/silent", silent)).start_with(settings)
}

/// An endpoint that takes connections and never answers.
fn silence() -> (std::net::TcpListener, u16) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

fn upstream() -> Upstream {
    Upstream::start(|_| format!("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n{:2000}", ""))
}

const ASK: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

#[test]
fn every_flood_is_stopped_within_a_thousand_frames() {
    let (upstream, (_held, silent)) = (upstream(), silence());
    let gateway = gateway(&upstream, silent);
    let mut neighbour = Peer::connect(gateway.port());
    for flood in FLOODS {
        let (frames, end) = flood.run(gateway.port());
        assert!(frames <= FRAMES, "{}: {frames} frames", flood.name);
        assert_ne!(end, End::GoAway(NO_ERROR), "{}", flood.name);
        assert_eq!(neighbour.ask(ASK).status, 200, "beside {}", flood.name);
    }
}

/// Each flood is repeated for a while beside a neighbour. Prints a table of what comes of it, which
/// says something about memory only if nothing else runs:
/// `FLOOD_MS=2000 cargo test -p tripylon-dataplane --test gateway floods::neighbours -- --nocapture`
#[test]
fn neighbours_are_served_in_time() {
    let time = std::env::var("FLOOD_MS").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let time = Duration::from_millis(time);
    let (upstream, (_held, silent)) = (upstream(), silence());
    let gateway = gateway(&upstream, silent);
    let port = gateway.port();
    println!("| flood | ended by frame | end | memory | connections | memory | neighbour p99 |");
    println!("|---|---|---|---|---|---|---|");
    for flood in FLOODS {
        let before = resident();
        let (stopped, end) = flood.run_slowly(port);
        let once = resident().saturating_sub(before) >> 10;
        let (sender, floods) = mpsc::channel();
        let over = Arc::new(AtomicBool::new(false));
        let flooding = Arc::clone(&over);
        let flooder = thread::spawn(move || {
            let mut count = 0;
            while !flooding.load(Ordering::Relaxed) {
                flood.run(port);
                count += 1;
            }
            sender.send(count).expect("the table waits");
        });
        let times = neighbour(port, time);
        over.store(true, Ordering::Relaxed);
        flooder.join().expect("the flood ends");
        let count: usize = floods.recv().expect("the flood ends");
        let grown = resident().saturating_sub(before) >> 10;
        let p99 = times[times.len() * 99 / 100];
        let name = flood.name;
        println!(
            "| {name} | {stopped} | {end:?} | {once} KiB | {count} | {grown} KiB | {p99:.1?} |"
        );
    }
}

impl Flood {
    /// As [`Flood::run`], but after each round the gateway has time to end the connection.
    fn run_slowly(&self, port: u16) -> (usize, End) {
        let mut frames = Frames::connect(port, self.settings);
        for round in 0.. {
            if !(self.round)(&mut frames, round) || !frames.flush() || frames.sent > FRAMES {
                break;
            }
            pause(Duration::from_micros(500));
            if frames.has_ended() {
                break;
            }
        }
        (frames.sent, frames.end())
    }
}

/// How long requests take, in order.
fn neighbour(port: u16, time: Duration) -> Vec<Duration> {
    let mut peer = Peer::connect(port);
    let mut times = Vec::new();
    let end = Instant::now() + time;
    while Instant::now() < end {
        let start = Instant::now();
        assert_eq!(peer.ask(ASK).status, 200);
        times.push(start.elapsed());
        pause(Duration::from_millis(1));
    }
    times.sort();
    times
}

/// Bytes of memory that this process has.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize =
        text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * 4096
}
