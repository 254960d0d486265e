//! Which tries a request's host and port select.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use model::{HostMatch, HostPattern};

use super::narrow;
use super::pattern::{Anchor, Pattern, Patterns};

/// The roots of tries by host and port.
#[derive(Debug, Default)]
pub(super) struct HostIndex {
    /// Of routes that do not ask for a host.
    any: Ports,
    exact: HashMap<Box<str>, Ports, RandomState>,
    suffixes: Wildcards,
    prefixes: Wildcards,
    regexes: Box<[(Arc<Pattern>, Ports)]>,
}

/// Patterns that end, or begin, at a dot of the host.
#[derive(Debug, Default)]
struct Wildcards {
    by_text: HashMap<Box<str>, Ports, RandomState>,
    /// The most dots that a pattern has: more of a host's labels need not be looked at, however
    /// many a client sends.
    max_dots: usize,
}

/// The roots of the tries for one host pattern.
#[derive(Debug, Default)]
struct Ports {
    /// Of routes that do not ask for a port.
    any: Option<u32>,
    by_port: Box<[(u16, u32)]>,
}

impl HostIndex {
    /// Visits the roots of all tries whose host pattern and port fit.
    #[inline]
    pub(super) fn visit(&self, host: &str, port: u16, mut visit: impl FnMut(u32)) {
        self.any.visit(port, &mut visit);
        if let Some(ports) = self.exact.get(host) {
            ports.visit(port, &mut visit);
        }
        let bytes = host.as_bytes();
        // A suffix has at least one byte before it.
        let dots = memchr::memrchr_iter(b'.', bytes).take_while(|dot| *dot > 0);
        for dot in dots.take(self.suffixes.max_dots) {
            self.suffixes.visit(&host[dot..], port, &mut visit);
        }
        for dot in memchr::memchr_iter(b'.', bytes).take(self.prefixes.max_dots) {
            self.prefixes.visit(&host[..=dot], port, &mut visit);
        }
        for (pattern, ports) in &self.regexes {
            if pattern.is_match(bytes) {
                ports.visit(port, &mut visit);
            }
        }
    }
}

impl Wildcards {
    fn insert(&mut self, text: &str, ports: Ports) {
        self.max_dots = self.max_dots.max(memchr::memchr_iter(b'.', text.as_bytes()).count());
        self.by_text.insert(text.into(), ports);
    }

    fn visit(&self, text: &str, port: u16, visit: &mut impl FnMut(u32)) {
        if let Some(ports) = self.by_text.get(text) {
            ports.visit(port, visit);
        }
    }
}

impl Ports {
    fn visit(&self, port: u16, visit: &mut impl FnMut(u32)) {
        if let Some(root) = self.any {
            visit(root);
        }
        if let Ok(at) = self.by_port.binary_search_by_key(&port, |(port, _)| *port) {
            visit(self.by_port[at].1);
        }
    }
}

/// Wildcards stand for whole labels: the index looks for them at the dots of a host.
pub(super) fn check_dots(pattern: &HostPattern) -> Result<(), String> {
    match pattern {
        HostPattern::Suffix(text) if !text.starts_with('.') => {
            Err(format!("the suffix `{text}` does not start with a dot"))
        }
        HostPattern::Prefix(text) if !text.ends_with('.') => {
            Err(format!("the prefix `{text}` does not end with a dot"))
        }
        _ => Ok(()),
    }
}

/// A host pattern; `None` for routes that do not ask for a host.
type Selector<'a> = Option<&'a HostPattern>;

/// Numbers the tries that routes ask for by their hosts.
#[derive(Default)]
pub(super) struct HostTries<'a> {
    numbers: HashMap<(Selector<'a>, Option<u16>), u32, RandomState>,
    regexes: Vec<(&'a HostPattern, Arc<Pattern>)>,
}

impl<'a> HostTries<'a> {
    /// The numbers of the tries for a route with these hosts; none is new if there is an error.
    pub(super) fn select(
        &mut self,
        hosts: &'a [HostMatch],
        patterns: &mut Patterns<'a>,
    ) -> Result<Vec<u32>, String> {
        let mut regexes = Vec::new();
        for host in hosts {
            check_dots(&host.pattern)?;
            if let HostPattern::Regex(text) = &host.pattern {
                let (pattern, _) = patterns.intern(text, Anchor::Whole)?;
                regexes.push((&host.pattern, pattern));
            }
        }
        self.regexes.append(&mut regexes);
        if hosts.is_empty() {
            return Ok(vec![self.number(None, None)]);
        }
        let mut numbers: Vec<u32> =
            hosts.iter().map(|host| self.number(Some(&host.pattern), host.port)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    /// How many tries there are.
    pub(super) fn count(&self) -> usize {
        self.numbers.len()
    }

    /// The index, given the tries' roots by number.
    pub(super) fn finish(self, roots: &[u32]) -> HostIndex {
        let mut by_pattern: HashMap<Selector<'a>, Ports, RandomState> = HashMap::default();
        let mut with_port: HashMap<Selector<'a>, Vec<(u16, u32)>, RandomState> = HashMap::default();
        for ((pattern, port), number) in self.numbers {
            let root = roots[number as usize];
            let ports = by_pattern.entry(pattern).or_default();
            match port {
                None => ports.any = Some(root),
                Some(port) => with_port.entry(pattern).or_default().push((port, root)),
            }
        }
        for (pattern, mut ports) in with_port {
            ports.sort_unstable();
            by_pattern.entry(pattern).or_default().by_port = ports.into();
        }

        let mut index = HostIndex::default();
        let mut regexes: Vec<_> = Vec::new();
        let mut known: HashMap<&HostPattern, Arc<Pattern>> = self.regexes.into_iter().collect();
        index.exact.reserve(by_pattern.len());
        for (pattern, ports) in by_pattern {
            match pattern {
                None => index.any = ports,
                Some(HostPattern::Exact(text)) => {
                    drop(index.exact.insert(text.as_str().into(), ports))
                }
                Some(HostPattern::Suffix(text)) => index.suffixes.insert(text, ports),
                Some(HostPattern::Prefix(text)) => index.prefixes.insert(text, ports),
                Some(pattern @ HostPattern::Regex(_)) => {
                    regexes.extend(known.remove(pattern).map(|pattern| (pattern, ports)));
                }
            }
        }
        index.exact.shrink_to_fit();
        index.regexes = regexes.into();
        index
    }

    fn number(&mut self, pattern: Selector<'a>, port: Option<u16>) -> u32 {
        let next = narrow(self.numbers.len());
        *self.numbers.entry((pattern, port)).or_insert(next)
    }
}

#[cfg(test)]
impl HostIndex {
    /// Bytes on the heap, without what regular expressions take.
    pub(super) fn heap_size(&self) -> usize {
        let maps = [&self.exact, &self.suffixes.by_text, &self.prefixes.by_text];
        // A table keeps a quarter to a half free, one control byte a slot, and each key is a
        // piece of heap of its own.
        let slots = |map: &HashMap<Box<str>, Ports, RandomState>| {
            (map.capacity() * 8 / 7) * (size_of::<(Box<str>, Ports)>() + 1)
        };
        let keys = |map: &HashMap<Box<str>, Ports, RandomState>| {
            map.keys().map(|key| key.len().next_multiple_of(16) + 16).sum::<usize>()
        };
        maps.into_iter().map(|map| slots(map) + keys(map)).sum()
    }
}
