//! nginx's sizes and times.

use std::time::Duration;

/// Reads a size of nginx: a number of bytes, of `k` or of `m`, and for offsets of `g`.
pub(super) fn size(text: &str) -> Option<u64> {
    let (number, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1 << 10),
        b'm' | b'M' => (&text[..text.len() - 1], 1 << 20),
        b'g' | b'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    digits(number)?.checked_mul(factor)
}

/// Reads a time of nginx: numbers with the units `ms`, `s`, `m`, `h`, `d`, `w`, `M` (30 days) and
/// `y` (365 days), one behind the other; a number without a unit is seconds.
pub(super) fn time(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number = digits(&rest[..end])?;
        rest = &rest[end..];
        let length = rest.find(|c: char| c.is_ascii_digit() || c == ' ').unwrap_or(rest.len());
        let part = match &rest[..length] {
            "ms" => Duration::from_millis(number),
            unit => Duration::from_secs(number.checked_mul(seconds(unit)?)?),
        };
        total = total.checked_add(part)?;
        rest = rest[length..].trim_start();
    }
    Some(total)
}

fn seconds(unit: &str) -> Option<u64> {
    Some(match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "M" => 30 * 86_400,
        "y" => 365 * 86_400,
        _ => return None,
    })
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size("1k"), Some(1024));
        assert_eq!(size("10m"), Some(10 << 20));
        assert_eq!(size("0"), Some(0));
        assert_eq!(size("2G"), Some(2 << 30));
        for text in
            ["", "k", "-1", "+1", "1kb", "1 k", "99999999999999999999", "18446744073709551615g"]
        {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(time("75"), Some(Duration::from_secs(75)));
        assert_eq!(time("75s"), Some(Duration::from_secs(75)));
        assert_eq!(time("1h 30m"), Some(Duration::from_secs(5400)));
        assert_eq!(time("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(time("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(time("1d"), Some(Duration::from_secs(86_400)));
        for text in ["", "s", "-1", "1x", "1.5s", "99999999999999999999y"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_readers(text in "\\PC{0,12}") {
            let _ = (size(&text), time(&text));
        }
    }
}
