//! The few members of a JSON object that a token is judged by.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

/// A member's value, as far as it matters.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A number.
    Number(f64),
    /// Anything else.
    Other,
}

impl<'a> Value<'a> {
    /// The number, if it is one.
    pub(super) fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// The text, if it is some.
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is no JSON text (RFC 8259).
    Syntax,
    /// A name occurs twice in the object (forbidden by RFC 7515 section 4 and RFC 7519
    /// section 4, because readers differ in which one they take).
    Duplicate,
}

/// The values of the wanted members, in the order of their names; none is found in a text that
/// is not an object. Memory is taken only for objects with many members and for escapes.
pub(super) fn members<'a, const N: usize>(
    text: &'a str,
    wanted: [&str; N],
) -> Result<[Option<Value<'a>>; N], Fault> {
    let mut found = Members { wanted, values: [const { None }; N], names: SmallVec::new() };
    let mut reader = serde_json::Deserializer::from_str(text);
    (&mut found).deserialize(&mut reader).map_err(|_| Fault::Syntax)?;
    reader.end().map_err(|_| Fault::Syntax)?;
    found.names.sort_unstable();
    if found.names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Fault::Duplicate);
    }
    Ok(found.values)
}

struct Members<'a, 'w, const N: usize> {
    wanted: [&'w str; N],
    values: [Option<Value<'a>>; N],
    names: SmallVec<[Cow<'a, str>; 12]>,
}

impl<'a, const N: usize> DeserializeSeed<'a> for &mut Members<'a, '_, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a, const N: usize> Visitor<'a> for &mut Members<'a, '_, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = map.next_key()? {
            if self.wanted.iter().any(|wanted| *wanted == name) {
                let value: Value = map.next_value()?;
                for (wanted, slot) in self.wanted.iter().zip(&mut self.values) {
                    if *wanted == name {
                        *slot = Some(value.clone());
                    }
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            self.names.push(name);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, seq: A) -> Result<(), A::Error> {
        IgnoredAny.visit_seq(seq).map(drop)
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value<'de>, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value<'de>, A::Error> {
        IgnoredAny.visit_map(map).map(|_| Value::Other)
    }
}

/// A member's name, borrowed unless it holds an escape.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(ValueVisitor)? {
            Value::Text(text) => Ok(Self(text)),
            _ => Err(serde::de::Error::custom("a member's name is a string")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<[Option<Value<'_>>; 2], Fault> {
        members(text, ["a", "b"])
    }

    fn text(text: &str) -> Option<Value<'_>> {
        Some(Value::Text(Cow::Borrowed(text)))
    }

    #[test]
    fn wanted_members_are_found() {
        assert_eq!(
            read(r#"{"x":{"a":9},"a":"1","b":2.5}"#),
            Ok([text("1"), Some(Value::Number(2.5))])
        );
        assert_eq!(read(r#"{"\u0061":"\u0031"}"#), Ok([text("1"), None]));
        assert_eq!(
            read(r#"{"a":null,"b":[1,{"a":2}]}"#),
            Ok([Some(Value::Other), Some(Value::Other)])
        );
        assert_eq!(read(r#"{"a":true,"b":{"c":1}}"#), Ok([Some(Value::Other), Some(Value::Other)]));
        assert_eq!(
            members(r#"{"a":1}"#, ["a", "a"]),
            Ok([Some(Value::Number(1.0)), Some(Value::Number(1.0))])
        );
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for other in ["[]", r#"["a","b"]"#, "1", "-1", "1.5", "true", "null", "\"a\""] {
            assert_eq!(read(other), Ok([None, None]), "{other}");
        }
    }

    #[test]
    fn names_may_not_repeat() {
        for twice in [r#"{"a":1,"a":1}"#, r#"{"x":1,"y":2,"x":3}"#, r#"{"a":1,"\u0061":2}"#] {
            assert_eq!(read(twice), Err(Fault::Duplicate), "{twice}");
        }
        assert!(read(r#"{"x":{"a":1},"y":{"a":1}}"#).is_ok());
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for bad in ["", "{", "{}x", "{'a':1}", "{\"a\":1e400}", "hello", "{\"a\":1,}", "\u{feff}{}"]
        {
            assert_eq!(read(bad), Err(Fault::Syntax), "{bad}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(read(&deep), Err(Fault::Syntax));
    }

    proptest! {
        /// Agrees with a full reader wherever that one has an object without doubles.
        #[test]
        fn agrees_with_a_full_reader(text in r#"(\{|\[|"a":|"b":|"c":|1|-2\.5|"x"|null|,|\}|\]| ){0,12}"#) {
            let Ok(found) = read(&text) else { return Ok(()) };
            let full: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
            for (name, value) in ["a", "b"].iter().zip(found) {
                prop_assert_eq!(value.as_ref().and_then(Value::number), full[name].as_f64());
                prop_assert_eq!(value.as_ref().and_then(Value::text), full[name].as_str());
            }
        }
    }
}
