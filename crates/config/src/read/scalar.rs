//! What a YAML scalar without quotes means.

use std::sync::Arc;

use crate::Value;

/// Resolves a plain scalar by the core schema of YAML 1.2.2 section 10.3.2, except that an integer with a leading zero is
/// a text, because YAML 1.1 takes it for octal.
pub(super) fn resolve(text: &str) -> Value {
    let special = match text.as_bytes().first() {
        None => Some(Value::Null),
        Some(b'~' | b'n' | b'N') => null(text),
        Some(b't' | b'T' | b'f' | b'F') => boolean(text).map(Value::Bool),
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => integer(text).or_else(|| float(text)),
        Some(_) => None,
    };
    special.unwrap_or_else(|| Value::String(Arc::from(text)))
}

pub(super) fn null(text: &str) -> Option<Value> {
    matches!(text, "" | "~" | "null" | "Null" | "NULL").then_some(Value::Null)
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

pub(super) fn integer(text: &str) -> Option<Value> {
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    (decimal && !leading_zero).then(|| whole(text))
}

pub(super) fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let value = match unsigned {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => f64::NEG_INFINITY,
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" if text == unsigned => f64::NAN,
        _ if has_float_form(unsigned) => text.parse().ok()?,
        _ => return None,
    };
    Some(Value::Float(value))
}

/// A decimal integer; beyond 64 bits it is a float, as everywhere where numbers are doubles.
fn whole(text: &str) -> Value {
    if let Ok(value) = text.parse() {
        return Value::Int(value);
    }
    match text.parse() {
        Ok(value) => Value::UInt(value),
        Err(_) => Value::Float(text.parse().unwrap_or(f64::INFINITY)),
    }
}

fn radix(digits: &str, radix: u32) -> Option<Value> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    match u64::from_str_radix(digits, radix) {
        Ok(value) => Some(i64::try_from(value).map_or(Value::UInt(value), Value::Int)),
        Err(_) => None,
    }
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, and not an integer with leading zeros.
fn has_float_form(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = digits(whole) && fraction.is_none_or(digits);
    let not_empty = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    mantissa_fits && not_empty && exponent_fits && (fraction.is_some() || exponent.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match resolve(text) {
            Value::Null => "null".into(),
            Value::Bool(value) => format!("bool {value}"),
            Value::Int(value) => format!("int {value}"),
            Value::UInt(value) => format!("uint {value}"),
            Value::Float(value) => format!("float {value}"),
            Value::String(text) => format!("text {text}"),
            Value::Seq(_) | Value::Map(_) => unreachable!("a scalar is no collection"),
        }
    }

    #[test]
    fn core_schema() {
        let cases = [
            ("", "null"),
            ("~", "null"),
            ("Null", "null"),
            ("nULL", "text nULL"),
            ("True", "bool true"),
            ("false", "bool false"),
            ("tRue", "text tRue"),
            ("0", "int 0"),
            ("-12", "int -12"),
            ("+12", "int 12"),
            ("0x1F", "int 31"),
            ("0o17", "int 15"),
            ("0xZZ", "text 0xZZ"),
            ("-0x1F", "text -0x1F"),
            ("9223372036854775808", "uint 9223372036854775808"),
            ("99999999999999999999", "float 100000000000000000000"),
            ("1.5", "float 1.5"),
            ("1.", "float 1"),
            (".5", "float 0.5"),
            ("-1e3", "float -1000"),
            ("12e03", "float 12000"),
            (".", "text ."),
            ("-", "text -"),
            ("+", "text +"),
            ("1e", "text 1e"),
            ("e3", "text e3"),
            ("1.2.3", "text 1.2.3"),
            ("-.inf", "float -inf"),
            (".nan", "float NaN"),
            ("+.nan", "text +.nan"),
            ("infinity", "text infinity"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_two_readers_disagree_on_is_a_text() {
        for text in
            ["0123", "-0123", "00", "1_000", "1:30", "0b11", "yes", "no", "on", "off", "Off"]
        {
            assert_eq!(shown(text), format!("text {text}"));
        }
    }
}
