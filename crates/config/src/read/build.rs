//! The tree while it is being read: budgets, key uniqueness and merge keys, the same for every format.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::{Budget, Entry, Finding, Findings, Node, Place, SourceId, Span, Value, codes, quote};

/// The most duplicate keys of one text that are worth a finding each.
const SHOWN_DUPLICATES: usize = 100;

/// From how many entries on keys are compared through a table.
const MANY_ENTRIES: usize = 16;

/// The text cannot be read any further; the finding that says why has been made.
#[derive(Debug)]
pub(super) struct Stop;

/// Puts values together, from the inside out, without recursion.
pub(super) struct Builder<'b> {
    source: SourceId,
    budget: &'b Budget,
    findings: &'b mut Findings,
    keys: HashSet<Arc<str>>,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    duplicates: usize,
}

/// A collection whose end has not come yet.
enum Open {
    Seq { span: Span, items: Vec<Node> },
    Map { span: Span, entries: Vec<Entry>, key: Key, merged: Vec<Node> },
}

/// What the next value of an open mapping belongs to.
enum Key {
    /// The next value is itself a key.
    Awaited,
    Named(Arc<str>, Span),
    Merge,
    /// The key was refused; its value is dropped.
    Refused,
}

impl<'b> Builder<'b> {
    pub(super) fn new(source: SourceId, budget: &'b Budget, findings: &'b mut Findings) -> Self {
        Self {
            source,
            budget,
            findings,
            keys: HashSet::new(),
            open: Vec::new(),
            root: None,
            nodes: 0,
            duplicates: 0,
        }
    }

    pub(super) fn source(&self) -> SourceId {
        self.source
    }

    pub(super) fn budget(&self) -> &'b Budget {
        self.budget
    }

    /// How many collections are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    pub(super) fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Whether what comes next is a key.
    pub(super) fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map { key: Key::Awaited, .. }))
    }

    /// Whether what comes next is an item of a list.
    pub(super) fn is_in_list(&self) -> bool {
        matches!(self.open.last(), Some(Open::Seq { .. }))
    }

    pub(super) fn key(&mut self, text: &str, span: Span) {
        let text = self.intern(text);
        self.set_key(Key::Named(text, span));
    }

    pub(super) fn merge_key(&mut self) {
        self.set_key(Key::Merge);
    }

    pub(super) fn refuse_key(&mut self, finding: Finding) {
        self.report(finding);
        self.set_key(Key::Refused);
    }

    /// A collection as key. One within one, as `{{ name }}` is, is one mistake.
    fn refuse_collection_key(&mut self, node: &Node) {
        let within = |finding: &Finding| {
            finding.code == &codes::INVALID_KEY
                && matches!(finding.place, Some(Place::Span(span)) if node.span.contains(span))
        };
        if self.findings.iter().last().is_some_and(within) {
            self.set_key(Key::Refused);
        } else {
            self.refuse_key(not_a_text(node));
        }
    }

    pub(super) fn open_seq(&mut self, span: Span) -> Result<(), Stop> {
        self.open(span, Open::Seq { span, items: Vec::new() })
    }

    pub(super) fn open_map(&mut self, span: Span) -> Result<(), Stop> {
        self.open(
            span,
            Open::Map { span, entries: Vec::new(), key: Key::Awaited, merged: Vec::new() },
        )
    }

    /// Closes the innermost collection. It ends at byte `end`, or with its last value if the format has no closing bracket.
    /// The collection is returned and still has to be [added](Self::add).
    pub(super) fn close(&mut self, end: Option<u32>) -> Node {
        match self.open.pop().expect("a collection is closed only after it was opened") {
            Open::Seq { mut span, items } => {
                let last = items.last().map_or(span.end, |item| item.span.end);
                span.end = end.unwrap_or(last).max(span.start);
                Node { span, value: Value::Seq(items), plain: false }
            }
            Open::Map { mut span, entries, merged, .. } => {
                let last = entries
                    .last()
                    .map_or(span.end, |entry| entry.value.span.end.max(entry.key_span.end));
                let last = merged.iter().fold(last, |last, node| last.max(node.span.end));
                span.end = end.unwrap_or(last).max(span.start);
                let entries = self.unique(entries);
                let entries = self.merge(entries, merged);
                Node { span, value: Value::Map(entries), plain: false }
            }
        }
    }

    /// Counts `nodes` values at `span`.
    pub(super) fn count(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= self.budget.nodes {
            return Ok(());
        }
        let message = format!("the document holds more than {} values", self.budget.nodes);
        self.report(
            Finding::new(&codes::TOO_MANY_VALUES, message)
                .at(span)
                .label("reading stopped here")
                .help("split it into several documents"),
        );
        Err(Stop)
    }

    /// Reports that the text is too deep at `span`.
    pub(super) fn too_deep(&mut self, span: Span) -> Stop {
        let message = format!(
            "lists and objects stand within each other deeper than {} levels",
            self.budget.depth
        );
        self.report(
            Finding::new(&codes::TOO_DEEP, message)
                .at(span)
                .label("one level too many")
                .help("look for brackets that are never closed"),
        );
        Stop
    }

    /// Puts a whole value where it belongs.
    pub(super) fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Seq { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, merged, .. }) => {
                match std::mem::replace(key, Key::Awaited) {
                    Key::Named(key, key_span) => entries.push(Entry { key, key_span, value: node }),
                    Key::Merge => merged.push(node),
                    Key::Refused => {}
                    Key::Awaited => self.refuse_collection_key(&node),
                }
            }
        }
    }

    /// The value of the document.
    pub(super) fn finish(&mut self) -> Option<Node> {
        self.root.take()
    }

    /// Forgets what has been read of a document that cannot be read to its end.
    pub(super) fn abandon(&mut self) {
        self.open.clear();
        self.root = None;
    }

    fn open(&mut self, span: Span, open: Open) -> Result<(), Stop> {
        if self.open.len() >= self.budget.depth {
            return Err(self.too_deep(span));
        }
        self.count(1, span)?;
        self.open.push(open);
        Ok(())
    }

    fn set_key(&mut self, new: Key) {
        if let Some(Open::Map { key, .. }) = self.open.last_mut() {
            *key = new;
        }
    }

    fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.keys.get(text) {
            return Arc::clone(known);
        }
        let key: Arc<str> = text.into();
        self.keys.insert(Arc::clone(&key));
        key
    }

    /// Keys of one text are interned, so equal keys are the same allocation.
    fn unique(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let duplicates = if entries.len() <= MANY_ENTRIES {
            repeated_in_few(&entries)
        } else {
            repeated_in_many(&entries)
        };
        if duplicates.is_empty() {
            return entries;
        }
        for (again, first) in &duplicates {
            self.report_duplicate(&entries[*again], &entries[*first]);
        }
        let mut again = duplicates.into_iter().map(|(again, _)| again).peekable();
        entries
            .into_iter()
            .enumerate()
            .filter(|(index, _)| again.next_if_eq(index).is_none())
            .map(|(_, entry)| entry)
            .collect()
    }

    fn report_duplicate(&mut self, again: &Entry, first: &Entry) {
        self.duplicates += 1;
        if self.duplicates > SHOWN_DUPLICATES {
            return;
        }
        let more =
            if self.duplicates == SHOWN_DUPLICATES { "; further ones are not shown" } else { "" };
        self.report(
            Finding::new(
                &codes::DUPLICATE_KEY,
                format!("the key {} stands twice in one object{more}", quote(&again.key)),
            )
            .at(again.key_span)
            .label("again here")
            .also(first.key_span, "first here")
            .help("remove one of the two; readers disagree which one counts"),
        );
    }

    /// What stands in a mapping itself wins over what is merged into it, and a merge over those after it.
    fn merge(&mut self, mut entries: Vec<Entry>, merged: Vec<Node>) -> Vec<Entry> {
        if merged.is_empty() {
            return entries;
        }
        let mut present: HashSet<Arc<str>> =
            entries.iter().map(|entry| Arc::clone(&entry.key)).collect();
        for node in merged {
            let span = node.span;
            let mappings = match node.value {
                Value::Map(mapping) => vec![mapping],
                Value::Seq(items) => {
                    items.into_iter().filter_map(|item| self.mergeable(item)).collect()
                }
                _ => {
                    self.report(invalid_merge(span, node.kind_name()));
                    continue;
                }
            };
            for entry in mappings.into_iter().flatten() {
                if present.insert(Arc::clone(&entry.key)) {
                    entries.push(entry);
                }
            }
        }
        entries
    }

    fn mergeable(&mut self, item: Node) -> Option<Vec<Entry>> {
        let kind = item.kind_name();
        match item.value {
            Value::Map(entries) => Some(entries),
            _ => {
                self.report(invalid_merge(item.span, kind));
                None
            }
        }
    }
}

/// Pairs of an entry and the first one with the same key, in order.
fn repeated_in_few(entries: &[Entry]) -> Vec<(usize, usize)> {
    (1..entries.len())
        .filter_map(|again| {
            let first =
                (0..again).find(|first| Arc::ptr_eq(&entries[*first].key, &entries[again].key))?;
            Some((again, first))
        })
        .collect()
}

fn repeated_in_many(entries: &[Entry]) -> Vec<(usize, usize)> {
    let mut seen: HashMap<*const u8, usize> = HashMap::with_capacity(entries.len());
    let mut repeated = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let first = *seen.entry(entry.key.as_ptr()).or_insert(index);
        if first != index {
            repeated.push((index, first));
        }
    }
    repeated
}

fn not_a_text(node: &Node) -> Finding {
    let finding = Finding::new(
        &codes::INVALID_KEY,
        format!("{} cannot be the key of an object", node.kind_name()),
    )
    .at(node.span)
    .label("a key has to be a text");
    match node.value {
        Value::Map(_) => {
            finding.help("if this is a template such as `{{ name }}`, put it into quotes")
        }
        _ => finding.help("put it into quotes if it is meant as a text"),
    }
}

fn invalid_merge(span: Span, kind: &str) -> Finding {
    Finding::new(
        &codes::INVALID_MERGE,
        format!("the merge key `<<` takes objects, and this is {kind}"),
    )
    .at(span)
    .label(format!("{kind}, not an object"))
    .help("name an object by its anchor, such as `<<: *defaults`")
}
