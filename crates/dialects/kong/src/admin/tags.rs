//! Which entities bear which tags.

use serde_json::json;

use super::answer::Answer;
use super::api::Snapshot;
use super::failure::Failure;
use super::page::{Wanted, tags};
use super::request::Request;
use crate::tables::{Row, text};

/// The key by which pages of tags are ordered, which nobody is shown.
const ORDER: &str = "order";

/// `GET /tags`
pub(super) fn all(
    snapshot: &Snapshot<'_>,
    request: &Request,
    _: &[&str],
) -> Result<Answer, Failure> {
    list(snapshot, request, None)
}

/// `GET /tags/{tag}`
pub(super) fn one(
    snapshot: &Snapshot<'_>,
    request: &Request,
    captures: &[&str],
) -> Result<Answer, Failure> {
    list(snapshot, request, captures.first().copied())
}

fn list(snapshot: &Snapshot<'_>, request: &Request, only: Option<&str>) -> Result<Answer, Failure> {
    let mut rows: Vec<Row> = Vec::new();
    for (entity, table) in snapshot.tables().each() {
        for row in table.rows() {
            let id = text(&row, &entity.primary_key).unwrap_or_default();
            let of_entity = tags(&row).filter(|tag| only.is_none_or(|only| only == *tag));
            rows.extend(of_entity.map(|tag| {
                let order = format!("{tag}\0{}\0{id}", entity.name);
                let fields = json!({
                    ORDER: order, "entity_name": entity.name, "entity_id": id, "tag": tag,
                });
                fields.as_object().cloned().unwrap_or_default()
            }));
        }
    }
    rows.sort_by(|a, b| text(a, ORDER).cmp(&text(b, ORDER)));
    let show = |mut row: Row| {
        row.shift_remove(ORDER);
        row.into()
    };
    let wanted = Wanted::read(request)?.nested();
    Ok(Answer::ok(wanted.page(request, rows.into_iter(), ORDER, show)))
}
