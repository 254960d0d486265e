//! Periods, and the windows into which they cut time.

use serde::Deserialize;

/// What a limit counts in. Windows are aligned to UTC; months and years are the calendar's
/// (Gregorian, as in RFC 3339).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Period {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Year,
}

/// A stretch of time: milliseconds since 1970-01-01 UTC, the end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: u64,
    pub(super) end: u64,
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl Period {
    /// How many there are.
    pub(super) const COUNT: usize = 6;

    /// All, from the shortest to the longest.
    pub(super) const ALL: [Self; Self::COUNT] =
        [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Month, Self::Year];

    /// The word by which configurations and stored keys call it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The word as it stands in header names.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Second => "Second",
            Self::Minute => "Minute",
            Self::Hour => "Hour",
            Self::Day => "Day",
            Self::Month => "Month",
            Self::Year => "Year",
        }
    }

    /// The window that holds a moment.
    pub(super) fn window(self, unix_ms: u64) -> Window {
        match self {
            Self::Second => aligned(unix_ms, SECOND),
            Self::Minute => aligned(unix_ms, MINUTE),
            Self::Hour => aligned(unix_ms, HOUR),
            Self::Day => aligned(unix_ms, DAY),
            Self::Month => {
                let (year, month) = month_of(unix_ms / DAY);
                let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                Window { start: first_of(year, month) * DAY, end: first_of(next.0, next.1) * DAY }
            }
            Self::Year => {
                let (year, _) = month_of(unix_ms / DAY);
                Window { start: first_of(year, 1) * DAY, end: first_of(year + 1, 1) * DAY }
            }
        }
    }
}

/// How long a stored counter outlives its window, for nodes whose clocks are behind.
const SKEW: u64 = 5 * SECOND;

impl Window {
    /// How long a counter of the window has to be stored, in milliseconds.
    pub(super) fn lifetime(self, unix_ms: u64) -> u64 {
        self.end.saturating_sub(unix_ms) + SKEW
    }

    /// How long the window still is: whole seconds, rounded up, at least one.
    pub(super) fn seconds_left(self, unix_ms: u64) -> u64 {
        self.end.saturating_sub(unix_ms).div_ceil(SECOND).max(1)
    }
}

fn aligned(unix_ms: u64, length: u64) -> Window {
    let start = unix_ms - unix_ms % length;
    Window { start, end: start + length }
}

/// Days from 0000-03-01 to 1970-01-01 in the proleptic Gregorian calendar.
const EPOCH: u64 = 719_468;
/// Days of 400 years, after which the calendar repeats.
const DAYS_OF_400_YEARS: u64 = 146_097;

/// Year and month (1–12) of a day since 1970-01-01. Years are counted from March, so that a leap
/// day is a year's last (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn month_of(day: u64) -> (u64, u64) {
    let day = day + EPOCH;
    let day_of_era = day % DAYS_OF_400_YEARS;
    let leaps = day_of_era / 1_460 + day_of_era / (DAYS_OF_400_YEARS - 1);
    let year_of_era = (day_of_era + day_of_era / 36_524 - leaps) / 365;
    let day_of_year = day_of_era - days_of_years(year_of_era);
    let months_from_march = (5 * day_of_year + 2) / 153;
    let year = day / DAYS_OF_400_YEARS * 400 + year_of_era;
    if months_from_march < 10 {
        (year, months_from_march + 3)
    } else {
        (year + 1, months_from_march - 9)
    }
}

/// The first day of a month (1–12), since 1970-01-01.
fn first_of(year: u64, month: u64) -> u64 {
    let (year, months_from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year / 400 * DAYS_OF_400_YEARS + days_of_years(year % 400);
    days + (153 * months_from_march + 2) / 5 - EPOCH
}

/// Days of so many years since a year that 400 divides.
fn days_of_years(years: u64) -> u64 {
    365 * years + years / 4 - years / 100
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use jiff::{Timestamp, ToSpan, Unit, Zoned, ZonedRound};
    use proptest::prelude::*;

    use super::*;
    use crate::testing::NOON;

    /// The window by a calendar that is not ours.
    fn expected(period: Period, unix_ms: u64) -> Window {
        let moment = Timestamp::from_millisecond(i64::try_from(unix_ms).unwrap()).unwrap();
        let moment = moment.to_zoned(TimeZone::UTC);
        let floor = |unit| {
            moment.round(ZonedRound::new().smallest(unit).mode(jiff::RoundMode::Trunc)).unwrap()
        };
        let (start, length) = match period {
            Period::Second => (floor(Unit::Second), 1.second()),
            Period::Minute => (floor(Unit::Minute), 1.minute()),
            Period::Hour => (floor(Unit::Hour), 1.hour()),
            Period::Day => (floor(Unit::Day), 1.day()),
            Period::Month => (floor(Unit::Day).first_of_month().unwrap(), 1.month()),
            Period::Year => (floor(Unit::Day).first_of_year().unwrap(), 1.year()),
        };
        let ms = |at: &Zoned| u64::try_from(at.timestamp().as_millisecond()).unwrap();
        Window { start: ms(&start), end: ms(&start.checked_add(length).unwrap()) }
    }

    proptest! {
        /// To the year 9000.
        #[test]
        fn windows_are_the_calendars(unix_ms in 0..221_845_392_000_000_u64) {
            for period in Period::ALL {
                prop_assert_eq!(period.window(unix_ms), expected(period, unix_ms));
            }
        }

        #[test]
        fn windows_neither_overlap_nor_leave_gaps(unix_ms in 0..221_845_392_000_000_u64) {
            for period in Period::ALL {
                let window = period.window(unix_ms);
                prop_assert!(window.start <= unix_ms && unix_ms < window.end);
                prop_assert_eq!(period.window(window.start), window);
                prop_assert_eq!(period.window(window.end - 1), window);
                prop_assert_eq!(period.window(window.end).start, window.end);
            }
        }
    }

    #[test]
    fn every_day_of_400_years_is_in_its_month() {
        let day = |day: u64| (expected(Period::Month, day * DAY), day);
        for (window, day) in (0..DAYS_OF_400_YEARS).map(day) {
            assert_eq!(Period::Month.window(day * DAY), window, "day {day}");
        }
    }

    #[test]
    fn what_is_left_is_rounded_up() {
        let minute = Period::Minute.window(NOON);
        assert_eq!(minute.seconds_left(NOON), 60);
        assert_eq!(minute.seconds_left(NOON + 1), 60);
        assert_eq!(minute.seconds_left(NOON + 1_000), 59);
        assert_eq!(minute.seconds_left(NOON + 59_999), 1);
        assert_eq!(minute.seconds_left(NOON + 70_000), 1);
        assert_eq!(Period::Day.window(NOON).seconds_left(NOON), 12 * 3600);
    }
}
