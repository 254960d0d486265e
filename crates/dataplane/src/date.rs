//! The `Date` of a response (RFC 9110 section 6.6.1).

use std::cell::RefCell;

/// The date of the second at hand, in IMF-fixdate (RFC 9110 section 5.6.7), formatted once a
/// second.
#[derive(Default)]
pub(crate) struct Date {
    cached: RefCell<(u64, String)>,
}

impl Date {
    /// Hands the date of a moment to `use_it`.
    pub(crate) fn with<T>(&self, unix_seconds: u64, use_it: impl FnOnce(&str) -> T) -> T {
        let mut cached = self.cached.borrow_mut();
        if cached.0 != unix_seconds || cached.1.is_empty() {
            *cached = (unix_seconds, format(unix_seconds));
        }
        use_it(&cached.1)
    }
}

fn format(unix_seconds: u64) -> String {
    let seconds = i64::try_from(unix_seconds).unwrap_or(i64::MAX);
    let moment = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_imf_fixdates() {
        let date = Date::default();
        date.with(784_111_777, |text| assert_eq!(text, "Sun, 06 Nov 1994 08:49:37 GMT"));
        date.with(784_111_778, |text| assert_eq!(text, "Sun, 06 Nov 1994 08:49:38 GMT"));
    }
}
