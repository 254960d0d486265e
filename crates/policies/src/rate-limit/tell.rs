//! Telling clients about limits.

use ::filter::{Headers, Problem};
use smallvec::SmallVec;

use super::config::HeaderNames;
use super::limit::{Current, Limit, Verdict, closest};
use super::period::Period;

/// The headers that tell clients about limits.
#[derive(Debug, Default)]
pub(super) struct Telling {
    limits: Vec<LimitHeaders>,
    limit: Option<String>,
    remaining: Option<String>,
    reset: Option<String>,
    retry_after: Option<String>,
}

/// The headers of one limit.
#[derive(Debug)]
struct LimitHeaders {
    /// Name and value.
    limit: Option<(String, String)>,
    remaining: Option<String>,
}

impl Telling {
    pub(super) fn prepare(
        names: &HeaderNames,
        limits: &[Limit],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut read = |field: &str, name: &Option<String>, periods: bool| {
            let name = name.clone()?;
            let sample = if periods { expanded(&name, Period::Second) } else { name.clone() };
            if !::filter::is_token(sample.as_bytes()) {
                let message = format!("`{name}` cannot be a header's name");
                let problem = Problem::new(format!("/headers/{field}"), message);
                problems.push(problem.help("give a token (RFC 9110 section 5.1), or null for none"));
            }
            Some(name)
        };
        let limit = read("limit", &names.limit, true);
        let remaining = read("remaining", &names.remaining, true);
        let of_limit = |it: &Limit| LimitHeaders {
            limit: limit.as_ref().map(|name| (expanded(name, it.period), it.max.to_string())),
            remaining: remaining.as_ref().map(|name| expanded(name, it.period)),
        };
        Self {
            limits: limits.iter().map(of_limit).collect(),
            limit: read("window_limit", &names.window_limit, false),
            remaining: read("window_remaining", &names.window_remaining, false),
            reset: read("window_reset", &names.window_reset, false),
            retry_after: read("retry_after", &names.retry_after, false),
        }
    }

    /// Writes what is left of each limit, and how things stand with the closest.
    pub(super) fn write(
        &self,
        headers: &mut Headers,
        currents: &[Current],
        verdict: Verdict,
        unix_ms: u64,
    ) {
        for (of_limit, current) in self.limits.iter().zip(currents) {
            if let Some((name, value)) = &of_limit.limit {
                headers.set(name, value);
            }
            set(headers, of_limit.remaining.as_deref(), current.remaining());
        }
        let Some(closest) = closest(currents) else { return };
        let seconds = closest.window.seconds_left(unix_ms);
        set(headers, self.limit.as_deref(), closest.limit.max);
        set(headers, self.remaining.as_deref(), closest.remaining());
        set(headers, self.reset.as_deref(), seconds);
        if verdict == Verdict::Refused {
            set(headers, self.retry_after.as_deref(), seconds);
        }
    }
}

fn expanded(name: &str, period: Period) -> String {
    name.replace("{Period}", period.title())
}

fn set(headers: &mut Headers, name: Option<&str>, value: u64) {
    if let Some(name) = name {
        headers.set(name, digits(value));
    }
}

/// A number in decimal digits, at most 20 of them, not on the heap.
fn digits(mut value: u64) -> SmallVec<[u8; 20]> {
    let mut digits = SmallVec::new();
    loop {
        digits.push(b'0' + (value % 10) as u8);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    digits.reverse();
    digits
}
