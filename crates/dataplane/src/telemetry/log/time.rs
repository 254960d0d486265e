//! Times as log lines write them, put into text once a second.

use std::cell::RefCell;

use filter::Now;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::number;

/// The texts of the second at hand.
#[derive(Default)]
pub(super) struct Times(RefCell<Cached>);

#[derive(Default)]
struct Cached {
    unix_seconds: u64,
    local: String,
    iso_local: String,
    utc: String,
}

impl Times {
    /// `25/Nov/2026:14:14:25 +0000`, in the machine's time zone.
    pub(super) fn write_local(&self, now: Now, line: &mut Vec<u8>) {
        self.with(now, |cached| line.extend_from_slice(cached.local.as_bytes()));
    }

    /// `2026-11-25T14:14:25+00:00`, in the machine's time zone.
    pub(super) fn write_iso_local(&self, now: Now, line: &mut Vec<u8>) {
        self.with(now, |cached| line.extend_from_slice(cached.iso_local.as_bytes()));
    }

    /// `2026-11-25T14:14:25.123Z` (RFC 3339).
    pub(super) fn write_utc(&self, now: Now, line: &mut Vec<u8>) {
        self.with(now, |cached| line.extend_from_slice(cached.utc.as_bytes()));
        line.push(b'.');
        write_thousandths(now.unix_ms, line);
        line.push(b'Z');
    }

    fn with(&self, now: Now, use_it: impl FnOnce(&Cached)) {
        let mut cached = self.0.borrow_mut();
        if cached.unix_seconds != now.unix_seconds() || cached.local.is_empty() {
            *cached = Cached::at(now.unix_seconds(), &TimeZone::system());
        }
        use_it(&cached);
    }
}

impl Cached {
    fn at(unix_seconds: u64, zone: &TimeZone) -> Self {
        let seconds = i64::try_from(unix_seconds).unwrap_or(i64::MAX);
        let moment = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        let local = moment.to_zoned(zone.clone());
        Self {
            unix_seconds,
            local: local.strftime("%d/%b/%Y:%H:%M:%S %z").to_string(),
            iso_local: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            utc: moment.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        }
    }
}

/// Milliseconds as seconds with three decimals: `0.004`.
pub(super) fn write_seconds(milliseconds: u64, line: &mut Vec<u8>) {
    number::write(milliseconds / 1000, line);
    line.push(b'.');
    write_thousandths(milliseconds, line);
}

/// The last three digits of a number.
pub(super) fn write_thousandths(number: u64, line: &mut Vec<u8>) {
    let rest = number % 1000;
    let digit = |n: u64| b'0' + (n % 10) as u8;
    line.extend_from_slice(&[digit(rest / 100), digit(rest / 10), digit(rest)]);
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;

    use super::*;

    #[test]
    fn local_times_bear_their_offset() {
        let zone = TimeZone::fixed(Offset::constant(-3));
        let cached = Cached::at(784_111_777, &zone);
        assert_eq!(cached.local, "06/Nov/1994:05:49:37 -0300");
        assert_eq!(cached.iso_local, "1994-11-06T05:49:37-03:00");
        assert_eq!(cached.utc, "1994-11-06T08:49:37");
    }

    #[test]
    fn each_second_has_its_own_text() {
        let times = Times::default();
        let utc = |unix_ms| {
            let mut line = Vec::new();
            times.write_utc(Now { unix_ms, mono_us: 0 }, &mut line);
            String::from_utf8(line).unwrap()
        };
        assert_eq!(utc(784_111_777_008), "1994-11-06T08:49:37.008Z");
        assert_eq!(utc(784_111_777_999), "1994-11-06T08:49:37.999Z");
        assert_eq!(utc(784_111_778_120), "1994-11-06T08:49:38.120Z");
    }

    #[test]
    fn durations_have_three_decimals() {
        let mut line = Vec::new();
        write_seconds(12_345, &mut line);
        line.push(b' ');
        write_seconds(7, &mut line);
        assert_eq!(line, b"12.345 0.007");
    }
}
