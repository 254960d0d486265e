//! Why a request's route wins, and why others do not.

use std::fmt;
use std::fmt::Write as _;

use model::{
    HeaderMatch, HostMatch, HostPattern, PathMatch, QueryMatch, Route, Scheme, SniMatch, ValueMatch,
};

use super::condition::{Conditions, arguments};
use super::host::check_dots;
use super::pattern::{Anchor, Patterns};
use super::{RouteQuery, is_segment_end};
use crate::path::canonical_literal;

/// A route that a person who asks about a request might have in mind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The index by which the route was given.
    pub route: u32,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// What becomes of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It takes the request, and its pattern matched so many bytes of the path.
    Won {
        /// As [`super::Found::matched`].
        matched: usize,
    },
    /// It would take the request if one of greater rank did not.
    Outranked,
    /// These parts of its predicate do not hold; never empty.
    Lost(Vec<Miss>),
    /// It takes part in nothing: its predicate cannot be compiled, for this reason.
    Broken(String),
}

/// A part of a predicate that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The part.
    pub part: Part,
    /// What the route asks for, in words.
    pub asked: String,
    /// What the request has, in words.
    pub seen: String,
}

/// A part of a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The host, or its port.
    Host,
    /// The path.
    Path,
    /// The method.
    Method,
    /// The header by this name.
    Header(String),
    /// The query argument by this name.
    Query(String),
    /// The TLS server name.
    Sni,
    /// Plain text or TLS.
    Scheme,
    /// The client's address.
    Source,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Path => f.write_str("path"),
            Self::Method => f.write_str("method"),
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::Query(name) => write!(f, "query argument `{name}`"),
            Self::Sni => f.write_str("TLS server name"),
            Self::Scheme => f.write_str("scheme"),
            Self::Source => f.write_str("client address"),
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: asks for {}, but sees {}", self.part, self.asked, self.seen)
    }
}

/// The candidates for a request, greatest rank first: every route that would take it, and of the
/// others those that come near. A route comes near if it fails in neither host nor path, if it
/// names the request's host and fails in the path or the other way round, or if it begins like
/// the path. If there is none, the first few of all routes, so that a person sees what was
/// looked at.
///
/// Looks at every route, one after the other: for people's questions, not for requests. The one
/// that has [`Verdict::Won`] is what [`super::Router::find`] finds.
pub fn explain(routes: &[(u32, &Route)], query: &RouteQuery<'_>) -> Vec<Candidate> {
    let mut sorted: Vec<&(u32, &Route)> = routes.iter().collect();
    sorted.sort_by(|(_, a), (_, b)| b.rank.cmp(&a.rank));
    let mut patterns = Patterns::default();
    let mut has_winner = false;
    let (mut candidates, mut far) = (Vec::new(), Vec::new());
    for (index, route) in sorted {
        let verdict = match judge(route, query, &mut patterns) {
            Err(reason) => Verdict::Broken(reason),
            Ok(Judgement { matched: Some(_), misses }) if misses.is_empty() && has_winner => {
                Verdict::Outranked
            }
            Ok(Judgement { matched: Some(matched), misses }) if misses.is_empty() => {
                has_winner = true;
                Verdict::Won { matched }
            }
            Ok(Judgement { misses, .. }) if is_near(route, query, &misses) => Verdict::Lost(misses),
            Ok(Judgement { misses, .. }) => {
                if far.len() < FEW {
                    far.push(Candidate { route: *index, verdict: Verdict::Lost(misses) });
                }
                continue;
            }
        };
        candidates.push(Candidate { route: *index, verdict });
    }
    if candidates.is_empty() { far } else { candidates }
}

/// How many routes are shown if none comes near.
const FEW: usize = 10;

/// What came of testing a route: how much of the path its pattern matched, and what fails.
struct Judgement {
    matched: Option<usize>,
    misses: Vec<Miss>,
}

fn judge<'a>(
    route: &'a Route,
    query: &RouteQuery<'_>,
    patterns: &mut Patterns<'a>,
) -> Result<Judgement, String> {
    let when = &route.when;
    let conditions = Conditions::compile(when, patterns)
        .map_err(|(part, reason)| format!("{part}: {reason}"))?;
    let is_host = any_host(&when.hosts, query, patterns)?;
    let matched = match when.paths.is_empty() {
        true => Some(query.path.len().min(1)),
        false => first_path(&when.paths, query.path, patterns)?,
    };

    let mut misses = Vec::new();
    let mut miss =
        |holds: bool, part: Part, asked: &dyn Fn() -> String, seen: &dyn Fn() -> String| {
            if !holds {
                misses.push(Miss { part, asked: asked(), seen: seen() });
            }
        };
    let quoted = |text: &str| format!("`{text}`");
    miss(is_host, Part::Host, &|| one_of(&when.hosts, host_words), &|| host_seen(query));
    miss(matched.is_some(), Part::Path, &|| one_of(&when.paths, path_words), &|| {
        quoted(query.path)
    });
    miss(
        conditions.methods_hold(query),
        Part::Method,
        &|| one_of(&when.methods, |method| quoted(method)),
        &|| quoted(query.method.as_str()),
    );
    for (ix, header) in when.headers.iter().enumerate() {
        miss(
            conditions.header_holds(ix, query),
            Part::Header(header.name.clone()),
            &|| one_of(&header.any_of, value_words),
            &|| header_seen(header, query),
        );
    }
    for (ix, argument) in when.queries.iter().enumerate() {
        miss(
            conditions.query_holds(ix, query),
            Part::Query(argument.name.clone()),
            &|| one_of(&argument.any_of, value_words),
            &|| argument_seen(argument, query),
        );
    }
    miss(conditions.snis_hold(query), Part::Sni, &|| one_of(&when.snis, sni_words), &|| {
        query.sni.map_or_else(|| "none".to_owned(), quoted)
    });
    miss(
        conditions.schemes_hold(query),
        Part::Scheme,
        &|| one_of(&when.schemes, |scheme| quoted(scheme_name(*scheme))),
        &|| quoted(scheme_name(query.scheme)),
    );
    miss(
        conditions.sources_hold(query),
        Part::Source,
        &|| one_of(&when.sources, |source| quoted(&source.to_string())),
        &|| quoted(&query.client.to_canonical().to_string()),
    );
    Ok(Judgement { matched, misses })
}

fn is_near(route: &Route, query: &RouteQuery<'_>, misses: &[Miss]) -> bool {
    let fails = |part| misses.iter().any(|miss| miss.part == part);
    match (fails(Part::Host), fails(Part::Path)) {
        (false, false) => true,
        (false, true) => {
            !route.when.hosts.is_empty() || begins_alike(&route.when.paths, query.path)
        }
        (true, false) => !route.when.paths.is_empty(),
        (true, true) => false,
    }
}

/// Whether a pattern's first segment is the path's, ignoring case.
fn begins_alike(paths: &[PathMatch], path: &str) -> bool {
    let first = |path: &str| path.split('/').nth(1).unwrap_or_default().to_ascii_lowercase();
    let wanted = first(path);
    paths.iter().any(|pattern| {
        let text = match pattern {
            PathMatch::Exact(text) | PathMatch::Prefix(text) | PathMatch::Segments(text) => text,
            PathMatch::Regex(text) => text.trim_start_matches('^'),
        };
        !wanted.is_empty() && first(&canonical_literal(text)) == wanted
    })
}

fn any_host<'a>(
    hosts: &'a [HostMatch],
    query: &RouteQuery<'_>,
    patterns: &mut Patterns<'a>,
) -> Result<bool, String> {
    let mut holds = hosts.is_empty();
    for host in hosts {
        check_dots(&host.pattern).map_err(|reason| format!("hosts: {reason}"))?;
        let fits = match &host.pattern {
            HostPattern::Exact(text) => query.host == text,
            HostPattern::Suffix(text) => {
                query.host.len() > text.len() && query.host.ends_with(text.as_str())
            }
            HostPattern::Prefix(text) => query.host.starts_with(text.as_str()),
            HostPattern::Regex(text) => {
                let named = |reason| format!("hosts: {reason}");
                let (pattern, _) = patterns.intern(text, Anchor::Whole).map_err(named)?;
                pattern.is_match(query.host.as_bytes())
            }
        };
        holds |= fits && host.port.is_none_or(|port| port == query.port);
    }
    Ok(holds)
}

/// How many bytes the first pattern that holds matches.
fn first_path<'a>(
    paths: &'a [PathMatch],
    path: &str,
    patterns: &mut Patterns<'a>,
) -> Result<Option<usize>, String> {
    let mut matched = None;
    for pattern in paths {
        let found = match pattern {
            PathMatch::Exact(text) => (path == canonical_literal(text)).then_some(path.len()),
            PathMatch::Prefix(text) => {
                let text = canonical_literal(text);
                path.starts_with(&*text).then_some(text.len())
            }
            PathMatch::Segments(text) => {
                let text = canonical_literal(text);
                let fits = path.starts_with(&*text) && is_segment_end(path, text.len());
                fits.then_some(text.len())
            }
            PathMatch::Regex(text) => {
                let named = |reason| format!("paths: {reason}");
                let (pattern, _) = patterns.intern(text, Anchor::Start).map_err(named)?;
                pattern.find(path.as_bytes())
            }
        };
        matched = matched.or(found);
    }
    Ok(matched)
}

/// `a`, `a or b`, `a, b or c`, shortened if there are many.
fn one_of<T>(items: &[T], words: impl Fn(&T) -> String) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = items.iter().take(SHOWN).map(words).collect();
    if items.len() > SHOWN {
        return format!("{} or one of {} more", shown.join(", "), items.len() - SHOWN);
    }
    match shown.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}

fn host_words(host: &HostMatch) -> String {
    let mut words = match &host.pattern {
        HostPattern::Exact(text) => format!("`{text}`"),
        HostPattern::Suffix(text) => format!("`*{text}`"),
        HostPattern::Prefix(text) => format!("`{text}*`"),
        HostPattern::Regex(text) => format!("the expression `{text}`"),
    };
    if let Some(port) = host.port {
        let _ = write!(words, " on port {port}");
    }
    words
}

fn host_seen(query: &RouteQuery<'_>) -> String {
    match query.host {
        "" => format!("none on port {}", query.port),
        host => format!("`{host}` on port {}", query.port),
    }
}

fn path_words(path: &PathMatch) -> String {
    match path {
        PathMatch::Exact(text) => format!("exactly `{text}`"),
        PathMatch::Prefix(text) => format!("the prefix `{text}`"),
        PathMatch::Segments(text) => format!("the segments `{text}`"),
        PathMatch::Regex(text) => format!("the expression `{text}`"),
    }
}

fn value_words(value: &ValueMatch) -> String {
    match value {
        ValueMatch::Exact(text) => format!("`{text}`"),
        ValueMatch::IgnoreCase(text) => format!("`{text}` in any case"),
        ValueMatch::Regex(text) => format!("the expression `{text}`"),
        ValueMatch::Present => "any value".to_owned(),
        ValueMatch::Absent => "its absence".to_owned(),
    }
}

fn sni_words(sni: &SniMatch) -> String {
    match sni {
        SniMatch::Exact(text) => format!("`{text}`"),
        SniMatch::Suffix(text) => format!("`*{text}`"),
        SniMatch::Prefix(text) => format!("`{text}*`"),
    }
}

fn header_seen(header: &HeaderMatch, query: &RouteQuery<'_>) -> String {
    values_seen(query.headers.get_all(&header.name))
}

fn argument_seen(argument: &QueryMatch, query: &RouteQuery<'_>) -> String {
    values_seen(arguments(query.query, &argument.name))
}

fn values_seen<V: AsRef<[u8]>>(values: impl Iterator<Item = V>) -> String {
    let shown: Vec<String> =
        values.map(|value| format!("`{}`", String::from_utf8_lossy(value.as_ref()))).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    }
}
