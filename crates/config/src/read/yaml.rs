//! YAML, from the events of the parser.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_saphyr::granit_parser::{
    self as parser, ErrorKind, Event, Marker, ScalarStyle, ScanError, StrInput, StructureStyle, Tag,
};

use super::build::{Builder, Stop};
use super::{keep_secrets, saturate, scalar};
use crate::{
    Budget, Document, Finding, Findings, Node, SourceId, Span, Value, codes, did_you_mean, quote,
};

mod error;

/// Reads all documents of the stream. One that is not valid YAML becomes a finding, and reading goes on with the next.
pub(super) fn read(
    source: SourceId,
    text: &str,
    budget: &Budget,
    findings: &mut Findings,
) -> Vec<Document> {
    let mut reader = Reader {
        text,
        events: parser::Parser::new_from_str_with_options(text, options(budget)),
        builder: Builder::new(source, budget, findings),
        anchors: Anchors::default(),
        open: Vec::new(),
    };
    let mut documents = Vec::new();
    let mut index = 0;
    while let Some(next) = reader.document() {
        if let Some(root) = next {
            documents.push(Document { source, index, root });
        }
        index += 1;
    }
    documents
}

fn options(budget: &Budget) -> parser::Options {
    parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        // As libyaml reads it, which wrote or read most of the documents that there are.
        block_scalar_eof_without_line_feed: true,
        // The builder counts exactly; these only keep the parser's own stacks from growing beyond.
        flow_nesting_limit: budget.depth + 1,
        block_nesting_limit: budget.depth + 1,
    }
}

struct Reader<'t, 'b> {
    text: &'t str,
    events: parser::Parser<'t, StrInput<'t>>,
    builder: Builder<'b>,
    anchors: Anchors,
    open: Vec<Open>,
}

/// A collection whose end has not come yet.
struct Open {
    style: StructureStyle,
    anchor: usize,
    span: Span,
}

/// The anchored values of the current document.
#[derive(Default)]
struct Anchors {
    values: HashMap<usize, Anchored>,
    names: BTreeMap<usize, (String, Span)>,
    copied: usize,
}

struct Anchored {
    node: Node,
    nodes: usize,
    height: usize,
}

impl<'t> Reader<'t, '_> {
    /// The next document: `None` at the end of the stream, `Some(None)` for one that could not be read.
    fn document(&mut self) -> Option<Option<Node>> {
        loop {
            match self.events.next_event()? {
                Ok((Event::DocumentEnd, _)) => {
                    self.anchors.values.clear();
                    self.anchors.names.clear();
                    return Some(self.builder.finish());
                }
                Ok((event, span)) => {
                    if self.event(event, &span).is_err() {
                        self.skip_stream();
                        return Some(None);
                    }
                }
                Err(error) => {
                    self.fail(&error);
                    return Some(None);
                }
            }
        }
    }

    fn fail(&mut self, error: &ScanError) {
        let span = self.point(error.marker());
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            self.builder.too_deep(span);
            return self.skip_stream();
        }
        let bracket = self
            .open
            .last()
            .filter(|open| open.style == StructureStyle::Flow && open.span.start != span.start)
            .map(|open| open.span);
        let finding = error::finding(error.kind(), self.text, span, bracket);
        self.builder.report(keep_secrets(finding, self.text, span));
        self.skip_document();
    }

    fn skip_document(&mut self) {
        self.builder.abandon();
        self.anchors = Anchors { copied: self.anchors.copied, ..Anchors::default() };
        self.open.clear();
        // A failure to go on shows as the end of the stream.
        let _ = self.events.proceed_next_document();
    }

    /// A text that exceeds its budget is not read any further.
    fn skip_stream(&mut self) {
        self.builder.abandon();
        self.events = parser::Parser::new_from_str("");
    }

    fn event(&mut self, event: Event<'t>, at: &parser::Span) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, anchor, tag.as_deref(), at)
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", at);
                let span = if style == StructureStyle::Flow {
                    self.start(at)
                } else {
                    self.first_dash(at)
                };
                self.open.push(Open { style, anchor, span });
                self.builder.open_seq(span)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", at);
                let span = self.start(at);
                self.open.push(Open { style, anchor, span });
                self.builder.open_map(span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(id) => self.alias(id, self.span(at)),
            Event::UnresolvedAlias(name) => self.unresolved_alias(&name, self.span(at)),
            Event::Anchor(id, name) => {
                self.anchors.names.insert(id, (name.into_owned(), self.span(at)));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        at: &parser::Span,
    ) -> Result<(), Stop> {
        let mut span = self.span(at);
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            // The parser's range goes on to the next value.
            span.end = span.start + saturate(self.text[span.range()].trim_end().len());
        }
        let plain = style == ScalarStyle::Plain;
        if self.builder.awaits_key() {
            return self.key(text, plain, anchor, span);
        }
        let value = match tag {
            None if plain => scalar::resolve(text),
            None => Value::String(Arc::from(text)),
            Some(tag) => self.tagged(text, tag, plain, span, at),
        };
        let plain = plain && matches!(value, Value::String(_));
        self.builder.count(1, span)?;
        self.finish(Node { span, value, plain }, anchor)
    }

    fn key(&mut self, text: &str, plain: bool, anchor: usize, span: Span) -> Result<(), Stop> {
        if plain && span.start == span.end {
            self.builder.refuse_key(
                Finding::new(&codes::INVALID_KEY, "a key is missing before the colon")
                    .at(span)
                    .label("nothing stands here")
                    .help("write the key, or put the text into quotes if the colon is part of it"),
            );
            return Ok(());
        }
        if anchor != 0 {
            let node = Node { span, value: Value::String(Arc::from(text)), plain };
            self.remember(anchor, &node)?;
        }
        if plain && text == "<<" {
            self.builder.merge_key()
        } else {
            self.builder.key(text, span)
        }
        Ok(())
    }

    fn close(&mut self, at: &parser::Span) -> Result<(), Stop> {
        let open = self.open.pop().expect("the parser ends only what it started");
        let end = (open.style == StructureStyle::Flow).then(|| offset(&at.end));
        let node = self.builder.close(end);
        self.finish(node, open.anchor)
    }

    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        if anchor != 0 {
            self.remember(anchor, &node)?;
        }
        self.builder.add(node);
        Ok(())
    }

    /// Keeps a copy of an anchored value. The copy counts, because anchors within anchors could copy without end.
    fn remember(&mut self, anchor: usize, node: &Node) -> Result<(), Stop> {
        let (nodes, height) = measure(node);
        self.copy(nodes, node.span)?;
        self.anchors.values.insert(anchor, Anchored { node: node.clone(), nodes, height });
        Ok(())
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Stop> {
        let Some(anchored) = self.anchors.values.get(&id) else {
            return self.recursive_alias(id, span);
        };
        let (nodes, height) = (anchored.nodes, anchored.height);
        if self.builder.depth() + height > self.builder.budget().depth {
            return Err(self.builder.too_deep(span));
        }
        self.copy(nodes, span)?;
        self.builder.count(nodes, span)?;
        let node = Node { span, ..self.anchors.values[&id].node.clone() };
        match node.value {
            Value::String(text) if self.builder.awaits_key() => self.builder.key(&text, span),
            _ => self.builder.add(node),
        }
        Ok(())
    }

    fn recursive_alias(&mut self, id: usize, span: Span) -> Result<(), Stop> {
        let mut finding = Finding::new(
            &codes::RECURSIVE_ALIAS,
            "the alias stands inside of the value that it refers to",
        )
        .at(span)
        .label("would contain itself")
        .help("move the alias out of the value, or name another anchor");
        if let Some((_, anchor)) = self.anchors.names.get(&id) {
            finding = finding.also(*anchor, "the value begins here");
        }
        self.builder.report(finding);
        self.absent(span)
    }

    fn unresolved_alias(&mut self, name: &str, span: Span) -> Result<(), Stop> {
        let near = did_you_mean(name, self.anchors.names.values().map(|(name, _)| name.as_str()));
        let help = match near {
            Some(near) => format!("did you mean {}?", quote(&format!("*{near}"))),
            None => "define the anchor before its first use, or put the text into quotes if no alias is meant".to_owned(),
        };
        let message = format!("no anchor {} stands before this alias", quote(&format!("&{name}")));
        let finding =
            Finding::new(&codes::UNKNOWN_ANCHOR, message).at(span).label("unknown here").help(help);
        self.builder.report(finding);
        self.absent(span)
    }

    /// Stands in for a value that could not be read, so that the values after it find their keys.
    fn absent(&mut self, span: Span) -> Result<(), Stop> {
        self.builder.count(1, span)?;
        if !self.builder.is_in_list() {
            self.builder.add(Node { span, value: Value::Null, plain: false });
        }
        Ok(())
    }

    fn copy(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.anchors.copied = self.anchors.copied.saturating_add(nodes);
        let limit = self.builder.budget().alias_nodes;
        if self.anchors.copied <= limit {
            return Ok(());
        }
        let message =
            format!("the anchors and aliases of this document copy more than {limit} values");
        self.builder.report(
            Finding::new(&codes::TOO_MANY_COPIES, message)
                .at(span)
                .label("reading stopped here")
                .help("write values out instead of nesting aliases within each other"),
        );
        Err(Stop)
    }

    /// The value of a scalar with an explicit tag.
    fn tagged(
        &mut self,
        text: &str,
        tag: &Tag,
        plain: bool,
        span: Span,
        at: &parser::Span,
    ) -> Value {
        let resolved = match tag.core_suffix() {
            Some("str") => Some(Value::String(Arc::from(text))),
            Some("null") => scalar::null(text),
            Some("bool") => scalar::boolean(text).map(Value::Bool),
            Some("int") => scalar::integer(text),
            Some("float") => scalar::float(text).or_else(|| scalar::integer(text)),
            Some(_) => None,
            // The non-specific tag `!` makes a text of a scalar.
            None if tag.original() == "!" => Some(Value::String(Arc::from(text))),
            None => {
                self.builder.report(unknown_tag(tag, self.tag_span(at)));
                return if plain { scalar::resolve(text) } else { Value::String(Arc::from(text)) };
            }
        };
        resolved.unwrap_or_else(|| {
            self.builder.report(tag_mismatch(tag, &quote(text), span, self.tag_span(at)));
            Value::Null
        })
    }

    fn check_collection_tag(&mut self, tag: Option<&Tag>, expected: &str, at: &parser::Span) {
        let Some(tag) = tag else { return };
        let what = if expected == "seq" { "a list" } else { "an object" };
        match tag.core_suffix() {
            Some(suffix) if suffix == expected => {}
            Some(_) => {
                self.builder.report(tag_mismatch(tag, what, self.start(at), self.tag_span(at)))
            }
            None if tag.original() == "!" => {}
            None => self.builder.report(unknown_tag(tag, self.tag_span(at))),
        }
    }

    fn span(&self, at: &parser::Span) -> Span {
        let mut span = self.start(at);
        span.end = offset(&at.end).max(span.start);
        span
    }

    /// Where a collection begins.
    fn start(&self, at: &parser::Span) -> Span {
        let start = offset(&at.start);
        Span {
            source: self.builder.source(),
            start,
            end: start,
            line: saturate(at.start.line()),
            column: saturate(at.start.col() + 1),
        }
    }

    /// Where a block sequence begins. The parser names its first item if it is not indented more than its key.
    fn first_dash(&self, at: &parser::Span) -> Span {
        let span = self.start(at);
        let before = self.text[..span.start as usize].trim_end_matches(' ');
        if self.text[span.start as usize..].starts_with('-') || !before.ends_with('-') {
            return span;
        }
        let start = saturate(before.len() - 1);
        Span {
            start,
            end: start,
            column: span.column.saturating_sub(span.start - start).max(1),
            ..span
        }
    }

    fn tag_span(&self, at: &parser::Span) -> Span {
        at.tag_span().map_or_else(|| self.start(at), |tag| self.span(&tag))
    }

    /// The character at a marker.
    fn point(&self, marker: &Marker) -> Span {
        let start = offset(marker);
        let rest = self.text.get(start as usize..).unwrap_or_default();
        let width =
            rest.chars().next().filter(|c| !matches!(c, '\n' | '\r')).map_or(0, char::len_utf8);
        Span {
            source: self.builder.source(),
            start,
            end: start + saturate(width),
            line: saturate(marker.line()),
            column: saturate(marker.col() + 1),
        }
    }
}

fn offset(marker: &Marker) -> u32 {
    // Markers of a parser that reads from a `str` always know their byte.
    saturate(marker.byte_offset().unwrap_or_default())
}

/// How many values a value consists of, and how deep it is. The depth was bounded when the value was read.
fn measure(node: &Node) -> (usize, usize) {
    let children: (usize, usize) = match &node.value {
        Value::Seq(items) => items.iter().map(measure).fold((0, 0), both),
        Value::Map(entries) => entries.iter().map(|entry| measure(&entry.value)).fold((0, 0), both),
        _ => return (1, 0),
    };
    (children.0 + 1, children.1 + 1)
}

fn both(left: (usize, usize), right: (usize, usize)) -> (usize, usize) {
    (left.0.saturating_add(right.0), left.1.max(right.1))
}

fn unknown_tag(tag: &Tag, span: Span) -> Finding {
    Finding::new(
        &codes::UNKNOWN_TAG,
        format!("the tag {} means nothing here", quote(&tag.original())),
    )
    .at(span)
    .label("unknown tag")
    .help("remove it, or put the value into quotes if the exclamation mark is part of a text")
}

fn tag_mismatch(tag: &Tag, what: &str, span: Span, tag_span: Span) -> Finding {
    let tag: Cow<'_, str> = Cow::Owned(quote(&tag.original()));
    Finding::new(&codes::TAG_MISMATCH, format!("the tag {tag} does not suit {what}"))
        .at(span)
        .label("this value")
        .also(tag_span, "has this tag")
        .help("remove the tag or correct the value")
}
