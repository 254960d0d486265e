//! Dates of HTTP (RFC 9110 section 5.6.7), in all three forms that a recipient has to know.

/// Seconds since 1970-01-01 UTC of a date; `None` if it is none.
pub(super) fn read(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim_ascii();
    let (day_name, rest) = text.split_once(' ')?;
    match day_name.strip_suffix(',') {
        Some(name) if name.len() == 3 && DAYS.iter().any(|day| day.starts_with(name)) => {
            imf_fixdate(rest)
        }
        Some(name) if DAYS.contains(&name) => rfc850(rest),
        None if day_name.len() == 3 && DAYS.iter().any(|day| day.starts_with(day_name)) => {
            asctime(rest)
        }
        _ => None,
    }
}

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(text: &str) -> Option<i64> {
    let mut parts = text.split(' ');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let (time, zone) = (parts.next()?, parts.next()?);
    if zone != "GMT" || parts.next().is_some() || year.len() != 4 {
        return None;
    }
    seconds(number(year)?, month, day, time)
}

/// `06-Nov-94 08:49:37 GMT`
fn rfc850(text: &str) -> Option<i64> {
    let mut parts = text.split(' ');
    let (date, time, zone) = (parts.next()?, parts.next()?, parts.next()?);
    let mut date = date.split('-');
    let (day, month, year) = (date.next()?, date.next()?, date.next()?);
    let unknown = parts.next().is_some() || date.next().is_some();
    if zone != "GMT" || unknown || year.len() != 2 {
        return None;
    }
    // As everyone reads them since the year 2000.
    let year = number(year)?;
    seconds(if year < 70 { 2000 + year } else { 1900 + year }, month, day, time)
}

/// `Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<i64> {
    let mut parts = text.split_ascii_whitespace();
    let (month, day) = (parts.next()?, parts.next()?);
    let (time, year) = (parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    seconds(number(year)?, month, day, time)
}

fn seconds(year: i64, month: &str, day: &str, time: &str) -> Option<i64> {
    let month = MONTHS.iter().position(|name| *name == month)?;
    let month = i64::try_from(month).ok()? + 1;
    let day = number(day).filter(|day| (1..=days_in(year, month)).contains(day))?;
    let mut time = time.split(':').map(|part| number(part).filter(|_| part.len() == 2));
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    // A leap second is the first of the next minute.
    if time.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|_| text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit()))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a day in the Gregorian calendar. Years begin in March, so that the leap
/// day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_three_forms_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(read(text.as_bytes()), Some(784_111_777), "{text}");
        }
        assert_eq!(read(b"Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(read(b"Thu, 29 Feb 2024 23:59:60 GMT"), Some(1_709_251_200));
    }

    #[test]
    fn all_else_is_no_date() {
        for text in [
            "",
            "now",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Wed, 29 Feb 2023 00:00:00 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, +6 Nov 1994 08:00:00 GMT",
            "Sxn, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_calendar(seconds in 0i64..4_102_444_800) {
            let time = jiff::Timestamp::from_second(seconds).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
            let text = time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            prop_assert_eq!(read(text.as_bytes()), Some(seconds));
        }

        #[test]
        fn nothing_makes_it_panic(text in "(Sun, |Sunday, |Sun )[A-Za-z0-9: -]{0,32}") {
            let _ = read(text.as_bytes());
        }
    }
}
