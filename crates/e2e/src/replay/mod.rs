//! Replay of recorded cases: the requests of a case are sent to a gateway that runs the case's
//! configuration, and what the client and the upstreams saw is compared with the recording.
//!
//! `data/kong/README.md` says what a recorded case holds and what of it is compared.

mod accepted;
mod balance;
mod case;
mod compare;
mod links;
mod offline;
mod over_http2;
mod ports;
mod report;
mod runner;
mod signed;

use std::path::{Path, PathBuf};

use self::accepted::Accepted;
use self::case::Case;
use self::ports::Places;
use self::report::Report;
use self::runner::{Runner, Speech};

/// Replays all recorded cases of a topic.
///
/// # Panics
/// If a case differs from its recording and no accepted difference says so, or if an accepted
/// difference is none any more; with a list of what differs.
pub fn topic(name: &str) {
    let places = Places::claim();
    let cases = case::load(&folder().join(format!("{name}.jsonl")), &places);
    let report = replay(Speech::Http1, cases, &places, &Accepted::load());
    assert!(report.is_clean(), "{report}");
}

/// Replays the recorded cases of a topic whose requests HTTP/2 can say, in HTTP/2 with prior
/// knowledge. Cases in which something is meant to differ are left out.
///
/// # Panics
/// As [`topic`].
pub fn topic_over_http2(name: &str) {
    let places = Places::claim();
    let accepted = Accepted::load();
    let cases = case::load(&folder().join(format!("{name}.jsonl")), &places);
    let meant = cases.into_iter().filter(|case| !accepted.names(&case.name()));
    let cases = meant.filter_map(over_http2::said).collect();
    let report = replay(Speech::Http2, cases, &places, &accepted);
    assert!(report.is_clean(), "{report}");
}

/// Asks `tripylon explain` about the recorded requests of a topic. Cases in which something is
/// meant to differ are left out.
///
/// # Panics
/// If it says otherwise than what was recorded.
pub fn explanations(name: &str) {
    let places = Places::claim();
    let accepted = Accepted::load();
    let mut report = Report::default();
    for case in case::load(&folder().join(format!("{name}.jsonl")), &places) {
        if !accepted.names(&case.name()) {
            report.add(&case, offline::explain(&case));
        }
    }
    assert!(report.is_clean(), "{report}");
}

fn replay(speech: Speech, mut cases: Vec<Case>, places: &Places, accepted: &Accepted) -> Report {
    // Cases that can share a process stand together.
    cases.sort_by_key(|case| (case.needs_fresh_process(), case.env.clone()));
    let mut runner = Runner::new(speech, places, &cases);
    let mut report = Report::default();
    for case in &cases {
        report.add(case, accepted.judge(&case.name(), runner.run(case)));
    }
    report
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join("kong")
}
