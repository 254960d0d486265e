//! What a client accepts (RFC 9110 section 12.5.1).

use smallvec::SmallVec;

/// Chooses among media types by a request's `Accept` fields; `None` if it has none.
///
/// Ranges are tried by falling quality, equal ones as they were sent; `*/*`, and a client that
/// accepts nothing that there is, get `otherwise`. Parameters other than the quality do not
/// count. A range that is malformed does not count either.
pub(super) fn negotiate<'a, T: AsRef<str>>(
    fields: impl Iterator<Item = &'a [u8]>,
    choices: &[T],
    otherwise: usize,
) -> Option<usize> {
    let mut fields = fields.peekable();
    fields.peek()?;
    let mut ranges: SmallVec<[Range<'a>; 8]> =
        fields.flat_map(|field| split(field, b',')).filter_map(Range::parse).collect();
    // Stable: equal qualities keep their order.
    ranges.sort_by_key(|range| std::cmp::Reverse(range.quality));
    let chosen = ranges.iter().find_map(|range| range.choose(choices, otherwise));
    Some(chosen.unwrap_or(otherwise))
}

struct Range<'a> {
    kind: &'a [u8],
    subtype: &'a [u8],
    /// In thousandths; never 0.
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let mut parts = split(text, b';');
        let media = parts.next()?;
        let slash = memchr::memchr(b'/', media)?;
        let (kind, subtype) = (&media[..slash], &media[slash + 1..]);
        let weight = parts.find_map(|part| match part {
            [b'q' | b'Q', rest @ ..] => rest.trim_ascii_start().strip_prefix(b"="),
            _ => None,
        });
        let quality = weight.map_or(Some(1000), |weight| quality(weight.trim_ascii_start()))?;
        let named = filter::is_token(kind) && filter::is_token(subtype);
        let sensible = named && (kind != b"*" || subtype == b"*");
        (sensible && quality > 0).then_some(Self { kind, subtype, quality })
    }

    fn choose<T: AsRef<str>>(&self, choices: &[T], otherwise: usize) -> Option<usize> {
        if self.kind == b"*" {
            return Some(otherwise);
        }
        choices.iter().position(|choice| {
            let (kind, subtype) = choice.as_ref().split_once('/').unwrap_or_default();
            self.kind.eq_ignore_ascii_case(kind.as_bytes())
                && (self.subtype == b"*" || self.subtype.eq_ignore_ascii_case(subtype.as_bytes()))
        })
    }
}

/// A weight in thousandths (RFC 9110 section 12.4.2).
fn quality(weight: &[u8]) -> Option<u16> {
    let (whole, decimals) = match weight {
        [whole @ (b'0' | b'1')] => (whole, &[][..]),
        [whole @ (b'0' | b'1'), b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    let mut thousandths = u16::from(whole - b'0') * 1000;
    for (digit, worth) in decimals.iter().zip([100, 10, 1]) {
        if !digit.is_ascii_digit() {
            return None;
        }
        thousandths += u16::from(digit - b'0') * worth;
    }
    (thousandths <= 1000).then_some(thousandths)
}

/// Splits at separators outside quoted strings (RFC 9110 section 5.6.4), and trims blanks.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |byte| {
        if escaped {
            escaped = false;
        } else if *byte == b'"' {
            quoted = !quoted;
        } else if quoted {
            escaped = *byte == b'\\';
        } else {
            return *byte == separator;
        }
        false
    })
    .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHOICES: [&str; 4] = ["text/plain", "application/json", "text/html", "application/xml"];

    fn chosen(accept: &[&str]) -> Option<&'static str> {
        negotiate(accept.iter().map(|field| field.as_bytes()), &CHOICES, 1).map(|ix| CHOICES[ix])
    }

    #[test]
    fn the_range_of_highest_quality_that_there_is_decides() {
        let cases: [(&[&str], &str); 20] = [
            (&["text/html"], "text/html"),
            (&["TEXT/Html"], "text/html"),
            (&["*/*"], "application/json"),
            (&[""], "application/json"),
            (&["garbage"], "application/json"),
            (&["image/png"], "application/json"),
            (&["text/*"], "text/plain"),
            (&["application/*"], "application/json"),
            (&["application/xml, text/html"], "application/xml"),
            (&["text/html;q=0.9,application/json"], "application/json"),
            (&["application/json;q=0.1,text/html;q=0.8"], "text/html"),
            (&["text/html, */*;q=0.1"], "text/html"),
            (&["text/html;q=0.1, */*"], "application/json"),
            (&["image/png", "text/html;q=0.2"], "text/html"),
            (&["text/html;q=0"], "application/json"),
            (&["text/html; charset=\"a,b;q=0\" ; Q = 0.5, text/plain;q=.6"], "text/html"),
            (&["text/html;q=1.001, text/plain;q=0.001"], "text/plain"),
            (&["*/html, text/plain;q=0.2"], "text/plain"),
            (&["text/html;level=1;q=0.2, text/plain;q=0.25"], "text/plain"),
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], "text/html"),
        ];
        for (accept, expected) in cases {
            assert_eq!(chosen(accept), Some(expected), "{accept:?}");
        }
        assert_eq!(chosen(&[]), None);
    }

    proptest! {
        #[test]
        fn any_field_chooses_something(field in prop::collection::vec(any::<u8>(), 0..60)) {
            let chosen = negotiate([&field[..]].into_iter(), &CHOICES, 1);
            prop_assert!(chosen.is_some_and(|ix| ix < CHOICES.len()));
        }
    }
}
