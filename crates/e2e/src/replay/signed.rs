//! Requests that were signed when they were recorded: they name a date, and a signature over it
//! that is right or wrong. A replay names the date of now, and signs anew what was signed rightly.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::case::{Request, Step};
use super::links::Links;

/// Learns what stands for the date and the signature of a step.
pub(super) fn learn(config: &str, step: &Step, links: &mut Links) {
    let request = &step.request;
    let said = ["authorization", "proxy-authorization"].map(|name| field(request, name));
    let Some(said) = said.into_iter().flatten().find(|said| said.starts_with("hmac ")) else {
        return;
    };
    let Some(recorded) = field(request, "date") else { return };
    let now = date(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs()));
    links.learn(recorded, &now);
    let parameter = |name: &str| said.split_once(&format!("{name}=\""))?.1.split('"').next();
    let (Some(headers), Some(signature)) = (parameter("headers"), parameter("signature")) else {
        return;
    };
    let Some(algorithm) = parameter("algorithm").and_then(algorithm) else { return };
    let secrets = config.lines().filter_map(|line| line.trim().strip_prefix("secret: "));
    for secret in secrets {
        let key = hmac::Key::new(algorithm, secret.as_bytes());
        let sign = |date: &str| STANDARD.encode(hmac::sign(&key, &text(headers, request, date)));
        if sign(recorded) == signature {
            links.learn(signature, &sign(&now));
        }
    }
}

fn field<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let mut fields = request.headers.iter();
    fields.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn algorithm(name: &str) -> Option<hmac::Algorithm> {
    Some(match name {
        "hmac-sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "hmac-sha256" => hmac::HMAC_SHA256,
        "hmac-sha384" => hmac::HMAC_SHA384,
        "hmac-sha512" => hmac::HMAC_SHA512,
        _ => return None,
    })
}

/// What is signed: a line for each name.
fn text(names: &str, request: &Request, date: &str) -> Vec<u8> {
    let Request { method, target, version, .. } = request;
    let lines = names.split(' ').map(|name| match name {
        "request-line" => format!("{method} {target} {version}"),
        "@request-target" => format!("{name}: {} {target}", method.to_lowercase()),
        "date" => format!("date: {date}"),
        name => format!("{name}: {}", field(request, name).unwrap_or_default()),
    });
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

/// A moment, in seconds since 1970-01-01 UTC, as HTTP writes it (RFC 9110 section 5.6.7).
fn date(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut day) = (1970, days);
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months = lengths.iter().zip(MONTHS);
    let mut month = MONTHS[11];
    for (length, name) in months {
        if day < *length {
            month = name;
            break;
        }
        day -= length;
    }
    let name = DAYS[(days % 7) as usize];
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{name}, {:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT", day + 1)
}

/// From a Thursday, as 1970-01-01 was.
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_a_calendar() {
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(1_709_251_199), "Thu, 29 Feb 2024 23:59:59 GMT");
        assert_eq!(date(1_798_761_599), "Thu, 31 Dec 2026 23:59:59 GMT");
    }
}
