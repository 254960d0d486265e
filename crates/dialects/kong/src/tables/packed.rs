//! Rows in one piece of memory: many that are alike, each a fraction of what it is as a value.
//!
//! Rows of one kind have the same fields, and most have the same values in most of them. The first
//! row with its fields is kept as it is, the *base*; of all others only what differs from it is,
//! as JSON.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// An entity with all its fields.
pub(crate) type Row = Map<String, Value>;

/// Rows that are kept, found by their places: from 0, in the order of their ids.
#[derive(Default)]
pub(super) struct Packed {
    primary_key: Box<str>,
    /// The first row of each list of fields.
    bases: Box<[Row]>,
    /// Row after row, as [`Packing::push`] writes them.
    bytes: Box<[u8]>,
    /// Where each row begins.
    starts: Box<[usize]>,
}

/// Gathers rows.
pub(super) struct Packing {
    primary_key: Box<str>,
    bases: Vec<Row>,
    /// By the names of the fields, each behind its length.
    by_fields: HashMap<String, usize>,
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Packing {
    pub(super) fn new(primary_key: &str) -> Self {
        Self {
            primary_key: primary_key.into(),
            bases: Vec::new(),
            by_fields: HashMap::new(),
            bytes: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: &Row) {
        let id = row.get(&*self.primary_key).and_then(Value::as_str).unwrap_or_default();
        let fields: String = row.keys().map(|key| format!("{}:{key}", key.len())).collect();
        let next = self.bases.len();
        let base = *self.by_fields.entry(fields).or_insert(next);
        if base == next {
            self.bases.push(row.clone());
        }
        let changes = Value::Array(changes(&self.bases[base], row, Some(&self.primary_key)));
        self.starts.push(self.bytes.len());
        for text in [id, &base.to_string(), &changes.to_string()] {
            let length = u32::try_from(text.len()).expect("a document is shorter than 4 GiB");
            self.bytes.extend(length.to_le_bytes());
            self.bytes.extend(text.as_bytes());
        }
    }

    /// All of them, in the order of their ids, and for each the place at which it is now.
    pub(super) fn finish(self) -> (Packed, Vec<u32>) {
        let Self { primary_key, bases, bytes, starts, .. } = self;
        let mut order: Vec<usize> = (0..starts.len()).collect();
        order.sort_by_key(|row| text_at(&bytes, starts[*row]).0);
        let mut places = vec![0; order.len()];
        for (place, row) in (0..).zip(&order) {
            places[*row] = place;
        }
        let starts = order.into_iter().map(|row| starts[row]).collect();
        let (bases, bytes) = (bases.into(), bytes.into());
        (Packed { primary_key, bases, bytes, starts }, places)
    }
}

impl Packed {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The place of the row with this id, or else the one at which it would stand.
    pub(super) fn place_of(&self, id: &str) -> Result<usize, usize> {
        self.starts.binary_search_by(|start| text_at(&self.bytes, *start).0.cmp(id))
    }

    /// A row.
    pub(super) fn row(&self, place: usize) -> Row {
        let (id, next) = text_at(&self.bytes, self.starts[place]);
        let (base, next) = text_at(&self.bytes, next);
        let (changes, _) = text_at(&self.bytes, next);
        let base: usize = base.parse().expect("it was written by `push`");
        let changes = serde_json::from_str(changes).expect("it was written by `push`");
        let mut row = self.bases[base].clone();
        apply(&mut row, changes);
        if let Some(key) = row.get_mut(&*self.primary_key) {
            *key = id.into();
        }
        row
    }
}

/// A text of the bytes, and where the next one begins.
fn text_at(bytes: &[u8], start: usize) -> (&str, usize) {
    let text = start + size_of::<u32>();
    let length = bytes[start..text].try_into().map(u32::from_le_bytes);
    let end = text + length.expect("it is as long as a number") as usize;
    (std::str::from_utf8(&bytes[text..end]).expect("it was written by `push`"), end)
}

/// What makes `row` of `base`, which has the same fields: the number of a field and its value; or
/// for objects with the same fields the number's complement and what differs within.
fn changes(base: &Row, row: &Row, except: Option<&str>) -> Vec<Value> {
    let mut changes = Vec::new();
    for (number, ((name, before), value)) in (0_i64..).zip(base.iter().zip(row.values())) {
        if except == Some(name) || is_same(before, value) {
            continue;
        }
        match (before, value) {
            (Value::Object(before), Value::Object(within)) if before.keys().eq(within.keys()) => {
                changes.push((!number).into());
                changes.push(self::changes(before, within, None).into());
            }
            _ => {
                changes.push(number.into());
                changes.push(value.clone());
            }
        }
    }
    changes
}

/// Makes a row of its base.
fn apply(row: &mut Row, changes: Vec<Value>) {
    let mut changes = changes.into_iter();
    let mut next = move || Some((changes.next()?.as_i64()?, changes.next()?));
    let mut change = next();
    for (number, field) in (0..).zip(row.values_mut()) {
        match (change.take(), field) {
            (Some((changed, value)), field) if changed == number => *field = value,
            (Some((changed, Value::Array(within))), Value::Object(fields))
                if !changed == number =>
            {
                apply(fields, within);
            }
            (other, _) => {
                change = other;
                continue;
            }
        }
        change = next();
    }
}

/// Whether two values are written the same: the order of fields counts.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(a, b)| is_same(a, b))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(rows: &[Row]) -> Packed {
        let mut packing = Packing::new("id");
        rows.iter().for_each(|row| packing.push(row));
        packing.finish().0
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::hash_map("[ab\n]{0,2}", inner, 0..3)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn rows_come_back_as_they_were_in_the_order_of_their_ids(
            list in proptest::collection::vec(
                proptest::collection::hash_map("[abc\n]{1,2}", values(), 0..4), 0..8),
        ) {
            let rows: Vec<Row> = (0..list.len()).rev().zip(list).map(|(id, fields)| {
                let id = ("id".to_owned(), Value::from(format!("{id:03}")));
                fields.into_iter().chain([id]).collect()
            }).collect();
            let packed = packed(&rows);
            for (place, row) in rows.iter().rev().enumerate() {
                let found = packed.row(place);
                prop_assert!(is_same(&found.clone().into(), &row.clone().into()), "{found:?} {row:?}");
                prop_assert_eq!(packed.place_of(&format!("{place:03}")), Ok(place));
            }
            prop_assert_eq!(packed.len(), rows.len());
        }
    }

    #[test]
    fn what_most_rows_have_is_kept_once() {
        let row = |id: usize| {
            let fields = serde_json::json!({
                "id": format!("{id:036}"), "name": format!("r{id}"), "protocols": ["http", "https"],
                "strip_path": true, "service": {"id": format!("{id:036}")}, "tags": null,
                "https_redirect_status_code": 426, "request_buffering": true,
            });
            fields.as_object().cloned().unwrap_or_default()
        };
        let packed = packed(&(0..1000).map(row).collect::<Vec<_>>());
        assert_eq!(packed.row(777), row(777));
        assert!(packed.bytes.len() / packed.len() < 128);
    }
}
