//! Tries over the literal beginnings of paths: many small ones in one piece of memory.

use std::borrow::Cow;

/// Radix tries by bytes. Each leads to lists of numbers in ascending order.
#[derive(Debug, Default)]
pub(super) struct Trie {
    nodes: Box<[Node]>,
    /// The first byte of each node's label, for finding one among neighbours.
    heads: Box<[u8]>,
    labels: Box<[u8]>,
    entries: Box<[u32]>,
}

/// The children of a node stand side by side.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Bytes that lead from the parent here.
    label: u32,
    label_len: u32,
    children: u32,
    child_count: u16,
    /// First the entries for every path that comes by, then those for paths that end here.
    entries: u32,
    through: u32,
    exact: u32,
}

impl Trie {
    /// Visits the lists of all places that a path comes by in the trie with this root.
    #[inline]
    pub(super) fn walk<'a>(&'a self, root: u32, path: &[u8], mut visit: impl FnMut(&'a [u32])) {
        let mut rest = path;
        let mut at = root;
        loop {
            let node = &self.nodes[at as usize];
            let label = slice(&self.labels, node.label, node.label_len);
            let Some(tail) = rest.strip_prefix(label) else { return };
            if node.through > 0 {
                visit(slice(&self.entries, node.entries, node.through));
            }
            let Some(head) = tail.first() else {
                if node.exact > 0 {
                    visit(slice(&self.entries, node.entries + node.through, node.exact));
                }
                return;
            };
            let heads = slice(&self.heads, node.children, u32::from(node.child_count));
            let Some(child) = memchr::memchr(*head, heads) else { return };
            at = node.children + child as u32;
            rest = tail;
        }
    }
}

/// Where an entry stands in a trie.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    literal: Cow<'a, str>,
    is_exact: bool,
}

impl<'a> Place<'a> {
    /// For all paths that begin with the literal.
    pub(super) fn through(literal: impl Into<Cow<'a, str>>) -> Self {
        Self { literal: literal.into(), is_exact: false }
    }

    /// For the one path that is the literal.
    pub(super) fn exact(literal: impl Into<Cow<'a, str>>) -> Self {
        Self { literal: literal.into(), is_exact: true }
    }
}

/// Gathers entries and lays them out.
#[derive(Default)]
pub(super) struct TrieBuilder<'a> {
    entries: Vec<Entry<'a>>,
}

struct Entry<'a> {
    trie: u32,
    place: Place<'a>,
    value: u32,
}

impl<'a> TrieBuilder<'a> {
    /// Adds a number to a trie.
    pub(super) fn add(&mut self, trie: u32, place: Place<'a>, value: u32) {
        self.entries.push(Entry { trie, place, value });
    }

    /// Lays out the tries numbered below `count`, each of which has an entry. Returns their roots.
    pub(super) fn build(mut self, count: usize) -> (Trie, Vec<u32>) {
        self.entries.sort_unstable_by(|a, b| {
            let key = |entry: &Entry<'_>| (entry.trie, entry.place.is_exact, entry.value);
            let (a_key, b_key) = (key(a), key(b));
            a_key
                .0
                .cmp(&b_key.0)
                .then_with(|| a.place.literal.cmp(&b.place.literal))
                .then(a_key.cmp(&b_key))
        });
        self.entries.dedup_by(|a, b| a.is_same(b));
        let mut layout = Layout::default();
        let groups = self.entries.chunk_by(|a, b| a.trie == b.trie);
        let roots: Vec<u32> = groups.map(|group| layout.add(group)).collect();
        debug_assert_eq!(roots.len(), count);
        (layout.finish(), roots)
    }
}

impl Entry<'_> {
    fn literal(&self) -> &[u8] {
        self.place.literal.as_bytes()
    }

    fn is_same(&self, other: &Self) -> bool {
        self.trie == other.trie
            && self.value == other.value
            && self.place.is_exact == other.place.is_exact
            && self.place.literal == other.place.literal
    }
}

#[derive(Default)]
struct Layout {
    nodes: Vec<Node>,
    heads: Vec<u8>,
    labels: Vec<u8>,
    entries: Vec<u32>,
}

/// A node whose children are still to be laid out: the entries below it, and how many bytes of
/// their literals lead to it.
struct Open<'e, 'a> {
    node: usize,
    below: &'e [Entry<'a>],
    depth: usize,
}

impl Layout {
    /// Lays out one trie, level by level, from its entries sorted by literal. A loop, not a
    /// recursion: a path may be as deep as it is long.
    fn add(&mut self, entries: &[Entry<'_>]) -> u32 {
        let root = self.nodes.len();
        let mut open = vec![self.node(entries, 0)];
        while let Some(Open { node, below, depth }) = open.pop() {
            let groups = below.chunk_by(|a, b| a.literal()[depth] == b.literal()[depth]);
            self.nodes[node].children = position(self.nodes.len());
            let first = open.len();
            for group in groups {
                let child = self.node(group, depth);
                open.push(child);
            }
            // At most 256: one for each byte.
            self.nodes[node].child_count = (open.len() - first) as u16;
        }
        position(root)
    }

    /// Lays out the node at which entries that agree up to `depth` first part, or end.
    fn node<'e, 'a>(&mut self, entries: &'e [Entry<'a>], depth: usize) -> Open<'e, 'a> {
        let (first, last) = (entries[0].literal(), entries[entries.len() - 1].literal());
        let common = first[depth..].iter().zip(&last[depth..]).take_while(|(a, b)| a == b).count();
        let end = depth + common;
        let here = entries.partition_point(|entry| entry.literal().len() == end);
        let through = entries[..here].partition_point(|entry| !entry.place.is_exact);

        self.heads.push(first.get(depth).copied().unwrap_or_default());
        self.nodes.push(Node {
            label: position(self.labels.len()),
            label_len: position(common),
            children: 0,
            child_count: 0,
            entries: position(self.entries.len()),
            through: position(through),
            exact: position(here - through),
        });
        self.labels.extend_from_slice(&first[depth..end]);
        self.entries.extend(entries[..here].iter().map(|entry| entry.value));
        Open { node: self.nodes.len() - 1, below: &entries[here..], depth: end }
    }

    fn finish(self) -> Trie {
        Trie {
            nodes: self.nodes.into(),
            heads: self.heads.into(),
            labels: self.labels.into(),
            entries: self.entries.into(),
        }
    }
}

fn slice<T>(of: &[T], start: u32, len: u32) -> &[T] {
    &of[start as usize..(start + len) as usize]
}

fn position(at: usize) -> u32 {
    u32::try_from(at).expect("tries smaller than 4 GiB")
}

#[cfg(test)]
impl Trie {
    /// Number of nodes.
    pub(super) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes on the heap.
    pub(super) fn heap_size(&self) -> usize {
        size_of_val(&*self.nodes)
            + size_of_val(&*self.heads)
            + size_of_val(&*self.labels)
            + size_of_val(&*self.entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn visited(trie: &Trie, root: u32, path: &str) -> Vec<u32> {
        let mut all = Vec::new();
        trie.walk(root, path.as_bytes(), |list| {
            assert!(list.is_sorted());
            all.extend_from_slice(list);
        });
        all.sort_unstable();
        all
    }

    #[test]
    fn deep_tries_need_no_stack() {
        let mut builder = TrieBuilder::default();
        let deep = "/".repeat(20_000);
        for len in 0..20_000u32 {
            builder.add(0, Place::through(&deep[..len as usize]), len);
        }
        let (trie, roots) = builder.build(1);
        assert_eq!(visited(&trie, roots[0], &deep).len(), 20_000);
        assert_eq!(visited(&trie, roots[0], "//x"), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn every_fitting_literal_is_visited(
            literals in prop::collection::vec((0u32..3, "[ab/]{0,4}", any::<bool>()), 1..30),
            path in "[ab/]{0,5}",
        ) {
            let mut builder = TrieBuilder::default();
            // Every trie has an entry.
            for trie in 0..3 {
                builder.add(trie, Place::exact("none"), 1000);
            }
            for (value, (trie, literal, is_exact)) in (0..).zip(&literals) {
                let place = if *is_exact { Place::exact(literal) } else { Place::through(literal) };
                builder.add(*trie, place, value);
            }
            let (trie, roots) = builder.build(3);
            for (number, root) in (0..).zip(roots) {
                let fits = |literal: &str, is_exact| {
                    if is_exact { path == literal } else { path.starts_with(literal) }
                };
                let expected: Vec<u32> = (0..)
                    .zip(&literals)
                    .filter(|(_, (of, literal, is_exact))| *of == number && fits(literal, *is_exact))
                    .map(|(value, _)| value)
                    .collect();
                prop_assert_eq!(visited(&trie, root, &path), expected);
            }
        }
    }
}
