//! Lines for StatsD.

use std::io::Write as _;

use ::filter::{Exchange, Problem};

use super::config::{Metric, TagStyle};
use crate::record::Record;

/// Writes the lines of an exchange.
pub(super) struct Lines {
    metrics: Vec<Line>,
    style: Option<TagStyle>,
    statuses: Option<Vec<(u16, u16)>>,
}

struct Line {
    name: Record,
    value: Record,
    /// `|c`, and `|@0.5` if that is said.
    tail: String,
    tags: Vec<(String, Record)>,
}

impl Lines {
    pub(super) fn prepare(
        metrics: Vec<Metric>,
        style: Option<TagStyle>,
        statuses: Option<Vec<(u16, u16)>>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let metrics = metrics.into_iter().enumerate();
        let metrics = metrics.map(|(ix, metric)| Line::prepare(metric, ix, problems)).collect();
        Self { metrics, style, statuses }
    }

    /// The lines of an exchange, each with its end; none if there is none.
    pub(super) fn of(&self, exchange: &Exchange) -> Option<Vec<u8>> {
        let status = exchange.response.status;
        let ranges = self.statuses.as_deref();
        if ranges.is_some_and(|all| !all.iter().any(|(from, to)| (*from..=*to).contains(&status))) {
            return None;
        }
        let mut lines = Vec::new();
        for metric in &self.metrics {
            let start = lines.len();
            match metric.write(exchange, self.style, &mut lines) {
                true => lines.push(b'\n'),
                false => lines.truncate(start),
            }
        }
        (!lines.is_empty()).then_some(lines)
    }
}

impl Line {
    fn prepare(metric: Metric, ix: usize, problems: &mut Vec<Problem>) -> Self {
        let at = format!("/metrics/{ix}");
        if !matches!(metric.kind.as_str(), "c" | "g" | "ms" | "h" | "m" | "s" | "d") {
            let message = format!("`{}` is no type of a metric", metric.kind);
            problems.push(Problem::new(format!("{at}/type"), message));
        }
        let mut tail = format!("|{}", metric.kind);
        match metric.rate {
            Some(rate) if !(rate.is_finite() && rate > 0.0) => {
                problems.push(Problem::new(format!("{at}/rate"), "a rate is more than 0"));
            }
            Some(rate) if rate != 1.0 => tail.push_str(&format!("|@{rate}")),
            _ => {}
        }
        let mut compile =
            |shape, field: &str| Record::compile(shape, &format!("{at}/{field}"), problems);
        let (name, value) = (compile(metric.name, "name"), compile(metric.value, "value"));
        let tags = metric.tags.into_iter().enumerate();
        let tags = tags.map(|(n, (name, shape))| (name, compile(shape, &format!("tags/{n}"))));
        let tags = tags.collect();
        Self { name, value, tail, tags }
    }

    fn write(&self, x: &Exchange, style: Option<TagStyle>, line: &mut Vec<u8>) -> bool {
        if !write_word(&self.name, x, line) {
            return false;
        }
        let style = style.filter(|_| !self.tags.is_empty());
        match style {
            Some(TagStyle::Influxdb) => self.write_tags(x, b",", b'=', b"", line),
            Some(TagStyle::Librato) => self.write_tags(x, b"#", b'=', b"", line),
            Some(TagStyle::Signalfx) => self.write_tags(x, b"[", b'=', b"]", line),
            Some(TagStyle::Dogstatsd) | None => {}
        }
        line.push(b':');
        if !write_word(&self.value, x, line) {
            return false;
        }
        line.extend_from_slice(self.tail.as_bytes());
        if style == Some(TagStyle::Dogstatsd) {
            self.write_tags(x, b"|#", b':', b"", line);
        }
        true
    }

    fn write_tags(&self, x: &Exchange, open: &[u8], is: u8, close: &[u8], line: &mut Vec<u8>) {
        let start = line.len();
        line.extend_from_slice(open);
        for (name, value) in &self.tags {
            let before = line.len();
            // Writing into a vector cannot fail.
            let _ = write!(line, "{name}");
            if !name.is_empty() {
                line.push(is);
            }
            match write_word(value, x, line) {
                true => line.push(b','),
                false => line.truncate(before),
            }
        }
        match line.last() {
            Some(b',') if line.len() > start + open.len() => {
                line.pop();
                line.extend_from_slice(close);
            }
            _ => line.truncate(start),
        }
    }
}

/// Appends a text that can neither end its line nor its part of it.
fn write_word(word: &Record, x: &Exchange, line: &mut Vec<u8>) -> bool {
    let start = line.len();
    let present = word.write_plain(x, line);
    for byte in &mut line[start..] {
        if matches!(byte, b'\n' | b'\r' | b'\0' | b'|' | b'@' | b'#') {
            *byte = b'_';
        }
    }
    present
}
