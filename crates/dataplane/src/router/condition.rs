//! What a route asks of a request besides host and path.

use std::borrow::Cow;
use std::sync::Arc;

use filter::Method;
use ipnet::IpNet;
use model::{Predicate, Scheme, SniMatch, ValueMatch};

use super::RouteQuery;
use super::pattern::{Anchor, Pattern, Patterns};
use crate::path::escape_value;

/// All conditions of a route but those on host and path. Most routes have none, or name methods:
/// everything else is kept out of the way.
#[derive(Debug)]
pub(super) struct Conditions {
    methods: u16,
    schemes: u8,
    more: Option<Box<More>>,
}

#[derive(Debug, Default)]
struct More {
    /// Methods without a bit of their own.
    methods: Box<[Box<str>]>,
    headers: Box<[Field]>,
    queries: Box<[Field]>,
    snis: Box<[SniMatch]>,
    sources: Box<[IpNet]>,
}

/// A condition on the values of one name.
#[derive(Debug)]
struct Field {
    name: Box<str>,
    any_of: Box<[ValueTest]>,
}

#[derive(Debug)]
enum ValueTest {
    Exact(Box<str>),
    IgnoreCase(Box<str>),
    Regex(Arc<Pattern>),
    Present,
    Absent,
}

impl Conditions {
    /// Compiles a predicate.
    ///
    /// # Errors
    ///
    /// The part that holds an invalid regular expression, and what is wrong with it.
    pub(super) fn compile<'a>(
        when: &'a Predicate,
        patterns: &mut Patterns<'a>,
    ) -> Result<Self, (&'static str, String)> {
        let mut fields = |part, list: &mut dyn Iterator<Item = (&'a str, &'a [ValueMatch])>| {
            list.map(|(name, any_of)| Field::compile(name, any_of, patterns))
                .collect::<Result<Box<[Field]>, String>>()
                .map_err(|reason| (part, reason))
        };
        let mut headers = when.headers.iter().map(|h| (h.name.as_str(), h.any_of.as_slice()));
        let mut queries = when.queries.iter().map(|q| (q.name.as_str(), q.any_of.as_slice()));
        let more = More {
            methods: when
                .methods
                .iter()
                .filter(|method| named_method_bit(method) == 0)
                .map(|method| method.as_str().into())
                .collect(),
            headers: fields("headers", &mut headers)?,
            queries: fields("queries", &mut queries)?,
            snis: when.snis.as_slice().into(),
            sources: when.sources.as_slice().into(),
        };
        Ok(Self {
            methods: when.methods.iter().fold(0, |bits, method| bits | named_method_bit(method)),
            schemes: when.schemes.iter().fold(0, |bits, scheme| bits | scheme_bit(*scheme)),
            more: (!more.is_empty()).then(|| Box::new(more)),
        })
    }

    /// Whether all conditions hold.
    #[inline]
    pub(super) fn hold(&self, query: &RouteQuery<'_>) -> bool {
        match &self.more {
            None => self.methods_hold(query) && self.schemes_hold(query),
            Some(more) => {
                self.methods_hold(query)
                    && self.schemes_hold(query)
                    && more.headers.iter().all(|field| field.holds_for_header(query))
                    && self.snis_hold(query)
                    && self.sources_hold(query)
                    && more.queries.iter().all(|field| field.holds_for_query(query))
            }
        }
    }

    pub(super) fn methods_hold(&self, query: &RouteQuery<'_>) -> bool {
        let others: &[Box<str>] = self.more.as_ref().map_or(&[], |more| &more.methods);
        if self.methods == 0 && others.is_empty() {
            return true;
        }
        match query.method {
            Method::Other(name) => others.contains(name),
            known => self.methods & method_bit(known) != 0,
        }
    }

    pub(super) fn schemes_hold(&self, query: &RouteQuery<'_>) -> bool {
        self.schemes == 0 || self.schemes & scheme_bit(query.scheme) != 0
    }

    pub(super) fn snis_hold(&self, query: &RouteQuery<'_>) -> bool {
        let snis: &[SniMatch] = self.more.as_ref().map_or(&[], |more| &more.snis);
        if snis.is_empty() || query.scheme == Scheme::Http {
            return true;
        }
        query.sni.is_some_and(|sni| snis.iter().any(|pattern| sni_fits(pattern, sni)))
    }

    pub(super) fn sources_hold(&self, query: &RouteQuery<'_>) -> bool {
        let sources: &[IpNet] = self.more.as_ref().map_or(&[], |more| &more.sources);
        // An IPv4 client of an IPv6 socket is an IPv4 client.
        let client = query.client.to_canonical();
        sources.is_empty() || sources.iter().any(|source| source.contains(&client))
    }

    /// Whether the condition on headers at this place of the predicate holds.
    pub(super) fn header_holds(&self, ix: usize, query: &RouteQuery<'_>) -> bool {
        self.more.as_ref().is_none_or(|more| more.headers[ix].holds_for_header(query))
    }

    /// Whether the condition on query arguments at this place of the predicate holds.
    pub(super) fn query_holds(&self, ix: usize, query: &RouteQuery<'_>) -> bool {
        self.more.as_ref().is_none_or(|more| more.queries[ix].holds_for_query(query))
    }
}

impl More {
    fn is_empty(&self) -> bool {
        self.methods.is_empty()
            && self.headers.is_empty()
            && self.queries.is_empty()
            && self.snis.is_empty()
            && self.sources.is_empty()
    }
}

impl Field {
    fn compile<'a>(
        name: &'a str,
        any_of: &'a [ValueMatch],
        patterns: &mut Patterns<'a>,
    ) -> Result<Self, String> {
        let tests = any_of.iter().map(|test| {
            Ok(match test {
                ValueMatch::Exact(text) => ValueTest::Exact(text.as_str().into()),
                ValueMatch::IgnoreCase(text) => ValueTest::IgnoreCase(text.as_str().into()),
                ValueMatch::Regex(text) => {
                    let named = |reason| format!("`{name}`: {reason}");
                    ValueTest::Regex(patterns.intern(text, Anchor::None).map_err(named)?.0)
                }
                ValueMatch::Present => ValueTest::Present,
                ValueMatch::Absent => ValueTest::Absent,
            })
        });
        Ok(Self { name: name.into(), any_of: tests.collect::<Result<_, String>>()? })
    }

    fn holds_for_header(&self, query: &RouteQuery<'_>) -> bool {
        self.holds(query.headers.get_all(&self.name))
    }

    fn holds_for_query(&self, query: &RouteQuery<'_>) -> bool {
        self.holds(arguments(query.query, &self.name))
    }

    fn holds<V: AsRef<[u8]>>(&self, values: impl Iterator<Item = V>) -> bool {
        let mut is_absent = true;
        for value in values {
            is_absent = false;
            if self.any_of.iter().any(|test| test.fits(value.as_ref())) {
                return true;
            }
        }
        is_absent && self.any_of.iter().any(|test| matches!(test, ValueTest::Absent))
    }
}

impl ValueTest {
    fn fits(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(text) => text.as_bytes() == value,
            Self::IgnoreCase(text) => text.as_bytes().eq_ignore_ascii_case(value),
            Self::Regex(pattern) => pattern.is_match(value),
            Self::Present => true,
            Self::Absent => false,
        }
    }
}

fn sni_fits(pattern: &SniMatch, sni: &str) -> bool {
    match pattern {
        SniMatch::Exact(text) => sni == text,
        SniMatch::Suffix(text) => sni.len() > text.len() && sni.ends_with(text.as_str()),
        SniMatch::Prefix(text) => sni.starts_with(text.as_str()),
    }
}

/// The values of a query's arguments by this name, decoded. An argument without `=` has an empty
/// value.
pub(super) fn arguments<'a>(
    query: Option<&'a str>,
    name: &'a str,
) -> impl Iterator<Item = Cow<'a, [u8]>> {
    query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (*decoded(key) == *name.as_bytes()).then(|| decoded(value))
    })
}

/// Decodes `+` and escapes (application/x-www-form-urlencoded, as the URL standard, section 5.1,
/// reads it): what is no escape stays.
fn decoded(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if memchr::memchr2(b'%', b'+', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        match escape_value(rest) {
            Some(value) => {
                out.push(value);
                rest = &rest[3..];
            }
            None => {
                out.push(if *byte == b'+' { b' ' } else { *byte });
                rest = tail;
            }
        }
    }
    Cow::Owned(out)
}

/// The bit of a method; 0 for one that has none.
fn method_bit(method: &Method) -> u16 {
    match method {
        Method::Get => 1,
        Method::Head => 1 << 1,
        Method::Post => 1 << 2,
        Method::Put => 1 << 3,
        Method::Delete => 1 << 4,
        Method::Connect => 1 << 5,
        Method::Options => 1 << 6,
        Method::Trace => 1 << 7,
        Method::Patch => 1 << 8,
        Method::Other(_) => 0,
    }
}

fn named_method_bit(name: &str) -> u16 {
    Method::parse(name.as_bytes()).map_or(0, |method| method_bit(&method))
}

fn scheme_bit(scheme: Scheme) -> u8 {
    match scheme {
        Scheme::Http => 1,
        Scheme::Https => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_decoded() {
        let values = |query, name| {
            arguments(query, name)
                .map(|value| String::from_utf8_lossy(&value).into_owned())
                .collect::<Vec<_>>()
        };
        let query = Some("a=1&&b&a=x+y%2b&%61=%zz&a%&ab=2");
        assert_eq!(values(query, "a"), ["1", "x y+", "%zz"]);
        assert_eq!(values(query, "b"), [""]);
        assert_eq!(values(query, "a%"), [""]);
        assert_eq!(values(query, ""), [""; 0]);
        assert_eq!(values(None, "a"), [""; 0]);
    }

    #[test]
    fn values_are_compared() {
        let field = |any_of: &[ValueMatch]| {
            Field::compile("x", any_of, &mut Patterns::default()).expect("valid conditions")
        };
        let holds = |any_of: &[ValueMatch], values: &[&str]| field(any_of).holds(values.iter());
        use ValueMatch::{Absent, Exact, IgnoreCase, Present, Regex};
        assert!(holds(&[Exact("a".into())], &["b", "a"]));
        assert!(!holds(&[Exact("a".into())], &["A"]));
        assert!(holds(&[IgnoreCase("a".into())], &["A"]));
        assert!(holds(&[Regex("b+".into())], &["abbc"]));
        assert!(!holds(&[Regex("^b+$".into())], &["abbc"]));
        assert!(holds(&[Present], &[""]) && !holds(&[Present], &[]));
        assert!(holds(&[Absent], &[]) && !holds(&[Absent], &["a"]));
        assert!(holds(&[Absent, Exact("a".into())], &["a"]));
        assert!(!holds(&[], &["a"]) && !holds(&[], &[]));
    }
}
