//! Which route takes a request.
//!
//! [`Router::compile`] sorts the routes of one or more tables by rank and lays them into an index:
//! hosts by hash, wildcard hosts by their labels, and for every host a trie over the literal
//! beginnings of its paths. [`Router::find`] walks the few tries that a request's host selects,
//! which gives lists of rules in rank order, and tries the rules of the merged lists until one
//! holds. What it costs depends on how many routes share the request's host and path, not on how
//! many there are. [`explain()`] evaluates the same routes one by one and says why each lost.

mod condition;
mod explain;
mod host;
mod pattern;
#[cfg(test)]
mod tests;
mod trie;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use filter::{Headers, Method};
use model::{PathMatch, Route, Scheme};
use smallvec::SmallVec;

pub use explain::{Candidate, Miss, Part, Verdict, explain};

use crate::path::canonical_literal;
use condition::Conditions;
use host::{HostIndex, HostTries};
use pattern::{Anchor, Pattern, Patterns};
use trie::{Trie, TrieBuilder};

/// What routes are chosen by.
#[derive(Debug, Clone, Copy)]
pub struct RouteQuery<'a> {
    /// The host without its port, lower case, without a trailing dot; empty if there is none.
    pub host: &'a str,
    /// The port that the client named beside the host, or the listener's.
    pub port: u16,
    /// The canonical path, see [`crate::path::normalise`].
    pub path: &'a str,
    /// The method.
    pub method: &'a Method,
    /// The request's header fields.
    pub headers: &'a Headers,
    /// The query as received, without its `?`.
    pub query: Option<&'a str>,
    /// The server name of the TLS handshake, lower case, without a trailing dot.
    pub sni: Option<&'a str>,
    /// How the client reached the listener.
    pub scheme: Scheme,
    /// The client's address.
    pub client: IpAddr,
}

/// A route that takes a request.
#[derive(Debug, Clone, Copy)]
pub struct Found<'r> {
    /// The index by which the route was given to [`Router::compile`].
    pub route: u32,
    /// How many bytes of the path the route's pattern matched: the pattern's length for a prefix,
    /// all for an exact path, 1 (the root) for a route that does not ask for a path. Of several
    /// patterns that hold, the first one of the route counts.
    pub matched: usize,
    regex: Option<&'r Pattern>,
}

impl Found<'_> {
    /// What the groups of the route's regular expression captured; `None` if the path was not
    /// matched by one. `path` is that of the query.
    pub fn captures<'p>(&self, path: &'p str) -> Option<regex::bytes::Captures<'p>> {
        self.regex?.captures(path.as_bytes())
    }
}

/// A part of a route that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The index by which the route was given.
    pub route: u32,
    /// The part of its predicate: `hosts`, `paths`, `headers`, `queries`.
    pub part: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.reason)
    }
}

/// An index over the routes of one or more tables.
#[derive(Debug, Default)]
pub struct Router {
    hosts: HostIndex,
    trie: Trie,
    /// Greatest rank first; one per path pattern of each route, in the order of the patterns.
    rules: Box<[Rule]>,
    /// One per route, greatest rank first.
    conditions: Box<[(u32, Conditions)]>,
}

/// A route with one of its path patterns. Its place in the trie vouches for the literal beginning.
#[derive(Debug)]
struct Rule {
    conditions: u32,
    path: PathTest,
}

/// What is left to test of a path pattern.
#[derive(Debug)]
enum PathTest {
    /// The route does not ask for a path.
    Any,
    /// Nothing: the trie vouches for all of it.
    Prefix(u32),
    /// Whether the path ends, or a segment begins, behind so many bytes.
    Segments(u32),
    /// Nothing: the trie vouches for all of it.
    Exact,
    /// All of the expression.
    Regex(Arc<Pattern>),
}

impl Router {
    /// Makes the index. A route that has a problem is left out, and its problems are returned.
    pub fn compile(routes: &[(u32, &Route)]) -> (Self, Vec<Problem>) {
        let mut sorted: Vec<&(u32, &Route)> = routes.iter().collect();
        sorted.sort_by(|(_, a), (_, b)| b.rank.cmp(&a.rank));
        let mut compiler = Compiler::default();
        let mut problems = Vec::new();
        for (index, route) in sorted {
            if let Err((part, reason)) = compiler.add(*index, route) {
                problems.push(Problem { route: *index, part, reason });
            }
        }
        (compiler.finish(), problems)
    }

    /// The route of the greatest rank whose predicate holds.
    pub fn find(&self, query: &RouteQuery<'_>) -> Option<Found<'_>> {
        let path = query.path.as_bytes();
        let mut lists: SmallVec<[&[u32]; 16]> = SmallVec::new();
        self.hosts.visit(query.host, query.port, |root| {
            self.trie.walk(root, path, |rules| lists.push(rules));
        });
        loop {
            let first =
                lists.iter_mut().min_by_key(|list| list.first().copied().unwrap_or(u32::MAX))?;
            let (rule, rest) = first.split_first()?;
            *first = rest;
            if let Some(found) = self.attempt(&self.rules[*rule as usize], query) {
                return Some(found);
            }
        }
    }

    /// Number of routes.
    pub fn len(&self) -> usize {
        self.conditions.len()
    }

    /// Whether there is no route.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    fn attempt<'r>(&'r self, rule: &'r Rule, query: &RouteQuery<'_>) -> Option<Found<'r>> {
        let (matched, regex) = rule.path.matched(query.path)?;
        let (route, conditions) = &self.conditions[rule.conditions as usize];
        conditions.hold(query).then_some(Found { route: *route, matched, regex })
    }
}

impl PathTest {
    fn matched(&self, path: &str) -> Option<(usize, Option<&Pattern>)> {
        match self {
            Self::Any => Some((path.len().min(1), None)),
            Self::Prefix(len) => Some((*len as usize, None)),
            Self::Segments(len) => {
                let len = *len as usize;
                is_segment_end(path, len).then_some((len, None))
            }
            Self::Exact => Some((path.len(), None)),
            Self::Regex(pattern) => Some((pattern.find(path.as_bytes())?, Some(pattern))),
        }
    }
}

/// Whether a path, of which a pattern matched the first `len` bytes, goes on with a new segment
/// there or not at all. A pattern that ends in a slash has ended its last segment itself.
fn is_segment_end(path: &str, len: usize) -> bool {
    let bytes = path.as_bytes();
    bytes.get(len).is_none_or(|next| *next == b'/') || len > 0 && bytes[len - 1] == b'/'
}

/// Gathers routes, given greatest rank first.
#[derive(Default)]
struct Compiler<'a> {
    patterns: Patterns<'a>,
    hosts: HostTries<'a>,
    tries: TrieBuilder<'a>,
    rules: Vec<Rule>,
    conditions: Vec<(u32, Conditions)>,
}

impl<'a> Compiler<'a> {
    /// Adds a route, or nothing if it has a problem: its part and the reason.
    fn add(&mut self, index: u32, route: &'a Route) -> Result<(), (&'static str, String)> {
        let when = &route.when;
        let conditions = Conditions::compile(when, &mut self.patterns)?;
        let paths = when.paths.iter().map(|path| self.patterns.path(path));
        let paths: Vec<_> = paths.collect::<Result<_, _>>().map_err(|reason| ("paths", reason))?;
        let tries = self.hosts.select(&when.hosts, &mut self.patterns);
        let tries = tries.map_err(|reason| ("hosts", reason))?;

        let ix = narrow(self.conditions.len());
        self.conditions.push((index, conditions));
        let any = paths.is_empty().then(|| (PathTest::Any, trie::Place::through("")));
        for (path, place) in paths.into_iter().chain(any) {
            let rule = narrow(self.rules.len());
            self.rules.push(Rule { conditions: ix, path });
            for trie in &tries {
                self.tries.add(*trie, place.clone(), rule);
            }
        }
        Ok(())
    }

    fn finish(self) -> Router {
        let (trie, roots) = self.tries.build(self.hosts.count());
        Router {
            hosts: self.hosts.finish(&roots),
            trie,
            rules: self.rules.into(),
            conditions: self.conditions.into(),
        }
    }
}

impl<'a> Patterns<'a> {
    /// A path pattern's test, and its place in the trie.
    fn path(&mut self, path: &'a PathMatch) -> Result<(PathTest, trie::Place<'a>), String> {
        Ok(match path {
            PathMatch::Exact(text) => {
                (PathTest::Exact, trie::Place::exact(canonical_literal(text)))
            }
            PathMatch::Prefix(text) => {
                let literal = canonical_literal(text);
                (PathTest::Prefix(narrow(literal.len())), trie::Place::through(literal))
            }
            PathMatch::Segments(text) => {
                let literal = canonical_literal(text);
                (PathTest::Segments(narrow(literal.len())), trie::Place::through(literal))
            }
            PathMatch::Regex(text) => {
                let (pattern, literal) = self.intern(text, Anchor::Start)?;
                (PathTest::Regex(pattern), trie::Place::through(literal))
            }
        })
    }
}

/// Counts of rules, routes and bytes of patterns, which all fit in memory many times over.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).expect("fewer than 2^32 rules and pattern bytes")
}
